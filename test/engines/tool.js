/** What the tests of all engines share: the built tool, a run of many shards, and its bytes. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
export const folder = mkdtempSync(join(tmpdir(), 'copypaste-engines-'));
export const shards = 9;

/** Writes a program. */
export function writeProgram(path, text) {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

/** The built tool, on the path of all jobs. */
const bin = join(folder, 'bin');
mkdirSync(bin);
export const copypaste = writeProgram(
  join(bin, 'copypaste'),
  `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'bin/copypaste.cjs')}' "$@"\n`,
);
/** The environment of all processes of the test; its own variable tells them from others. */
export const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, COPYPASTE_ENGINES: folder };

/** Runs a command. @returns what it prints. */
export const run = (command, args, options = {}) => execFileSync(command, args, { encoding: 'utf8', env, ...options });

/** Starts a command. @returns a promise of its exit code, or the signal that ended it, and of all that it prints; and its process. */
export function start(command, args, options = {}) {
  const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'], ...options });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part) => {
      text += part;
    });
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => resolve({ code: code ?? signal, text }));
  });
  return Object.assign(ended, { pid: child.pid, child, text: () => text });
}

const isInstalled = (command) => spawnSync('which', [command]).status === 0;

/**
 * Installs packages of Debian if one of their commands is missing.
 *
 * @returns why that is not possible, or `undefined`.
 */
export function installed(packages, commands) {
  const missing = () => commands.filter((command) => !isInstalled(command));
  if (missing().length === 0) return undefined;
  if (process.getuid?.() !== 0 || !isInstalled('apt-get'))
    return `${missing().join(', ')} missing, and only root installs them with apt-get`;
  const apt = (...args) =>
    spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=600', ...args], {
      env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
      encoding: 'utf8',
    });
  apt('update');
  const { stderr } = apt('install', '-y', '--no-install-recommends', ...packages);
  return missing().length === 0 ? undefined : `apt-get does not install ${missing().join(', ')}: ${stderr}`;
}

/** The Python of an environment with the pinned packages of an engine. */
export const pythonOf = (name) =>
  run('sh', [join(root, 'scripts/python-environment.sh'), name, join(root, `test/engines/requirements-${name}.txt`)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();

/** Digest of the files below a folder. */
function digestOf(path) {
  const hash = createHash('sha256');
  const entries = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const file of entries.map((entry) => join(entry.parentPath, entry.name)).sort())
    hash.update(`${file.slice(path.length)} ${createHash('sha256').update(readFileSync(file)).digest('hex')}\n`);
  return hash.digest('hex');
}

/** Options of the run: every shard has several batches, so that it can be found midway. */
const options = ['--in', join(root, 'fixtures/camvid'), '--copies', '18', '--batch-size', '2', '-p', '0.8', '--quiet'];

let expected;
/** Checks that an output has the bytes of one `augment`. */
export function checkBytes(out) {
  const reference = join(folder, 'reference');
  if (!expected) run(copypaste, ['augment', ...options, '--out', reference]);
  expected ??= digestOf(reference);
  if (digestOf(out) !== expected) throw new Error(`${out} has other bytes than ${reference}`);
}

let planned;
/** Makes a folder with a run file, `set.run`, and the job file of a scheduler, `set.job`. */
export function planIn(name, scheduler = name) {
  const place = join(folder, name);
  mkdirSync(place);
  // The output is planned as `aug`, in the folder of each engine.
  planned ??= run(copypaste, ['plan', ...options, '--out', 'aug', '--shards', `${shards}`], { cwd: place });
  writeFileSync(join(place, 'set.run'), planned);
  writeFileSync(join(place, 'set.job'), run(copypaste, ['jobfile', scheduler, '--run', 'set.run'], { cwd: place }));
  return place;
}

const outOf = (place) => join(place, 'aug');

/** Shards that are done and not merged. */
export function doneIn(place) {
  const names = existsSync(outOf(place)) ? readdirSync(outOf(place)) : [];
  return names.flatMap((name) => /^shard-(\d+)-of-\d+\.jsonl$/.exec(name)?.slice(1).map(Number) ?? []);
}

export const isMerged = (place) => existsSync(join(outOf(place), 'manifest.json'));

/** Waits for a state, never for a time; the limit only ends a test that hangs. */
export async function until(what, test, seconds = 600) {
  const end = Date.now() + 1000 * seconds;
  for (;;) {
    const found = await test();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Reads a file of /proc. @returns an empty text if the process has ended. */
function proc(pid, name) {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

const allPids = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name));

/** Kills all processes of the test, daemons among them. @returns their pids. */
export function killAll() {
  const pids = allPids()
    .filter((pid) => variableOf(pid, 'COPYPASTE_ENGINES') === folder)
    .map(Number);
  for (const pid of pids) kill(pid, 'SIGKILL');
  return pids;
}

/** Value of an environment variable of a process. */
export const variableOf = (pid, variable) => proc(pid, 'environ').match(new RegExp(`(?:^|\\0)${variable}=([^\\0]*)`))?.[1];

/** Working folder of a process. */
function folderOf(pid) {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

/** Letter of the state of a process; an ended one has none, or Z. */
const stateOf = (pid) => /^State:\s*(\w)/m.exec(proc(pid, 'status'))?.[1] ?? '';

/** Parent of a process. */
export const parentOf = (pid) => Number(/^PPid:\s*(\d+)/m.exec(proc(pid, 'status'))?.[1] ?? 0);

/** Ends processes, and waits for their end. */
export async function end(pids) {
  for (const pid of pids) kill(pid, 'SIGKILL');
  await until('the end of processes', () => pids.every((pid) => ['', 'Z'].includes(stateOf(pid))));
}

/** Sends a signal to a process that may have ended. */
export function kill(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Processes of the tool that do a shard in a folder, with the shard. */
export function tasksIn(place) {
  return allPids().flatMap((pid) => {
    const args = proc(pid, 'cmdline').split('\0');
    if (!args.includes('augment') || !args[1]?.endsWith('copypaste.cjs') || folderOf(pid) !== place) return [];
    const [, number, offset = '0'] = /^(?:(\d+)\/\d+|slurm(?:\+(\d+))?)$/.exec(args[args.indexOf('--shard') + 1] ?? '') ?? [];
    const shard = Number(number ?? Number(variableOf(pid, 'SLURM_ARRAY_TASK_ID')) + Number(offset));
    return [{ pid: Number(pid), shard }];
  });
}

/**
 * Waits for a task that is midway, and stops its process there with SIGSTOP: some of its batches are done, and the shard is not.
 *
 * @param isWanted tests the task.
 * @param job command that starts the tasks.
 */
export async function stoppedMidway(place, isWanted, job) {
  const open = (shard) => join(outOf(place), `shard-${shard}-of-${shards}.open.jsonl`);
  const isMidway = (shard) => existsSync(open(shard)) && readFileSync(open(shard), 'utf8').includes('\n{"end"');
  return until('a shard that is midway', async () => {
    if (isMerged(place) || doneIn(place).length === shards) throw new Error('no shard was found midway');
    if (job && job.child.exitCode !== null) throw new Error(`ends with ${job.child.exitCode}: ${job.text()}`);
    for (const task of tasksIn(place)) {
      if (!isWanted(task) || !isMidway(task.shard)) continue;
      kill(task.pid, 'SIGSTOP');
      await until('a stopped process', () => ['T', 'Z', ''].includes(stateOf(task.pid)));
      if (isMidway(task.shard) && !doneIn(place).includes(task.shard)) return task;
      kill(task.pid, 'SIGCONT');
    }
    return undefined;
  });
}
