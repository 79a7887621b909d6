// A signal stops a run cleanly, a second one immediately, and a closed pipe stops it too.
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { strace } from './machine.js';
import { inject } from './strace.js';
import { checkNoTemporaries, checkSame, checkWhole, goOn, patient, signal, sleep, start, underWay } from './tool.js';

const names = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Sends a signal at a random moment. */
const once = (name, work, round, early) => ({
  label: `${name} ${round}`,
  run: async (at) => {
    const going = start(at, work);
    if (!early) await underWay(at, going);
    await sleep(Math.random() * work.ms * (early ? 0.5 : 0.6));
    const sent = performance.now();
    signal(going.pid, name);
    at.steps.push(`# ${name}`);
    const { code, said } = await going.ended;
    const ms = performance.now() - sent;
    if (ms > patient(5000)) at.wrong(`takes ${ms.toFixed(0)} ms to end`);
    if (code === 0) checkSame(at, work);
    else {
      if (code !== 128 + constants.signals[name]) at.wrong(`exit code ${code}: ${said}`);
      // A run prints nothing before it has begun and after all is done.
      const silent = said === '' && (early || [...work.ref.keys()].every((file) => existsSync(join(at.out, file))));
      if (!silent && said !== `copypaste: stopped by ${name}; to continue, run the same command again\n`) at.wrong(`says: ${said}`);
      checkWhole(at, work);
      checkNoTemporaries(at);
    }
    await goOn(at, work);
  },
});

/** Sends a signal twice: the second does not wait for samples in progress or for the disk. */
const twice = (name, work, round) => ({
  label: `${name} twice ${round}`,
  run: async (at) => {
    const going = start(at, work);
    await underWay(at, going);
    await sleep(Math.random() * work.ms * 0.3);
    signal(going.pid, name);
    await sleep(Math.random() * 30);
    const sent = performance.now();
    signal(going.pid, name);
    at.steps.push(`# ${name} twice`);
    const { code, said } = await going.ended;
    const ms = performance.now() - sent;
    // Three seconds allow for a busy machine; samples in progress alone would get four.
    if (ms > patient(3000)) at.wrong(`takes ${ms.toFixed(0)} ms to end`);
    if (code !== 128 + constants.signals[name] && code !== 0) at.wrong(`exit code ${code}: ${said}`);
    checkWhole(at, work);
    await goOn(at, work);
  },
});

/** Sends a signal to a run whose disk does not respond. */
const hung = (name, work) => ({
  label: name,
  run: async (at) => {
    const going = start(at, work, { under: inject(join(at.folder, 'strace.log'), 'fsync', 'delay_enter=20s') });
    await underWay(at, going);
    await sleep(500);
    const pid = Number(readFileSync(`/proc/${going.pid}/task/${going.pid}/children`, 'utf8').trim().split(' ')[0]);
    const sent = performance.now();
    signal(pid, name);
    at.steps.push(`# ${name}`);
    // strace delays a thread for the full time, so the end of the first thread counts as the end of the process.
    while (!hasEnded(pid) && performance.now() - sent < patient(8000)) await sleep(20);
    const ms = performance.now() - sent;
    signal(-going.pid, 'SIGKILL');
    const { said } = await going.ended;
    if (ms > patient(6000)) at.wrong(`takes more than ${ms.toFixed(0)} ms to end`);
    if (!said.startsWith(`copypaste: stopped by ${name}; to continue, run the same command again\n`)) at.wrong(`says: ${said}`);
    checkWhole(at, work);
    await goOn(at, work);
  },
});

function hasEnded(pid) {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

const both = ({ small, threaded, count, long }, attempt, rounds) => [
  ...names.flatMap((name) => Array.from({ length: count(rounds, 20) }, (_, round) => attempt(name, small, round + 1))),
  ...(long ? names : ['SIGTERM']).flatMap((name) =>
    Array.from({ length: count(1, 10) }, (_, round) => attempt(name, threaded, `threads ${round + 1}`)),
  ),
];

export const signals = [
  {
    name: 'signal',
    what: 'INT, TERM, HUP at random moments, then continued',
    attempts: (world) => both(world, once, 1),
  },
  {
    name: 'signal-early',
    what: 'INT, TERM, HUP while the program loads, then continued',
    attempts: ({ small, count }) =>
      names.flatMap((name) => Array.from({ length: count(1, 10) }, (_, round) => once(name, small, round + 1, true))),
  },
  {
    name: 'signal-twice',
    what: 'INT, TERM, HUP twice, then continued',
    attempts: (world) => both(world, twice, 1),
  },
  {
    name: 'signal-hung',
    what: 'a signal while the disk does not respond, then continued',
    needs: [strace],
    attempts: ({ small }) => [hung('SIGTERM', small)],
  },
  {
    name: 'pipe',
    what: 'the reader of stdout or stderr closes the pipe',
    attempts: ({ small }) =>
      ['stdout', 'stderr'].map((stream) => ({
        label: stream,
        run: async (at) => {
          const going = start(at, small, { flags: stream === 'stdout' ? ['--dry-run'] : [] });
          going.child[stream].destroy();
          at.steps.push(`# with its ${stream} closed`);
          const { code, said } = await going.ended;
          if (code !== 141) at.wrong(`exit code ${code}: ${said}`);
          checkWhole(at, small);
          await goOn(at, small);
        },
      })),
  },
];
