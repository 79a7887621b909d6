// Memory does not grow with the number of samples: runs with few and with many samples have about the same peak.
import { execFile } from 'node:child_process';
import { linkSync, mkdirSync, readdirSync } from 'node:fs';
import { join, parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const work = fileURLToPath(new URL('../../bench/work.js', import.meta.url));
/** Largest ratio of the peaks; garbage collection alone makes peaks of equal runs differ by a tenth. */
const most = 1.3;

/** Makes a data set of many samples, which are hard links to a few. */
function makeMany(data, samples, out) {
  for (const folder of ['train', 'trainannot']) {
    mkdirSync(join(out, folder), { recursive: true });
    const files = readdirSync(join(data, folder)).sort();
    for (let n = 0; n < samples; n++) {
      const { name, ext } = parse(files[n % files.length]);
      linkSync(join(data, folder, `${name}${ext}`), join(out, folder, `${String(n).padStart(6, '0')}_${name}${ext}`));
    }
  }
  return out;
}

export const memory = [
  {
    name: 'flat-memory',
    what: `the peak of resident memory is at most ${most} times as large with many samples`,
    attempts: ({ threaded, count }) => {
      // With fewer samples, V8's young generation does not reach its full size.
      const [few, many] = [3000, count(6000, 20_000)];
      return [
        {
          label: `${few} and ${many} samples`,
          run: async (at) => {
            const peaks = [];
            for (const samples of [few, many]) {
              const data = makeMany(threaded.data, samples, join(at.folder, `${samples}`));
              const argv = [work, 'augment', data, `${at.out}-${samples}`, JSON.stringify({ p: 1 })];
              at.steps.push(`node ${argv.join(' ')}`);
              const { stdout } = await promisify(execFile)(process.execPath, argv);
              peaks.push(JSON.parse(stdout).mb);
            }
            at.steps.push(`# ${peaks.join(' and ')} MB`);
            if (peaks[1] > most * peaks[0]) at.wrong(`${peaks[1]} MB with ${many} samples, ${peaks[0]} MB with ${few}`);
          },
        },
      ];
    },
  },
];
