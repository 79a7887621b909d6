/** Head of a manifest: everything that determines the output. */
import { createHash, type Hash } from 'node:crypto';
import { sha256 } from '../base/digest.ts';
import { chunksFrom, inParts } from '../base/parts.ts';
import { joinPath } from '../base/paths.ts';
import { stateOf } from '../base/regular.ts';
import { createSorter, distinct } from '../base/sorter.ts';
import { codecs } from '../codecs/image.ts';
import { type Dataset, wholeFiles } from '../dataset/open.ts';
import { filesOfSample } from '../dataset/sample-files.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError } from '../errors.ts';
import { type BankHead, bankVersion } from '../formats/bank.ts';
import type { Folders } from '../formats/folders.ts';
import {
  type AugmentOptions,
  augmentOptions,
  type ExtractOptions,
  extractOptions,
  keyOf,
  type Option,
  type PackOptions,
  packOptions,
} from '../options.ts';
import type { Measures } from '../plan/measures.ts';
import { sourcePrefix } from '../types.ts';
import { version } from '../version.ts';
import { headSchema, type LayoutRecord, type ManifestHead, schemaVersion } from './manifest.ts';

/** Head of a run's manifest. Runs with equal heads write equal bytes. */
export async function headOf(dataset: SourcedDataset, options: AugmentOptions): Promise<ManifestHead> {
  const { sources } = dataset;
  const { seed, ...rest } = optionsOf(augmentOptions, options);
  return headSchema.parse({
    schema: schemaVersion,
    tool: { name: 'copypaste', version },
    codecs,
    seed,
    options: rest,
    layout: layoutOf(dataset),
    ...(dataset.list && { list: dataset.list }),
    ...(sources && {
      sources: { ...layoutOf(sources), classes: { pairs: [...sources.classes.pairs], others: sources.classes.others } },
    }),
    input: await inputOf(dataset, sources),
  });
}

/** Adds the measures of a run to its head. They follow from the rest, so that two runs are not compared by them. */
export function withMeasures(head: ManifestHead, measures: Measures): ManifestHead {
  const recorded = recordedOf(measures);
  return Object.keys(recorded).length > 0 ? headSchema.parse({ ...head, measures: recorded }) : head;
}

/** Head of a bank. Runs of `extract` with equal heads write equal bytes. */
export async function bankHeadOf(dataset: Dataset, options: ExtractOptions): Promise<BankRunHead> {
  const { png } = codecs;
  // The head of a bank has them beside its layout.
  const { stuffClasses: stuff, ...layout } = layoutOf(dataset);
  return {
    kind: 'bank',
    schema: bankVersion,
    tool: { name: 'copypaste', version },
    codecs: { png },
    options: optionsOf(extractOptions, options),
    layout,
    ...(dataset.list && { list: dataset.list }),
    input: await inputOf(dataset, undefined),
    classes: [...dataset.classNames].map(([id, name]) => ({ id, name })),
    ...(stuff && { stuff }),
  };
}

/** Head of packed data. Runs of `pack` with equal heads write equal bytes. */
export async function packHeadOf(dataset: Dataset, options: PackOptions): Promise<PackHead> {
  return {
    kind: 'pack',
    schema: 1,
    tool: { name: 'copypaste', version },
    codecs: {},
    options: optionsOf(packOptions, options),
    layout: layoutOf(dataset),
    ...(dataset.list && { list: dataset.list }),
    input: await inputOf(dataset, undefined),
    classes: [...dataset.classNames].map(([id, name]) => ({ id, name })),
  };
}

/** Options that output bytes depend on. */
function optionsOf(rows: Readonly<Record<string, Option>>, options: object): ManifestHead['options'] {
  return JSON.parse(JSON.stringify(Object.fromEntries(Object.entries(options).filter(([name]) => rows[name]?.bytes !== false))));
}

/** Number, size and listing of the input files of a data set and its source set. */
async function inputOf(dataset: Dataset, sources: Dataset | undefined): Promise<ManifestHead['input']> {
  const listing = createHash('sha256');
  const own = await listFiles(dataset, '', listing);
  const theirs = sources ? await listFiles(sources, sourcePrefix, listing) : { files: 0, bytes: 0 };
  for (const [id, name] of dataset.classNames) listing.update(`${id} ${name}\n`);
  return { files: own.files + theirs.files, bytes: own.bytes + theirs.bytes, listing: listing.digest('hex') };
}

/** Measures that a manifest records; the prior under its digest. */
function recordedOf({ sourceSums: _, prior, ...rest }: Measures): object {
  return { ...(prior && { prior: { sha256: sha256(JSON.stringify(prior)), ...prior } }), ...rest };
}

/** Hashes the sizes and paths of the input files of a data set. @param prefix put before each path. */
async function listFiles(dataset: Dataset, prefix: string, listing: Hash): Promise<{ files: number; bytes: number }> {
  const paths = createSorter();
  for (const samples of [dataset.samples, dataset.others])
    for (const sample of samples) for (const { path } of filesOfSample(sample)) paths.add(path);
  for (const path of wholeFiles(dataset)) paths.add(path);
  let [files, bytes] = [0, 0];
  for await (const chunk of chunksFrom(distinct(paths.sorted()), 512)) {
    const sizes = await inParts(chunk, 64, async (path) => (await stateOf(joinPath(dataset.root, path)).catch(() => undefined))?.size ?? 0);
    for (const [i, path] of chunk.entries()) listing.update(`${sizes[i]} ${prefix}${path}\n`);
    files += chunk.length;
    bytes += sizes.reduce((sum, size) => sum + size, 0);
  }
  return { files, bytes };
}

/** Layout of a data set as it was opened. */
function layoutOf({ layout, split, folders, background, ignore, colours, threshold, objectIds, stuff, documents }: Dataset): LayoutRecord {
  const digests = [...new Set(documents.values())].map(({ path, sha256 }) => ({ path, sha256 }));
  return {
    name: layout,
    folders: [...folders],
    split,
    background: [...background],
    ignore: [...ignore],
    ...(colours && { colours: colours.map(([red, green, blue]): [number, number, number] => [red, green, blue]) }),
    ...(threshold !== undefined && { threshold }),
    ...(objectIds && { objectIds }),
    ...(stuff && { stuffClasses: [...stuff] }),
    ...(digests.length > 0 && { documents: digests }),
  };
}

/** Folders of each split of a layout in a manifest. */
export function foldersOf({ folders }: LayoutRecord): Folders[] {
  return folders.map(({ split, images, masks, objects, parts }) => ({
    split,
    images,
    masks,
    ...(objects !== undefined && { objects }),
    ...(parts && { parts: parts.map(({ list, ...part }) => ({ ...part, ...(list !== undefined && { list }) })) }),
  }));
}

/** Parts of a head that the runs of all commands have; `seed` and `sources` are those of `augment`. */
export type RunHead = Pick<ManifestHead, 'tool' | 'codecs' | 'options' | 'layout' | 'input'> &
  Partial<Pick<ManifestHead, 'seed' | 'sources' | 'list'>>;

/** Head of the manifest of a bank. */
export type BankRunHead = RunHead & BankHead;

/** Head of the manifest of packed data. */
export interface PackHead extends RunHead {
  readonly kind: 'pack';
  readonly schema: 1;
  /** Classes of the data set that have a name. */
  readonly classes: readonly { readonly id: number; readonly name: string }[];
}

/** Refuses to continue another run. @throws {CopyPasteError} `usage` with the first difference, if the two heads differ. */
export function refuseOther(there: RunHead, here: RunHead, out: string, remedy = 'choose another folder or pass --overwrite'): void {
  const difference = differenceOf(there, here);
  if (difference === undefined) return;
  throw new CopyPasteError('usage', `--out ${out}: contains another run: ${difference}; ${remedy}`);
}

/** First difference between two heads, with both values; options have their names on the command line. */
export function differenceOf(there: RunHead, here: RunHead): string | undefined {
  const flat = ({ tool, codecs, seed, options, layout: { folders, ...layout }, sources, list }: RunHead): Map<string, string> => {
    const theirs = Object.entries(sources ?? {}).map(([name, value]) => [`sources' ${name}`, value] as const);
    const own = Object.entries({
      version: tool.version,
      ...codecs,
      seed,
      ...Object.fromEntries(Object.entries(options).map(([name, value]) => [keyOf(name), value])),
      ...layout,
      folders,
      ...(list && { list: list.samples, 'digest of list': list.sha256 }),
    });
    return new Map([...own, ...theirs].map(([name, value]) => [name, JSON.stringify(value)]));
  };
  const [was, is] = [flat(there), flat(here)];
  for (const name of new Set([...was.keys(), ...is.keys()])) {
    if (was.get(name) !== is.get(name))
      return `${name.replace(/^(sources' )?name$/, '$1layout')} was ${was.get(name) ?? 'not set'} and is now ${is.get(name) ?? 'not set'}`;
  }
  if (there.input.listing === here.input.listing) return undefined;
  const data = ({ input }: RunHead): string => `${input.files} files of ${input.bytes} bytes`;
  return data(there) === data(here)
    ? 'file names or sizes of the data set have changed'
    : `the data set had ${data(there)} and now has ${data(here)}`;
}
