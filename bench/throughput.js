// Samples per second of the whole pipeline with every sample pasted, beside reading, decoding, encoding and
// writing the same samples with nothing between. The two take turns; the ratio is of their medians.
//
//   npm run bench [-- DATA [ROUNDS]]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pLimit from 'p-limit';
import { augment } from '../dist/augment.js';
import { readInput, sha256 } from '../dist/digest.js';
import { decodeImage, encodeImage, formatOf } from '../dist/image.js';
import { jobsOf } from '../dist/pipeline.js';
import { decodeMask, encodeMask } from '../dist/png.js';
import { openDataset } from '../dist/read/dataset.js';
import { enableProdMode } from '../dist/render/render.js';
import { createFolders, writeAtomic } from '../dist/write/files.js';

const [data = 'fixtures/camvid', rounds = '5'] = process.argv.slice(2);
enableProdMode();
const folder = mkdtempSync(join(tmpdir(), 'copypaste-bench-'));
const dataset = await openDataset({ in: data, maskSuffix: '', onlySplit: true, skipBad: false });

/** Reads, decodes, encodes and writes every sample, with as many in flight as the pipeline has. */
async function codecsAlone(out) {
  const makeFolder = createFolders();
  const write = async (path, bytes) => {
    sha256(bytes);
    await makeFolder(dirname(join(out, path)));
    await writeAtomic(join(out, path), bytes);
  };
  await pLimit(jobsOf({})).map(dataset.samples, async ({ image, mask, format }) => {
    const decodedMask = decodeMask((await readInput(dataset.root, mask)).bytes, mask);
    const pixels = new Int32Array(decodedMask.width * decodedMask.height);
    const decoded = await decodeImage((await readInput(dataset.root, image)).bytes, decodedMask, pixels, image, format);
    await write(image, await encodeImage(decoded, formatOf(image), 95));
    await write(mask, await encodeMask(decodedMask));
  });
}

const contenders = {
  'copypaste augment -p 1': (out) => augment({ in: data, out, p: 1, onlySplit: true }),
  'decode + encode alone': codecsAlone,
};
const seconds = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
try {
  for (let round = 0; round <= Number(rounds); round++) {
    for (const [name, run] of Object.entries(contenders)) {
      const out = join(folder, `${round}-${name.length}`);
      const start = performance.now();
      await run(out);
      // The first round warms caches and the compiler.
      if (round > 0) seconds[name].push((performance.now() - start) / 1000);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const alone = median(seconds['decode + encode alone']);
console.log(`${data}: ${dataset.samples.length} samples, median of ${rounds} rounds`);
for (const [name, times] of Object.entries(seconds)) {
  const time = median(times);
  console.log(`${name.padEnd(24)} ${(dataset.samples.length / time).toFixed(1).padStart(7)} samples/s  ${(time / alone).toFixed(2)} x`);
}
