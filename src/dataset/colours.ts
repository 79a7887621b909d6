import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CopyPasteError, messageOf } from '../errors.ts';
import type { Colours } from '../types.ts';

/** Files that say what the colours of masks stand for, as CamVid, CVAT and class dictionaries call them. */
const mapNames = ['label_colors.txt', 'labelmap.txt', 'class_dict.csv'];

/** What colours of masks stand for: class ids in the order of a file's lines. */
export interface ColourMap {
  readonly colours: Colours;
  readonly classNames: ReadonlyMap<number, string>;
  /** Ids that are no objects, by their names. */
  readonly background: readonly number[];
  readonly ignore: readonly number[];
}

/**
 * Reads a colour map: lines `r g b name`, `name:r,g,b::` or `name,r,g,b`.
 *
 * @throws {CopyPasteError} `noInput` where it cannot be read, `data` where a line or a colour cannot be.
 */
export async function readColourMap(path: string): Promise<ColourMap> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CopyPasteError('noInput', `${path}: the colour map cannot be read: ${messageOf(cause)}`, { cause });
  });
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && !/^name\s*,\s*r\s*,/i.test(line));
  const rows = lines.map((line) => {
    const row = parseLine(line);
    if (row === undefined || row.colour.some((value) => value > 255)) {
      throw new CopyPasteError(
        'data',
        `${path}: '${line}' is not a colour and a name; lines are 'r g b name', 'name:r,g,b::' or 'name,r,g,b'`,
      );
    }
    return row;
  });
  const known = new Set<string>();
  for (const { colour, name } of rows) {
    if (known.has(String(colour))) throw new CopyPasteError('data', `${path}: colour ${colour} of ${name} is another class's too`);
    known.add(String(colour));
  }
  if (rows.length === 0) throw new CopyPasteError('data', `${path}: names no colour`);
  const named = (pattern: RegExp): number[] => rows.flatMap(({ name }, id) => (pattern.test(name) ? [id] : []));
  return {
    colours: rows.map(({ colour }) => colour),
    classNames: new Map(rows.map(({ name }, id) => [id, name])),
    background: named(/^_*background_*$/i),
    ignore: named(/^_*(void|ignore|ignored|unlabel+ed|unknown)_*$/i),
  };
}

function parseLine(line: string): { name: string; colour: readonly [number, number, number] } | undefined {
  const camvid = /^(\d+)\s+(\d+)\s+(\d+)\s+(.+)$/.exec(line);
  if (camvid) return { name: camvid[4] as string, colour: triple(camvid.slice(1, 4)) };
  const cvat = /^([^:]+):\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*(?::|$)/.exec(line) ?? /^([^,]+),\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)$/.exec(line);
  return cvat ? { name: (cvat[1] as string).trim(), colour: triple(cvat.slice(2, 5)) } : undefined;
}

function triple(texts: readonly string[]): readonly [number, number, number] {
  return texts.map(Number) as [number, number, number];
}

/** The colour map that a data set brings along. */
export function findColourMap(root: string, files: readonly string[]): string | undefined {
  const name = mapNames.find((one) => files.includes(one));
  return name === undefined ? undefined : join(root, name);
}
