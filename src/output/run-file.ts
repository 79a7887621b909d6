/**
 * Run files: all that the shards of a run need, so that each plans and renders its own batches from this file alone. They are JSON lines: a
 * head with the options and the measures of the whole set, the folders, files of several samples, then one line for each sample, sorted by
 * id. The last line is the digest of the run: the SHA-256 of the lines above, without those of folders and times, which may differ between
 * machines.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { digestOf } from '../base/digest.ts';
import { completeLines, firstLines, lastLine } from '../base/lines.ts';
import type { List } from '../base/list.ts';
import { chunksOf, inParts } from '../base/parts.ts';
import { isBelow, joinPath } from '../base/paths.ts';
import { openRegular, stateOf } from '../base/regular.ts';
import { parse, stringify } from '../base/serial.ts';
import { cannotRead } from '../base/tree.ts';
import { type Dataset, wholeFiles } from '../dataset/open.ts';
import { filesOfSample } from '../dataset/sample-files.ts';
import type { SourcedDataset, SourceSet } from '../dataset/sources.ts';
import { CopyPasteError, codeOf, kindOfUnread, messageOf, systemMessageOf } from '../errors.ts';
import type { ListedImage } from '../formats/image-lists.ts';
import type { Measures } from '../plan/measures.ts';
import type { OpenFile } from '../storage/store.ts';
import type { Sample, View } from '../types.ts';
import { withMeasures } from './head.ts';
import { countSchema, headSchema, type ManifestHead } from './manifest.ts';

/** A run to be written as a file. */
export interface PlannedRun {
  readonly dataset: SourcedDataset;
  readonly folders: RunFolders;
  readonly head: ManifestHead;
  readonly measures: Measures;
  /** Two files of the run whose names differ only in case; empty if there are none. */
  readonly twins: readonly string[];
  readonly shards: number;
  /** True to list the sizes and times of files instead of their digests. */
  readonly fast: boolean;
}

/** Parts of a data set that are not in the head of a run file. */
type Unframed = 'root' | 'digests' | 'samples' | 'others' | 'lists' | 'imageLists';

const amountSchema = z.strictObject({ samples: countSchema, pixels: countSchema });
const runHeadSchema = z.strictObject({
  runFile: z.literal(1, { error: ({ input }) => `version ${JSON.stringify(input)} is not supported, only version 1` }),
  shards: z.int().min(1),
  manifest: headSchema,
  augmented: amountSchema,
  others: amountSchema,
  twins: z.array(z.string()),
  views: z.array(z.custom<View>()),
  dataset: z.custom<Omit<Dataset, Unframed>>((value) => typeof value === 'object'),
  sources: z.custom<Omit<SourceSet, Unframed>>((value) => typeof value === 'object').optional(),
});

/**
 * Head of a run file: the number of shards, the head of the manifest, the samples of the augmented split and of the others, two file names
 * that differ only in case, the views of class masks, to which samples refer by number, and the data sets without their samples.
 */
export type RunFileHead = z.infer<typeof runHeadSchema>;

const foldersSchema = z.strictObject({ in: z.string(), out: z.string(), sources: z.string().optional() });

/** Folders of a run, as the command line gave them. */
export type RunFolders = z.infer<typeof foldersSchema>;

/** A file as it was when the run was planned; `time` is in seconds, and absent if it does not count. */
export type FileState = { readonly sha256: string } | { readonly bytes: number; readonly time?: number | undefined };

/** A file with its state. */
export interface ListedFile {
  readonly path: string;
  readonly state: FileState;
}

/** A line of a run file: a sample of the augmented split, of another split or of the source set; or a file or a list of several samples. */
export type RunLine =
  | {
      readonly kind: 'sample' | 'other' | 'source';
      readonly sample: Sample;
      readonly files: readonly ListedFile[];
      /** Sum of the weights of the source samples up to this one, if sources are drawn by weight. */
      readonly sum?: number | undefined;
    }
  | { readonly kind: 'in' | 'sources'; readonly file: ListedFile }
  | { readonly kind: 'ids'; readonly path: string; readonly of: readonly string[] }
  | { readonly kind: 'images'; readonly path: string; readonly of: readonly ListedImage[] };

/** A run file. */
export interface RunFile {
  readonly path: string;
  readonly head: RunFileHead;
  readonly folders: RunFolders;
  /** Digest of the run. */
  readonly digest: string;
  /** Reads the listing. @throws {CopyPasteError} `data` if the file is damaged. */
  lines(): AsyncGenerator<RunLine>;
}

/** Files whose states are read at the same time. */
const filesAtOnce = 16;

/** Text of a run file, in parts. @throws {CopyPasteError} `io` if a file of the data set cannot be read. */
export async function* runText(run: PlannedRun): AsyncGenerator<string> {
  const hash = createHash('sha256');
  let part = '';
  for await (const value of valuesOf(run)) {
    const line = `${stringify(value)}\n`;
    if (isHashed(line)) hash.update(line);
    part += line;
    if (part.length < 1 << 16) continue;
    yield part;
    part = '';
  }
  yield `${part}{"digest":"${hash.digest('hex')}"}\n`;
}

/** Tests if a line is part of the digest. */
function isHashed(line: string): boolean {
  return !/^\{"(folders|times)":/.test(line);
}

/** Values of the lines. */
async function* valuesOf({ dataset, folders, head, measures, twins, shards, fast }: PlannedRun): AsyncGenerator<object> {
  const { samples, others, sources } = dataset;
  const shown = new Set<View>();
  for (const set of [samples, others, sources?.samples ?? []])
    for (const sample of set) for (const { view } of sample.views ?? []) shown.add(view);
  const views = [...shown];
  const runHead: RunFileHead = {
    runFile: 1,
    shards,
    manifest: withMeasures(head, measures),
    augmented: amountOf(samples),
    others: amountOf(others),
    twins: [...twins],
    views,
    dataset: frameOf(dataset),
    ...(sources && { sources: frameOf(sources) }),
  };
  yield runHead;
  yield { folders };
  for (const [path, of] of dataset.lists) yield { kind: 'ids', path, of };
  for (const [path, of] of dataset.imageLists) yield { kind: 'images', path, of };
  yield* wholeValues(dataset, 'in', fast);
  if (sources) yield* wholeValues(sources, 'sources', fast);
  yield* sampleValues(dataset, 'sample', samples, fast, views);
  yield* sampleValues(dataset, 'other', others, fast, views);
  if (sources) yield* sampleValues(sources, 'source', sources.samples, fast, views, measures.sourceSums);
}

/** A data set without the parts that are listed, and without what only whoever plans is told. */
function frameOf<D extends Dataset & { readonly sources?: unknown }>(dataset: D): Omit<D, Unframed> {
  const { root: _, digests: __, samples: ___, others: ____, lists: _____, imageLists: ______, sources: _______, ...frame } = dataset;
  return { ...frame, notes: [], leftBehind: [] } as unknown as Omit<D, Unframed>;
}

function amountOf(samples: List<Sample>): RunFileHead['augmented'] {
  return { samples: samples.length, pixels: samples.reduce((sum, sample) => sum + pixelsOfSample(sample), 0) };
}

/** Pixels of a sample, the measure of its work. */
export function pixelsOfSample({ size }: Pick<Sample, 'size'>): number {
  return size.width * size.height;
}

/** Lines of the files of several samples that are read while samples are made, or copied. */
async function* wholeValues(dataset: Dataset, kind: 'in' | 'sources', fast: boolean): AsyncGenerator<object> {
  const known = new Map([...dataset.documents.values()].map(({ path, sha256 }) => [path, sha256]));
  const { lists, imageLists } = dataset;
  for (const path of wholeFiles(dataset)) {
    if (lists.has(path) || imageLists.has(path)) continue;
    yield* withTimes({ kind, path }, [await listedState(dataset.root, path, fast, known)]);
  }
}

async function* sampleValues(
  dataset: Dataset,
  kind: 'sample' | 'other' | 'source',
  samples: List<Sample>,
  fast: boolean,
  views: readonly View[],
  sums?: Float64Array,
): AsyncGenerator<object> {
  const paths = new Set(wholeFiles(dataset));
  const numbers = new Map(views.map((view, n) => [view, n]));
  let n = 0;
  for (const chunk of chunksOf(samples)) {
    const files = chunk.map((sample) => ownFiles(sample, paths));
    const states = await inParts(files.flat(), filesAtOnce, (path) => listedState(dataset.root, path, fast, dataset.digests));
    let at = 0;
    for (const [i, sample] of chunk.entries()) {
      const own = states.slice(at, (at += (files[i] as string[]).length));
      const packed = sample.views ? { ...sample, views: sample.views.map((one) => ({ ...one, view: numbers.get(one.view) })) } : sample;
      yield* withTimes({ kind, sample: packed, ...(sums && { sum: sums[n] }) }, own);
      n++;
    }
  }
}

/** Paths of the files that belong to a sample alone. */
function ownFiles(sample: Sample, whole: ReadonlySet<string>): string[] {
  return filesOfSample(sample).flatMap(({ path }) => (whole.has(path) ? [] : [path]));
}

/** A line with the states of its files, and the line of their times. */
function* withTimes(value: object, states: readonly FileState[]): Generator<object> {
  const sha256 = states.flatMap((state) => ('sha256' in state ? [state.sha256] : []));
  const sized = states.flatMap((state) => ('bytes' in state ? [state] : []));
  yield { ...value, ...(sized.length > 0 ? { bytes: sized.map(({ bytes }) => bytes) } : { sha256 }) };
  if (sized.length > 0) yield { times: sized.map(({ time }) => time) };
}

async function listedState(root: string, path: string, fast: boolean, known?: ReadonlyMap<string, string>): Promise<FileState> {
  if (fast) return sizeAndTime(root, path);
  return { sha256: known?.get(path) ?? (await digestOf(joinPath(root, path), path)) };
}

/** Size and time of a file. Many tools that copy files keep no more than the second. */
async function sizeAndTime(root: string, path: string): Promise<{ bytes: number; time: number }> {
  const { size, mtimeMs } = await stateOf(joinPath(root, path)).catch((cause: unknown) => {
    throw cannotRead(path, cause);
  });
  return { bytes: size, time: Math.floor(mtimeMs / 1000) };
}

/**
 * Says how a file differs from its state when the run was planned; `undefined` if it does not.
 *
 * @throws {CopyPasteError} `io` if the file cannot be read.
 */
export async function changeOf(root: string, { path, state }: ListedFile): Promise<string | undefined> {
  if ('sha256' in state) return (await digestOf(joinPath(root, path), path)) === state.sha256 ? undefined : 'has other content';
  const { bytes, time } = await sizeAndTime(root, path);
  if (bytes !== state.bytes) return `has ${bytes} bytes instead of ${state.bytes}`;
  return state.time === undefined || time === state.time ? undefined : 'has another time';
}

/**
 * Opens a run file. Only its ends are read.
 *
 * @throws {CopyPasteError} `noInput` if it cannot be read, `data` if it is not a run file or is incomplete.
 */
export async function openRunFile(path: string): Promise<RunFile> {
  const [first, second] = await guarded(path, () => firstLines(path, 2));
  const head = parsed(path, first, runHeadSchema);
  const { folders } = parsed(path, second, z.strictObject({ folders: foldersSchema }));
  const { digest } = parsed(path, await guarded(path, () => lastLine(path)), z.strictObject({ digest: z.string() }), 'is incomplete');
  return { path, head, folders, digest, lines: () => linesOf(path, head) };
}

/** Runs a step that reads a run file. */
async function guarded<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    if (cause instanceof CopyPasteError) throw cause;
    const why = codeOf(cause) === 'ENOENT' ? 'there is no such run file' : `the run file cannot be read: ${systemMessageOf(cause)}`;
    throw new CopyPasteError(kindOfUnread(cause), `${why}; check the path, or make one with copypaste plan`, { path, cause });
  }
}

/** Parses a line of a run file. */
function parsed<T>(path: string, line: string | undefined, schema: z.ZodType<T>, why = 'is not a run file'): T {
  const refuse = (what: string, cause?: unknown): CopyPasteError =>
    new CopyPasteError('data', `${what}; make it with copypaste plan again`, { path, cause });
  let value: unknown;
  try {
    value = parse(line ?? '');
  } catch (cause) {
    throw refuse(`${why}: ${messageOf(cause)}`, cause);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw refuse(`${why}: ${issue?.path.join('.') || 'line'}: ${issue?.message}`, result.error);
}

async function* linesOf(path: string, { views, dataset, sources }: RunFileHead): AsyncGenerator<RunLine> {
  const wholes = {
    in: new Set(wholeFiles({ ...dataset, lists: new Map(), imageLists: new Map() })),
    sources: new Set(sources ? wholeFiles({ ...sources, lists: new Map(), imageLists: new Map() }) : []),
  };
  const file = await guarded(path, () => openRegular(path, false, true));
  try {
    for await (const { line, times } of listedLines(file)) yield runLineOf(line, times, views, wholes);
  } catch (cause) {
    if (codeOf(cause) !== undefined)
      throw new CopyPasteError('io', `cannot be read: ${systemMessageOf(cause)}; run the same command again`, { path, cause });
    throw new CopyPasteError('data', `${messageOf(cause)}; make the run file with copypaste plan again`, { path, cause });
  } finally {
    await file.close();
  }
}

/** Lines after the head and the folders, with their times. @throws {Error} if the file does not have its digest. */
async function* listedLines(file: OpenFile): AsyncGenerator<{ line: Record<string, unknown>; times: readonly number[] }> {
  const hash = createHash('sha256');
  let n = 0;
  let line: Record<string, unknown> | undefined;
  let times: readonly number[] = [];
  for await (const { text } of completeLines(file)) {
    n++;
    const value = n > 2 ? (parse(text) as Record<string, unknown>) : {};
    if (value.times) {
      times = value.times as number[];
      continue;
    }
    if (line) yield { line, times };
    [line, times] = [n > 2 ? value : undefined, []];
    if (value.digest === undefined) {
      if (isHashed(text)) hash.update(`${text}\n`);
      continue;
    }
    if (value.digest === hash.digest('hex')) return;
    throw new Error('does not have its digest: it was changed or is damaged');
  }
  throw new Error('is incomplete');
}

function runLineOf(
  line: Record<string, unknown>,
  times: readonly number[],
  views: readonly View[],
  wholes: { readonly in: ReadonlySet<string>; readonly sources: ReadonlySet<string> },
): RunLine {
  const { kind, sha256 = [], bytes = [] } = line as { kind: RunLine['kind']; sha256?: string[]; bytes?: number[] };
  const listed = (paths: readonly string[]): ListedFile[] => {
    if (paths.length !== sha256.length + bytes.length) throw new Error('does not list its files');
    return paths.map((path, i) => {
      // A run file may come from somebody else.
      if (!isBelow(path)) throw new Error(`${path}: leads out of the data set`);
      return { path, state: bytes.length > 0 ? { bytes: bytes[i] as number, time: times[i] } : { sha256: sha256[i] as string } };
    });
  };
  if (kind === 'ids' || kind === 'images') return line as unknown as RunLine;
  if (kind === 'in' || kind === 'sources') return { kind, file: listed([line.path as string])[0] as ListedFile };
  const { sample: packed, sum } = line as { sample: Sample; sum?: number };
  const sample = packed.views
    ? { ...packed, views: packed.views.map((one) => ({ ...one, view: views[one.view as unknown as number] as View })) }
    : packed;
  const files = listed(ownFiles(sample, kind === 'source' ? wholes.sources : wholes.in));
  return { kind, sample, files, sum };
}
