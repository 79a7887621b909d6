/** Program of a child process: decodes the samples in the message that it receives, and sends a message after each. */
import { readInput } from '../base/digest.ts';
import { decodeImage, encodeImage } from '../codecs/image.ts';
import { longestSide } from '../codecs/image-names.ts';
import { readMask, readObjects } from '../codecs/masks.ts';
import { isOfCutouts, readCutouts } from '../dataset/source-samples.ts';
import { CopyPasteError } from '../errors.ts';
import type { Sample } from '../types.ts';
import { loadImage } from './images.ts';
import type { SampleTrial } from './suspects.ts';

/** Tells the run that a sound image, or a sample, was decoded. */
const tell = (): Promise<unknown> => new Promise((resolve) => process.send?.(true, undefined, undefined, resolve));

// Nobody is left who would read the answers.
process.once('disconnect', () => process.exit());

process.once('message', async (trial: SampleTrial) => {
  await decodeSound(trial.samples);
  await tell();
  for (const sample of trial.samples) {
    try {
      await (isOfCutouts(trial) ? decodeCutouts(sample, trial) : decodeSample(sample, trial));
    } catch (error) {
      // The run reports damaged files itself.
      if (!(error instanceof CopyPasteError)) throw error;
    }
    await tell();
  }
  process.disconnect();
});

/** Decodes a sound image as large as the largest sample, which fails without memory and threads for it. */
async function decodeSound(samples: readonly Sample[]): Promise<void> {
  const [largest = { width: 16, height: 16 }] = samples.map(({ size }) => size).sort((a, b) => b.width * b.height - a.width * a.height);
  const { width, height } = largest;
  const image = { width, height, pixels: new Uint8Array(3 * width * height), bands: 3, depth: 8, channels: 3 } as const;
  const format = { channels: 3, depth: 8, icc: false, cmyk: false, upright: false } as const;
  for (const kind of ['png', 'jpeg', 'png'] as const)
    if (Math.max(width, height) <= longestSide(kind)) await decodeImage(await encodeImage(image, kind), largest, `sound.${kind}`, format);
}

async function decodeSample({ image, mask, objects, entry, size, format }: Sample, trial: SampleTrial): Promise<void> {
  const decoded = mask === undefined || entry ? size : await readMask((await readInput(trial, mask)).bytes, mask, trial);
  if (objects !== undefined) await readObjects((await readInput(trial, objects)).bytes, objects);
  await decodeImage((await readInput(trial, image)).bytes, decoded, image, format);
}

async function decodeCutouts(sample: Sample, trial: SampleTrial): Promise<void> {
  await loadImage(await readCutouts(sample, trial, () => true));
}
