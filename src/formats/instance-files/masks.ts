/** Mask files of one shape: all pixels that are not black, or those from a threshold, are the object. */
import { giveBack } from '../../base/buffers.ts';
import { type MaskFormat, maskFormatOf } from '../../codecs/image-names.ts';
import { readMask, readObjects, writeMask } from '../../codecs/masks.ts';
import { isBlankPng, pngHeader } from '../../codecs/png.ts';
import { CopyPasteError } from '../../errors.ts';
import { eachRun } from '../../masks/runs.ts';
import { areaOfSpans, fillSpans } from '../../masks/spans.ts';
import type { Mask, Size } from '../../types.ts';

/** How a mask file stores its object, and so how a new file stores one. */
export interface Coding extends Pick<Mask, 'palette' | 'alpha' | 'colours'> {
  readonly value: number;
  /** Value of all other pixels. */
  readonly ground: number;
  readonly wide: boolean;
}

/** Coding of a mask without an example: 255 on 0. */
const usual: Coding = { value: 255, ground: 0, wide: false };

/**
 * Decodes the mask file of one shape.
 *
 * @param threshold smallest value of the object; without it, the object has one value.
 * @throws {CopyPasteError} `data` when the file is damaged, or has several values other than 0.
 */
export async function decodeShape(
  bytes: Uint8Array,
  path: string,
  threshold: number | undefined,
): Promise<{ size: Size; spans: Int32Array; coding: Coding }> {
  const mask = threshold === undefined ? await readObjects(bytes, path) : await readMask(bytes, path, { threshold });
  const ground = groundOf(mask);
  const spans: number[] = [];
  const values = new Set<number>();
  eachRun(mask, (id, y, from, to) => {
    if (id === ground) return;
    values.add(id);
    spans.push(y, from, to);
  });
  const found = Int32Array.from(spans);
  const { width, height, ids, ...rest } = mask;
  giveBack(ids);
  if (values.size > 1) {
    const share = (100 * areaOfSpans(found)) / (width * height);
    throw new CopyPasteError(
      'data',
      `has ${values.size} different values besides ${ground}, on ${share.toFixed(1)} % of its pixels, but a mask of one object has one; pass --threshold 128 if its edge is soft`,
      { path },
    );
  }
  const [value = rest.palette || rest.colours ? Number(ground === 0) : usual.value] = values;
  return {
    size: { width, height },
    spans: found,
    coding: { ...rest, value: scaled(bytes, value), ground, wide: ids instanceof Uint16Array },
  };
}

/** Value of the pixels without an object: the first black one of a palette, else 0. */
function groundOf({ palette = new Uint8Array(0) }: Mask): number {
  for (let n = 0; n < palette.length; n += 3) if (!palette[n] && !palette[n + 1] && !palette[n + 2]) return n / 3;
  return 0;
}

/** Value of 8 bits for a grey value of 1, 2 or 4 bits: new files have 8. */
function scaled(bytes: Uint8Array, value: number): number {
  const { depth = 8, colour } = pngHeader(bytes) ?? {};
  return colour === 'grey' && depth < 8 ? Math.round((value * 255) / (2 ** depth - 1)) : value;
}

/** Encodes the mask file of one shape; the extension of its name chooses the format. */
export async function encodeShape(
  spans: Int32Array,
  { width, height }: Size,
  name: string,
  { value, ground, wide, ...rest } = usual,
): Promise<{ bytes: Uint8Array; codec: MaskFormat }> {
  const ids = new (wide ? Uint16Array : Uint8Array)(width * height).fill(ground);
  fillSpans(spans, [0, 0, width], ids, value);
  return writeMask({ width, height, ids, ...rest }, name);
}

/** Tests if a mask file has no object. A damaged file has one, since it is reported when it is read. */
export async function isBlank(bytes: Uint8Array, path: string): Promise<boolean> {
  const { colour = '' } = (maskFormatOf(path) === 'png' && pngHeader(bytes)) || {};
  if (colour === 'grey' || colour === 'rgb') return isBlankPng(bytes);
  return decodeShape(bytes, path, undefined).then(
    ({ spans }) => spans.length === 0,
    () => false,
  );
}
