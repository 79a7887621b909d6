import { createHash } from 'node:crypto';
import { chunksFrom, inParts } from '../base/parts.ts';
import { joinPath } from '../base/paths.ts';
import { plural } from '../base/plural.ts';
import { jobsOf } from '../engine/budget.ts';
import type { Hooks } from '../engine/hooks.ts';
import { imageBytesIn, type Origin, openOrigin } from '../engine/origin.ts';
import { type PlannedAgain, planAgain } from '../engine/plan-again.ts';
import { documentsAgain, type Entries, type Pass, remake } from '../engine/remake.ts';
import { CopyPasteError, interrupted } from '../errors.ts';
import { type Given, type Resolved, verifyOptions } from '../options.ts';
import { checkFiles } from '../output/check-files.ts';
import { checkRecord } from '../output/check-record.ts';
import { openShapes } from '../output/check-shapes.ts';
import { createTotals } from '../output/check-totals.ts';
import { type Difference, describeDifference } from '../output/compare.ts';
import { createFinder, readOwn } from '../output/files.ts';
import { describeLeaf, differingLeaves } from '../output/leaves.ts';
import { type ManifestRecord, recordSchema, type SampleRecord } from '../output/manifest.ts';
import { manifestName, type OpenManifest, openManifest } from '../output/manifest-file.ts';
import { digestsOf, outputsOf } from '../output/records.ts';
import type { Use } from '../output/samples.ts';
import { withBackend } from '../render/backend.ts';
import { resolveOptions } from '../schema.ts';

/** Result of a verification. */
export interface Verification {
  readonly samples: number;
  readonly files: number;
  /** Number of samples that were rendered again. */
  readonly rendered: number;
  readonly differences: readonly Difference[];
  /** Sentences about parts that were not checked. */
  readonly unchecked: readonly string[];
}

/**
 * Compares an output with its manifest: every file exists with its digest, no file is extra, totals and annotations agree with the
 * records. `deep` plans anew from the input, renders samples again, and compares plans and bytes.
 *
 * @throws {CopyPasteError} `noInput` when the manifest is missing, `data` when the input has changed.
 */
export async function verify(given: Given<typeof verifyOptions>, hooks: Hooks = {}): Promise<Verification> {
  const options = resolveOptions(verifyOptions, given);
  const { out, deep, in: input } = options;
  if (deep && input === undefined) throw new CopyPasteError('usage', '--deep renders samples again from the input; pass --in DIR');
  const { sources, sample, colorMap, classNames, classMap } = options;
  const idle = {
    '--in': input,
    '--sources': sources,
    '--sample': sample,
    '--color-map': colorMap,
    '--class-names': classNames,
    '--class-map': classMap,
  };
  const [flag] = Object.entries(idle).find(([, value]) => value !== undefined) ?? [];
  if (!deep && flag !== undefined) throw new CopyPasteError('usage', `${flag}: needs --deep; pass --deep, or leave it out`);
  const { meter } = hooks;
  const manifest = await openManifest(joinPath(out, manifestName));
  const { frame, count } = manifest;
  const again = deep ? Math.min(count, options.sample ?? count) : 0;

  const jobs = jobsOf(options);
  const { files, twice, damaged, extra } = await checkFiles(out, manifest, jobs, meter);
  const damagedPaths = new Set(damaged.map(({ path }) => path));
  const documentsFine = frame.documents.every(({ path }) => !damagedPaths.has(path));
  const shapes = documentsFine ? await openShapes(out, manifest) : undefined;
  meter?.begin('checking annotations', { count });
  const totals = createTotals(frame);
  const annotations: Difference[] = [];
  for await (const chunk of chunksFrom(manifest.records())) {
    const found = await inParts(chunk, jobs, async (record) => {
      if (hooks.stop?.aborted) throw interrupted();
      const broken = outputsOf(record).some(({ path }) => damagedPaths.has(path));
      const found = broken ? [] : [...(await checkRecord(out, record, frame.layout)), ...((await shapes?.check(record)) ?? [])];
      meter?.add();
      hooks.done?.(record.id, record);
      return found;
    });
    for (const record of chunk) totals.add(record);
    for (const own of found) annotations.push(...own);
  }
  const isComplete = input !== undefined && again === count;
  const { planned, rendered } = input === undefined ? shallow : await compareAgain(manifest, again, { ...options, in: input }, hooks);
  // A message that names the first differing pixel replaces one about the digest.
  const precise = new Map(rendered.map((one) => [one.path, one]));
  return {
    samples: count,
    files,
    rendered: again,
    differences: [
      ...twice,
      ...damaged.map((one) => precise.get(one.path) ?? one),
      ...extra,
      ...totals.differences(),
      ...(shapes?.differences ?? []).filter(({ path }) => !damagedPaths.has(path)),
      ...annotations,
      ...planned.differences,
      ...rendered.filter(({ path }) => !damagedPaths.has(path)),
    ],
    unchecked: [...planned.unchecked, ...(isComplete ? [] : uncheckedShapes(shapes?.unchecked ?? 0))],
  };
}

const shallow: Again = {
  planned: {
    differences: [],
    unchecked: [
      'whether the manifest has all samples, and whether its plans, unchanged samples and documents follow from the data set; to check it, pass --deep --in DIR',
    ],
  },
  rendered: [],
};

/** Sentence about annotations that are in no record. @param samples number of unchanged samples with such annotations. */
function uncheckedShapes(samples: number): string[] {
  if (samples === 0) return [];
  return [`the annotations of ${plural(samples, 'unchanged sample')}, whose pixels no record counts; to check them, pass --deep --in DIR`];
}

/** Results of planning and rendering again. */
interface Again {
  readonly planned: PlannedAgain;
  readonly rendered: readonly Difference[];
}

/** Plans anew, renders `wanted` records again, and compares the output with the results. */
async function compareAgain(
  manifest: OpenManifest,
  wanted: number,
  options: Resolved<typeof verifyOptions> & { readonly in: string },
  hooks: Hooks,
): Promise<Again> {
  const all = manifest.count;
  const { differences, unchecked } = await planAgain(manifest, options, hooks);
  const rest = wanted === all ? [] : [`${plural(all - wanted, 'sample')} of ${all}, and the documents, were not made again`];
  const rendered = wanted === 0 ? [] : await compareRendered(manifest, wanted, options, hooks);
  return { planned: { differences, unchecked: [...unchecked, ...rest] }, rendered };
}

/** Renders `wanted` records again, and compares the output with the results. */
async function compareRendered(
  manifest: OpenManifest,
  wanted: number,
  options: Resolved<typeof verifyOptions> & { readonly in: string },
  hooks: Hooks,
): Promise<Difference[]> {
  const { out, backend } = options;
  const origin = await openOrigin(manifest, options, hooks.meter);
  const find = createFinder(out);
  const bytesOf = imageBytesIn(origin.dataset);
  let bytes = 0;
  for await (const record of spread(manifest, wanted)) bytes += bytesOf(record);
  const records: Pass = async function* (copies) {
    for await (const record of spread(manifest, wanted)) if ((record.copy !== undefined) === copies) yield record;
  };
  hooks.meter?.begin('rendering again', { count: wanted, bytes, pastes: true });
  const found: Difference[] = [];
  const differing = new Map<ManifestRecord, Difference[]>();
  const compare = (record: ManifestRecord): Use => {
    // Files of an unchanged sample are compared by their digests.
    if (record.status === 'unchanged') return async () => {};
    const differences: Difference[] = [];
    differing.set(record, differences);
    return async (file, bytes) => {
      const there = await readOwn(find, file.path).catch(() => undefined);
      const what = there && (await describeDifference(file, there, bytes));
      if (what !== undefined) differences.push({ path: file.path, what });
    };
  };
  const entries: Entries = new Map();
  await withBackend(backend, async (opened) => {
    hooks.chosen?.(opened);
    for await (const { record, made } of remake(origin, records, opened, compare, entries, hooks)) {
      const differences = differing.get(record) ?? [];
      found.push(...(differences.length > 0 ? differences : compareRecord(record, made)));
      differing.delete(record);
      hooks.done?.(record.id, record);
    }
  });
  // A document has entries of all samples.
  if (wanted === manifest.count) found.push(...(await compareDocuments(origin, entries)));
  return found;
}

/** Compares the record of a sample with that of its files made again. */
function compareRecord(record: ManifestRecord, made: SampleRecord): Difference[] {
  if (made.status === 'unchanged') {
    const [expected, there] = [made, record].map((one) => digestsOf(outputsOf(one))) as [Map<string, string>, Map<string, string>];
    const what = 'differs from its input, although its record says that the sample is unchanged';
    const differing = [...there.keys()].filter((path) => expected.has(path) && expected.get(path) !== there.get(path));
    if (differing.length > 0) return differing.map((path) => ({ path, what }));
  }
  const [leaf] = differingLeaves(record, recordSchema.safeParse(made).data);
  if (!leaf) return [];
  return [{ path: manifestName, what: `the record of ${record.id} is not that of the sample rendered again: ${describeLeaf(leaf)}` }];
}

/** Compares files of several samples with the same files made again. */
async function compareDocuments(origin: Origin, entries: Entries): Promise<Difference[]> {
  const found: Difference[] = [];
  const digests = digestsOf(origin.manifest.frame.documents);
  for (const { path, text } of await documentsAgain(origin, entries)) {
    const hash = createHash('sha256');
    for await (const part of text()) hash.update(part);
    const digest = hash.digest('hex');
    if (!digests.has(path)) found.push({ path, what: 'is missing in the documents of the manifest' });
    else if (digest !== digests.get(path)) found.push({ path, what: 'differs from the file made again from the input' });
    digests.delete(path);
  }
  return [...found, ...[...digests.keys()].map((path) => ({ path, what: 'is no document that is made from the input' }))];
}

/** Reads `wanted` records, spread evenly over the manifest. */
async function* spread({ count, records }: OpenManifest, wanted: number): AsyncGenerator<ManifestRecord> {
  let [n, chosen] = [0, 0];
  for await (const record of records()) {
    if (n++ !== Math.floor((chosen * count) / wanted)) continue;
    chosen++;
    yield record;
  }
}
