// A failed system call ends the run with an exit code and one line, and the next run completes the output.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { strace } from './machine.js';
import { callsOf, inject, isInjected, pointsOf, sameNames, spread } from './strace.js';
import { checkError, checkNoTemporaries, checkSame, checkWhole, goOn, run } from './tool.js';

// Calls, whether they touch the output or the input, errors, and at how many places in the short form.
const faults = [
  ['openat', 'output', ['ENOSPC', 'EACCES', 'EROFS', 'EMFILE', 'EIO'], 5],
  ['write', 'output', ['ENOSPC', 'EIO'], 3],
  ['fsync', 'output', ['EIO', 'ENOSPC'], 2],
  ['fdatasync', 'output', ['EIO'], 1],
  ['rename', 'output', ['ENOSPC', 'EIO', 'EACCES'], 3],
  ['mkdir', 'output', ['EROFS', 'ENOSPC', 'EACCES'], 3],
  ['close', 'output', ['EIO'], 2],
  ['unlink', 'output', ['EIO'], 1],
  ['openat', 'input', ['EIO', 'EACCES', 'EMFILE'], 3],
  ['pread64', 'input', ['EIO'], 3],
  ['getdents64', 'input', ['EIO'], 1],
];

// A full or missing disk stays so: later calls fail too.
const stays = ['write', 'fsync', 'rename', 'mkdir'];

export const errors = faults.map(([call, where, codes, most]) => ({
  name: `error-${call}-${where}`,
  what: `${call} of the ${where} fails with ${codes.join(', ')}, then continued`,
  needs: [strace],
  attempts: async (world) => {
    const { calls, out } = await world.cleanRun();
    const points = pointsOf(calls, call, where === 'input' ? world.single.data : out);
    const every = [...new Set(points.map(({ path }) => path))];
    const places = world.long
      ? points.flatMap((point) => codes.map((code) => [point, code]))
      : spread(points, most).map((point, i) => [point, codes[i % codes.length]]);
    return places.map(([point, code], i) => {
      const { path, nth } = point;
      const later = i % 2 === 1 && stays.includes(call);
      const which = later ? { paths: every, when: `${points.indexOf(point) + 1}+` } : { paths: [path], when: nth };
      return {
        label: `${code} ${path} ${nth}${later ? '+' : ''}`,
        run: (at) => attempt(at, world.single, call, `error=${code}`, where, which),
      };
    });
  },
}));

async function attempt(at, work, call, what, where, { paths, when }) {
  const log = join(at.folder, 'strace.log');
  const folder = where === 'input' ? work.data : at.out;
  const on = paths.map((path) => join(folder, path));
  const injected = async (nth) => {
    const ended = await run(at, work, { under: inject(log, call, what, nth, on), env: sameNames });
    return [ended, callsOf(log).filter(isInjected)];
  };
  let [end, hits] = await injected(when);
  // strace counts the calls of each thread apart, and which thread reads a file depends on how prompt the disk is: then any thread's first call.
  if (hits.length === 0 && end.code === 0 && where === 'input') {
    rmSync(at.out, { recursive: true });
    [end, hits] = await injected(1);
  }
  at.steps.push(...hits.slice(0, 3).map(({ text }) => `# ${text}`));
  if (hits.length === 0) at.missed = true;
  if (end.code === 0) {
    // A file that cannot be removed stays, which does no harm.
    checkSame(at, work, (name) => call === 'unlink' && (name === 'run.jsonl' || name.endsWith('.tmp')));
  } else {
    // A missing data set has an exit code of its own.
    checkError(at, end, where === 'input' && paths[0] === '' ? [66, 74] : [73, 74]);
    checkWhole(at, work);
    checkNoTemporaries(at);
  }
  await goOn(at, work);
}
