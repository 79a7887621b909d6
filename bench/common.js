// Functions that the parts of the benchmark share.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { decodeMask, encodeMask } from '../dist/codecs/png-masks.js';
import { openDataset } from '../dist/dataset/open.js';
import { createPipeline } from '../dist/engine/pipeline.js';
import { createPlanner } from '../dist/engine/planner.js';
import { augmentOptions } from '../dist/options.js';
import { resolveOptions } from '../dist/schema.js';

/** Runs a program. @returns the parsed JSON of its last line. */
export function run(program, argv) {
  return JSON.parse(
    execFileSync(program, argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
      .trim()
      .split('\n')
      .at(-1),
  );
}

/** Runs bench/work.js, with the settings of the process that the command has. */
export function work(what, input, out, options = {}) {
  return run(process.execPath, ['--require', './bin/process.cjs', 'bench/work.js', what, input, out, JSON.stringify(options)]);
}

export const formats = {
  png: (image) => image.png({ compressionLevel: 6 }),
  jpg: (image) => image.jpeg({ quality: 90 }),
};

/** Makes samples of one size by repeating those of a data set. */
export async function makeData(data, { size: [width, height], samples, ext }, out) {
  const dataset = await openDataset({ in: data, maskSuffix: '', onlySplit: true, skipBad: false });
  for (const part of ['train', 'trainannot']) mkdirSync(join(out, part), { recursive: true });
  const made = [];
  for (let n = 0; n < samples; n++) {
    const sample = dataset.samples.at(n % dataset.samples.length);
    made[n] = made[n - dataset.samples.length] ?? [
      await formats[ext](sharp(join(data, sample.image)).resize(width, height)).toBuffer(),
      await encodeMask(resizeMask(decodeMask(readFileSync(join(data, sample.mask)), sample.mask), width, height)),
    ];
    const name = `${String(n).padStart(5, '0')}_${basename(sample.id)}`;
    writeFileSync(join(out, 'train', `${name}.${ext}`), made[n][0]);
    writeFileSync(join(out, 'trainannot', `${name}.png`), made[n][1]);
  }
  return out;
}

function resizeMask(mask, width, height) {
  const ids = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * mask.height) / height) * mask.width;
    for (let x = 0; x < width; x++) ids[y * width + x] = mask.ids[row + Math.floor((x * mask.width) / width)];
  }
  return { ...mask, width, height, ids };
}

/** Renders as `augment -p 1` does, and writes nothing. Yields the number of samples of each batch. */
export async function* renderBatches(data, given, rendering) {
  const options = resolveOptions(augmentOptions, { in: data, out: 'nowhere', p: 1, onlySplit: true, ...given });
  const dataset = await openDataset(options);
  const nothing = async () => {};
  const planner = createPlanner(dataset, options, 1, {});
  const sink = () => ({ paste: nothing, pass: nothing, skip: nothing });
  const { begin } = createPipeline(dataset, options, rendering, planner, sink);
  for (const ref of planner.batches()) {
    await Promise.all((await begin(ref)).results);
    yield ref.samples.length;
  }
}

/** Samples per second. @param seconds of each round. */
export function rate({ samples, seconds }) {
  return samples / median(seconds);
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(values.length - 1) >> 1] + sorted[values.length >> 1]) / 2;
}

/** Prints a row: its name, and figures with their units. */
export function printRow(what, figures) {
  console.log(`  ${what.padEnd(30)} ${figures.map(([figure, unit]) => `${figure} ${unit}`).join('   ')}`);
}
