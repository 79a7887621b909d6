// Injects faults into system calls with strace, and reads its logs.
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './tool.js';

/**
 * Environment in which runs make the same calls. strace counts calls by thread, so libuv's pool has a single one; temporary names are
 * fixed, so that strace can be given their paths.
 */
export const sameNames = {
  UV_THREADPOOL_SIZE: '1',
  NODE_OPTIONS: `--require=${fileURLToPath(new URL('fixed-names.cjs', import.meta.url))}`,
};

// Names of a call differ between processors; strace ignores unknown ones after a question mark.
const variants = {
  openat: ['openat', 'open'],
  rename: ['rename', 'renameat', 'renameat2'],
  mkdir: ['mkdir', 'mkdirat'],
  unlink: ['unlink', 'unlinkat'],
  link: ['link', 'linkat'],
};
const namesOf = (call) => (variants[call] ?? [call]).map((name) => `?${name}`).join(',');
const plainName = new Map(Object.entries(variants).flatMap(([call, names]) => names.map((name) => [name, call])));

/**
 * Prefix of a command that injects a fault into it.
 *
 * @param what as `signal=KILL` or `error=EIO`.
 * @param when the number of the call in its thread; with `+`, all later ones too.
 * @param paths only calls on these are counted; if empty, all calls.
 */
export function inject(log, call, what, when, paths = []) {
  const calls = namesOf(call);
  const only = paths.flatMap((one) => ['-P', one]);
  // A seccomp filter doubles the speed, but signals are not delivered with it.
  const fast = what.startsWith('signal') ? [] : ['--seccomp-bpf'];
  return [
    'strace',
    ...options,
    ...fast,
    '-o',
    log,
    ...only,
    '-e',
    `trace=${calls}`,
    '-e',
    `inject=${calls}:${what}${when ? `:when=${when}` : ''}`,
  ];
}

const options = ['-f', '-y', '-qq'];

const traced = [
  'openat',
  'read',
  'pread64',
  'write',
  'pwrite64',
  'fsync',
  'fdatasync',
  'rename',
  'mkdir',
  'unlink',
  'link',
  'close',
  'getdents64',
];

/** Prefix of a command that logs its calls. */
export function logged(log) {
  return ['strace', ...options, '--seccomp-bpf', '-o', log, '-e', `trace=${traced.map(namesOf).join(',')}`];
}

/**
 * Reads a log.
 *
 * @returns calls in the order in which they began: name, text, and the lines at which it began and ended.
 */
export function callsOf(log) {
  const calls = [];
  const pending = new Map();
  readFileSync(log, 'utf8')
    .split('\n')
    .forEach((line, at) => {
      const [, thread, rest] = /^(\d+) +(.*)$/.exec(line) ?? [];
      const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1];
      if (resumed !== undefined) {
        const call = pending.get(thread);
        if (call) Object.assign(call, { text: call.text + resumed, ended: at });
        return;
      }
      const name = /^(\w+)\(/.exec(rest)?.[1];
      if (name === undefined) return;
      const call = {
        name: plainName.get(name) ?? name,
        text: rest.replace(/ <unfinished \.\.\.>$/, ''),
        began: at,
        ended: at,
      };
      calls.push(call);
      pending.set(thread, call);
    });
  return calls;
}

/** Path in a folder that a call refers to, if any; `''` for the folder itself. */
export function pathIn(folder, text) {
  const [path] = new RegExp(`(?<=[<"])${folder.replaceAll('.', '\\.')}(/[^">]*)?(?=[">])`).exec(text) ?? [];
  return path === undefined ? undefined : relative(folder, path);
}

/** Returns `true` if a fault was injected into a call. A call that killed its process has no result. */
export const isInjected = (call) => call.text.endsWith('(INJECTED)');

/** Calls of an undisturbed run, and its output folder. */
export async function cleanRun(at, work) {
  const log = join(at.folder, 'clean.log');
  const { code, said } = await run(at, work, { under: logged(log), env: sameNames });
  if (code !== 0) throw new Error(`a run under strace fails with exit code ${code}: ${said}\n${at.steps.join('\n')}`);
  return { calls: callsOf(log), out: at.out };
}

/** Calls of one name that touch a folder: the path in it, and the number of the call among those on that path. */
export function pointsOf(calls, call, folder) {
  const counts = new Map();
  return calls
    .filter(({ name, text }) => name === call && pathIn(folder, text) !== undefined)
    .map(({ text }) => {
      const path = pathIn(folder, text);
      counts.set(path, (counts.get(path) ?? 0) + 1);
      return { path, nth: counts.get(path) };
    });
}

/** At most `count` items of a list, evenly spread, including both ends. */
export function spread(list, count) {
  if (list.length <= count) return list;
  if (count === 1) return [list[Math.floor(list.length / 2)]];
  return Array.from({ length: count }, (_, i) => list[Math.round((i * (list.length - 1)) / (count - 1))]);
}
