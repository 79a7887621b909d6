import { inParts } from '../base/parts.ts';
import { joinPath } from '../base/paths.ts';
import { readNamedText } from '../base/text.ts';
import { readStart, type Tree } from '../base/tree.ts';
import { paletteAtStart } from '../codecs/png.ts';
import { CopyPasteError } from '../errors.ts';
import { largestClassId } from '../formats/class-ids.ts';
import type { ClassNames, Colours } from '../types.ts';

/** File names of colour maps: CamVid's, CVAT's, and class dictionaries. */
const mapNames = ['label_colors.txt', 'labelmap.txt', 'class_dict.csv'] as const;

/** Name of a colour map that the tool writes. */
export const [colourMapName] = mapNames;

/** Classes of the colours in masks; class ids are the order of lines in the file. */
export interface ColourMap {
  readonly colours: Colours;
  readonly classNames: ReadonlyMap<number, string>;
  /** Ids of classes named background. */
  readonly background: readonly number[];
  /** Ids of classes named void or ignore. */
  readonly ignore: readonly number[];
}

/**
 * Reads a colour map: lines `r g b name`, `name:r,g,b::` or `name,r,g,b`.
 *
 * @throws {CopyPasteError} `noInput` when the file cannot be read, `data` when a line is invalid or a colour occurs twice.
 */
export async function readColourMap(path: string, encoding?: string): Promise<ColourMap> {
  const text = await readNamedText(path, path, encoding);
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && !/^name\s*,\s*r\s*,/i.test(line));
  const rows = lines.map((line) => {
    const row = parseLine(line);
    if (row === undefined || row.colour.some((value) => value > 255)) {
      throw new CopyPasteError(
        'data',
        `${path}: '${line}' is not a colour with a name; write lines as 'r g b name', 'name:r,g,b::' or 'name,r,g,b'`,
      );
    }
    return row;
  });
  const known = new Set<string>();
  for (const { colour, name } of rows) {
    if (known.has(String(colour)))
      throw new CopyPasteError(
        'data',
        `${path}: colour ${colour} of ${name} also belongs to another class; give each class its own colour`,
      );
    known.add(String(colour));
  }
  if (rows.length === 0) throw new CopyPasteError('data', `${path}: contains no colours; write lines as 'r g b name'`);
  if (rows.length > largestClassId + 1)
    throw new CopyPasteError('data', `${path}: has ${rows.length} classes; a mask can hold ${largestClassId + 1}`);
  const named = (pattern: RegExp): number[] => rows.flatMap(({ name }, id) => (pattern.test(name) ? [id] : []));
  return {
    colours: rows.map(({ colour }) => colour),
    classNames: new Map(rows.map(({ name }, id) => [id, name])),
    background: named(/^_*background_*$/i),
    ignore: named(/^_*(void|ignore|ignored|unlabel+ed|unknown)_*$/i),
  };
}

/** Text of a colour map with the names of the classes, or their ids if they have none. */
export function colourMapText(colours: Colours, classNames: ClassNames): string {
  return colours.map((colour, id) => `${colour.join(' ')} ${classNames.get(id) ?? id}\n`).join('');
}

function parseLine(line: string): { name: string; colour: readonly [number, number, number] } | undefined {
  const camvid = /^(\d+)\s+(\d+)\s+(\d+)\s+(\S.*)$/.exec(line);
  if (camvid) return { name: camvid[4] as string, colour: triple(camvid.slice(1, 4)) };
  const cvat = /^([^:]+):\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*(?::|$)/.exec(line) ?? /^([^,]+),\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)$/.exec(line);
  return cvat ? { name: (cvat[1] as string).trim(), colour: triple(cvat.slice(2, 5)) } : undefined;
}

function triple(texts: readonly string[]): readonly [number, number, number] {
  return texts.map(Number) as [number, number, number];
}

/** Finds the colour map in a data set. */
export function findColourMap(root: string, tree: Pick<Tree, 'has'>): string | undefined {
  const name = mapNames.find((one) => tree.has(one));
  return name === undefined ? undefined : joinPath(root, name);
}

/** Number of masks whose palettes are read. */
const firstMasks = 16;

/** Longest start of a PNG with a palette, unless other chunks are long. */
const startBytes = 4096;

/** Tests if the palettes of masks of ids have the colours of a map in its order, so that its classes are those of the ids. */
export async function haveColours(root: string, masks: readonly string[], { colours }: ColourMap): Promise<boolean> {
  const step = Math.max(1, Math.floor(masks.length / firstMasks));
  const some = masks.filter((_, i) => i % step === 0);
  const fit = await inParts(some, 4, async (mask) => {
    const palette = paletteAtStart(await readStart(joinPath(root, mask), mask, startBytes));
    const known = Math.min(colours.length, (palette?.length ?? 0) / 3);
    return known > 1 && colours.slice(0, known).every((colour, id) => colour.every((value, c) => palette?.[3 * id + c] === value));
  });
  return fit.length > 0 && fit.every(Boolean);
}
