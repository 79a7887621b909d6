/** Small pictures of samples for the page of a report. */
import { giveBack } from '../base/buffers.ts';
import { encodeRgb, thumbnail } from '../codecs/image.ts';
import { encodeMask } from '../codecs/png-masks.ts';
import { ringsOfSpans } from '../masks/outlines.ts';
import { vocColour } from '../masks/palette.ts';
import { spansOfPlane } from '../masks/spans.ts';
import type { Image, Mask, Size } from '../types.ts';
import type { MaskedPicture, Picture } from './page-data.ts';

/** Length of the longer side of a picture in pixels, and of that of a source. */
const [longest, longestOfSource] = [640, 320];
const quality = 75;
/** Opacity of masks, of 255. */
const opacity = 115;

/** Makes a picture of an image and one of its mask, of equal size. */
export async function pictureOf(image: Image, mask: Mask, leftOut: ReadonlySet<number>): Promise<MaskedPicture> {
  const picture = await plainPictureOf(image, longest);
  const png = await encodeMask(colouredMask(mask, picture, leftOut));
  const masked = { ...picture, mask: dataUrl('png', png) };
  giveBack(png);
  return masked;
}

/** Makes a picture of an image that instances were taken from. */
export function sourcePictureOf(image: Image): Promise<Picture> {
  return plainPictureOf(image, longestOfSource);
}

async function plainPictureOf(image: Image, side: number): Promise<Picture> {
  const { width, height } = image;
  const { data, ...size } = await thumbnail(image, Math.max(1, Math.round(width * Math.min(1, side / Math.max(width, height)))));
  return { image: dataUrl('webp', await encodeRgb(data, size.width, size.height, 'webp', { quality })), ...size };
}

/** Outline of spans in an image as a path of SVG in a picture of it: along the edges of all pixels of the picture that they touch. */
export function outlineIn(picture: Size, spans: Int32Array, image: Size): string {
  const { width, height } = picture;
  const pixels = new Uint8Array(width * height);
  for (let i = 0; i < spans.length; i += 3) {
    const [y, x0, x1] = [spans[i], spans[i + 1], spans[i + 2]] as [number, number, number];
    const row = Math.floor((y * height) / image.height) * width;
    pixels.fill(1, row + Math.floor((x0 * width) / image.width), row + Math.ceil((x1 * width) / image.width));
  }
  return ringsOfSpans(spansOfPlane({ box: [0, 0, width, height], pixels }))
    .map(pathOfRing)
    .join('');
}

/** A ring of corners as a path: steps to the right and down are positive. */
function pathOfRing(ring: readonly number[]): string {
  const steps = ring.slice(2).map((value, i) => [i % 2 === 0 ? 'h' : 'v', value - (ring[i] as number)] as const);
  return `M${ring[0]} ${ring[1]}${steps.flatMap(([axis, by]) => (by === 0 ? [] : `${axis}${by}`)).join('')}z`;
}

/** Colour of a class in the pictures of masks. Colours are shifted by one, since VOC's first is black and id 0 is a class in some data sets. */
export function colourOf(classId: number): readonly [red: number, green: number, blue: number] {
  return [vocColour(classId + 1, 0), vocColour(classId + 1, 1), vocColour(classId + 1, 2)];
}

/** A mask in the size of a picture, with the colours of its classes; background and ignored pixels are transparent. */
function colouredMask({ ids, ...from }: Mask, { width, height }: Size, leftOut: ReadonlySet<number>): Mask {
  const small = new Uint8Array(width * height);
  // Entry 0 is transparent. A mask with more than 255 classes shows the first 255.
  const entries = new Map<number, number>();
  for (let y = 0, i = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * from.height) / height) * from.width;
    for (let x = 0; x < width; x++, i++) {
      const id = ids[row + Math.floor(((x + 0.5) * from.width) / width)] as number;
      if (leftOut.has(id)) continue;
      if (!entries.has(id) && entries.size < 255) entries.set(id, entries.size + 1);
      small[i] = entries.get(id) ?? 0;
    }
  }
  const palette = Uint8Array.from([[0, 0, 0], ...[...entries.keys()].map(colourOf)].flat());
  const alpha = new Uint8Array(entries.size + 1).fill(opacity);
  alpha[0] = 0;
  return { width, height, ids: small, palette, alpha };
}

function dataUrl(type: string, bytes: Uint8Array): string {
  return `data:image/${type};base64,${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}`;
}
