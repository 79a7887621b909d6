/**
 * The manifest of a bank of objects: cut-outs of the instances of a data set, with the facts that planning needs. One record describes
 * the cut-outs of one sample. Samples without a cut-out have a record too, so that sources are drawn as from the data set itself.
 */
import { createHash } from 'node:crypto';
import { isBelow, joinPath } from '../base/paths.ts';
import { decodeText } from '../base/text.ts';
import { cannotRead, readStart, type Tree } from '../base/tree.ts';
import { pngHeader } from '../codecs/png.ts';
import { CopyPasteError, codeOf, messageOf } from '../errors.ts';
import type { Box, Depth, Entry, Licence, Size } from '../types.ts';
import { isClassId } from './class-ids.ts';
import { partsOf } from './json.ts';

/** Maximum number of instances in a sample, as in a mask. */
const mostInstances = 2 ** 20;

/** Name of the manifest in the folder of a bank. */
export const bankFile = 'manifest.json';

/** Names of the layouts of source sets that are no data sets: a bank, and a folder of cut-outs of another tool. */
export const [bankLayout, cutoutsLayout] = ['bank', 'cutouts'] as const;

/** Version of the manifest of a bank. */
export const bankVersion = 1;

/** One cut-out: the pixels of an instance in its box, as a PNG with alpha. */
export interface BankCutout {
  /** Path of the PNG, relative to the folder of the bank. */
  readonly path: string;
  readonly classId: number;
  /** Name of the class, if it has one. */
  readonly class?: string;
  /** Box in the sample's image. */
  readonly box: Box;
  /** Index among the sample's instances. */
  readonly number: number;
  /** Number of pixels. */
  readonly area: number;
  readonly truncated: boolean;
  /** Run lengths of its mask in its box, row by row, beginning with zeros, packed as COCO packs them; so that planning reads no PNG. */
  readonly mask: string;
  readonly sha256: string;
}

/** Record of one sample of a bank. */
export interface BankRecord extends Size {
  readonly id: string;
  /** Bits per channel of the image and of its cut-outs. */
  readonly depth: Depth;
  readonly licence?: Licence;
  /** Files that the cut-outs were made from. */
  readonly inputs?: readonly { readonly path: string; readonly sha256: string }[];
  readonly cutouts: readonly BankCutout[];
}

/** Facts about the data set of a bank. Its manifest also records the options and the version of the tool. */
export interface BankHead {
  readonly kind: 'bank';
  readonly schema: typeof bankVersion;
  /** Classes of the data set that have a name. */
  readonly classes: readonly { readonly id: number; readonly name: string }[];
  /** Ids of classes that are stuff, if the data set knows them. */
  readonly stuff?: readonly number[];
  readonly layout: { readonly background: readonly number[]; readonly ignore: readonly number[] };
}

/** A sample in the manifest of a bank. */
export interface BankEntry extends Pick<BankRecord, 'id' | 'depth'> {
  readonly size: Size;
  /** Place of its record in the manifest. */
  readonly entry: Entry;
}

/** Contents of the manifest of a bank, without the records themselves. */
export interface Bank {
  readonly head: BankHead;
  readonly entries: readonly BankEntry[];
  /** Number of cut-outs. */
  readonly cutouts: number;
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
  readonly sha256: string;
}

/** Tests if a folder is a bank. */
export async function isBank(root: string): Promise<boolean> {
  const start = await readStart(joinPath(root, bankFile), bankFile, 64).catch(() => undefined);
  return start !== undefined && /^\s*\{\s*"kind"\s*:\s*"bank"/.test(Buffer.from(start).toString('latin1'));
}

/** Number of files whose headers show what a folder holds. */
const looked = 8;

/** Tests if a folder seems to hold cut-outs: one of its first PNGs has alpha. */
export async function holdsCutouts(root: string, { files }: Tree): Promise<boolean> {
  for (const file of files.filter(isPng).slice(0, looked)) {
    const header = pngHeader(await readStart(joinPath(root, file), file, 33));
    if (header?.colour.endsWith('alpha')) return true;
  }
  return false;
}

/** Tests if a file is named as a PNG. */
export function isPng(file: string): boolean {
  return /\.png$/i.test(file);
}

/**
 * Reads and checks the manifest of a bank.
 *
 * @param each receives the record of each sample.
 * @throws {CopyPasteError} `data` if the manifest is invalid, `io` if it cannot be read.
 */
export async function readBank(root: string, each?: (record: BankRecord) => void): Promise<Bank> {
  const refuse = (what: string, cause?: unknown): CopyPasteError =>
    new CopyPasteError('data', `is not the manifest of a bank: ${what}; extract the bank again`, { path: bankFile, cause });
  const hash = createHash('sha256');
  // Without a prototype, no key has a value before it is read.
  const head: Record<string, unknown> = Object.create(null);
  const skipped: Bank['skipped'][0][] = [];
  const entries: BankEntry[] = [];
  let cutouts = 0;
  try {
    for await (const { key, element, bytes, place } of partsOf(root, bankFile, { seen: (part) => hash.update(part) })) {
      const value: unknown = JSON.parse(decodeText(bytes, bankFile, undefined, place.start));
      if (element && key === 'records') {
        const record = asBankRecord(value);
        const { id, width, height, depth } = record;
        entries.push({ id, size: { width, height }, depth, entry: { document: bankFile, places: [place.start, place.length] } });
        cutouts += record.cutouts.length;
        each?.(record);
      } else if (element && key === 'skipped') skipped.push(value as Bank['skipped'][0]);
      else if (element) head[key] = [...((head[key] ?? []) as unknown[]), value];
      else head[key] = value;
    }
    const { records: _, skipped: __, summary: ___, ...rest } = head;
    const ids = new Set(entries.map(({ id }) => id));
    if (ids.size < entries.length) throw new Error('two records have the same id');
    return { head: asBankHead(rest), entries, cutouts, skipped, sha256: hash.digest('hex') };
  } catch (cause) {
    if (cause instanceof CopyPasteError) throw cause;
    throw codeOf(cause) === undefined ? refuse(messageOf(cause), cause) : cannotRead(bankFile, cause);
  }
}

/** Checks the head of a bank. @throws {Error} with what is wrong. */
export function asBankHead(value: unknown): BankHead {
  const { kind, schema, classes, stuff = [], layout } = value as Partial<BankHead>;
  if (kind !== 'bank') throw new Error('it has another kind');
  if (schema !== bankVersion) throw new Error(`version ${JSON.stringify(schema)} is not supported, only version ${bankVersion}`);
  const named = Array.isArray(classes) && classes.every(({ id, name }) => isClassId(id) && typeof name === 'string');
  if (!named || ![layout?.background, layout?.ignore, stuff].every((ids) => Array.isArray(ids) && ids.every(isClassId)))
    throw new Error('its classes are invalid');
  return value as BankHead;
}

// Checked by hand: with a library for schemas, 100,000 cut-outs take seconds.
/** Checks the record of a sample. @throws {Error} with what is wrong. */
export function asBankRecord(value: unknown): BankRecord {
  const { id, width, height, depth, cutouts } = value as Partial<BankRecord>;
  if (typeof id !== 'string' || id === '') throw new Error('a record has no id');
  const wrong = (what: string): Error => new Error(`record ${id}: ${what}`);
  if (!isCount(width) || !isCount(height) || (depth !== 8 && depth !== 16) || !Array.isArray(cutouts))
    throw wrong('its size, depth or cut-outs are invalid');
  for (const one of cutouts as readonly Partial<BankCutout>[]) {
    const isPath = typeof one.path === 'string' && isBelow(one.path);
    if (!isPath) throw wrong('a path leads out of the bank');
    const numbers =
      isClassId(one.classId) &&
      Number.isInteger(one.number) &&
      (one.number as number) >= 0 &&
      (one.number as number) < mostInstances &&
      isCount(one.area);
    const rest =
      typeof one.truncated === 'boolean' &&
      typeof one.mask === 'string' &&
      typeof one.sha256 === 'string' &&
      /^[0-9a-f]{64}$/.test(one.sha256);
    if (!numbers || !rest || !isBoxWithin(one.box, { width, height })) throw wrong(`the cut-out ${one.path} is invalid`);
  }
  return value as BankRecord;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isBoxWithin(box: unknown, { width, height }: Size): box is Box {
  if (!Array.isArray(box) || box.length !== 4 || !box.every(Number.isSafeInteger)) return false;
  const [x0, y0, x1, y1] = box as unknown as Box;
  return 0 <= x0 && x0 < x1 && x1 <= width && 0 <= y0 && y0 < y1 && y1 <= height;
}

/** Names of the folders of classes: the names of the classes without characters that file systems refuse, or the ids. */
export function classFolders(classNames: ReadonlyMap<number, string>): (classId: number) => string {
  const folders = new Map([...classNames].map(([id, name]) => [id, safeName(name) ?? `${id}`]));
  const uses = new Map<string, number>();
  for (const folder of folders.values()) uses.set(folder.toLowerCase(), (uses.get(folder.toLowerCase()) ?? 0) + 1);
  return (id) => {
    const folder = folders.get(id) ?? `${id}`;
    return (uses.get(folder.toLowerCase()) ?? 0) > 1 ? `${folder}-${id}` : folder;
  };
}

/** A class name as the name of a folder; `undefined` if nothing is left of it. */
function safeName(name: string): string | undefined {
  const safe = name
    .normalize('NFC')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: file systems refuse control characters.
    .replaceAll(/[\u0000-\u001f\u007f/\\:*?"<>|]+/g, '_')
    .replace(/^[. ]*(.*[^. ])?[. ]*$/s, '$1');
  // Names of devices on Windows, and names of other files of a bank.
  const reserved = /^(con|prn|aux|nul|com\d|lpt\d|manifest\.json|run\.jsonl)$/i.test(safe);
  return safe === '' ? undefined : reserved ? `_${safe}` : [...safe].slice(0, 60).join('');
}
