import { sha256 } from '../base/digest.ts';
import { valuesOf } from '../codecs/pixels.ts';
import { transposed } from '../masks/spans.ts';
import { inFrame, sceneMapping, withEdges } from '../masks/tables.ts';
import type { Box, Size } from '../types.ts';
import type { ImageRef, Paste, Render, Target } from './render.ts';

/** Digest of the reference's output. */
export const selfTestDigest = '3050c1cfede6c80b8c9b0c83077659f3c9e47036ff257387deb99193ad794908';

/** Renders a small batch that takes every path of the kernels. @returns SHA-256 of all outputs. */
export async function selfTest(render: Render): Promise<string> {
  const noise = (i: number): number => Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(i >> 3, 0x85ebca6b);
  const images: ImageRef[] = [
    { offset: 0, width: 97, height: 61 },
    { offset: 97 * 61, width: 40, height: 53 },
  ];
  const words = Int32Array.from({ length: 2 * (97 * 61 + 40 * 53) }, (_, i) => noise(i));
  const paste = (source: number, from: Box, onto: Box, flip: boolean, frame: Size): Paste => {
    const [x0, y0, x1, y1] = from;
    const runs: number[] = [];
    for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) if (noise(x ^ (y << 5)) & 0x3000) runs.push(y, x, x + 1);
    return {
      source: images[source] as ImageRef,
      instance: { box: from, spans: Int32Array.from(runs), start: 0, end: runs.length },
      from,
      onto,
      seen: inFrame(onto, frame),
      flip,
    };
  };
  const [wide, high] = images as [ImageRef, ImageRef];
  const styled = (plain: Paste, flipY: boolean, gain: number): Paste => ({
    ...withEdges({ ...plain, transpose: true, flipY }, plain.source, wide),
    source: plain.source,
    ...(plain.instance && { instance: transposed(plain.instance) }),
    tone: { gain: [gain, 256, 512 - gain], offset: [-2000, 16320, gain] },
    blend: true,
  });
  const targets: Target[] = [
    {
      ...sizeOf(wide),
      image: wide,
      pastes: [
        paste(1, [3, 2, 30, 41], [-9, 5, 60, 99], false, wide),
        paste(1, [0, 0, 40, 53], [20, 10, 29, 17], true, wide),
        paste(1, [5, 8, 9, 12], [50, 20, 54, 24], true, wide),
        paste(1, [1, 1, 2, 2], [90, 50, 120, 70], false, wide),
      ],
    },
    {
      ...sizeOf(high),
      pastes: [
        { source: high, ...sceneMapping({ targetBox: [-3, 6, 29, 48], scale: 1, flip: true }, high, high) },
        paste(0, [40, 0, 97, 61], [0, 3, 39, 42], false, high),
      ],
    },
    { ...sizeOf(wide), image: wide, pastes: [] },
    {
      ...sizeOf(wide),
      image: wide,
      pastes: [
        styled(paste(1, [3, 2, 30, 41], [-9, 5, 60, 40], false, wide), false, 200),
        paste(1, [5, 8, 9, 12], [50, 20, 54, 24], true, wide),
        styled(paste(1, [0, 0, 40, 53], [20, 10, 49, 27], true, wide), true, 400),
        styled(paste(0, [90, 7, 95, 60], [40, 30, 99, 38], false, wide), true, 0),
      ],
    },
  ];
  const [shallow, deep] = [valuesOf(words.subarray(0, words.length / 2), 8), valuesOf(words, 16)];
  const results = [
    ...(await render([{ pixels: shallow, bands: 4 }], targets)),
    ...(await render([{ pixels: deep, bands: 4 }], targets, 16)),
  ];
  const parts = results.flatMap(({ pixels, owner }) => [pixels, owner]);
  return sha256(Buffer.concat(parts.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength))));
}

const sizeOf = ({ width, height }: Size): Size => ({ width, height });
