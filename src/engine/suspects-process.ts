/** Program of a child process: decodes the samples in the message that it receives, and sends a message after each. */
import { readInput } from '../base/digest.ts';
import { decodeImage } from '../codecs/image.ts';
import { readMask, readObjects } from '../codecs/masks.ts';
import { isOfCutouts, readCutouts } from '../dataset/source-samples.ts';
import { CopyPasteError } from '../errors.ts';
import type { Sample } from '../types.ts';
import { loadImage } from './images.ts';
import type { Trial } from './suspects.ts';

process.once('message', async (trial: Trial) => {
  for (const sample of trial.samples) {
    try {
      await (isOfCutouts(trial) ? decodeCutouts(sample, trial) : decodeSample(sample, trial));
    } catch (error) {
      // The run reports damaged files itself.
      if (!(error instanceof CopyPasteError)) throw error;
    }
    await new Promise((resolve) => process.send?.(true, undefined, undefined, resolve));
  }
  process.disconnect();
});

async function decodeSample({ image, mask, objects, entry, size, format }: Sample, trial: Trial): Promise<void> {
  const decoded = mask === undefined || entry ? size : await readMask((await readInput(trial, mask)).bytes, mask, trial);
  if (objects !== undefined) await readObjects((await readInput(trial, objects)).bytes, objects);
  await decodeImage((await readInput(trial, image)).bytes, decoded, image, format);
}

async function decodeCutouts(sample: Sample, trial: Trial): Promise<void> {
  await loadImage(await readCutouts(sample, trial, () => true));
}
