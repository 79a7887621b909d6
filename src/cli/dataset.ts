/** Lines that describe a data set once it is open, or inspected. */

import { plural } from '../base/plural.ts';
import { isBankSet } from '../dataset/bank.ts';
import { isCutoutFolder } from '../dataset/cutouts.ts';
import type { Dataset } from '../dataset/open.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { describeUnpasted, total, unpastedWith } from '../dataset/unpasted.ts';
import type { Inspection } from '../engine/inspection.ts';
import { bankLayout } from '../formats/bank.ts';
import { noCategory } from '../masks/ids.ts';
import { some } from './some.ts';

/** Layout, folders, split and number of samples of a data set. */
export function describeDataset({ layout, folders, split, splits, samples, others, documents }: Dataset): string {
  const files = new Set([...documents.values()].map(({ path }) => path));
  const named = (path: string): string => (files.has(path) ? path : `${path === '' ? '.' : path}/`);
  const pairs = folders
    .filter((one) => split === '' || one.split === '' || one.split === split)
    .map(({ images, masks, objects }) => [...new Set([images, masks, objects ?? masks])].map(named).join(' + '));
  const rest = splits.filter((name) => name !== split);
  const passing = others.length > 0 ? `; ${plural(others.length, 'sample')} of ${rest.join(', ')} copied unchanged` : '';
  return `${layout} layout: ${pairs.join(', ')}${split === '' ? '' : `, split ${split}`}: ${plural(samples.length, 'sample')}${passing}`;
}

/** Lines on annotations that are never pasted, or lose a part when pasted. */
function describeCounts({ counts, crowds }: Dataset): string[] {
  const { unpasted: all = {}, keypoints = 0, annotations = 0 } = counts ?? {};
  const unpasted = unpastedWith(all, crowds);
  const n = total(unpasted);
  return [
    ...(n > 0
      ? [`${n} of ${plural(annotations, 'annotation')} ${n === 1 ? 'is' : 'are'} kept and never pasted: ${describeUnpasted(unpasted)}`]
      : []),
    ...(keypoints > 0
      ? [
          `${plural(keypoints, 'annotation')} ${keypoints === 1 ? 'has' : 'have'} keypoints, which are dropped from pasted and covered annotations`,
        ]
      : []),
  ];
}

/** Lines on a data set beside its description: counts of annotations, and its notes. */
export function describeNotes(dataset: Dataset): string[] {
  return [...describeCounts(dataset), ...dataset.notes];
}

/** Description of a source set that consists of cut-outs; `undefined` for another one. */
function describeCutouts(sources: Dataset): string | undefined {
  const { samples, documents, folders } = sources;
  if (isCutoutFolder(sources)) {
    const cutouts = samples.reduce((sum, { cutouts = [] }) => sum + cutouts.length, 0);
    return `folder of cut-outs: ${plural(cutouts, 'cut-out')} that may be pasted, in ${plural(samples.length, 'group')}; ${plural(folders.length, 'class', 'classes')}`;
  }
  if (!isBankSet(sources)) return undefined;
  return `bank: ${plural(documents.get('')?.annotations ?? 0, 'cut-out')} from ${plural(samples.length, 'sample')}`;
}

/** Lines on the source data set and its classes; none without `--sources`. */
export function describeSources({ sources, classNames }: SourcedDataset): string[] {
  if (!sources) return [];
  const { pairs, others } = sources.classes;
  const nameOf = (id: number): string => sources.classNames.get(id) ?? String(id);
  const taken = [...pairs].filter(([, ours]) => ours !== null);
  const renamed = taken.filter(
    ([theirs, ours]) => nameOf(theirs).toLowerCase() !== (classNames.get(ours as number) ?? String(ours)).toLowerCase(),
  );
  const how = renamed.map(([theirs, ours]) => `${nameOf(theirs)} as ${classNames.get(ours as number) ?? ours}`);
  const isTheirs = (id: number): boolean => sources.classNames.size === 0 || sources.classNames.has(id);
  const left = [...pairs.keys()].filter((id) => pairs.get(id) === null && !sources.leftOut.has(id) && isTheirs(id));
  const isStuff = (id: number): boolean => sources.stuff?.has(id) ?? false;
  const stuff = left.filter(isStuff).map(nameOf);
  const rest = left.filter((id) => !isStuff(id)).map(nameOf);
  const listed = (names: readonly string[]): string => `${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}`;
  return [
    `sources: ${describeCutouts(sources) ?? describeDataset(sources)}`,
    ...describeNotes(sources),
    others === 'same' && taken.length === 0
      ? 'source classes are matched by id'
      : `source classes: ${taken.length} pasted${how.length > 0 ? ` (${listed(how)})` : ''}${rest.length > 0 ? `, ${rest.length} not pasted: ${listed(rest)}` : ''}${stuff.length > 0 ? `, ${stuff.length} stuff: ${listed(stuff)}` : ''}`,
  ];
}

/** Id of a class in a table; empty for pixels that belong to no object, which have an id inside the program only. */
export function idText({ id, leftOut }: { readonly id: number; readonly leftOut: boolean }): string {
  return leftOut && id === noCategory ? '' : `${id}`;
}

/** Layout, and number of samples by split. */
export function describeLayout({ layout, splits, annotations }: Inspection): string {
  const total = Object.values(splits).reduce((sum, n) => sum + n, 0);
  const named = Object.keys(splits).some((name) => name !== '')
    ? Object.entries(splits).map(([name, n]) => `${name === '' ? 'no split' : name} ${n}`)
    : [];
  return layout === bankLayout
    ? `bank of objects: ${plural(annotations, 'cut-out')} of ${plural(total, 'sample')}`
    : `${layout} layout: ${plural(total, 'sample')}${named.length > 0 ? `: ${named.join(', ')}` : ''}`;
}

/** Sizes of the images, the most common first. */
export function describeSizes({ sizes }: Inspection): string {
  const named = Object.entries(sizes).map(([size, n]) => `${size} (${n})`);
  return `sizes: ${some(named, 6).join(', ')}`;
}
