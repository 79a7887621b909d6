// A folder of the output that is replaced by a symbolic link ends the run; nothing but what was in progress gets to the other place.
import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { checkError, checkWhole, filesOf, goOn, signal, startAndStop } from './tool.js';

/** Files that may be in progress while a folder is replaced: one for each sample in progress. */
const inProgress = 16;

const attempt = (label, work, folder) => ({
  label: `${label} ${folder || 'output'}`,
  run: async (at) => {
    const going = await startAndStop(at, work, 2);
    const [inside, aside, outside] = [join(at.out, folder), join(at.folder, 'aside'), join(at.folder, 'outside')];
    mkdirSync(outside);
    renameSync(inside, aside);
    symlinkSync(outside, inside);
    at.steps.push(`# ${folder || 'out'} replaced by a link to another folder`);
    signal(going.pid, 'SIGCONT');
    checkError(at, await going.ended);
    const escaped = filesOf(outside).size;
    if (escaped > inProgress) at.wrong(`${escaped} files were written to the other folder`);
    rmSync(inside);
    renameSync(aside, inside);
    checkWhole(at, work);
    await goOn(at, work);
  },
});

export const swaps = [
  {
    name: 'swaps',
    what: 'a folder of the output replaced by a symbolic link during the run',
    attempts: ({ small, threaded }) =>
      [
        ['process', small],
        ['threads', threaded],
      ].flatMap(([label, work]) => ['', 'train'].map((folder) => attempt(label, work, folder))),
  },
];
