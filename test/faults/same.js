// A second process, the environment and the order of files change no byte; files reach the disk in the right order.
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { strace, taskset } from './machine.js';
import { callsOf, inject, logged, pathIn } from './strace.js';
import { checkSame, filesOf, goOn, run, signal, sleep, start, startAndStop, underWay } from './tool.js';

/** Two runs in one output folder. @param delay returns the milliseconds before the second starts. @param kill kills the second. */
const two = (label, work, { delay = () => 0, kill = false } = {}) => ({
  label,
  run: async (at) => {
    const one = start(at, work);
    await sleep(delay());
    const other = start(at, work);
    at.steps.push('# both at once');
    if (kill) {
      await underWay(at, other);
      await sleep(Math.random() * work.ms * 0.5);
      signal(other.pid, 'SIGKILL');
      at.steps.push('# the second is killed');
    }
    const ends = await Promise.all([one.ended, other.ended]);
    for (const { code, said } of kill ? ends.slice(0, 1) : ends) if (code !== 0) at.wrong(`exit code ${code}: ${said}`);
    // The killed run may leave files after the other has cleaned up.
    if (!kill) checkSame(at, work);
    await goOn(at, work);
  },
});

const environments = [
  ['TZ', { env: { TZ: 'Pacific/Kiritimati' } }],
  ['LC_ALL', { env: { LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' } }],
  ['no environment', { under: ['env', '-i'] }],
  ['umask 077', { under: ['sh', '-c', 'umask 077; exec "$@"', 'sh'] }],
  ['umask 000', { under: ['sh', '-c', 'umask 000; exec "$@"', 'sh'] }],
  ['one job', { flags: ['-q', '--jobs', '1'] }],
  ['many jobs', { flags: ['-q', '--jobs', '32'] }],
  ['one thread in the pool', { env: { UV_THREADPOOL_SIZE: '1' } }],
];

const sameUnder = (label, work, options) => ({
  label,
  run: async (at) => {
    const { code, said } = await run(at, work, options);
    if (code !== 0) at.wrong(`exit code ${code}: ${said}`);
    checkSame(at, work);
  },
});

/** Checks the order: each file is on disk before its rename, each name before the manifest, the manifest before the journal is removed. */
function checkOrder(at, log) {
  const calls = callsOf(log).filter(({ text }) => pathIn(at.out, text) !== undefined);
  const of = (name) => calls.filter((call) => call.name === name);
  const path = (call) => /^\w+\(\d+<([^>]*)>/.exec(call.text)?.[1];
  const synced = [...of('fsync'), ...of('fdatasync')];
  const renames = of('rename').map((call) => {
    const [from, to] = [...call.text.matchAll(/"([^"]*)"/g)].map(([, name]) => name);
    return { ...call, from, to };
  });
  for (const { from, to, began } of renames) {
    if (!synced.some((call) => path(call) === from && call.ended < began)) at.wrong(`${to} gets its name before it is on disk`);
  }
  const last = renames.find(({ to }) => to === join(at.out, 'manifest.json'));
  if (!last) return at.wrong('the manifest is not renamed');
  for (const { to, ended } of renames) {
    if (to === last.to) continue;
    if (ended > last.began) at.wrong(`${to} gets its name after the manifest`);
    if (!synced.some((call) => path(call) === dirname(to) && call.began > ended && call.ended < last.began))
      at.wrong(`the name ${to} is not on disk before the manifest's`);
  }
  const gone = of('unlink').find(({ text }) => text.includes(join(at.out, 'run.jsonl')));
  if (!gone || !synced.some((call) => path(call) === at.out && call.began > last.ended && call.ended < gone.began))
    at.wrong("the journal goes before the manifest's name is on disk");
}

export const same = [
  {
    name: 'two',
    what: 'two processes in one output at once, some killed',
    attempts: ({ small, threaded, count }) => [
      ...Array.from({ length: count(1, 20) }, (_, i) => two(`together ${i + 1}`, small)),
      ...Array.from({ length: count(1, 40) }, (_, i) => two(`apart ${i + 1}`, small, { delay: () => Math.random() * small.ms })),
      ...Array.from({ length: count(1, 20) }, (_, i) => two(`killed ${i + 1}`, small, { kill: true })),
      two('threads', threaded),
    ],
  },
  {
    name: 'two-at-the-end',
    what: 'a second process that opens the journal when the first has just ended',
    needs: [strace],
    attempts: ({ small }) => [
      {
        label: 'late',
        run: async (at) => {
          const journal = join(at.out, 'run.jsonl');
          const first = await startAndStop(at, small);
          const late = start(at, small, { under: inject(join(at.folder, 'strace.log'), 'openat', 'delay_enter=5s', '', [journal]) });
          await sleep(3000);
          signal(first.pid, 'SIGCONT');
          const ends = await Promise.all([first.ended, late.ended]);
          for (const { code, said } of ends) if (code !== 0) at.wrong(`exit code ${code}: ${said}`);
          checkSame(at, small);
          await goOn(at, small);
        },
      },
    ],
  },
  {
    name: 'order',
    what: 'file on disk, name, folder on disk, manifest, in the log of a run',
    needs: [strace],
    attempts: ({ small, threaded }) =>
      Object.entries({ small, threaded }).map(([label, work]) => ({
        label,
        run: async (at) => {
          const log = join(at.folder, 'strace.log');
          const { code, said } = await run(at, work, { under: logged(log) });
          if (code !== 0) at.wrong(`exit code ${code}: ${said}`);
          checkOrder(at, log);
        },
      })),
  },
  {
    name: 'same',
    what: 'time zone, locale, umask, jobs, order of the input: the same bytes',
    attempts: ({ small, threaded }) => [
      ...environments.map(([label, options]) => sameUnder(label, small, options)),
      sameUnder('jobs with threads', threaded, { flags: ['-q', '--jobs', '7'] }),
      {
        label: 'input in another order',
        run: async (at) => {
          const data = join(at.folder, 'data');
          for (const name of [...filesOf(small.data).keys()].reverse()) {
            mkdirSync(dirname(join(data, name)), { recursive: true });
            copyFileSync(join(small.data, name), join(data, name));
          }
          const { code, said } = await run(at, { ...small, data });
          if (code !== 0) at.wrong(`exit code ${code}: ${said}`);
          checkSame(at, small);
        },
      },
    ],
  },
  {
    name: 'same-one-core',
    what: 'one core: the same bytes',
    needs: [taskset],
    attempts: ({ small, threaded }) =>
      Object.entries({ small, threaded }).map(([label, work]) => sameUnder(label, work, { under: ['taskset', '-c', '0'] })),
  },
];
