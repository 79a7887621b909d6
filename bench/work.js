// One contender of the benchmark in a process of its own:  node bench/work.js augment|codecs IN OUT [OPTIONS as JSON]
// Prints { samples, seconds, mb }; without start-up, but with all that its first use compiles.
import { dirname, join } from 'node:path';
import { augment } from '../dist/augment.js';
import { readInput, sha256 } from '../dist/digest.js';
import { decodeImage, encodeImage, formatOf } from '../dist/image.js';
import { inParts } from '../dist/parts.js';
import { jobsOf } from '../dist/pipeline.js';
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
  };
  await inParts(dataset.samples, jobsOf({}), async ({ image, mask, format }) => {
    const decodedMask = decodeMask((await readInput(dataset, mask)).bytes, mask);
    const decoded = await decodeImage((await readInput(dataset, image)).bytes, decodedMask, image, format);
    await write(image, await encodeImage(decoded, formatOf(image), 95));
    await write(mask, await encodeMask(decodedMask));
  });
  return dataset.samples.length;
}

const [what, data, out, options = '{}'] = process.argv.slice(2);
const start = performance.now();
const samples =
  what === 'codecs' ? await codecs(data, out) : (await augment({ in: data, out, onlySplit: true, ...JSON.parse(options) })).samples;
const seconds = (performance.now() - start) / 1000;
console.log(JSON.stringify({ samples, seconds, mb: Math.round(process.resourceUsage().maxRSS / 1024) }));
