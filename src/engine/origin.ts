import { isBankSet, openBank } from '../dataset/bank.ts';
import { isCutoutFolder, reopenCutouts } from '../dataset/cutouts.ts';
import { type Dataset, openDataset } from '../dataset/open.ts';
import { type SourcedDataset, withSources } from '../dataset/sources.ts';
import { CopyPasteError } from '../errors.ts';
import type { Folders } from '../formats/folders.ts';
import { type AugmentOptions, augmentOptions, type Given } from '../options.ts';
import { classNamesFile } from '../output/drawn-masks.ts';
import type { LayoutRecord, Manifest, ManifestRecord } from '../output/manifest.ts';
import { inputsOf, sourceInputsOf } from '../output/records.ts';
import { resolveOptions } from '../schema.ts';
import { sourcePrefix } from '../types.ts';

/** A manifest, with the data set and the options from which its output was made. */
export interface Origin {
  readonly manifest: Manifest;
  readonly dataset: SourcedDataset;
  readonly options: AugmentOptions;
}

/**
 * Opens the data set from which the output of a manifest was made.
 *
 * @param places folder of the data set and, if instances came from another one, the folder of that.
 * @throws {CopyPasteError} `usage` if `places.sources` does not fit the manifest, `data` if a document has changed.
 */
export async function openOrigin(
  manifest: Manifest,
  places: { readonly in: string; readonly sources?: string | undefined },
  running: Partial<Given<typeof augmentOptions>>,
): Promise<Origin> {
  const { layout, sources, options: given, seed, records } = manifest;
  if ((sources === undefined) !== (places.sources === undefined)) {
    const message = sources
      ? '--sources is missing: instances were copied from another data set; pass its folder'
      : `--sources ${places.sources}: no instances were copied from another data set; leave --sources out`;
    throw new CopyPasteError('usage', message);
  }
  const options = resolveOptions(augmentOptions, { ...given, seed, ...running, in: places.in });
  const opened = await reopen(layout, options, records.flatMap(inputsOf));
  // Colours come from the manifest, so that `opened.carried` lacks the file that they were first read from.
  const known = new Set([...opened.lists.keys(), ...opened.imageLists.keys(), ...[...opened.documents.values()].map(({ path }) => path)]);
  if (options.maskFiles) known.add(classNamesFile);
  const carried = manifest.documents.map(({ path }) => path).filter((path) => !known.has(path));
  const target = { ...opened, carried };
  if (!sources || places.sources === undefined) return { manifest, dataset: target, options: { ...options, skipBad: false } };
  const own = {
    ...options,
    in: places.sources,
    onlySplit: true,
    ...(sources.name === layout.name ? {} : { maskSuffix: '', imageSuffix: '' }),
  };
  const from = await reopenSources(sources, own, records);
  const { pairs, others } = sources.classes;
  return { manifest, dataset: withSources(target, from, { pairs: new Map(pairs), others }), options: { ...options, skipBad: false } };
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

/** Opens a data set with the layout in a manifest. @throws {CopyPasteError} `data` if a document has changed. */
async function reopen(
  layout: LayoutRecord,
  options: AugmentOptions,
  inputs: readonly { readonly path: string; readonly sha256: string }[],
): Promise<Dataset> {
  const { background, ignore } = layout;
  const opened = await openDataset({
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
  });
  return { ...withDocuments(opened, layout), digests: new Map(inputs.map(({ path, sha256 }) => [path, sha256])) };
}

function foldersOf({ folders }: LayoutRecord): Folders[] {
  return folders.map(({ split, images, masks, objects, parts }) => ({
    split,
    images,
    masks,
    ...(objects !== undefined && { objects }),
    ...(parts && { parts: parts.map(({ list, ...part }) => ({ ...part, ...(list !== undefined && { list }) })) }),
  }));
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
