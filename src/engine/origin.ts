import type { Meter } from '../base/meter.ts';
import { isBankSet, openBank } from '../dataset/bank.ts';
import { isCutoutFolder, reopenCutouts } from '../dataset/cutouts.ts';
import { type Dataset, openDataset } from '../dataset/open.ts';
import { type SourcedDataset, withSources } from '../dataset/sources.ts';
import { CopyPasteError, messageOf } from '../errors.ts';
import { listDataset } from '../formats/archives.ts';
import { detectLayout } from '../formats/detect.ts';
import { type AugmentOptions, augmentOptions, type Option } from '../options.ts';
import { foldersOf } from '../output/head.ts';
import type { LayoutRecord, ManifestHead, ManifestRecord } from '../output/manifest.ts';
import { manifestName, type OpenManifest } from '../output/manifest-file.ts';
import { type HashedFile, inputsOf, sourceInputsOf } from '../output/records.ts';
import { resolveOptions } from '../schema.ts';
import { sourcePrefix } from '../types.ts';
import { bytesOfImage } from './images.ts';

/** A manifest, with the data set and the options from which its output was made. */
export interface Origin {
  readonly manifest: OpenManifest;
  readonly dataset: SourcedDataset;
  readonly options: AugmentOptions;
}

/** Files and folders of the command line, which a manifest does not hold. */
export interface Places
  extends Partial<Pick<AugmentOptions, 'colorMap' | 'classNames' | 'classMap' | 'jobs' | 'memory'>>,
    Pick<AugmentOptions, 'in' | 'out'> {
  readonly sources?: string | undefined;
}

/**
 * Options of `augment` for the run of a manifest. Only those that its output depends on are taken from the manifest: the others name
 * files, and nobody has asked to read these.
 *
 * @param list names of the samples of a run with a list, as `listedIn` reads them.
 * @throws {CopyPasteError} `usage` if the sources do not fit the manifest, `data` if it has other options or invalid values.
 */
export function givenOptions(
  manifest: Pick<ManifestHead, 'options' | 'seed' | 'sources'>,
  { in: input, out, sources, ...places }: Places,
  list?: readonly string[],
): AugmentOptions {
  const { options, seed } = manifest;
  if ((manifest.sources === undefined) !== (sources === undefined)) {
    const message = manifest.sources
      ? '--sources is missing: instances were copied from another data set; pass its folder'
      : `--sources ${sources}: no instances were copied from another data set; leave --sources out`;
    throw new CopyPasteError('usage', message);
  }
  const table: Readonly<Record<string, Option>> = augmentOptions;
  const strange = Object.keys(options).find((name) => !Object.hasOwn(table, name) || table[name]?.bytes === false);
  if (strange !== undefined)
    throw new CopyPasteError('data', `options.${strange} is no option that a manifest holds`, { path: manifestName });
  const { colorMap, classNames, classMap, jobs, memory } = places;
  try {
    return resolveOptions(augmentOptions, {
      ...options,
      seed,
      in: input,
      list: list && [...list],
      out,
      sources,
      colorMap,
      classNames,
      classMap,
      jobs,
      memory,
    });
  } catch (cause) {
    throw new CopyPasteError('data', `has options that this version refuses: ${messageOf(cause)}`, { path: manifestName, cause });
  }
}

/** Reads the names of the samples of a run with a list, good and bad; `undefined` without a list. */
export async function listedIn({ frame: { list, skipped }, records }: OpenManifest): Promise<string[] | undefined> {
  if (!list) return undefined;
  const ids = new Set<string>();
  for await (const { id } of records()) ids.add(id);
  for (const { id } of skipped) ids.add(id);
  return [...ids].filter((id) => !id.startsWith(sourcePrefix));
}

/**
 * Opens the data set from which the output of a manifest was made.
 *
 * @throws {CopyPasteError} `usage` if `places.sources` does not fit the manifest, `data` if a document has changed.
 */
export async function openOrigin(manifest: OpenManifest, places: Places, meter?: Meter): Promise<Origin> {
  const { frame, records } = manifest;
  const { layout, sources } = frame;
  const options = givenOptions(frame, places, await listedIn(manifest));
  const opened = await reopen(layout, options, await digestsIn(records(), inputsOf), meter);
  if (!sources || places.sources === undefined) return { manifest, dataset: opened, options: { ...options, skipBad: false } };
  const own = {
    ...options,
    in: places.sources,
    sources: undefined,
    list: undefined,
    onlySplit: true,
    ...(sources.name === layout.name ? {} : { maskSuffix: '', imageSuffix: '', colorMap: undefined, classNames: undefined }),
  };
  const from = await reopenSources(sources, own, records());
  const { pairs, others } = sources.classes;
  return { manifest, dataset: withSources(opened, from, { pairs: new Map(pairs), others }), options: { ...options, skipBad: false } };
}

/** Opens a source set, from which instances were copied. */
async function reopenSources(sources: LayoutRecord, options: AugmentOptions, records: AsyncIterable<ManifestRecord>): Promise<Dataset> {
  if (isBankSet({ layout: sources.name })) return withDocuments(await openBank(options.in), sources);
  if (!isCutoutFolder({ layout: sources.name })) return reopen(sources, options, await digestsIn(records, sourceInputsOf));
  const samples = new Map<string, readonly HashedFile[]>();
  for await (const record of records)
    if (record.status === 'augmented') samples.set(record.source.slice(sourcePrefix.length), record.sourceCutouts ?? []);
  return reopenCutouts(options.in, foldersOf(sources), samples);
}

/** Digests of files of records, by path. */
async function digestsIn(
  records: AsyncIterable<ManifestRecord>,
  filesOf: (record: ManifestRecord) => readonly HashedFile[],
): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  for await (const record of records) for (const { path, sha256 } of filesOf(record)) digests.set(path, sha256);
  return digests;
}

/**
 * Opens a data set with the layout in a manifest.
 *
 * @param digests of files that must be unchanged when they are read, by path.
 * @throws {CopyPasteError} `data` if a document has changed.
 */
export async function reopen(
  layout: LayoutRecord,
  options: AugmentOptions,
  digests: ReadonlyMap<string, string>,
  meter?: Meter,
): Promise<Dataset> {
  const { background, ignore } = layout;
  const recorded = {
    ...options,
    split: undefined,
    layout: layout.name,
    folders: foldersOf(layout),
    ...(layout.split !== '' && { split: layout.split }),
    background,
    ignore,
    colours: layout.colours,
    threshold: layout.threshold,
    skipBad: true,
  };
  const opened = await openDataset(recorded, meter).catch(async (cause: unknown) => {
    const { layout: found } = await detectLayout(await listDataset(options.in), undefined, options.encoding).catch(() => ({ layout }));
    if (found.name === layout.name) throw cause;
    throw new CopyPasteError(
      'data',
      `${options.in}: has the ${found.name} layout, but the manifest has ${layout.name}; pass the data set that the output was made from`,
      { cause },
    );
  });
  return { ...withDocuments(opened, layout), digests };
}

/** Refuses a data set whose documents are not those of a manifest. @throws {CopyPasteError} `data` if so. */
function withDocuments(opened: Dataset, layout: LayoutRecord): Dataset {
  for (const { path, sha256 } of layout.documents ?? []) {
    const digest = [...opened.documents.values()].find((document) => document.path === path)?.sha256;
    if (digest !== sha256)
      throw new CopyPasteError(
        'data',
        digest === undefined
          ? `${path}: is in the manifest, but not in the data set; restore the file`
          : `${path}: has changed: its SHA-256 is ${digest}, but the manifest has ${sha256}; restore the original file`,
      );
  }
  return opened;
}

/** Creates a function that gives the bytes of the decoded image of a record's sample; 0 if the data set has no such sample. */
export function imageBytesIn({ samples, others }: SourcedDataset): (record: ManifestRecord) => number {
  const bytes = new Map([...samples, ...others].map((sample) => [sample.id, bytesOfImage(sample)]));
  return ({ id }) => bytes.get(id) ?? 0;
}
