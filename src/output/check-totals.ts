import { createSorter, distinct, type Group, groupsOf } from '../base/sorter.ts';
import type { Difference } from './compare.ts';
import { classNamesFile } from './drawn-masks.ts';
import { describeLeaf, differingLeaves } from './leaves.ts';
import type { Manifest, ManifestRecord } from './manifest.ts';
import { createInputs, type ManifestFrame, manifestName } from './manifest-file.ts';
import { inputsOf } from './records.ts';

/**
 * Compares the totals of a manifest with its records: its summary, its classes, the number of its variants and of its input files. Records
 * are added one by one.
 */
export function createTotals(frame: ManifestFrame) {
  const counts: Counts = { samples: 0, augmented: 0, unchanged: new Map(), pasted: 0, dropped: new Map(), classes: new Map() };
  const inputs = createInputs();
  /** Variants by sample id, each as JSON: copy, split, number of views. */
  const variants = createSorter();
  /** Input files but the views of masks, which are not read. */
  const files = createSorter();
  let split: string | undefined;
  for (const { path } of frame.documents) if (path !== classNamesFile) files.add(path);
  return {
    add(record: ManifestRecord): void {
      const { id, copy } = record;
      if (copy !== undefined) split ??= record.split;
      count(record, counts);
      inputs.add(record);
      variants.add(`${id}\0${JSON.stringify([copy ?? null, record.split, record.files.views?.length ?? 0])}`);
      const views = new Set(record.inputs.views?.map(({ path }) => path));
      for (const { path } of inputsOf(record)) if (!views.has(path)) files.add(path);
    },

    differences(): Difference[] {
      const { classes, summary, inputDigest } = frame;
      const pasted = Object.fromEntries(classes.filter(({ pasted }) => pasted > 0).map(({ id, pasted }) => [id, pasted]));
      const expected = {
        summary: {
          samples: counts.samples,
          augmented: counts.augmented,
          unchanged: Object.fromEntries(counts.unchanged),
          pasted: counts.pasted,
          dropped: Object.fromEntries(counts.dropped),
          skipped: frame.skipped.length,
        },
        classes: Object.fromEntries(counts.classes),
        inputDigest: inputs.digest().sha256,
      };
      const leaves = differingLeaves({ summary, classes: pasted, inputDigest }, expected);
      const { missing, views } = checkVariants(groupsOf(variants.sorted()), split, frame.options);
      const found = [...[...leaves].map(describeLeaf), ...missing, ...missingInputs(frame, views + countOf(distinct(files.sorted())))];
      return found.map((what) => ({ path: manifestName, what }));
    },
  };
}

/** Totals of the records of copies. */
interface Counts {
  samples: number;
  augmented: number;
  readonly unchanged: Map<string, number>;
  pasted: number;
  readonly dropped: Map<string, number>;
  readonly classes: Map<number, number>;
}

function count(record: ManifestRecord, counts: Counts): void {
  if (record.status === 'augmented') for (const { classId } of record.placements) increase(counts.classes, classId);
  if (record.copy === undefined) return;
  counts.samples++;
  for (const { reason } of record.dropped ?? []) increase(counts.dropped, reason);
  if (record.status === 'unchanged') increase(counts.unchanged, record.reason);
  else {
    counts.augmented++;
    counts.pasted += record.placements.length;
  }
}

function increase<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/**
 * Finds samples that do not have each copy once, or that have no original where others have one.
 *
 * @param split that is augmented.
 * @returns sentences, and the number of views of all samples.
 */
function checkVariants(
  samples: Iterable<Group>,
  split: string | undefined,
  { copies, includeOriginals }: Manifest['options'],
): { missing: string[]; views: number } {
  const missing: string[] = [];
  let views = 0;
  for (const { key: id, rests } of samples) {
    let [records, copiesThere, mostViews] = [0, 0, 0];
    let [hasOriginal, isOwn] = [false, false];
    let before: number | null | undefined;
    for (const rest of rests) {
      const [copy, ofSplit, ofViews] = JSON.parse(rest) as [copy: number | null, split: string, views: number];
      records++;
      mostViews = Math.max(mostViews, ofViews);
      isOwn ||= ofSplit === split;
      if (copy === null) hasOriginal = true;
      // Records of one copy follow one another.
      else if (copy !== before && copy < Number(copies)) copiesThere++;
      before = copy;
    }
    views += mostViews;
    const expected = isOwn ? Number(copies) + Number(includeOriginals) : 1;
    const hasAll = isOwn ? copiesThere === Number(copies) && (hasOriginal || !includeOriginals) : hasOriginal;
    if (records !== expected || !hasAll) missing.push(`has ${records} records of ${id}, which should have ${expected}`);
  }
  return { missing, views };
}

/** Says how many input files the records and documents do not account for. @param there files that they have. */
function missingInputs({ input, skipped, sources }: ManifestFrame, there: number): string[] {
  const mayBeMore = skipped.length > 0 || sources !== undefined;
  const isWrong = mayBeMore ? there > input.files : there !== input.files;
  return isWrong ? [`counts ${input.files} input files, but its records and documents have ${there}`] : [];
}

function countOf(items: Iterable<unknown>): number {
  let n = 0;
  for (const _ of items) n++;
  return n;
}
