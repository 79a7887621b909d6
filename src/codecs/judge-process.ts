/** Program of a process that tries to read the file in each message, and tells if the file is damaged. It ends if nothing can be told. */
import { CopyPasteError } from '../errors.ts';
import { decodeImage, decodeTiffMask, encodeImage, imageHeaderOf } from './image.ts';
import type { Suspect } from './judge.ts';

/** Reads an image that is sound, as large as the one that is tried. @throws {Error} when there is not enough memory or no thread. */
async function readSound(width: number, height: number): Promise<void> {
  const pixels = new Uint8Array(3 * width * height);
  const format = { channels: 3, depth: 8, icc: false, cmyk: false, upright: false } as const;
  for (const kind of ['png', 'webp'] as const) {
    const [columns, rows] = kind === 'png' ? [width, height] : [16, 16];
    const size = { width: columns, height: rows };
    const image = { ...size, pixels: pixels.subarray(0, 3 * columns * rows), bands: 3, depth: 8, channels: 3 } as const;
    await decodeImage(await encodeImage(image, kind), size, `sound.${kind}`, format);
  }
}

async function isDamaged({ bytes, trial }: Suspect): Promise<boolean> {
  const { width, height } = 'size' in trial ? trial.size : { width: 64, height: 64 };
  await readSound(Math.max(16, width), Math.max(16, height));
  try {
    if ('size' in trial) await decodeImage(bytes, trial.size, trial.name, trial.format);
    else if (trial.what === 'mask') await decodeTiffMask(bytes, trial.name);
    else await imageHeaderOf(bytes, trial.name);
    return false;
  } catch (error) {
    if (error instanceof CopyPasteError && error.code === 'data') return true;
    throw error;
  }
}

process.on('message', async (suspect: Suspect) => {
  process.send?.(await isDamaged(suspect));
});
