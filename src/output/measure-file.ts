/**
 * Parts of the measures of a data set, which `plan --measure` prints and `plan --join` reads. A part is JSON lines: the head of the run and
 * the number of the part, a line for each sample, and the digest of these lines. A file has any number of parts, in any order.
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
  readonly of: number;
  samples: number;
  isWhole: boolean;
}

const again = 'measure it again with plan --measure';

/**
 * Opens a file of parts.
 *
 * @param run head of the run that is planned.
 * @throws {CopyPasteError} `noInput` if it cannot be read or a part is missing, `usage` if a part is of another run, `data` if the file or a
 * part is damaged.
 */
export async function openMeasures<S>(path: string, run: ManifestHead): Promise<MeasureFile<S>> {
  const file = await openRegular(path).catch((cause: unknown) => {
    const why = codeOf(cause) === 'ENOENT' ? 'there is no such file' : `cannot be read: ${systemMessageOf(cause)}`;
    throw new CopyPasteError(kindOfUnread(cause), `${why}; pass a file of the parts that plan --measure has printed`, { path, cause });
  });
  try {
    const places = await placesOf(path, file, run);
    return {
      count: places.reduce((sum, { samples }) => sum + samples, 0),
      async *samples() {
        const opened = await openRegular(path, false, true);
        try {
          for (const place of places) yield* samplesAt<S>(opened, place);
        } finally {
          await opened.close();
        }
      },
    };
  } finally {
    await file.close();
  }
}

/** Finds all parts, in order. */
async function placesOf(path: string, file: OpenFile, run: ManifestHead): Promise<Place[]> {
  const refuse = (what: string, code: 'data' | 'usage' | 'noInput' = 'data'): CopyPasteError => new CopyPasteError(code, what, { path });
  const places = new Map<number, Place>();
  let open: { readonly part: number; readonly place: Place; readonly hash: Hash } | undefined;
  const endOpen = (): void => {
    if (open && !open.place.isWhole) throw refuse(`part ${open.part} of ${open.place.of} is incomplete; ${again}`);
  };
  let total: number | undefined;
  let n = 0;
  for await (const { text, place } of completeLines(file)) {
    n++;
    const [, kind] = /^\{"(part|sample|digest)":/.exec(text) ?? [];
    if (kind === 'part') {
      endOpen();
      const { part, of, difference } = headIn(text, run, () => refuse(`line ${n} is no head of a part; ${again}`));
      if (difference !== undefined) throw refuse(`part ${part} of ${of} was measured in another run: ${difference}; ${again}`, 'usage');
      if (of !== (total ??= of)) throw refuse(`has parts of ${total} and of ${of}; measure all parts again`);
      open = { part, place: { start: place.start + place.length, of, samples: 0, isWhole: false }, hash: createHash('sha256') };
      // A task that was repeated has measured the same.
      if (!places.has(part)) places.set(part, open.place);
    } else if (kind === undefined || !open || open.place.isWhole) throw refuse(`line ${n} belongs to no part; measure the parts again`);
    else if (kind === 'sample') open.place.samples++;
    if (kind !== 'digest') open.hash.update(`${text}\n`);
    else if (text === `{"digest":"${open.hash.digest('hex')}"}`) open.place.isWhole = true;
    else throw refuse(`part ${open.part} of ${open.place.of} does not have its digest: it was changed or is damaged; ${again}`);
  }
  endOpen();
  return inOrder(places, total, refuse);
}

/** All parts in order. @throws {CopyPasteError} if one is missing. */
function inOrder(
  places: ReadonlyMap<number, Place>,
  total: number | undefined,
  refuse: (what: string, code?: 'data' | 'noInput') => CopyPasteError,
): Place[] {
  if (total === undefined) throw refuse('has no part; pass a file of the parts that plan --measure has printed');
  const all = Array.from({ length: total }, (_, i) => i + 1);
  const missing = all.filter((part) => !places.has(part));
  if (missing.length > 0) {
    const what = missing.length === 1 ? 'part is' : 'parts are';
    throw refuse(`${what} missing: ${rangesOf(missing)} of ${total}; measure the rest with plan --measure, and add it`, 'noInput');
  }
  return all.map((part) => places.get(part) as Place);
}

/** Head of a part; `difference` tells how its run differs. */
function headIn(text: string, run: ManifestHead, refuse: () => CopyPasteError): PartNumber & { difference: string | undefined } {
  try {
    const { part, of, run: there } = parse(text) as PartNumber & { run: unknown };
    if (!Number.isInteger(part) || !Number.isInteger(of) || part < 1 || part > of) throw refuse();
    return { part, of, difference: differenceOf(headSchema.parse(there), run) };
  } catch {
    throw refuse();
  }
}

async function* samplesAt<S>(file: OpenFile, { start, samples }: Place): AsyncGenerator<S> {
  let n = 0;
  if (samples === 0) return;
  for await (const { text } of completeLines(file, start)) {
    yield (parse(text) as { sample: S }).sample;
    if (++n === samples) return;
  }
}
