import { basename } from 'node:path';
import { createSorter, groupsOf } from '../base/sorter.ts';
import { type Dataset, wholeFiles } from '../dataset/open.ts';
import { CopyPasteError } from '../errors.ts';
import { pathsOfShapes } from '../formats/format.ts';
import { isShardName, journalName } from '../formats/unfinished.ts';
import type { AugmentOptions } from '../options.ts';
import type { Sample } from '../types.ts';
import { classNamesFile } from './drawn-masks.ts';
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

/**
 * Paths that the variants of all samples may be written to, each with the id of its sample.
 *
 * @param copies numbers of the copies, from 0.
 */
function* filesOfSamples(dataset: Dataset, options: AugmentOptions, copies: Iterable<number>): Generator<{ path: string; id: string }> {
  const suffixes = [...copies].map((copy) => variantSuffix(copy, options));
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
  const all = [...filesOfSamples(dataset, options, Array.from({ length: options.copies }).keys())].map(({ path }) => path);
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
  const reserved: string[] = [];
  const refuseReserved = (path: string): void => {
    if (own.includes(path.toLowerCase()) || isShardName(path)) reserved.push(`${path}: the name is reserved for the manifest or a journal`);
  };
  // By the folded name, then the name, then the order of the samples.
  const files = createSorter();
  let n = 0;
  for (const { path, id } of filesOfSamples(dataset, options, copiesToCheck(dataset, options)))
    files.add(`${path.toLowerCase()}\0${path}\0${String(n++).padStart(12, '0')}${id}`);
  let before = '\0';
  for (const { key, rests } of groupsOf(files.sorted())) {
    const [folded, path] = key.split('\0') as [string, string];
    const [beforeFolded, beforePath] = before.split('\0') as [string, string];
    if (beforeFolded === folded && twins.length === 0) twins = [beforePath, path];
    let idBefore: string | undefined;
    for (const rest of rests) {
      const id = rest.slice(12);
      if (idBefore !== undefined) offenders.push(`${path}: both ${idBefore} and ${id} would write this file`);
      if (Buffer.byteLength(basename(path)) > 255) offenders.push(`${path}: the name is longer than 255 bytes`);
      refuseReserved(path);
      idBefore = id;
    }
    before = key;
  }
  for (const path of wholeFiles(dataset)) refuseReserved(path);
  offenders.push(...reserved);
  if (offenders.length > 0)
    throw new CopyPasteError('data', 'output files would overwrite one another or have invalid names; rename the samples', {
      offenders,
    });
  return twins;
}

/**
 * Copies whose names show if any two files of a run have the same name, so that millions of copies need not be listed. Files of two samples
 * that have the same name in one copy have it in the first. Otherwise a name of the data set holds the suffix of a copy, or its ending begins
 * with digits, which may continue a suffix.
 */
function copiesToCheck(dataset: Dataset, options: AugmentOptions): Set<number> {
  const { copies } = options;
  const checked = new Set([0, copies - 1]);
  if (checked.size === copies) return checked;
  const add = (digits: string): void => {
    for (let n = 1; n <= Math.min(digits.length, String(copies).length); n++) {
      const number = Number(digits.slice(0, n));
      if (number >= 1 && number <= copies) checked.add(number - 1);
    }
  };
  const addAll = (sample: Sample): void => {
    for (const path of possibleFiles(sample, '', options)) for (const [, digits = ''] of path.matchAll(/_aug(\d+)/gi)) add(digits);
    for (const ending of Object.values(sample.endings)) add(`1${/^\d*/.exec(ending)?.[0]}`);
  };
  for (const samples of [dataset.samples, dataset.others]) for (const sample of samples) addAll(sample);
  return checked;
}
