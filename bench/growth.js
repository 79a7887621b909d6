// Cost per sample from 100 to 100,000 samples, and per pixel from 0.1 to 16 megapixels.
import { join } from 'node:path';
import { makeData, printRow, work } from './common.js';

export async function measureGrowth(data, folder) {
  console.log('\nGrowth');
  const samples = {};
  for (const count of [100, 2000, 100_000]) {
    const input = await makeData(data, { size: [120, 90], samples: count, ext: 'png' }, join(folder, `many-${count}`));
    const { seconds, cpu, mb } = work('augment', input, join(folder, `many-${count}-out`), { p: 1 });
    samples[count] = { seconds, cpu, mb };
  }
  // Differences leave out start-up: the ratio compares the cost of one more sample in a large and in a small set.
  const more = (from, to) => (samples[to].cpu - samples[from].cpu) / (to - from);
  const bySamples = Number((more(2000, 100_000) / more(100, 2000)).toFixed(2));
  printRow('a sample more, of 100,000', [
    [bySamples, 'x one of 2,000'],
    [samples[100_000].mb, `MB, where 2,000 take ${samples[2000].mb} MB`],
  ]);
  const pixels = {};
  for (const [width, height, count] of [
    [365, 274, 400],
    [1155, 866, 80],
    [2309, 1732, 24],
    [4619, 3464, 8],
  ]) {
    const megapixels = Number(((width * height) / 1e6).toFixed(1));
    const input = await makeData(data, { size: [width, height], samples: count, ext: 'jpg' }, join(folder, `large-${width}`));
    const { cpu, mb } = work('augment', input, join(folder, `large-${width}-out`), { p: 1 });
    pixels[megapixels] = { cpuOfMegapixel: cpu / count / ((width * height) / 1e6), mb };
    printRow(`${megapixels} megapixels`, [
      [(pixels[megapixels].cpuOfMegapixel / pixels[0.1].cpuOfMegapixel).toFixed(2), 'x the processor time a pixel of 0.1'],
      [mb, 'MB'],
    ]);
  }
  return { bySamples, samples, pixels };
}
