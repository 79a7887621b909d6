/**
 * Parts of the measures of a data set, which `plan --measure` prints and `plan --join` reads. A part is JSON lines: the head of the run and
 * the number of the part, a line for each sample, and the digest of these lines. A file has any number of parts, in any order; a
 * copy of a part that is incomplete or damaged does not count.
 */
import { createHash, type Hash } from 'node:crypto';
import { completeLines } from '../base/lines.ts';
import { rangesOf } from '../base/ranges.ts';
import { openRegular } from '../base/regular.ts';
import { parse, stringify } from '../base/serial.ts';
import { CopyPasteError, codeOf, kindOfUnread, systemMessageOf } from '../errors.ts';
import type { OpenFile } from '../storage/store.ts';
import { differenceOf } from './head.ts';
import { headSchema, type ManifestHead } from './manifest.ts';

/** Number of a part, from 1, and of all parts. */
export interface PartNumber {
  readonly part: number;
  readonly of: number;
}

/** Text of a part, in pieces. @param samples what was measured of each, in order. */
export async function* partText({ part, of }: PartNumber, run: ManifestHead, samples: AsyncIterable<unknown>): AsyncGenerator<string> {
  const hash = createHash('sha256');
  const lineOf = (value: object): string => {
    const line = `${stringify(value)}\n`;
    hash.update(line);
    return line;
  };
  yield lineOf({ part, of, run });
  for await (const sample of samples) yield lineOf({ sample });
  yield `{"digest":"${hash.digest('hex')}"}\n`;
}

/** Parts of a file, checked. */
export interface MeasureFile<S> {
  /** Number of samples of all parts. */
  readonly count: number;
  /** Reads the samples of all parts, in order. */
  samples(): AsyncGenerator<S>;
}

/** A part in its file. */
interface Place {
  readonly start: number;
  samples: number;
}

const again = 'measure it again with plan --measure';

/**
 * Opens a file of parts.
 *
 * @param run head of the run that is planned.
 * @throws {CopyPasteError} `noInput` if it cannot be read or a part is missing, `usage` if a part is of another run, `data` if the file is
 * damaged or has no whole copy of a part.
 */
export async function openMeasures<S>(path: string, run: ManifestHead): Promise<MeasureFile<S>> {
  const unread = (cause: unknown): never => {
    if (cause instanceof CopyPasteError || codeOf(cause) === undefined) throw cause;
    const why = codeOf(cause) === 'ENOENT' ? 'there is no such file' : `cannot be read: ${systemMessageOf(cause)}`;
    throw new CopyPasteError(kindOfUnread(cause), `${why}; pass a file of the parts that plan --measure has printed`, { path, cause });
  };
  const file = await openRegular(path).catch(unread);
  try {
    const places = await placesOf(path, file, run).catch(unread);
    return {
      count: places.reduce((sum, { samples }) => sum + samples, 0),
      async *samples() {
        const opened = await openRegular(path, false, true).catch(unread);
        try {
          for (const place of places) yield* samplesAt<S>(opened, place);
        } catch (cause) {
          unread(cause);
        } finally {
          await opened.close();
        }
      },
    };
  } finally {
    await file.close();
  }
}

/** Finds a whole copy of each part, in order. Tasks that were killed may have left parts of others, which end within a line. */
async function placesOf(path: string, file: OpenFile, run: ManifestHead): Promise<Place[]> {
  const refuse = (what: string, code: 'data' | 'usage' | 'noInput' = 'data'): CopyPasteError => new CopyPasteError(code, what, { path });
  const places = new Map<number, Place>();
  const broken = new Set<number>();
  /** The part whose digest is not read yet. */
  let open: { readonly part: number; readonly place: Place; readonly hash: Hash } | undefined;
  let total: number | undefined;
  const begin = ({ text, line, end }: Piece): void => {
    if (open) broken.add(open.part);
    const { part, of, difference } = headIn(text, run, () => refuse(`line ${line} is no head of a part; ${again}`));
    if (difference !== undefined) throw refuse(`part ${part} of ${of} was measured in another run: ${difference}; ${again}`, 'usage');
    if (of !== undefined && of !== (total ??= of)) throw refuse(`has parts of ${total} and of ${of}; measure all parts again`);
    open = { part, place: { start: end, samples: 0 }, hash: createHash('sha256').update(`${text}\n`) };
  };
  const add = ({ text, line }: Piece): void => {
    if (!open) {
      // Heads that were cut in their first key.
      if (text.split(/(?=\{)/).every((cut) => headKey.startsWith(cut))) return;
      throw refuse(`line ${line} belongs to no part; measure the parts again`);
    }
    if (!text.startsWith('{"digest":')) {
      if (text.startsWith('{"sample":')) open.place.samples++;
      open.hash.update(`${text}\n`);
      return;
    }
    if (text !== `{"digest":"${open.hash.digest('hex')}"}`) broken.add(open.part);
    // A task that was repeated has measured the same.
    else if (!places.has(open.part)) places.set(open.part, open.place);
    open = undefined;
  };
  for await (const piece of piecesOf(file)) {
    if (piece.text.startsWith(headKey)) begin(piece);
    else add(piece);
  }
  if (open) broken.add(open.part);
  return inOrder(places, broken, total, refuse);
}

/** Begin of the head of a part. */
const headKey = '{"part":';

/** A line, or what a task that was killed has written of one; the head of another part then follows in the same line. */
interface Piece {
  readonly text: string;
  /** Number of the line, from 1. */
  readonly line: number;
  /** First byte after the line. */
  readonly end: number;
}

async function* piecesOf(file: OpenFile): AsyncGenerator<Piece> {
  let line = 0;
  for await (const { text: whole, place } of completeLines(file)) {
    line++;
    const texts = whole.includes(headKey, 1) ? whole.split(/(?=\{"part":\d+,"of":\d+,"run":)/) : [whole];
    for (const text of texts) yield { text, line, end: place.start + place.length };
  }
}

/** All parts in order. @throws {CopyPasteError} if there is no whole copy of one. */
function inOrder(
  places: ReadonlyMap<number, Place>,
  broken: ReadonlySet<number>,
  total: number | undefined,
  refuse: (what: string, code?: 'data' | 'noInput') => CopyPasteError,
): Place[] {
  if (total === undefined) throw refuse('has no whole part; pass a file of the parts that plan --measure has printed');
  const all = Array.from({ length: total }, (_, i) => i + 1);
  const wanted = all.filter((part) => !places.has(part));
  const saying = (state: string, parts: readonly number[]): string[] =>
    parts.length === 0 ? [] : [`${parts.length === 1 ? 'part is' : 'parts are'} ${state}: ${rangesOf(parts)} of ${total}`];
  const absent = saying(
    'missing',
    wanted.filter((part) => !broken.has(part)),
  );
  const damaged = saying(
    'incomplete or damaged',
    wanted.filter((part) => broken.has(part)),
  );
  const what = [...absent, ...damaged].join(', ');
  if (damaged.length > 0) throw refuse(`${what}; measure again with plan --measure, into a new file, and add it`);
  if (absent.length > 0) throw refuse(`${what}; measure the rest with plan --measure, and add it`, 'noInput');
  return all.map((part) => places.get(part) as Place);
}

/**
 * Head of a part; `difference` tells how its run differs. A head that was cut has no `of`, and the part 0 if it does not have that either.
 *
 * @throws {CopyPasteError} what `refuse` makes, if it is another line.
 */
function headIn(
  text: string,
  run: ManifestHead,
  refuse: () => CopyPasteError,
): { part: number; of?: number; difference?: string | undefined } {
  let head: PartNumber & { run: unknown };
  try {
    head = parse(text) as typeof head;
  } catch {
    return { part: Number(/^\{"part":(\d+),/.exec(text)?.[1] ?? 0) };
  }
  const { part, of } = head;
  const there = headSchema.safeParse(head.run);
  if (!there.success || !Number.isInteger(part) || !Number.isInteger(of) || part < 1 || part > of) throw refuse();
  return { part, of, difference: differenceOf(there.data, run) };
}

async function* samplesAt<S>(file: OpenFile, { start, samples }: Place): AsyncGenerator<S> {
  let n = 0;
  if (samples === 0) return;
  for await (const { text } of completeLines(file, start)) {
    yield (parse(text) as { sample: S }).sample;
    if (++n === samples) return;
  }
}
