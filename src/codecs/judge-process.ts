/** Program of a process that tries to read one file, from standard input. Its exit code is the verdict. */
import { buffer } from 'node:stream/consumers';
import { CopyPasteError } from '../errors.ts';
import { decodeImage, decodeTiffMask, encodeImage, imageHeaderOf } from './image.ts';
import { type FileTrial, verdicts } from './judge.ts';

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

async function tryFile(bytes: Uint8Array, trial: FileTrial): Promise<number> {
  const { width, height } = 'size' in trial ? trial.size : { width: 64, height: 64 };
  await readSound(Math.max(16, width), Math.max(16, height));
  try {
    if ('size' in trial) await decodeImage(bytes, trial.size, trial.name, trial.format);
    else if (trial.what === 'mask') await decodeTiffMask(bytes, trial.name);
    else await imageHeaderOf(bytes, trial.name);
    return verdicts.sound;
  } catch (error) {
    if (error instanceof CopyPasteError && error.code === 'data') return verdicts.damaged;
    throw error;
  }
}

process.exitCode = await tryFile(await buffer(process.stdin), JSON.parse(process.argv[2] as string));
