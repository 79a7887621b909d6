import { chunksFrom, inParts } from '../base/parts.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError, interrupted } from '../errors.ts';
import type { ManifestRecord, SampleRecord } from '../output/manifest.ts';
import { augmentedRecord, remadeRecord } from '../output/records.ts';
import { encodeSample, passSample, type Use } from '../output/samples.ts';
import { createVariants, variantSuffix } from '../output/variants.ts';
import { documentPlaces, inDocument, type WholeFile, wholeFilesOf } from '../output/whole-files.ts';
import { type Candidate, passThrough, withArea } from '../plan/plan.ts';
import type { Renderer } from '../render/render.ts';
import type { Pasted, Plan, Sample } from '../types.ts';
import { jobsOf } from './budget.ts';
import type { Hooks } from './hooks.ts';
import { bytesOfImage } from './images.ts';
import { inOrder } from './in-order.ts';
import type { Origin } from './origin.ts';
import { createPipeline } from './pipeline.ts';
import type { BatchRef, Planner } from './planner.ts';

/** Document entries, by the name of their record. */
export type Entries = Map<string, unknown>;

/** Name of a record, which no other record of its manifest has. */
function nameOf({ id, copy }: Pick<ManifestRecord, 'id' | 'copy'>): string {
  return `${copy ?? ''} ${id}`;
}

/** Starts a new pass over the records to remake. @param copies true for those of copies, false for those of all other samples. */
export type Pass = (copies: boolean) => AsyncIterable<ManifestRecord>;

/** A record of a manifest, with the record of its remade files. */
export interface Remade {
  readonly record: ManifestRecord;
  /** Record of the remade files. */
  readonly made: SampleRecord;
}

/**
 * Remakes the files of records from the plans in them. Copies come first, then originals and samples of other splits.
 *
 * @param use returns a function that takes the files of a record.
 * @param entries receives the document entries.
 * @throws {CopyPasteError} `data` if an input file is missing, has changed, or does not fit the manifest.
 */
export async function* remake(
  { dataset, options }: Origin,
  records: Pass,
  backend: Renderer,
  use: (record: ManifestRecord) => Use,
  entries: Entries,
  { stop, meter }: Pick<Hooks, 'stop' | 'meter'> = {},
): AsyncGenerator<Remade> {
  const sampleOf = finderOf(dataset, options.in);
  const stopped = (): boolean => stop?.aborted === true;
  const { planner, batches, recordOf } = plannerOf(records(true), dataset, sampleOf, options.batchSize);
  const pass = async (sample: Sample, record: ManifestRecord): Promise<Remade> => {
    const suffix = record.copy === undefined ? '' : variantSuffix(record.copy, options);
    const written = await passSample(dataset, sample, suffix, options, use(record));
    if (written.entry) entries.set(nameOf(record), written.entry);
    return { record, made: remadeRecord(record, written) };
  };
  const sink = {
    paste: async (pasted: Pasted): Promise<Remade> => {
      const record = recordOf(pasted.plan);
      const written = await encodeSample(pasted, variantSuffix(pasted.plan.copy, options), dataset, options, use(record));
      if (written.entry) entries.set(nameOf(record), written.entry);
      return { record, made: augmentedRecord(pasted, written) };
    },
    pass: (sample: Sample, plan: Plan) => pass(sample, recordOf(plan)),
    skip: (sample: Sample, reason: string): never => {
      throw new CopyPasteError('data', `${sample.id}: ${reason}`);
    },
  };
  const pipeline = createPipeline(dataset, options, backend, planner, () => sink, { poison: new Map(), stopped, meter });
  for await (const { results } of inOrder(batches(), pipeline.begin, 1)) for (const result of results) yield await result;
  for await (const chunk of chunksFrom(records(false))) {
    if (stopped()) throw interrupted();
    yield* await inParts(chunk, jobsOf(options), async (record) => {
      const sample = sampleOf(record.id);
      const remade = await pass(sample, record);
      meter?.add(bytesOfImage(sample));
      return remade;
    });
  }
}

/** Creates a function that finds a sample by its id. */
function finderOf({ samples, others, sources, skipped }: SourcedDataset, folder: string): (id: string) => Sample {
  const byId = new Map([...samples, ...others, ...(sources?.samples ?? [])].map((sample) => [sample.id, sample]));
  const reasons = new Map(skipped.map(({ id, reason }) => [id, reason]));
  return (id) => {
    const sample = byId.get(id);
    if (sample) return sample;
    const why = reasons.get(id) ?? 'it is missing; restore its files';
    throw new CopyPasteError('data', `${folder}: sample ${id} of the manifest cannot be used: ${why}`);
  };
}

/** Creates a planner that takes its plans from records, of which it keeps those of the batches in progress. */
function plannerOf(
  records: AsyncIterable<ManifestRecord>,
  { sources }: SourcedDataset,
  sampleOf: (id: string) => Sample,
  batchSize: number,
) {
  const begun = new WeakMap<BatchRef, readonly ManifestRecord[]>();
  const recordOf = new WeakMap<Plan, ManifestRecord>();
  const planned = (record: ManifestRecord, candidates: ReadonlyMap<string, Candidate>): Plan => {
    const plan = planOf(record, candidates);
    recordOf.set(plan, record);
    return plan;
  };
  const planner: Pick<Planner, 'batch'> = {
    batch(ref) {
      const part = begun.get(ref) as readonly ManifestRecord[];
      for (const record of part) {
        const { id, split } = record;
        const from = sources?.split ?? split;
        const other = record.status === 'augmented' && sampleOf(record.source).split !== from ? record.source : undefined;
        if (other !== undefined || sampleOf(id).split !== split)
          throw new CopyPasteError(
            'data',
            `${id}: ${other ?? id} is not in split '${split}', but the manifest records it there; pass the data set that the output was made from`,
          );
      }
      const needed = new Set(part.flatMap((record) => (record.status === 'augmented' ? [record.id, record.source] : [])));
      return {
        needed: [...needed].map(sampleOf),
        plan: async (candidates) => part.map((record) => planned(record, candidates)),
      };
    },
  };
  return {
    planner,
    async *batches(): AsyncGenerator<BatchRef> {
      let n = 0;
      for await (const part of chunksFrom(records, batchSize)) {
        const ref = { copy: 0, n: n++, samples: part.map(({ id }) => sampleOf(id)) };
        begun.set(ref, part);
        yield ref;
      }
    },
    /** Record of a plan. */
    recordOf: (plan: Plan) => recordOf.get(plan) as ManifestRecord,
  };
}

/** Plan in a record. @throws {CopyPasteError} `data` if the source does not have an instance of the record. */
function planOf(record: ManifestRecord, candidates: ReadonlyMap<string, Candidate>): Plan {
  const { id, copy = 0 } = record;
  if (record.status === 'unchanged') return passThrough(id, copy, record.reason);
  const { source, scenes, placements, dropped } = record;
  const [from, onto] = [source, id].map((one) => candidates.get(one)) as [Candidate, Candidate];
  const placed = placements.map(({ order: _order, area: _area, visible: _visible, object: _object, ...placement }) => {
    const { instance, classId, sourceBox } = placement;
    const found = from.instances[instance];
    if (found?.classId !== classId || String(found.box) !== String(sourceBox)) {
      throw new CopyPasteError(
        'data',
        `${id}: ${source} has no instance ${instance} of class ${classId} in [${sourceBox}]; pass the data set that the output was made from`,
      );
    }
    return withArea(placement, found, scenes?.source, from, onto);
  });
  return {
    id,
    copy,
    source,
    ...(scenes && { scenes }),
    placements: placed,
    dropped,
  };
}

/** Files that describe several samples, made again from the entries of records. */
export async function documentsAgain({ manifest, dataset, options }: Origin, entries: Entries): Promise<WholeFile[]> {
  const placeOf = documentPlaces(dataset);
  const names: { readonly id: string; readonly copy: number | undefined; readonly place: number }[] = [];
  const variants = createVariants(dataset, options);
  for await (const record of manifest.records()) {
    const { id, copy } = record;
    const place = placeOf.get(id);
    if (place !== undefined) names.push({ id, copy, place });
    variants.add(record);
  }
  return wholeFilesOf(dataset, options, variants.variants(), () => entriesOf(names.sort(inDocument).map(nameOf), entries));
}

/** Document entries in the order of the names of their records. */
async function* entriesOf(names: readonly string[], entries: Entries): AsyncGenerator<unknown> {
  for (const name of names) {
    const entry = entries.get(name);
    if (entry) yield entry;
  }
}
