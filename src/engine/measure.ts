import type { List } from '../base/list.ts';
import type { Meter } from '../base/meter.ts';
import { chunksOf, inParts } from '../base/parts.ts';
import { sampleList, samplesOf } from '../dataset/sample-list.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError, interrupted } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import { type BalancedRun, balanceGauge } from '../plan/balance.ts';
import { shardOf } from '../plan/batches.ts';
import type { Gauge, Role } from '../plan/gauge.ts';
import type { Measures } from '../plan/measures.ts';
import { eligible } from '../plan/plan.ts';
import { priorGauge } from '../plan/prior.ts';
import type { Sample, Size } from '../types.ts';
import { refuseUnusable, requestOf } from './balance.ts';
import { jobsOf } from './budget.ts';
import { giveBackBuffers } from './holdings.ts';
import type { Hooks } from './hooks.ts';
import { bytesOfImage, bytesOfImages } from './images.ts';
import { handled } from './in-order.ts';
import { candidateOf, type PlannerOptions, planOptionsOf } from './planner.ts';
import { setOf } from './read-and-plan.ts';
import { readSourced } from './reading.ts';

/** Options that measurements depend on. */
export type MeasureOptions = PlannerOptions &
  Pick<AugmentOptions, 'instances' | 'join' | 'jobs'> &
  Partial<Pick<AugmentOptions, 'copies' | 'includeOriginals'>>;

/** Parts of one sample, one for each measurement that the options need. */
export interface MeasuredSample {
  readonly id: string;
  readonly parts: readonly unknown[];
}

/** A measured sample, with its role. */
export interface Measured extends MeasuredSample {
  readonly role: Role;
}

/** Reads samples into their parts, without bad ones. */
export type ReadParts = (samples: readonly Sample[], role: Role) => Promise<MeasuredSample[]>;

/** Reads the parts of samples in other threads. */
export interface PartReaders {
  /** Number of chunks of samples that are read at the same time. */
  readonly ahead: number;
  readParts(samples: readonly Sample[], role: Role, frame: Size): Promise<MeasuredSample[]>;
}

/** Part of the samples to measure, from 0, of all parts. */
export interface Piece {
  readonly part: number;
  readonly of: number;
}

/**
 * Measures a data set for its plans: reads the annotations of every sample once, if an option needs it. No image is decoded.
 *
 * @param threads reads the samples; without it, this thread does.
 * @param poison ids of samples that crash a process, which are not read.
 * @throws {CopyPasteError} `data` when annotations are damaged, unless bad samples are skipped.
 */
export async function measure(
  dataset: SourcedDataset,
  options: MeasureOptions,
  hooks: Pick<Hooks, 'stop' | 'meter'> = {},
  threads?: PartReaders,
  poison: ReadonlyMap<string, string> = new Map(),
): Promise<Measures> {
  return gatherMeasures(dataset, options, measureSamples(dataset, options, hooks, threads, poison));
}

/** Measures of a data set whose samples are measured. @param samples all of them, in order. */
export async function gatherMeasures(
  dataset: SourcedDataset,
  options: MeasureOptions,
  samples: AsyncIterable<Measured>,
): Promise<Measures> {
  if (!needsMeasures(dataset, options)) return {};
  const gauges = gaugesOf(dataset, options, typicalSize(dataset.samples));
  for await (const { id, role, parts } of samples) for (const [n, gauge] of gauges.entries()) gauge.add(parts[n], id, role);
  const request = requestOf(options, dataset.classNames);
  const measures: Measures = Object.assign({}, ...gauges.map((gauge) => gauge.result()));
  if (request && measures.balance) refuseUnusable(measures.balance, request, dataset.classNames, planOptionsOf(dataset, options, {}));
  return measures;
}

/** Measures samples, in the order of the data set. @param piece part of the samples; all by default. */
export async function* measureSamples(
  dataset: SourcedDataset,
  options: MeasureOptions,
  { stop, meter }: Pick<Hooks, 'stop' | 'meter'>,
  threads?: PartReaders,
  poison: ReadonlyMap<string, string> = new Map(),
  piece: Piece = { part: 0, of: 1 },
): AsyncGenerator<Measured> {
  const frame = typicalSize(dataset.samples);
  // The prior is that of the targets, so only a balance reads a separate source set.
  const sources = requestOf(options, dataset.classNames) ? (dataset.sources?.samples ?? []) : [];
  const isOwn = pieceFilter(sumOf(dataset.samples) + sumOf(sources), piece);
  const own = sampleList();
  for (const sample of dataset.samples) if (isOwn(sample)) own.push(sample);
  const sets = [
    { role: dataset.sources ? 'target' : 'both', samples: own },
    { role: 'source', samples: sources.filter(isOwn) },
  ] as const;
  const [count, bytes] = [sets[0].samples.length + sets[1].samples.length, bytesOfImages(sets[0].samples) + bytesOfImages(sets[1].samples)];
  meter?.begin('measuring', { count, bytes });
  const read: ReadParts = threads
    ? (samples, role) => threads.readParts(samples, role, frame)
    : createPartReader(dataset, options, frame, () => stop?.aborted === true, meter);
  for (const { role, samples } of sets) {
    const begun: Promise<MeasuredSample[]>[] = [];
    try {
      for (const chunk of chunksOf(samplesOf(samples, ({ id }) => !poison.has(id)))) {
        begun.push(handled(read(chunk, role)));
        if (begun.length > (threads?.ahead ?? 0))
          for (const one of await (begun.shift() as Promise<MeasuredSample[]>)) yield { ...one, role };
      }
      for (const chunk of begun) for (const one of await chunk) yield { ...one, role };
    } finally {
      await Promise.allSettled(begun);
    }
  }
}

function pixelsOf({ size: { width, height } }: Sample): number {
  return width * height;
}

function sumOf(samples: List<Sample>): number {
  return samples.reduce((sum, sample) => sum + pixelsOf(sample), 0);
}

/**
 * Tests, called once for each sample in order, if it belongs to a piece. Pieces have about equally many pixels.
 *
 * @param total pixels of all pieces.
 */
function pieceFilter(total: number, { part, of }: Piece): (sample: Sample) => boolean {
  let start = 0;
  return (sample) => {
    const pixels = pixelsOf(sample);
    const own = shardOf(start, pixels, total, of) === part;
    start += pixels;
    return own;
  };
}

/** Tests if the options need a measurement, which reads every sample. */
export function needsMeasures(dataset: SourcedDataset, options: MeasureOptions): boolean {
  return requestOf(options, dataset.classNames) !== undefined || options.place === 'prior';
}

/**
 * Creates a reader of the parts of samples.
 *
 * @param frame size that stands for the sizes of all targets.
 * @param meter receives each sample that was read.
 */
export function createPartReader(
  dataset: SourcedDataset,
  options: MeasureOptions,
  frame: Size,
  stopped: () => boolean,
  meter?: Pick<Meter, 'add'>,
): ReadParts {
  const gauges = gaugesOf(dataset, options, frame);
  return async (samples, role) => {
    const read = async (sample: Sample): Promise<MeasuredSample[]> => {
      if (stopped()) throw interrupted();
      const annotations = await readSourced(sample, dataset, options, true).catch((error: unknown) => {
        if (options.skipBad && error instanceof CopyPasteError && error.code === 'data') return undefined;
        throw error;
      });
      meter?.add(bytesOfImage(sample));
      if (!annotations) return [];
      const candidate = candidateOf(annotations, setOf(sample, dataset));
      const parts = gauges.map((gauge) => gauge.read(candidate, role));
      giveBackBuffers(annotations);
      return [{ id: sample.id, parts }];
    };
    return (await inParts(samples, jobsOf(options), read)).flat();
  };
}

/** Measurements that the options need. */
function gaugesOf(dataset: SourcedDataset, options: MeasureOptions, frame: Size): Gauge[] {
  const request = requestOf(options, dataset.classNames);
  const planOptions = planOptionsOf(dataset, options, {});
  return [
    ...(request ? [balanceGauge(request, balancedRun(dataset, options, frame)) as Gauge] : []),
    ...(options.place === 'prior' ? [priorGauge((sample) => eligible(sample, sample, planOptions)) as Gauge] : []),
  ];
}

function balancedRun(dataset: SourcedDataset, options: MeasureOptions, frame: Size): BalancedRun {
  const { copies = 1, includeOriginals = false, batchSize } = options;
  return {
    options: planOptionsOf(dataset, options, {}),
    ids: dataset.samples.map(({ id }) => id),
    batchSize,
    copies,
    originals: includeOriginals ? 1 : 0,
    apart: dataset.sources !== undefined,
    frame,
  };
}

/** Size of the sample that is the middle one by area. */
export function typicalSize(samples: List<Sample>): Size {
  const counts = new Map<number, number>();
  for (const sample of samples) counts.set(pixelsOf(sample), (counts.get(pixelsOf(sample)) ?? 0) + 1);
  let before = samples.length >> 1;
  for (const [area, count] of [...counts].sort(([a], [b]) => a - b)) {
    if (before < count) return samples.find((sample) => pixelsOf(sample) === area && before-- === 0)?.size as Size;
    before -= count;
  }
  return { width: 1, height: 1 };
}
