// Pastes into the batches that come through standard input, as a training loop does: `node online.js '{"shape":[4,176,240],…}'`.
// A batch is images [N, H, W, 3] and masks [N, H, W]; the reply is both after Copy-Paste, the masks of the sources, all uint8, and the
// fraction of each image that no paste covers, [N] float32.
import { stdin, stdout } from 'node:process';
import { tensor } from '@tensorflow/tfjs-core';
import { CopyPaste, openBackend } from 'copypaste';

const { shape, ...options } = JSON.parse(process.argv[2]);
const pixels = shape.reduce((product, side) => product * side, 1);
await openBackend('cpu');
const algorithm = new CopyPaste(options);

/** Batches of 4 bytes a pixel. */
async function* batches() {
  let left = Buffer.alloc(0);
  for await (const chunk of stdin) {
    left = Buffer.concat([left, chunk]);
    for (; left.length >= 4 * pixels; left = left.subarray(4 * pixels)) yield left.subarray(0, 4 * pixels);
  }
}

for await (const batch of batches()) {
  const xs = tensor(Int32Array.from(batch.subarray(0, 3 * pixels)), [...shape, 3], 'int32');
  const ys = tensor(Int32Array.from(batch.subarray(3 * pixels)), shape, 'int32');
  const { images, masks, sourceMasks, area } = await algorithm.apply({ xs, ys });
  for (const made of [images, masks, sourceMasks]) stdout.write(Uint8Array.from(made.dataSync()));
  stdout.write(Buffer.from(area.dataSync().slice().buffer));
  for (const made of [xs, ys, images, masks, sourceMasks, area]) made.dispose();
}
