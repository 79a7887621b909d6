// Puts faults into system calls with strace, and reads its logs.
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './tool.js';

/**
 * strace counts calls by thread: there is one thread in libuv's pool, so that the k-th call is the same in each run. And temporary
 * names are the same too, so that strace can be told of them.
 */
export const sameNames = {
  UV_THREADPOOL_SIZE: '1',
  NODE_OPTIONS: `--require=${fileURLToPath(new URL('fixed-names.cjs', import.meta.url))}`,
};

// What a call is named depends on the processor; a name that it lacks is passed over.
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
 * The words before a command that put a fault into it.
 *
 * @param what as `signal=KILL` or `error=EIO`.
 * @param when the number of the call in its thread; with `+`, all later ones too.
 * @param paths calls on these alone are counted; if none are given, all.
 */
export function inject(log, call, what, when, paths = []) {
  const calls = namesOf(call);
  const only = paths.flatMap((one) => ['-P', one]);
  // A filter in the kernel makes it twice as fast; signals do not arrive then.
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

/** The words before a command that log its calls. */
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

/** The path that a call's text names in a folder, if any: `''` for the folder itself. */
export function pathIn(folder, text) {
  const [path] = new RegExp(`(?<=[<"])${folder.replaceAll('.', '\\.')}(/[^">]*)?(?=[">])`).exec(text) ?? [];
  return path === undefined ? undefined : relative(folder, path);
}

/** Whether a fault was put into a call; a process that was killed there has no result. */
export const isInjected = (call) => call.text.endsWith('(INJECTED)');

/** The calls of a run that nothing disturbs, and where its output was. */
export async function cleanRun(at, work) {
  const log = join(at.folder, 'clean.log');
  const { code, said } = await run(at, work, { under: logged(log), env: sameNames });
  if (code !== 0) throw new Error(`a run under strace fails with exit code ${code}: ${said}\n${at.steps.join('\n')}`);
  return { calls: callsOf(log), out: at.out };
}

/** Calls of a kind that touch a folder: the path in it, and their number among those on that path. */
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

/** At most `count` of a list, spread over it, with both its ends. */
export function spread(list, count) {
  if (list.length <= count) return list;
  if (count === 1) return [list[Math.floor(list.length / 2)]];
  return Array.from({ length: count }, (_, i) => list[Math.round((i * (list.length - 1)) / (count - 1))]);
}
