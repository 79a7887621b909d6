// The contenders of bench.js that run this tool's code:
//   node bench/work.js codecs|augment DATA OUT [OPTIONS]    decoding and encoding alone, or everything
//   node bench/work.js kernel|instances DATA                only that part, over all samples with -p 1
// The last line is JSON: { samples, seconds, cpu, main, mb }. Start-up is not counted, compilation on first use is. `cpu` is seconds of
// processor time, `main` that of the main thread where the system reports it.
import { readFileSync } from 'node:fs';
import { collectLessOften, giveBack } from '../dist/base/buffers.js';
import { readInput, sha256 } from '../dist/base/digest.js';
import { inParts } from '../dist/base/parts.js';
import { decodeImage, encodeImage } from '../dist/codecs/image.js';
import { formatOf } from '../dist/codecs/image-names.js';
import { decodeMask, encodeMask } from '../dist/codecs/png-masks.js';
import { openDataset } from '../dist/dataset/open.js';
import { jobsOf } from '../dist/engine/budget.js';
import { augment } from '../dist/index.js';
import { findInstances } from '../dist/masks/instances.js';
import { createOutputFolder, writeAtomic } from '../dist/output/files.js';
import { renderOnCpu } from '../dist/render/render.js';
import { renderBatches } from './common.js';

/** The floor: every sample read, decoded, encoded and written as `augment` does, with no other work. */
async function codecs(data, out) {
  const dataset = await openDataset({ in: data, maskSuffix: '', onlySplit: true, skipBad: false });
  const { guarded } = createOutputFolder(out);
  const write = async (path, bytes) => {
    sha256(bytes);
    await guarded(path, (file) => writeAtomic(file, bytes));
    giveBack(bytes);
  };
  await inParts(dataset.samples, jobsOf({}), async ({ image, mask, format }) => {
    const { bytes: maskBytes } = await readInput(dataset, mask);
    const decodedMask = decodeMask(maskBytes, mask);
    const { bytes } = await readInput(dataset, image);
    const decoded = await decodeImage(bytes, decodedMask, image, format);
    giveBack(bytes);
    await write(image, await encodeImage(decoded, formatOf(image)));
    await write(mask, await encodeMask(decodedMask));
    for (const used of [maskBytes, decodedMask.ids]) giveBack(used);
  });
  return { samples: dataset.samples.length };
}

async function all(data, out, options) {
  const { samples } = await augment({ in: data, out, onlySplit: true, ...options });
  return { samples };
}

/** @returns the result and the seconds of processor time of a synchronous step. */
function timed(step) {
  const before = process.cpuUsage();
  const result = step();
  const { user, system } = process.cpuUsage(before);
  return { result, cpu: (user + system) / 1e6 };
}

/** Processor time of the cpu kernel, with the plans and images of `augment -p 1`. */
async function kernel(data) {
  let cpu = 0;
  const render = (...given) => {
    const { result, cpu: own } = timed(() => renderOnCpu(...given));
    cpu += own;
    return result;
  };
  let samples = 0;
  for await (const done of renderBatches(data, { jobs: 1 }, { batchPixels: 0, render })) samples += done;
  return { samples, cpu };
}

/** Processor time of finding instances in masks. */
async function instances(data) {
  const dataset = await openDataset({ in: data, maskSuffix: '', onlySplit: true, skipBad: false });
  let cpu = 0;
  let pixels = 0;
  for (const { mask } of dataset.samples) {
    const decoded = decodeMask((await readInput(dataset, mask)).bytes, mask);
    cpu += timed(() => findInstances(decoded, undefined, 'component', dataset.leftOut, undefined, mask)).cpu;
    pixels += decoded.ids.length;
  }
  return { samples: dataset.samples.length, cpu, pixels };
}

/** Seconds of processor time of the main thread, where the system reports it (proc(5): fields 14 and 15, in hundredths). */
function mainThread() {
  try {
    const fields = readFileSync(`/proc/self/task/${process.pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return undefined;
  }
}

collectLessOften();
const [what, data, out, options = '{}'] = process.argv.slice(2);
const start = performance.now();
const [before, main] = [process.cpuUsage(), mainThread()];
const result = await { codecs, augment: all, kernel, instances }[what](data, out, JSON.parse(options));
const { user, system } = process.cpuUsage(before);
console.log(
  JSON.stringify({
    seconds: (performance.now() - start) / 1000,
    cpu: (user + system) / 1e6,
    ...(main !== undefined && { main: mainThread() - main }),
    mb: Math.round(process.resourceUsage().maxRSS / 1024),
    ...result,
  }),
);
