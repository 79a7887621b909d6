import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CopyPasteError, messageOf } from '../errors.ts';
import { version } from '../version.ts';
import type { Backend, BackendName } from './backends.ts';
import { cpuModel } from './host.ts';
import { type Renderer, renderOnCpu } from './render.ts';

const cpu: Backend & Renderer = {
  name: 'cpu',
  version: `copypaste ${version}`,
  device: cpuModel(),
  hardware: false,
  batchPixels: 0,
  limits: {},
  render: renderOnCpu,
};

/**
 * Has the cpu backend render a small batch to the reference bytes. Unlike the others it depends on no driver, so a run does without the test, which
 * takes a fifth of a second.
 *
 * @throws {CopyPasteError} `unavailable` if the bytes differ.
 */
export async function testCpu(): Promise<void> {
  const { selfTest, selfTestDigest } = await import('./selftest.ts');
  if ((await selfTest(renderOnCpu)) !== selfTestDigest)
    throw new CopyPasteError(
      'unavailable',
      `backend cpu: its bytes differ from the reference on ${cpu.device}; use another version of Node`,
    );
}

/**
 * Opens a backend for a thread that keeps it.
 *
 * @throws {CopyPasteError} `unavailable` with packages or drivers to install.
 */
export async function openRenderer(name: BackendName): Promise<Backend & Renderer> {
  if (name === 'cpu') return cpu;
  const { openTensors } = await import('./open.ts');
  return openTensors(name);
}

/**
 * Runs a function on a backend. Afterwards the backend that was active in TensorFlow.js before is active again.
 *
 * @throws {CopyPasteError} `unavailable` with packages or drivers to install.
 */
export async function withBackend<T>(name: BackendName, run: (backend: Backend & Renderer) => Promise<T>): Promise<T> {
  if (name === 'cpu') return run(cpu);
  const { withTensors } = await import('./open.ts');
  return withTensors(name, run);
}

/** Result of a test of a backend on this machine. */
export type Probe =
  | ({ readonly available: true } & Backend)
  | { readonly available: false; readonly name: BackendName; readonly problem: string };

/** Maximum time that a backend may take to open, in milliseconds. */
const timeout = 60_000;

/** Tests a backend in a separate process, since a broken driver can crash or hang its process. @param command program that it runs. */
export function probeBackend(name: BackendName, command: URL): Promise<Probe> {
  const argv = [fileURLToPath(command), 'doctor', '--backend', name, '--json'];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, argv, { timeout, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout));
      } catch {
        const how = child.killed ? `no answer in ${timeout / 1000} s` : `crashed (${child.signalCode ?? `exit code ${child.exitCode}`})`;
        resolve({ available: false, name, problem: `${how}: ${messageOf(stderr || error)}` });
      }
    });
  });
}
