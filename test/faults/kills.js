// A process that is killed, anywhere, loses nothing: the same command goes on, to the same bytes.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { strace } from './machine.js';
import { callsOfCleanRun, inject, oneThread, spread, touches } from './strace.js';
import { checkSame, checkWhole, createWorkload, goOn, run, signal, sleep, start, underWay } from './tool.js';

/** Kills a run one to three times at random moments, and then goes on. */
function killedAtRandom(work, rounds) {
  return Array.from({ length: rounds }, (_, round) => ({
    label: `round ${round + 1}`,
    run: async (at) => {
      for (let left = Math.ceil(Math.random() * 3); left > 0; left--) {
        const going = start(at, work);
        // Some before there is anything, most while files are written.
        if (Math.random() < 0.8) await underWay(at, going);
        const ms = Math.round(Math.random() * work.ms * 0.8);
        await sleep(ms);
        signal(going.pid, 'SIGKILL');
        at.steps.push(`# killed ${ms} ms later`);
        await going.ended;
        checkWhole(at, work);
      }
      await goOn(at, work);
    },
  }));
}

/**
 * Kills a run at the calls of a kind that touch its output, each in a run of its own.
 *
 * @param most points, in the short form.
 * @param earlier the workload whose output is there already, where one is.
 */
async function killedAt(world, name, call, work, { most = Number.POSITIVE_INFINITY, flags = [], earlier } = {}) {
  const before = ({ out }) => earlier && cpSync(earlier.out, out, { recursive: true });
  const again = { ...work, args: [...work.args, ...flags] };
  const clean = world.place(`${name} clean`);
  before(clean);
  const calls = (await callsOfCleanRun(clean, again)).filter(({ name }) => name === call).filter(touches(clean.out));
  const numbers = [...new Set(calls.map(({ nth }) => nth))];
  const killedAtCall = async (at, nth) => {
    before(at);
    return run(at, again, { under: inject(join(at.folder, 'strace.log'), call, 'signal=KILL', nth), env: oneThread });
  };
  return [
    ...spread(numbers, world.count(most, Number.POSITIVE_INFINITY)).map((nth) => ({
      label: `${nth}`,
      run: async (at) => {
        const { code, said } = await killedAtCall(at, nth);
        // Threads take turns: where the last call came a little earlier, nothing is killed.
        if (code === 0) at.missed = true;
        else if (code !== 137) at.wrong(`exit code ${code} under strace: ${said}`);
        checkWhole(at, work, ...(earlier ? [earlier] : []));
        await goOn(at, again);
      },
    })),
    {
      label: 'none',
      run: async (at) => {
        const { code, said } = await killedAtCall(at, Math.max(...numbers) + 10_000);
        if (code !== 0) at.wrong(`exit code ${code} though there are no so many calls: ${said}`);
        checkSame(at, work);
      },
    },
  ];
}

const at = (call, most) => ({
  name: `kill-at-${call}`,
  what: `SIGKILL at ${most ? 'a spread of' : 'every'} ${call}, then on`,
  needs: [strace],
  attempts: (world) => killedAt(world, `kill-at-${call}`, call, world.small, { most }),
});

export const kills = [
  {
    name: 'kill',
    what: 'SIGKILL one to three times at random moments, then on',
    attempts: ({ small, count }) => killedAtRandom(small, count(25, 200)),
  },
  {
    name: 'kill-threads',
    what: 'the same with worker threads',
    attempts: ({ threaded, count }) => killedAtRandom(threaded, count(4, 30)),
  },
  at('rename'),
  at('fsync', 8),
  at('fdatasync', 5),
  at('openat', 6),
  at('write', 8),
  at('close', 5),
  at('mkdir'),
  at('unlink'),
  {
    name: 'kill-at-link',
    what: 'SIGKILL at every link of a run with --link, then on',
    needs: [strace],
    attempts: (world) => killedAt(world, 'kill-at-link', 'link', world.small, { flags: ['--link'] }),
  },
  {
    name: 'kill-overwrite',
    what: 'SIGKILL at a spread of unlinks of --overwrite, then --overwrite again',
    needs: [strace],
    attempts: async (world) => {
      const other = await createWorkload(world.folder, 'other-seed', [...world.small.args, '--seed', '1']);
      return killedAt(world, 'kill-overwrite', 'unlink', other, { most: 6, flags: ['--overwrite'], earlier: world.small });
    },
  },
];
