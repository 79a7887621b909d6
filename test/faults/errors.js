// A system call that fails ends the run with its exit code and one line, and leaves nothing that the next run cannot mend.
import { join } from 'node:path';
import { strace } from './machine.js';
import { callsOf, callsOfCleanRun, inject, isInjected, pathIn, sameNames, spread } from './strace.js';
import { checkError, checkNoTemporaries, checkSame, checkWhole, goOn, run } from './tool.js';

// Calls, whether they touch the output or the input, errors, and how many places for each in the short form.
const faults = [
  ['openat', 'output', ['ENOSPC', 'EACCES', 'EROFS', 'EMFILE', 'EIO'], 3],
  ['write', 'output', ['ENOSPC', 'EIO'], 5],
  ['fsync', 'output', ['EIO', 'ENOSPC'], 4],
  ['fdatasync', 'output', ['EIO'], 2],
  ['rename', 'output', ['ENOSPC', 'EIO', 'EACCES'], 3],
  ['mkdir', 'output', ['EROFS', 'ENOSPC'], 3],
  ['close', 'output', ['EIO'], 5],
  ['unlink', 'output', ['EIO'], 1],
  ['openat', 'input', ['EIO', 'EACCES', 'EMFILE'], 5],
  ['read', 'input', ['EIO'], 4],
  ['pread64', 'input', ['EIO'], 1],
  ['getdents64', 'input', ['EIO'], 2],
];

// A disk that is full or gone stays so: then later calls fail as well.
const stays = ['write', 'fsync', 'rename', 'mkdir'];

export const errors = faults.map(([call, where, codes, most]) => ({
  name: `error-${call}-${where}`,
  what: `${call} of the ${where} fails with ${codes.join(', ')}, then on`,
  needs: [strace],
  attempts: async (world) => {
    const { calls, out } = await cleanRun(world);
    const folder = where === 'input' ? world.small.data : out;
    const counts = new Map();
    const points = calls
      .filter(({ name, text }) => name === call && pathIn(folder, text) !== undefined)
      .map(({ text }) => {
        const path = pathIn(folder, text);
        counts.set(path, (counts.get(path) ?? 0) + 1);
        return { path, nth: counts.get(path) };
      });
    const every = [...new Set(points.map(({ path }) => path))];
    return codes.flatMap((code) =>
      spread(points, world.count(most, Number.POSITIVE_INFINITY)).map(({ path, nth }, i) => {
        const later = i % 2 === 1 && stays.includes(call);
        const which = later
          ? { paths: every, when: `${points.findIndex((one) => one.path === path && one.nth === nth) + 1}+` }
          : { paths: [path], when: nth };
        return {
          label: `${code} ${path} ${nth}${later ? '+' : ''}`,
          run: (at) => attempt(at, world.small, call, `error=${code}`, where, which),
        };
      }),
    );
  },
}));

let clean;

/** The calls of an undisturbed run, and where its output was. */
function cleanRun(world) {
  const logged = async (at) => ({ calls: await callsOfCleanRun(at, world.small, sameNames), out: at.out });
  return (clean ??= logged(world.place('error clean')));
}

async function attempt(at, work, call, what, where, { paths, when }) {
  const log = join(at.folder, 'strace.log');
  const folder = where === 'input' ? work.data : at.out;
  const on = paths.map((path) => join(folder, path));
  const end = await run(at, work, { under: inject(log, call, what, when, on), env: sameNames });
  const hits = callsOf(log).filter(isInjected);
  at.steps.push(...hits.slice(0, 3).map(({ text }) => `# ${text}`));
  if (hits.length === 0) at.missed = true;
  if (end.code === 0) {
    // What cannot be taken away stays, and harms nobody.
    checkSame(at, work, (name) => call === 'unlink' && (name === 'run.jsonl' || name.endsWith('.tmp')));
  } else {
    // A data set that is not there at all is no input.
    checkError(at, end, where === 'input' && paths[0] === '' ? [66, 74] : [73, 74]);
    checkWhole(at, work);
    checkNoTemporaries(at);
  }
  await goOn(at, work);
}
