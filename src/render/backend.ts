import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { CopyPasteError, messageOf } from '../errors.ts';
import { type Backend, type BackendName, backendNames, type Probe } from '../types.ts';
import { version } from '../version.ts';
import { type Render, renderOnCpu } from './render.ts';
import { selfTest, selfTestDigest } from './selftest.ts';

/** A backend that files are rendered on. */
export interface RenderingBackend extends Backend {
  readonly render: Render;
}

/**
 * The cpu's kernels, after they have rendered a small batch to the bytes that are the reference.
 *
 * @throws {CopyPasteError} `unavailable` where they do not.
 */
export async function openCpu(): Promise<RenderingBackend> {
  const device = cpuModel();
  if ((await selfTest(renderOnCpu)) !== selfTestDigest)
    throw new CopyPasteError('unavailable', `backend cpu: gives other bytes than the reference on ${device}; use another Node`);
  return { name: 'cpu', version: `copypaste ${version}`, device, hardware: false, batchPixels: 0, limits: {}, render: renderOnCpu };
}

/**
 * Runs something on the backend that is asked for, or for `auto` on the first whose work a GPU does, else on the
 * cpu. What TensorFlow.js had active before is active again afterwards.
 *
 * @throws {CopyPasteError} `unavailable` with what to install.
 */
export async function withBackend<T>(
  wanted: BackendName | 'auto',
  run: (backend: RenderingBackend, why: string) => Promise<T>,
): Promise<T> {
  const { name, why } = wanted === 'auto' ? await findGpu() : { name: wanted, why: 'as asked for' };
  if (name === 'cpu') return run(await openCpu(), why);
  const { withTensors } = await import('./open.ts');
  return withTensors(name, (backend) => run(backend, why));
}

async function findGpu(): Promise<{ name: BackendName; why: string }> {
  const probes = await Promise.all(backendNames.filter((name) => name !== 'cpu').map(probeBackend));
  const gpu = probes.find((probe) => probe.available && probe.hardware);
  if (gpu) return { name: gpu.name, why: 'a GPU was found' };
  const found = probes.map((probe) => `${probe.name}: ${probe.available ? `no GPU but ${probe.device}` : probe.problem.split(';')[0]}`);
  return { name: 'cpu', why: `no GPU was found: ${found.join('; ')}` };
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

/** For people. */
export function cpuModel(): string {
  return cpus()[0]?.model.trim() ?? 'unknown';
}
