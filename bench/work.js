// One contender of the benchmark in a process of its own:  node bench/work.js augment|codecs IN OUT [OPTIONS as JSON]
// Prints { samples, seconds, mb }; without start-up, but with all that its first use compiles.
import { dirname, join } from 'node:path';
import { augment } from '../dist/augment.js';
import { giveBack, takeWords } from '../dist/buffers.js';
import { readInput, sha256 } from '../dist/digest.js';
import { decodeImage, encodeImage, formatOf } from '../dist/image.js';
import { inParts } from '../dist/parts.js';
import { jobsOf } from '../dist/pipeline.js';
import { wordsPerPixel } from '../dist/pixels.js';
import { decodeMask, encodeMask } from '../dist/png.js';
import { openDataset } from '../dist/read/dataset.js';
import { createFolders, writeAtomic } from '../dist/write/files.js';

/** Reads, decodes, encodes and writes every sample as `augment` does, with as many in flight, and nothing between. */
async function codecs(data, out) {
  const dataset = await openDataset({ in: data, maskSuffix: '', onlySplit: true, skipBad: false });
  const makeFolder = createFolders(out);
  const write = async (path, bytes) => {
    sha256(bytes);
    await makeFolder(dirname(join(out, path)));
    await writeAtomic(join(out, path), bytes);
    giveBack(bytes);
  };
  await inParts(dataset.samples, jobsOf({}), async ({ image, mask, format }) => {
    const { bytes: maskBytes } = await readInput(dataset, mask);
    const decodedMask = decodeMask(maskBytes, mask);
    const { bytes } = await readInput(dataset, image);
    const pixels = takeWords(wordsPerPixel(format.depth) * decodedMask.ids.length);
    const decoded = await decodeImage(bytes, decodedMask, image, format, pixels);
    giveBack(bytes);
    await write(image, await encodeImage(decoded, formatOf(image), 95));
    await write(mask, await encodeMask(decodedMask));
    for (const used of [maskBytes, decodedMask.ids, pixels]) giveBack(used);
  });
  return dataset.samples.length;
}

const [what, data, out, options = '{}'] = process.argv.slice(2);
const start = performance.now();
const samples =
  what === 'codecs' ? await codecs(data, out) : (await augment({ in: data, out, onlySplit: true, ...JSON.parse(options) })).samples;
const seconds = (performance.now() - start) / 1000;
console.log(JSON.stringify({ samples, seconds, mb: Math.round(process.resourceUsage().maxRSS / 1024) }));
