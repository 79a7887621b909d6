// Short form of the benchmark, for CI: ratio of the processor time of `augment -p 1` to that of decoding and encoding alone.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeData, median, printRow, work } from './common.js';

const kinds = [
  { name: '480×360 PNG', size: [480, 360], samples: 220, ext: 'png' },
  { name: '1920×1440 JPEG', size: [1920, 1440], samples: 24, ext: 'jpg' },
];
const rounds = 5;
// With fifteen busy processes on two cores, medians of two sessions differed by 1.26 times; wall times of single rounds by 2.2 times.
const tolerance = 1.5;

/** @returns the ratio of each kind of data: the median over rounds in which the kinds take turns. */
export async function measureRatios(data, folder) {
  console.log('\nProcessor time beside decoding and encoding alone');
  const ratios = {};
  for (const kind of kinds) await makeData(data, kind, join(folder, kind.name));
  for (let round = 0; round < rounds; round++) {
    for (const { name } of kinds) {
      const out = join(folder, 'out');
      const [alone, whole] = [
        work('codecs', join(folder, name), join(out, 'codecs')),
        work('augment', join(folder, name), join(out, 'augment'), { p: 1 }),
      ];
      (ratios[name] ??= []).push(whole.cpu / alone.cpu);
      rmSync(out, { recursive: true });
    }
  }
  const medians = Object.entries(ratios).map(([name, all]) => [name, Number(median(all).toFixed(3))]);
  for (const [name, ratio] of medians) printRow(name, [[ratio.toFixed(2), 'x']]);
  return Object.fromEntries(medians);
}

/** @returns a line for each ratio that grew beyond the tolerance. */
export function compareRatios(now, recorded) {
  return Object.entries(now)
    .filter(([name, ratio]) => !(ratio <= tolerance * recorded[name]))
    .map(
      ([name, ratio]) => `${name}: augment -p 1 takes ${ratio.toFixed(2)} x, more than ${tolerance} times the recorded ${recorded[name]} x`,
    );
}
