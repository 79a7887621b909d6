import { basename } from 'node:path';
import { type Dataset, wholeFiles } from '../dataset/open.ts';
import { CopyPasteError } from '../errors.ts';
import { pathsOfShapes } from '../formats/format.ts';
import type { AugmentOptions } from '../options.ts';
import type { Sample } from '../types.ts';
import { classNamesFile } from './drawn-masks.ts';
import { journalName } from './journal.ts';
import { manifestName } from './manifest-file.ts';
import { anyName } from './remove.ts';
import { drawnFiles, pastedFiles, variantFiles, variantSuffix } from './variants.ts';

/** Paths that a variant of a sample may be written to, whether it is pasted into or passes through; one that ends in `anyName` stands for all paths that begin so. */
export function possibleFiles(sample: Sample, suffix: string, { imageFormat, maskFiles }: AugmentOptions): string[] {
  const drawn = maskFiles ? drawnFiles(sample, suffix) : [];
  const files = [...variantFiles(sample, suffix), ...drawn, ...pastedFiles(sample, suffix, { imageFormat })];
  return [...new Set([...files.map(({ path }) => path), ...newShapes(sample, suffix)])];
}

/** Start of the paths of new mask files of shapes, whose names follow from the pastes. */
function newShapes({ shapeFiles }: Sample, suffix: string): string[] {
  return shapeFiles ? pathsOfShapes({ ...shapeFiles, names: [anyName] }, suffix) : [];
}

/** Paths that the variants of all samples may be written to, each with the id of its sample. */
function* filesOfSamples(dataset: Dataset, options: AugmentOptions): Generator<{ path: string; id: string }> {
  const suffixes = Array.from({ length: options.copies }, (_, copy) => variantSuffix(copy, options));
  const own = [...(options.includeOriginals ? [''] : []), ...suffixes];
  for (const [samples, variants] of [
    [dataset.others, ['']],
    [dataset.samples, own],
  ] as const) {
    for (const sample of samples)
      for (const suffix of variants) for (const path of possibleFiles(sample, suffix, options)) yield { path, id: sample.id };
  }
}

/** Paths of all files that a run may write, except the manifest and the journal. */
export function filesOfRun(dataset: Dataset, options: AugmentOptions): Set<string> {
  const all = [...filesOfSamples(dataset, options)].map(({ path }) => path);
  return new Set([...all, ...wholeFiles(dataset), ...(options.maskFiles ? [classNamesFile] : [])]);
}

/**
 * Checks the names of all output files.
 *
 * @returns two output paths that differ only in case; empty if there are none.
 * @throws {CopyPasteError} `data` if two samples would write the same path, or a name is reserved or too long.
 */
export function checkNames(dataset: Dataset, options: AugmentOptions): readonly string[] {
  const own = [manifestName, journalName];
  const offenders: string[] = [];
  let twins: readonly string[] = [];
  const files = [...filesOfSamples(dataset, options)].map(({ path, id }) => ({ path, id, folded: path.toLowerCase() }));
  files.sort((a, b) => compare(a.folded, b.folded) || compare(a.path, b.path));
  for (const [i, { path, id, folded }] of files.entries()) {
    const before = files[i - 1];
    if (before?.path === path) offenders.push(`${path}: both ${before.id} and ${id} would write this file`);
    else if (before?.folded === folded && twins.length === 0) twins = [before.path, path];
    if (Buffer.byteLength(basename(path)) > 255) offenders.push(`${path}: the name is longer than 255 bytes`);
  }
  for (const path of [...files.map(({ path }) => path), ...wholeFiles(dataset)])
    if (own.includes(path.toLowerCase())) offenders.push(`${path}: the name is reserved for the manifest or the journal`);
  if (offenders.length > 0)
    throw new CopyPasteError('data', 'output files would overwrite one another or have invalid names; rename the samples', {
      offenders,
    });
  return twins;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
