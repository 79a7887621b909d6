import { encodeRgb, thumbnail } from '../codecs/image.ts';
import { formatOf, longestSide } from '../codecs/image-names.ts';
import { inDepth } from '../codecs/pixels.ts';
import { CopyPasteError } from '../errors.ts';
import { vocColour } from '../masks/palette.ts';
import type { Image, Mask, Pasted } from '../types.ts';

/** Width of a tile in pixels. */
const tileWidth = 480;
/** Space between tiles in pixels. */
const tileGap = 8;

interface Tile {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Tiles of one sample, side by side. */
export type SheetRow = readonly Tile[];

/** Tiles of a sample: the original image, the augmented image, and the latter with the new mask and the outlines of pasted instances. */
export async function sheetRow({ original, image, mask, owner }: Pasted, leftOut: ReadonlySet<number>): Promise<SheetRow> {
  const overlay = outline(colourMask({ ...image, pixels: inDepth(image, 8), depth: 8 }, mask, leftOut), owner);
  return Promise.all([original.image, image, overlay].map((picture) => thumbnail(picture, tileWidth)));
}

/** Formats of a contact sheet; all viewers show them. */
const sheetFormats = ['png', 'jpeg', 'webp'] as const;
export type SheetFormat = (typeof sheetFormats)[number];

/** Format of a contact sheet, by the extension of its path. */
export function sheetFormatOf(path: string): SheetFormat | undefined {
  const format = formatOf(path);
  return sheetFormats.find((one) => one === format);
}

/**
 * Encodes rows below one another, on white.
 *
 * @throws {CopyPasteError} `usage` if the rows are higher than the format allows.
 */
export async function contactSheet(rows: readonly SheetRow[], format: SheetFormat): Promise<Uint8Array> {
  const columns = Math.max(...rows.map((row) => row.length));
  const width = columns * (tileWidth + tileGap) - tileGap;
  const heights = rows.map((row) => Math.max(...row.map((tile) => tile.height)));
  const height = heights.reduce((sum, h) => sum + h + tileGap, -tileGap);
  if (height > longestSide(format)) {
    throw new CopyPasteError(
      'usage',
      `-n: ${rows.length} rows are ${height} pixels high, but ${format} allows ${longestSide(format)}; show fewer rows or write a .png`,
    );
  }
  const data = new Uint8Array(width * height * 3).fill(255);
  let y = 0;
  rows.forEach((row, r) => {
    row.forEach((tile, column) => {
      const x = column * (tileWidth + tileGap) + ((tileWidth - tile.width) >> 1);
      for (let line = 0; line < tile.height; line++) {
        const from = line * tile.width * 3;
        data.set(tile.data.subarray(from, from + tile.width * 3), ((y + line) * width + x) * 3);
      }
    });
    y += (heights[r] as number) + tileGap;
  });
  return encodeRgb(data, width, height, format);
}

/** Blends a mask in Pascal VOC's colours with its image, half and half; background and ignored pixels are darkened. */
function colourMask(image: Image, { ids }: Mask, leftOut: ReadonlySet<number>): Image {
  const { bands } = image;
  const pixels = image.pixels.slice();
  const colours: (readonly number[])[] = [];
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    // Colours are shifted by one, since VOC's first is black and id 0 is a class in some data sets.
    const over = (colours[id] ??= [0, 1, 2].map((channel) => (leftOut.has(id) ? 0 : vocColour(id + 1, channel))));
    for (let c = 0; c < 3; c++) pixels[bands * i + c] = ((pixels[bands * i + c] as number) >> 1) + ((over[c] as number) >> 1);
  }
  return { ...image, pixels };
}

/** Outlines pasted instances in white. */
function outline(image: Image, owner: Int32Array): Image {
  const { width, height, bands } = image;
  const pixels = image.pixels.slice();
  const differs = (i: number, j: number): boolean => owner[i] !== owner[j];
  for (let i = 0; i < owner.length; i++) {
    if ((owner[i] as number) <= 0) continue;
    const x = i % width;
    const y = (i - x) / width;
    const edge =
      (x > 0 && differs(i, i - 1)) ||
      (x < width - 1 && differs(i, i + 1)) ||
      (y > 0 && differs(i, i - width)) ||
      (y < height - 1 && differs(i, i + width));
    if (edge) pixels.fill(255, bands * i, bands * i + 3);
  }
  return { ...image, pixels };
}
