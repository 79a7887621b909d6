import { chunksOf, inParts } from '../base/parts.ts';
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
import type { BatchRef, PlannedBatch, Planner } from './planner.ts';

/** Document entries, by record. */
export type Entries = Map<ManifestRecord, unknown>;

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
  records: readonly ManifestRecord[],
  backend: Renderer,
  use: (record: ManifestRecord) => Use,
  entries: Entries,
  { stop, meter }: Pick<Hooks, 'stop' | 'meter'> = {},
): AsyncGenerator<Remade> {
  const sampleOf = finderOf(dataset, options.in);
  const stopped = (): boolean => stop?.aborted === true;
  const planned = records.filter(({ copy }) => copy !== undefined);
  const byVariant = new Map(planned.map((record) => [`${record.copy} ${record.id}`, record]));
  const recordOf = ({ id, copy }: Plan): ManifestRecord => byVariant.get(`${copy} ${id}`) as ManifestRecord;
  const pass = async (sample: Sample, record: ManifestRecord): Promise<Remade> => {
    const suffix = record.copy === undefined ? '' : variantSuffix(record.copy, options);
    const written = await passSample(dataset, sample, suffix, options, use(record));
    if (written.entry) entries.set(record, written.entry);
    return { record, made: remadeRecord(record, written) };
  };
  const sink = {
    paste: async (pasted: Pasted): Promise<Remade> => {
      const record = recordOf(pasted.plan);
      const written = await encodeSample(pasted, variantSuffix(pasted.plan.copy, options), dataset, options, use(record));
      if (written.entry) entries.set(record, written.entry);
      return { record, made: augmentedRecord(pasted, written) };
    },
    pass: (sample: Sample, plan: Plan) => pass(sample, recordOf(plan)),
    skip: (sample: Sample, reason: string): never => {
      throw new CopyPasteError('data', `${sample.id}: ${reason}`);
    },
  };
  const planner = plannerOf(planned, dataset, sampleOf, options.batchSize);
  const pipeline = createPipeline(dataset, options, backend, planner, () => sink, { poison: new Map(), stopped, meter });
  for await (const { results } of inOrder(planner.batches(), pipeline.begin, 1)) for (const result of results) yield await result;
  const rest = records.filter(({ copy }) => copy === undefined);
  for (const chunk of chunksOf(rest)) {
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

/** Creates a planner that takes its plans from records. */
function plannerOf(
  records: readonly ManifestRecord[],
  { sources }: SourcedDataset,
  sampleOf: (id: string) => Sample,
  batchSize: number,
): Planner {
  return {
    *batches() {
      for (let n = 0; n * batchSize < records.length; n++) {
        yield { copy: 0, n, samples: records.slice(n * batchSize, (n + 1) * batchSize).map(({ id }) => sampleOf(id)) };
      }
    },
    batch({ n }: BatchRef): PlannedBatch {
      const part = records.slice(n * batchSize, (n + 1) * batchSize);
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
        plan: async (candidates) => part.map((record) => planOf(record, candidates)),
      };
    },
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
export function documentsAgain({ manifest, dataset, options }: Origin, entries: Entries): WholeFile[] {
  const placeOf = documentPlaces(dataset);
  const records = manifest.records.flatMap((record) => {
    const place = placeOf.get(record.id);
    return place === undefined ? [] : [{ record, place, copy: record.copy }];
  });
  const variants = createVariants(dataset, options);
  for (const record of manifest.records) variants.add(record);
  return wholeFilesOf(dataset, options, variants.variants(), () => entriesOf(records.sort(inDocument), entries));
}

/** Document entries in the order of records. */
async function* entriesOf(records: readonly { record: ManifestRecord }[], entries: Entries): AsyncGenerator<unknown> {
  for (const { record } of records) {
    const entry = entries.get(record);
    if (entry) yield entry;
  }
}
