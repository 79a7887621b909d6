import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CopyPasteError, messageOf } from '../errors.ts';
import type { BackendName, Probe } from '../types.ts';
import { version } from '../version.ts';
import { cpuModel } from './host.ts';
import { type RenderingBackend, renderOnCpu } from './render.ts';
import { selfTest, selfTestDigest } from './selftest.ts';

const cpu: RenderingBackend = {
  name: 'cpu',
  version: `copypaste ${version}`,
  device: cpuModel(),
  hardware: false,
  batchPixels: 0,
  limits: {},
  render: renderOnCpu,
};

/**
 * The cpu's kernels, after they have rendered a small batch to the bytes that are the reference.
 *
 * @throws {CopyPasteError} `unavailable` where they do not.
 */
async function openCpu(): Promise<RenderingBackend> {
  if ((await selfTest(renderOnCpu)) !== selfTestDigest)
    throw new CopyPasteError('unavailable', `backend cpu: gives other bytes than the reference on ${cpu.device}; use another Node`);
  return cpu;
}

/**
 * Opens a backend for a thread that keeps it. The main thread has tested the cpu.
 *
 * @throws {CopyPasteError} `unavailable` with what to install.
 */
export async function openRendering(name: BackendName): Promise<RenderingBackend> {
  if (name === 'cpu') return cpu;
  const { openTensors } = await import('./open.ts');
  return openTensors(name);
}

/**
 * Runs something on a backend. The one that TensorFlow.js had active before is active again afterwards.
 *
 * @throws {CopyPasteError} `unavailable` with what to install.
 */
export async function withBackend<T>(name: BackendName, run: (backend: RenderingBackend) => Promise<T>): Promise<T> {
  if (name === 'cpu') return run(await openCpu());
  const { withTensors } = await import('./open.ts');
  return withTensors(name, run);
}

/** Longest that a backend may take to open. */
const patience = 60_000;

/** Opens a backend in a process of its own, since a driver that is broken can take its process with it, or hang it. */
export function probeBackend(name: BackendName): Promise<Probe> {
  const bin = fileURLToPath(new URL('../../bin/copypaste.cjs', import.meta.url));
  const argv = [bin, 'doctor', '--backend', name, '--json'];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, argv, { timeout: patience, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout) as Probe);
      } catch {
        const how = child.killed ? `no answer in ${patience / 1000} s` : `crashed (${child.signalCode ?? `exit code ${child.exitCode}`})`;
        resolve({ available: false, name, problem: `${how}: ${messageOf(stderr || error)}` });
      }
    });
  });
}
