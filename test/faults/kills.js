// A process that is killed at any moment loses nothing: the same command continues to the same bytes.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { strace } from './machine.js';
import { cleanRun, inject, pointsOf, sameNames, spread } from './strace.js';
import { checkWhole, createWorkload, goOn, run, signal, sleep, start, underWay } from './tool.js';

/** Kills a run one to three times at random moments, then continues it. */
function killedAtRandom(work, rounds) {
  return Array.from({ length: rounds }, (_, round) => ({
    label: `round ${round + 1}`,
    run: async (at) => {
      for (let left = Math.ceil(Math.random() * 3); left > 0; left--) {
        const going = start(at, work);
        // Some runs are killed before they write anything, most while they write files.
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

/** Kills a run at a call that touches its output; one run per call. @param earlier workload whose output already exists. */
async function killedAt(world, call, most, clean, work, earlier) {
  const before = ({ out }) => earlier && cpSync(earlier.out, out, { recursive: true });
  const { calls, out } = await clean(before);
  return spread(pointsOf(calls, call, out), world.count(most, Number.POSITIVE_INFINITY)).map(({ path, nth }) => ({
    label: `${path} ${nth}`,
    run: async (at) => {
      before(at);
      const under = inject(join(at.folder, 'strace.log'), call, 'signal=KILL', nth, [join(at.out, path)]);
      const { code, said } = await run(at, work, { under, env: sameNames });
      if (code === 0) at.missed = true;
      else if (code !== 137) at.wrong(`exit code ${code} under strace: ${said}`);
      checkWhole(at, work, ...(earlier ? [earlier] : []));
      await goOn(at, work);
    },
  }));
}

const killAt = (call, most) => ({
  name: `kill-at-${call}`,
  what: `SIGKILL at some calls of ${call}, with --long at each, then continued`,
  needs: [strace],
  attempts: (world) => killedAt(world, call, most, world.cleanRun, world.single),
});

export const kills = [
  {
    name: 'kill',
    what: 'SIGKILL one to three times at random moments, then continued',
    attempts: ({ small, count }) => killedAtRandom(small, count(6, 200)),
  },
  {
    name: 'kill-threads',
    what: 'the same with worker threads',
    attempts: ({ threaded, count }) => killedAtRandom(threaded, count(1, 40)),
  },
  killAt('rename', 7),
  killAt('fsync', 3),
  killAt('fdatasync', 2),
  killAt('openat', 3),
  killAt('write', 3),
  killAt('close', 2),
  killAt('mkdir', 2),
  killAt('unlink', 2),
  {
    name: 'kill-at-link',
    what: 'SIGKILL at some links, with --long at each, of a run with --link, then continued',
    needs: [strace],
    attempts: (world) => {
      const linked = { ...world.single, args: [...world.single.args, '--link'] };
      return killedAt(world, 'link', 2, () => cleanRun(world.place('kill-at-link clean'), linked), linked);
    },
  },
  {
    name: 'kill-overwrite',
    what: 'SIGKILL at some unlinks of --overwrite, then --overwrite again',
    needs: [strace],
    attempts: async (world) => {
      const other = await createWorkload(world.folder, 'other-seed', [...world.single.args, '--seed', '1']);
      const over = { ...other, args: [...other.args, '--overwrite'] };
      const clean = async (before) => {
        const at = world.place('kill-overwrite clean');
        before(at);
        return cleanRun(at, over);
      };
      return killedAt(world, 'unlink', 3, clean, over, world.single);
    },
  },
];
