import { encodeRgb, thumbnail } from '../codecs/image.ts';
import { formatOf, longestSide } from '../codecs/image-names.ts';
import { inDepth } from '../codecs/pixels.ts';
import { CopyPasteError } from '../errors.ts';
import type { Image, Mask, Pasted } from '../types.ts';
import { type Canvas, drawText, letterWidth, lineHeight, shortened, widthOf } from './font.ts';
import { colourOf } from './pictures.ts';
import { programName } from './single-file.ts';

/** Largest width of a tile in pixels. */
const tileWidth = 480;
/** Smallest width of a column in pixels, which its caption needs. */
export const narrowest = 240;
/** Space between tiles, and around a sheet, in pixels. */
const gap = 8;
/** Side of the square of a colour in the legend, and place of the name beside it. */
const [swatch, besideSwatch] = [14, 20];
/** Largest number of lines of the legend, largest width of a name there, and width of the note that some are left out. */
const [mostLegendLines, legendName, moreWidth] = [6, 30 * letterWidth, 14 * letterWidth];

const [black, grey] = [
  [0, 0, 0],
  [90, 90, 90],
] as const;

/** A picture with the lines above it; a column without a tile is empty. */
export interface Cell {
  readonly tile?: Canvas | undefined;
  readonly caption: readonly string[];
}

/** Cells side by side. */
export type Row = readonly Cell[];

/** Rows of one sample, of equal length, under a common caption. */
export interface Block {
  readonly caption: readonly string[];
  readonly rows: readonly Row[];
}

/** A class with the colour that masks on a sheet have. */
export interface LegendEntry {
  readonly name: string;
  readonly colour: readonly [red: number, green: number, blue: number];
}

/** A contact sheet: blocks below one another, between a legend and a list of options. */
export interface Sheet {
  readonly legend: readonly LegendEntry[];
  readonly blocks: readonly Block[];
  readonly footer: readonly string[];
}

/** A tile of an image. */
export function tileOf(image: Image): Promise<Canvas> {
  return thumbnail(image, tileWidth);
}

/** A tile of an augmented image with its new mask over it, in colours, and the outlines of pasted instances in white. */
export function overlayOf({ image, mask, owner }: Pasted, leftOut: ReadonlySet<number>): Promise<Canvas> {
  return tileOf(outline(colourMask({ ...image, pixels: inDepth(image, 8), depth: 8 }, mask, leftOut), owner));
}

/** A tile of an augmented image with a line around pasted instances, at a distance that leaves their edges to be seen. */
export async function encircledOf({ image, owner }: Pasted): Promise<Canvas> {
  const tile = await tileOf(image);
  const { data, width, height } = tile;
  const isPasted = (x: number, y: number): boolean => {
    const row = Math.floor(((y + 0.5) * image.height) / height);
    return (owner[row * image.width + Math.floor(((x + 0.5) * image.width) / width)] as number) > 0;
  };
  const pasted = Uint8Array.from({ length: width * height }, (_, i) => (isPasted(i % width, Math.floor(i / width)) ? 1 : 0));
  const [inner, line, outer] = [3, 4, 5].map((by) => grown(pasted, width, by)) as [Uint8Array, Uint8Array, Uint8Array];
  for (let i = 0; i < pasted.length; i++) if (outer[i] && !inner[i]) data.fill(line[i] ? 255 : 0, 3 * i, 3 * i + 3);
  return tile;
}

/** A mask grown by a number of pixels to each side, also at corners. */
function grown(mask: Uint8Array, width: number, by: number): Uint8Array {
  const spread = (from: Uint8Array, step: number, position: (i: number) => number, length: number): Uint8Array => {
    const to = new Uint8Array(from.length);
    for (let i = 0; i < from.length; i++) {
      if (!from[i]) continue;
      const at = position(i);
      for (let n = Math.max(-by, -at); n <= Math.min(by, length - 1 - at); n++) to[i + n * step] = 1;
    }
    return to;
  };
  const wide = spread(mask, 1, (i) => i % width, width);
  return spread(wide, width, (i) => Math.floor(i / width), mask.length / width);
}

/** Colour of a class in `overlayOf`; background and ignored pixels are darkened. */
export function legendColour(classId: number, leftOut: ReadonlySet<number>): LegendEntry['colour'] {
  return leftOut.has(classId) ? black : colourOf(classId);
}

/** Longest name of a sample and of a class in a caption, in pixels. */
const [captionSample, captionName] = [60 * letterWidth, 24 * letterWidth];

/** Caption of a sample with its pastes, of which a long name leaves enough to be seen. */
export function describeSample(id: string, pastes: string): string {
  return `${shortened(id, captionSample)}: ${pastes}`;
}

/** Numbers of pastes by the names of their classes, such as `2 car, 1 pedestrian`; the most frequent first. */
export function describePastes(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${count} ${shortened(name, captionName)}`)
    .join(', ');
}

/** Formats of a contact sheet; all viewers show them. */
const sheetFormats = ['png', 'jpeg', 'webp'] as const;
export type SheetFormat = (typeof sheetFormats)[number];

/** Format of a contact sheet, by the extension of its path. */
export function sheetFormatOf(path: string): SheetFormat | undefined {
  const format = formatOf(path);
  return sheetFormats.find((one) => one === format);
}

/** Encodes a sheet. */
export function encodeSheet({ data, width, height }: Canvas, format: SheetFormat): Promise<Uint8Array> {
  return encodeRgb(data, width, height, format, { software: programName });
}

/** A part of a sheet that is as wide as the sheet. */
interface Strip {
  /** Height in pixels. */
  readonly height: number;
  /** @param y row of the sheet in which it begins. */
  draw(canvas: Canvas, y: number): void;
}

/**
 * Draws a sheet, black on white. No text exceeds its place: a long one is shortened in the middle.
 *
 * @throws {CopyPasteError} `usage` if the sheet is larger than the format allows.
 */
export function drawSheet({ legend, blocks, footer }: Sheet, format: SheetFormat): Canvas {
  const rows = blocks.flatMap((block) => block.rows);
  const column = Math.max(narrowest, ...rows.flat().map(({ tile }) => tile?.width ?? 0));
  const width = gap + Math.max(1, ...rows.map((row) => row.length)) * (column + gap);
  const inner = width - 2 * gap;
  const strips = [
    space,
    ...legendLinesOf(legend, inner).map(legendStrip),
    ...blocks.flatMap(({ caption, rows }) => [
      space,
      ...caption.map((text, n) => textStrip([text], n, inner)),
      ...rows.flatMap((row) => rowStrips(row, column)),
    ]),
    ...wrapped(footer, inner).map((text) => textStrip([text], 1, inner)),
    space,
  ];
  const height = strips.reduce((sum, strip) => sum + strip.height, 0);
  const longest = longestSide(format);
  if (Math.max(width, height) > longest)
    throw new CopyPasteError(
      'usage',
      `-n: the picture is ${width}×${height} pixels, but a side of a ${format} has at most ${longest}; show fewer samples or write a .png`,
    );
  const canvas: Canvas = { data: new Uint8Array(width * height * 3).fill(255), width, height };
  let y = 0;
  for (const { height, draw } of strips) {
    draw(canvas, y);
    y += height;
  }
  return canvas;
}

const space: Strip = { height: gap, draw: () => {} };

/** Texts in columns of a width; the first line of a caption is black. */
function textStrip(texts: readonly string[], line: number, width: number): Strip {
  const colour = line === 0 ? black : grey;
  return {
    height: lineHeight,
    draw: (canvas, y) => {
      for (const [n, text] of texts.entries()) drawText(canvas, gap + n * (width + gap), y, shortened(text, width), colour);
    },
  };
}

/** Captions of cells, and their tiles below. */
function rowStrips(row: Row, column: number): Strip[] {
  const lines = Math.max(0, ...row.map(({ caption }) => caption.length));
  const captions = Array.from({ length: lines }, (_, line) =>
    textStrip(
      row.map(({ caption }) => caption[line] ?? ''),
      line,
      column,
    ),
  );
  const tiles: Strip = {
    height: Math.max(0, ...row.map(({ tile }) => tile?.height ?? 0)) + gap,
    draw: (canvas, y) => {
      for (const [n, { tile }] of row.entries())
        if (tile) drawTile(canvas, gap + n * (column + gap) + ((column - tile.width) >> 1), y, tile);
    },
  };
  return [...captions, tiles];
}

/** An entry of the legend at its place; without a colour, a note that some are left out. */
interface PlacedEntry {
  readonly x: number;
  readonly name: string;
  readonly colour?: LegendEntry['colour'];
}

function legendStrip(line: readonly PlacedEntry[]): Strip {
  return {
    height: lineHeight,
    draw: (canvas, y) => {
      for (const { x, name, colour } of line) {
        if (colour) drawTile(canvas, gap + x, y + ((lineHeight - swatch) >> 1), plain(swatch, colour));
        drawText(canvas, gap + x + (colour ? besideSwatch : 0), y, name, black);
      }
    },
  };
}

/** Legend in lines that are not wider than a number of pixels. */
function legendLinesOf(legend: readonly LegendEntry[], width: number): PlacedEntry[][] {
  const lines: PlacedEntry[][] = [[]];
  let x = 0;
  for (const [n, entry] of legend.entries()) {
    const name = shortened(entry.name, legendName);
    const taken = besideSwatch + widthOf(name);
    const isLast = lines.length === mostLegendLines;
    if (x > 0 && x + taken + (isLast ? moreWidth : 0) > width) {
      if (isLast) {
        lines.at(-1)?.push({ x, name: `and ${legend.length - n} more` });
        return lines;
      }
      lines.push([]);
      x = 0;
    }
    lines.at(-1)?.push({ x, name, colour: entry.colour });
    x += taken + 2 * gap;
  }
  return legend.length === 0 ? [] : lines;
}

/** Words in lines that are not wider than a number of pixels. A word that is wider has a line of its own. */
export function wrapped(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && widthOf(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

function drawTile({ data, width }: Canvas, x: number, y: number, tile: Canvas): void {
  for (let row = 0; row < tile.height; row++) {
    const from = row * tile.width * 3;
    data.set(tile.data.subarray(from, from + tile.width * 3), ((y + row) * width + x) * 3);
  }
}

/** A square of one colour. */
function plain(side: number, colour: LegendEntry['colour']): Canvas {
  return { data: Uint8Array.from({ length: side * side * 3 }, (_, i) => colour[i % 3] as number), width: side, height: side };
}

/** Blends the colours of a mask with its image, half and half. */
function colourMask(image: Image, { ids }: Mask, leftOut: ReadonlySet<number>): Image {
  const { bands } = image;
  const pixels = image.pixels.slice();
  const colours: (readonly number[])[] = [];
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    const over = (colours[id] ??= legendColour(id, leftOut));
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
