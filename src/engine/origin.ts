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
import type { LayoutRecord, Manifest, ManifestRecord } from '../output/manifest.ts';
import { manifestName } from '../output/manifest-file.ts';
import { inputsOf, sourceInputsOf } from '../output/records.ts';
import { resolveOptions } from '../schema.ts';
import { sourcePrefix } from '../types.ts';
import { bytesOfImage } from './images.ts';

/** A manifest, with the data set and the options from which its output was made. */
export interface Origin {
  readonly manifest: Manifest;
  readonly dataset: SourcedDataset;
  readonly options: AugmentOptions;
}

/** Files and folders of the command line, which a manifest does not hold. */
export interface Places
  extends Partial<Pick<AugmentOptions, 'colorMap' | 'classNames' | 'classMap' | 'jobs' | 'memory'>>,
    Pick<AugmentOptions, 'in' | 'out'> {
  readonly sources?: string | undefined;
}

/** Parts of a manifest from which the options of its run are taken; the head of a run file has no records yet. */
type Recorded = Pick<Manifest, 'options' | 'seed' | 'sources'> & Partial<Pick<Manifest, 'list' | 'records' | 'skipped'>>;

/**
 * Options of `augment` for the run of a manifest. Only those that its output depends on are taken from the manifest: the others name
 * files, and nobody has asked to read these.
 *
 * @throws {CopyPasteError} `usage` if the sources do not fit the manifest, `data` if it has other options or invalid values.
 */
export function givenOptions(manifest: Recorded, { in: input, out, sources, ...places }: Places): AugmentOptions {
  const { options, seed } = manifest;
  if ((manifest.sources === undefined) !== (sources === undefined)) {
    const message = manifest.sources
      ? '--sources is missing: instances were copied from another data set; pass its folder'
      : `--sources ${sources}: no instances were copied from another data set; leave --sources out`;
    throw new CopyPasteError('usage', message);
  }
  const table: Readonly<Record<string, Option>> = augmentOptions;
  const strange = Object.keys(options).find((name) => table[name] === undefined || table[name].bytes === false);
  if (strange !== undefined)
    throw new CopyPasteError('data', `options.${strange} is no option that a manifest holds`, { path: manifestName });
  const { colorMap, classNames, classMap, jobs, memory } = places;
  const list = listedIn(manifest);
  try {
    return resolveOptions(augmentOptions, {
      ...options,
      seed,
      in: input,
      list,
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

/** Names of the samples of a run with a list, good and bad; `undefined` without a list. */
function listedIn({ list, records, skipped }: Recorded): string[] | undefined {
  return (
    list && records && skipped && [...new Set([...records, ...skipped].map(({ id }) => id))].filter((id) => !id.startsWith(sourcePrefix))
  );
}

/**
 * Opens the data set from which the output of a manifest was made.
 *
 * @throws {CopyPasteError} `usage` if `places.sources` does not fit the manifest, `data` if a document has changed.
 */
export async function openOrigin(manifest: Manifest, places: Places, meter?: Meter): Promise<Origin> {
  const { layout, sources, records } = manifest;
  const options = givenOptions(manifest, places);
  const opened = await reopen(layout, options, records.flatMap(inputsOf), meter);
  if (!sources || places.sources === undefined) return { manifest, dataset: opened, options: { ...options, skipBad: false } };
  const own = {
    ...options,
    in: places.sources,
    sources: undefined,
    list: undefined,
    onlySplit: true,
    ...(sources.name === layout.name ? {} : { maskSuffix: '', imageSuffix: '', colorMap: undefined, classNames: undefined }),
  };
  const from = await reopenSources(sources, own, records);
  const { pairs, others } = sources.classes;
  return { manifest, dataset: withSources(opened, from, { pairs: new Map(pairs), others }), options: { ...options, skipBad: false } };
}

/** Opens a source set, from which instances were copied. */
async function reopenSources(sources: LayoutRecord, options: AugmentOptions, records: readonly ManifestRecord[]): Promise<Dataset> {
  if (isBankSet({ layout: sources.name })) return withDocuments(await openBank(options.in), sources);
  if (!isCutoutFolder({ layout: sources.name }))
    return reopen(
      sources,
      options,
      records.flatMap((record) => sourceInputsOf(record)),
    );
  const augmented = records.filter((record) => record.status === 'augmented');
  const samples = new Map(augmented.map(({ source, sourceCutouts = [] }) => [source.slice(sourcePrefix.length), sourceCutouts]));
  return reopenCutouts(options.in, foldersOf(sources), samples);
}

/**
 * Opens a data set with the layout in a manifest.
 *
 * @param inputs files that must be unchanged when they are read.
 * @throws {CopyPasteError} `data` if a document has changed.
 */
export async function reopen(
  layout: LayoutRecord,
  options: AugmentOptions,
  inputs: readonly { readonly path: string; readonly sha256: string }[],
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
  return { ...withDocuments(opened, layout), digests: new Map(inputs.map(({ path, sha256 }) => [path, sha256])) };
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
