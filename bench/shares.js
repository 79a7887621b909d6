// Shares of the parts of `augment -p 1` in its processor time, by bench/work.js and bench/kernel.js.
import { median, printRow, run, work } from './common.js';

/** @param input data of the kind. @returns shares of the whole's processor time. */
export function measureShares(input, out, rounds) {
  const shares = { kernel: [], instances: [], mainThread: [], instancesPerPixel: [] };
  for (let round = 0; round < rounds; round++) {
    const whole = work('augment', input, `${out}-${round}`, { p: 1 });
    const [kernel, instances] = [work('kernel', input, out), work('instances', input, out)];
    shares.kernel.push(kernel.cpu / whole.cpu);
    shares.instances.push(instances.cpu / whole.cpu);
    shares.instancesPerPixel.push((instances.cpu * 1e9) / instances.pixels);
    if (whole.main !== undefined) shares.mainThread.push(whole.main / whole.cpu);
  }
  const row = Object.fromEntries(
    Object.entries(shares).flatMap(([name, all]) => (all.length === 0 ? [] : [[name, Number(median(all).toFixed(4))]])),
  );
  const percent = (share) => [`${(100 * share).toFixed(1)} %`, ''];
  printRow('kernel', [percent(row.kernel)]);
  printRow('finding instances', [percent(row.instances), [row.instancesPerPixel.toFixed(2), 'ns a pixel']]);
  if (row.mainThread !== undefined) printRow('main thread', [percent(row.mainThread)]);
  return row;
}

/** @returns nanoseconds by case. */
export function measureKernel() {
  console.log('\nKernel, nanoseconds for a pixel of the target box enlarging, of the source box shrinking');
  const cases = run(process.execPath, ['bench/kernel.js']);
  for (const [name, ns] of Object.entries(cases)) printRow(name, [[ns.toFixed(1), 'ns']]);
  return cases;
}
