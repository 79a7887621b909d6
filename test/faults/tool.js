// Runs the tool as a process, and checks its output.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const path = (name) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
export const program = [process.execPath, path('bin/copypaste.cjs')];
const fixture = path('fixtures/camvid');

/** A run that takes longer hangs, on an idle machine. */
const longestMs = 60_000;
/** Largest time of a reference run on an idle machine. */
const usualMs = 3000;
let slowness = 1;
let runs = 0;

/** Time on this machine, of which other programs may use most, from one on an idle machine. */
export function patient(ms) {
  return ms * slowness;
}

/** Number of times that the tool was started. */
export function countRuns() {
  return runs;
}

const groups = new Set();
process.on('exit', () => {
  for (const group of groups) signal(-group, 'SIGKILL');
});

/** Sends a signal to a process that may have ended. */
export function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Shell command line of a process. */
function shellLine(argv, env = {}) {
  const quoted = argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`));
  return [...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...quoted].join(' ');
}

/**
 * Starts the tool on a workload, in a process group of its own.
 *
 * @param under prefix of the command, such as `strace …`.
 * @returns the process, and a promise of how it ended; a process that a signal ended has the exit code that a shell gives it.
 */
export function start(at, work, { under = [], env = {}, flags = ['-q'] } = {}) {
  const argv = [...under, ...program, 'augment', '--in', work.data, '--out', at.out, ...work.args, ...flags];
  at.steps.push(shellLine(argv, env));
  runs++;
  const began = performance.now();
  const child = spawn(argv[0], argv.slice(1), { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  groups.add(child.pid);
  let said = '';
  child.stderr.on('data', (part) => {
    said += part;
  });
  child.stdout.resume();
  const ended = new Promise((resolve, reject) => {
    const watchdog = setTimeout(() => {
      at.wrong(`hangs: still running after ${Math.round(patient(longestMs) / 1000)} s`);
      signal(-child.pid, 'SIGKILL');
    }, patient(longestMs));
    child.on('error', reject);
    child.on('close', (code, name) => {
      clearTimeout(watchdog);
      groups.delete(child.pid);
      resolve({ code: code ?? 128 + constants.signals[name], said, ms: performance.now() - began });
    });
  });
  return { child, pid: child.pid, ended };
}

/** Runs the tool on a workload to its end. */
export function run(at, work, options) {
  return start(at, work, options).ended;
}

/** Waits until a run has opened its journal. @returns `false` if it ended before. */
export async function underWay(at, { child }, file = 'run.jsonl') {
  while (!existsSync(join(at.out, file))) {
    if (child.exitCode !== null || child.signalCode !== null) return false;
    await sleep(2);
  }
  return true;
}

/** Starts a run and pauses it halfway. @param images number of finished images, of sixteen, to wait for. */
export async function startAndStop(at, work, images = 1) {
  for (;;) {
    const going = start(at, work);
    while (going.child.exitCode === null && filesIn(join(at.out, 'train')).filter((name) => !isTemporary(name)).length < images)
      await sleep(2);
    signal(going.pid, 'SIGSTOP');
    at.steps.push('# stopped in the middle (SIGSTOP)');
    if (!existsSync(join(at.out, 'manifest.json'))) return going;
    // On a busy machine the run may have ended before it was paused.
    signal(going.pid, 'SIGKILL');
    await going.ended;
    rmSync(at.out, { recursive: true });
  }
}

function filesIn(folder) {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** SHA-256 of every file below a folder, by its path. */
export function filesOf(folder) {
  const files = new Map();
  const visit = (below) => {
    for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
      const name = join(below, entry.name);
      if (entry.isDirectory()) visit(name);
      else
        files.set(
          name,
          createHash('sha256')
            .update(readFileSync(join(folder, name)))
            .digest('hex'),
        );
    }
  };
  if (existsSync(folder)) visit('');
  return files;
}

const isTemporary = (name) => name.endsWith('.tmp');

/** Checks that each file under its own name is complete, as in the reference output of one of the workloads. */
export function checkWhole(at, ...works) {
  for (const [name, digest] of filesOf(at.out)) {
    if (isTemporary(name) || name === 'run.jsonl' || works.some(({ ref }) => ref.get(name) === digest)) continue;
    at.wrong(works.some(({ ref }) => ref.has(name)) ? `${name} is incomplete` : `${name} should not be there`);
  }
}

export function checkNoTemporaries(at) {
  for (const name of filesOf(at.out).keys()) if (isTemporary(name)) at.wrong(`${name} was left`);
}

/** Checks that the output equals that of an undisturbed run. @param except returns `true` for additional names that are allowed. */
export function checkSame(at, { ref }, except = () => false) {
  const files = filesOf(at.out);
  for (const [name, digest] of ref) {
    if (!files.has(name)) at.wrong(`${name} is missing`);
    else if (files.get(name) !== digest) at.wrong(`${name} differs`);
  }
  for (const name of files.keys()) if (!ref.has(name) && !except(name)) at.wrong(`${name} was left`);
}

/** Checks that a run failed with one of the exit codes, and printed one line with a file and a cause. */
export function checkError(at, { code, said }, codes = [73, 74]) {
  if (!codes.includes(code)) at.wrong(`exit code ${code}, not ${codes.join(' or ')}`);
  const lines = said.trimEnd().split('\n');
  if (lines.length !== 1 || !/^copypaste: (?=.*\w\/).*: ./.test(lines[0]))
    at.wrong(`does not print one line with a file and a cause: ${said}`);
}

/** Runs again without faults, and checks that the output equals that of an undisturbed run. */
export async function goOn(at, work, code = 0) {
  const end = await run(at, work);
  if (end.code !== code) at.wrong(`the next run ends with exit code ${end.code}: ${end.said}`);
  else if (code === 0) checkSame(at, work);
}

/** Creates a workload: a copy of the fixture, and the output of an undisturbed run. @param smaller factor by which images shrink. */
export async function createWorkload(folder, name, args, smaller = 1) {
  const home = join(folder, name);
  const data = join(home, 'data');
  mkdirSync(home, { recursive: true });
  cpSync(fixture, data, { recursive: true });
  for (const file of smaller > 1 ? filesOf(data).keys() : []) {
    const image = sharp(readFileSync(join(data, file)));
    const { width, height } = await image.metadata();
    await image
      .resize(width / smaller, height / smaller, { kernel: 'nearest' })
      .toColourspace(file.endsWith('.png') ? 'b-w' : 'srgb')
      .toFile(join(data, file));
  }
  const work = { data, args, out: join(home, 'ref') };
  const at = { out: work.out, steps: [], wrong: (what) => fail(what) };
  const fail = (what) => {
    throw new Error(`the reference run fails: ${what}\n${at.steps.join('\n')}`);
  };
  const { code, said, ms } = await run(at, work);
  if (code !== 0) fail(`exit code ${code}: ${said}`);
  slowness = Math.max(slowness, ms / usualMs);
  return { ...work, ms, ref: filesOf(at.out) };
}

/** Workload on a copy of its data, which may be changed. */
export function withOwnData(at, work) {
  const data = join(at.folder, 'data');
  rmSync(data, { recursive: true, force: true });
  cpSync(work.data, data, { recursive: true });
  return { ...work, data };
}

export { sleep };
