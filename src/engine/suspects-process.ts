/** Program of a child process: decodes the samples in the message that it receives, and sends a message after each. */
import { readInput } from '../base/digest.ts';
import { decodeImage } from '../codecs/image.ts';
import { readMask, readObjects } from '../codecs/masks.ts';
import { CopyPasteError } from '../errors.ts';
import type { Trial } from './suspects.ts';

process.once('message', async ({ root, colours, samples }: Trial) => {
  for (const { image, mask, objects, entry, size, format } of samples) {
    try {
      const decoded = mask === undefined || entry ? size : await readMask((await readInput({ root }, mask)).bytes, mask, colours);
      if (objects !== undefined) await readObjects((await readInput({ root }, objects)).bytes, objects);
      await decodeImage((await readInput({ root }, image)).bytes, decoded, image, format);
    } catch (error) {
      // The run reports damaged files itself.
      if (!(error instanceof CopyPasteError)) throw error;
    }
    await new Promise((resolve) => process.send?.(true, undefined, undefined, resolve));
  }
  process.disconnect();
});
