import type { Difference } from './compare.ts';
import { classNamesFile } from './drawn-masks.ts';
import { describeLeaf, differingLeaves } from './leaves.ts';
import type { Manifest, ManifestRecord } from './manifest.ts';
import { inputDigestOf, manifestName } from './manifest-file.ts';
import { inputsOf } from './records.ts';

/** Compares the totals of a manifest with its records: its summary, its classes, the number of its variants and of its input files. */
export function checkTotals(manifest: Manifest): Difference[] {
  const { classes, summary, inputDigest, records } = manifest;
  const expected = {
    summary: summaryOf(manifest),
    classes: pastedByClass(records),
    inputDigest: inputDigestOf(records),
  };
  const pasted = Object.fromEntries(classes.filter(({ pasted }) => pasted > 0).map(({ id, pasted }) => [id, pasted]));
  const leaves = differingLeaves({ summary, classes: pasted, inputDigest }, expected);
  const found = [...[...leaves].map(describeLeaf), ...missingVariants(manifest), ...missingInputs(manifest)];
  return found.map((what) => ({ path: manifestName, what }));
}

function summaryOf({ records, skipped }: Manifest): Manifest['summary'] {
  const variants = records.filter(({ copy }) => copy !== undefined);
  return {
    samples: variants.length,
    augmented: variants.filter(({ status }) => status === 'augmented').length,
    unchanged: countOf(variants.flatMap((record) => (record.status === 'unchanged' ? [record.reason] : []))),
    pasted: variants.flatMap((record) => (record.status === 'augmented' ? record.placements : [])).length,
    dropped: countOf(variants.flatMap(({ dropped = [] }) => dropped.map(({ reason }) => reason))),
    skipped: skipped.length,
  };
}

function pastedByClass(records: readonly ManifestRecord[]): Record<string, number> {
  return countOf(records.flatMap((record) => (record.status === 'augmented' ? record.placements.map(({ classId }) => `${classId}`) : [])));
}

function countOf(names: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries(counts);
}

/** Samples that do not have each copy once, or that have no original where others have one. */
function* missingVariants({ records, options }: Manifest): Generator<string> {
  const { copies } = options;
  const found = new Map<string, (number | undefined)[]>();
  for (const { id, copy } of records) found.set(id, [...(found.get(id) ?? []), copy]);
  const split = records.find(({ copy }) => copy !== undefined)?.split;
  const own = new Set(records.filter((record) => record.split === split).map(({ id }) => id));
  for (const [id, variants] of found) {
    const expected = own.has(id)
      ? [...(options.includeOriginals ? [undefined] : []), ...Array.from({ length: Number(copies) }, (_, n) => n)]
      : [undefined];
    const wrong = expected.length !== variants.length || expected.some((copy) => !variants.includes(copy));
    if (wrong) yield `has ${variants.length} records of ${id}, which should have ${expected.length}`;
  }
}

/** Input files that the records and documents do not account for. */
function* missingInputs({ records, documents, input, skipped, sources }: Manifest): Generator<string> {
  const files = new Set(documents.map(({ path }) => path).filter((path) => path !== classNamesFile));
  for (const record of records) {
    for (const { path } of inputsOf(record)) files.add(path);
    // The views of a mask are not read, but belong to the sample.
    for (const n of (record.files.views ?? []).keys()) files.add(`${record.id} view ${n}`);
    for (const { path } of record.inputs.views ?? []) files.delete(path);
  }
  const mayBeMore = skipped.length > 0 || sources !== undefined;
  if (mayBeMore ? files.size > input.files : files.size !== input.files)
    yield `counts ${input.files} input files, but its records and documents have ${files.size}`;
}
