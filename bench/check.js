// Short form of the benchmark, for CI: ratios of processor time, which are measured in pairs that take turns.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeData, median, printRow, work } from './common.js';
import { shortRun } from './start.js';

const kinds = {
  png: { name: '480×360 PNG', size: [480, 360], samples: 220, ext: 'png' },
  jpeg: { name: '640×480 JPEG', size: [640, 480], samples: 220, ext: 'jpg' },
  large: { name: '1920×1440 JPEG', size: [1920, 1440], samples: 24, ext: 'jpg' },
  few: { name: 'few', size: [480, 360], samples: 44, ext: 'png' },
};
// With fifteen busy processes on two cores, medians of two sessions differed by 1.26 times; wall times of single rounds by 2.2 times.
const tolerance = 1.5;

/** @returns the median of each ratio over rounds in which all take turns. */
export async function measureRatios(data, folder, rounds = 5) {
  console.log('\nRatios of processor time');
  const inputs = Object.fromEntries(Object.entries(kinds).map(([kind, { name }]) => [kind, join(folder, name)]));
  for (const [kind, row] of Object.entries(kinds)) await makeData(data, row, inputs[kind]);
  const all = {};
  for (let round = 0; round < rounds; round++) {
    const cpu = (what, kind, options) => {
      const out = join(folder, 'out');
      const { cpu } = work(what, inputs[kind], out, options);
      rmSync(out, { recursive: true });
      return cpu;
    };
    const add = (name, ratio) => {
      (all[name] ??= []).push(ratio);
      printRow(name, [[ratio.toFixed(2), `x in round ${round + 1}`]]);
    };
    let png = 0;
    for (const kind of ['png', 'jpeg', 'large']) {
      const alone = cpu('codecs', kind);
      const whole = cpu('augment', kind, { p: 1 });
      if (kind === 'png') png = whole;
      add(`${kinds[kind].name}: -p 1 beside the codecs alone`, whole / alone);
    }
    add('-p 0.5 beside -p 1', cpu('augment', 'png', { p: 0.5 }) / png);
    add('--copies 8 beside eight runs', cpu('augment', 'few', { p: 1, copies: 8 }) / (8 * cpu('augment', 'few', { p: 1 })));
    add('ten samples beside sharp', await shortRun(data, folder));
  }
  const medians = Object.entries(all).map(([name, ratios]) => [name, Number(median(ratios).toFixed(3))]);
  for (const [name, ratio] of medians) printRow(name, [[ratio.toFixed(2), 'x, the median']]);
  return Object.fromEntries(medians);
}

/** @returns a line for each ratio that grew beyond the tolerance, or that was not recorded. */
export function compareRatios(now, recorded) {
  return Object.entries(now)
    .filter(([name, ratio]) => !(ratio <= tolerance * recorded[name]))
    .map(([name, ratio]) => `${name}: ${ratio.toFixed(2)} x, more than ${tolerance} times the recorded ${recorded[name]} x`);
}
