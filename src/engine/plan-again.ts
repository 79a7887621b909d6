/** Plans the output of a manifest anew, from the data set and the options alone, and compares the manifest with the result. */

import { refuseUnusedOptions } from '../dataset/layout.ts';
import { openSourced, type SourcedDataset } from '../dataset/sources.ts';
import { interrupted } from '../errors.ts';
import { bankLayout, cutoutsLayout } from '../formats/bank.ts';
import { layoutNamed } from '../formats/layouts.ts';
import type { AugmentOptions } from '../options.ts';
import type { Difference } from '../output/compare.ts';
import { foldersOf, headOf, withMeasures } from '../output/head.ts';
import { describeLeaf, differingLeaves } from '../output/leaves.ts';
import { headSchema, type ManifestHead, type ManifestRecord, type SampleRecord } from '../output/manifest.ts';
import { type ManifestFrame, manifestName, type OpenManifest } from '../output/manifest-file.ts';
import { planInRecord, plannedRecord } from '../output/records.ts';
import type { Measures } from '../plan/measures.ts';
import type { Sample } from '../types.ts';
import { version } from '../version.ts';
import { createBudget, createLimit, jobsOf, memoryOf } from './budget.ts';
import { copiesOf } from './copies.ts';
import { giveBackBuffers } from './holdings.ts';
import type { Hooks } from './hooks.ts';
import { bytesOfImage, bytesOfImages } from './images.ts';
import { measure } from './measure.ts';
import { givenOptions, listedIn, type Places } from './origin.ts';
import { wholePart } from './part.ts';
import { type BatchRef, createPlanner } from './planner.ts';
import { badSources, readAndPlan, sourcesRead } from './read-and-plan.ts';
import { createSampleReader } from './reading.ts';
import { countSources, createTally, totalsOf } from './tally.ts';

/** Differences between a manifest and the same plan made anew. */
export interface PlannedAgain {
  readonly differences: readonly Difference[];
  /** Sentences about parts that were not compared. */
  readonly unchecked: readonly string[];
}

/**
 * Plans the output of a manifest anew: opens the data set, measures it, and draws the plans of all batches. No image is rendered.
 *
 * @param places files and folders that the command line of `augment` had.
 * @throws {CopyPasteError} as `augment`.
 */
export async function planAgain(manifest: OpenManifest, places: Places, hooks: Pick<Hooks, 'stop' | 'meter'>): Promise<PlannedAgain> {
  const { frame } = manifest;
  const { tool } = frame;
  if (tool.version !== version) {
    const what = `the manifest is of version ${tool.version}, and this is version ${version}: planning was not checked, the plans in it were rendered`;
    return { differences: [], unchecked: [what] };
  }
  const options = givenOptions(frame, places, await listedIn(manifest));
  const dataset = await openSourced({ ...options, ...recordedPlaces(frame) }, hooks.meter);
  const layout = layoutNamed(dataset.layout);
  refuseUnusedOptions(layout, await layout.format?.(), options);
  const wrong = (what: string): Difference => ({ path: manifestName, what });
  const head = await headOf(dataset, options);
  const { codecs, ...rest } = headDifferences(frame, head);
  const unchecked = codecs.map((what) => `${what} on this machine: encoders are compared by the files that they write`);
  const heads = [...rest.others.map(wrong)];
  if (heads.length > 0) {
    const hint = ['--class-names', '--color-map', '--class-map'].join(', ');
    const why = `planning was not checked, since the data set is not that of the manifest; if augment had one of ${hint}, pass it too`;
    return { differences: heads, unchecked: [...unchecked, why] };
  }
  const poison = crashed(frame);
  if (poison.size > 0) unchecked.push(`samples that crash the process, by the manifest, were not tried: ${[...poison.keys()].join(', ')}`);
  const measures = await measure(dataset, options, hooks, undefined, poison);
  const differences = [...differingLeaves(frame.measures ?? {}, withMeasures(head, measures).measures ?? {}, 'measures')].map((leaf) =>
    wrong(describeLeaf(leaf)),
  );
  const records = await openRecords(manifest);
  try {
    for (const what of await comparePlans({ frame, records, dataset, options, measures, poison }, hooks)) differences.push(wrong(what));
  } finally {
    await records.close();
  }
  return { differences, unchecked };
}

/** Layout and folders of a manifest, in which the data set is looked for. */
function recordedPlaces({ layout, sources }: ManifestFrame) {
  const target = { layout: layout.name, folders: foldersOf(layout), colours: layout.colours, ...splitOf(layout) };
  if (!sources || sources.name === bankLayout) return target;
  if (sources.name === cutoutsLayout) return { ...target, sourcesLayout: sources.name };
  const { split } = splitOf(sources);
  return { ...target, sourcesLayout: sources.name, sourcesFolders: foldersOf(sources), sourcesSplit: split };
}

function splitOf({ split }: ManifestHead['layout']): { split?: string } {
  return split === '' ? {} : { split };
}

/** Places where the head of a manifest differs from the head of the same run; those of the codecs apart. */
function headDifferences(frame: ManifestFrame, head: ManifestHead): { codecs: string[]; others: string[] } {
  const { measures: _, ...recorded } = headSchema.strip().parse(frame);
  const leaves = [...differingLeaves(recorded, headSchema.parse(head))];
  const isCodec = (path: string): boolean => path.startsWith('codecs.');
  return {
    codecs: leaves.filter(({ path }) => isCodec(path)).map(({ path, one, other }) => `${path} is ${one} in the manifest, but ${other}`),
    others: leaves.filter(({ path }) => !isCodec(path)).map(describeLeaf),
  };
}

/** Samples that were skipped because they crash the process; they must not be read again. */
function crashed({ skipped }: ManifestFrame): Map<string, string> {
  return new Map(skipped.filter(({ reason }) => reason.includes('crashed the process')).map(({ id, reason }) => [id, reason]));
}

interface Replanning {
  readonly frame: ManifestFrame;
  readonly records: Awaited<ReturnType<typeof openRecords>>;
  readonly dataset: SourcedDataset;
  readonly options: AugmentOptions;
  readonly measures: Measures;
  readonly poison: ReadonlyMap<string, string>;
}

/** Draws all plans, and compares the records and totals of the manifest with them. @returns what differs. */
async function comparePlans(replanning: Replanning, { stop, meter }: Pick<Hooks, 'stop' | 'meter'>): Promise<string[]> {
  const { frame, records, dataset, options, measures, poison } = replanning;
  const tally = createTally(dataset, undefined, options, measures);
  const planner = createPlanner(dataset, options, options.copies, measures);
  const limit = createLimit(jobsOf(options));
  const read = createSampleReader(dataset, options, poison, createBudget(memoryOf(options) / 2));
  const planBatch = async (ref: BatchRef): Promise<void> => {
    const planned = await readAndPlan(planner.batch(ref), dataset, (sample) => limit(() => read(sample, true)));
    const samples = new Map(ref.samples.map((sample) => [sample.id, sample]));
    for (const plan of planned.plans) {
      const skipped = planned.skipped.get(plan.id) ?? poison.get(plan.id);
      const record = skipped === undefined ? plannedRecord(samples.get(plan.id) as Sample, plan) : undefined;
      tally.add({ id: plan.id, skipped, record });
      if (record) await records.expect(record);
    }
    for (const { id } of badSources(planned)) tally.add({ id, skipped: planned.skipped.get(id) });
    // Without a source set all copies read the same samples, which count once.
    if (ref.copy === 0 || dataset.sources) tally.read(countSources(sourcesRead(planned, dataset)));
    for (const annotations of planned.annotations.values()) giveBackBuffers(annotations);
    for (const sample of ref.samples) meter?.add(bytesOfImage(sample));
  };
  const { samples } = dataset;
  meter?.begin('planning again', { count: options.copies * samples.length, bytes: options.copies * bytesOfImages(samples) });
  for (const ref of planner.batches()) {
    if (stop?.aborted) throw interrupted();
    await planBatch(ref);
  }
  const { originals } = wholePart(dataset, options);
  const copied = Object.values(copiesOf({ originals, others: dataset.others }, tally.skipped));
  for (const { samples, reason } of copied)
    for (const { id, split } of samples) await records.expect({ id, split, status: 'unchanged', reason });
  const { classes, skipped, summary } = frame;
  const totals = totalsOf(
    tally.summary(
      copied.reduce((sum, { samples }) => sum + samples.length, 0),
      0,
    ),
  );
  return [...records.end(), ...[...differingLeaves({ classes, skipped, summary }, totals)].map(describeLeaf)];
}

/**
 * Compares the records of a manifest with those that are expected, one after another. They have the same order, so that few of them are in
 * memory at once.
 */
async function openRecords({ records }: OpenManifest) {
  const found: string[] = [];
  const nameOf = ({ id, copy }: SampleRecord): string => (copy === undefined ? id : `${id}, copy ${copy}`);
  /** Names of records that are not compared yet. */
  const names = new Set<string>();
  for await (const record of records()) names.add(nameOf(record));
  const rest = numbered(records());
  /** Records that were passed over. */
  const passed = new Map<string, Numbered>();
  const find = async (name: string): Promise<Numbered | undefined> => {
    if (!names.delete(name)) return undefined;
    const known = passed.get(name);
    passed.delete(name);
    if (known) return known;
    for (let next = await rest.next(); !next.done; next = await rest.next()) {
      const other = nameOf(next.value.record);
      if (other === name) return next.value;
      if (names.has(other)) passed.set(other, next.value);
    }
    return undefined;
  };
  let last = -1;
  return {
    async expect(expected: SampleRecord): Promise<void> {
      const name = nameOf(expected);
      const there = await find(name);
      if (!there) {
        found.push(`has no record of ${name}, which follows from the data set and the options`);
        return;
      }
      if (there.n < last) found.push(`the record of ${name} is not in the order of the plans`);
      last = there.n;
      const [leaf] = differingLeaves(planInRecord(there.record), expected);
      if (leaf) found.push(`the record of ${name} is not what is planned anew: ${describeLeaf(leaf)}`);
    },
    /** What differs, once all records were expected. */
    end: (): string[] => [...found, ...[...names].map((name) => `has a record of ${name}, which does not follow from the data set`)],
    close: () => rest.return(undefined),
  };
}

/** A record with its number in the manifest. */
interface Numbered {
  readonly record: ManifestRecord;
  readonly n: number;
}

async function* numbered(records: AsyncIterable<ManifestRecord>): AsyncGenerator<Numbered> {
  let n = 0;
  for await (const record of records) yield { record, n: n++ };
}
