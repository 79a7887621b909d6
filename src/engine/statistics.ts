/** Statistics of an output from the records of its manifest, in memory that does not grow with the number of records. */
import type { ManifestRecord } from '../output/manifest.ts';
import { gridSize, type Spread, sizeBins } from '../output/page-data.ts';
import type { Box, DropReason, PassReason, Size } from '../types.ts';
import { addPixels, type PixelSums } from './tally.ts';

/** Counts of the pastes of one class. */
export interface PastedClass {
  /** Number of samples that it was pasted into. */
  samples: number;
  readonly dropped: Partial<Record<DropReason, number>>;
  readonly spread: Spreading;
}

/** Counts of an output. */
export interface Statistics {
  augmented: number;
  /** Variants that were written unchanged, by reason. */
  readonly unchanged: Partial<Record<PassReason, number>>;
  /** Number of originals and of samples of other splits. */
  copied: number;
  readonly dropped: Partial<Record<DropReason, number>>;
  /** Ids of samples that instances were taken from. */
  readonly sources: Set<string>;
  /** Number of existing objects that pastes cover partly, and of those that were removed. */
  covered: number;
  removed: number;
  readonly pixels: PixelSums;
  readonly classes: Map<number, PastedClass>;
  /** Widths and heights of the samples that were pasted into, summed. */
  readonly extent: { width: number; height: number };
}

/** Counts records one by one. */
export function createStatistics() {
  const result: Statistics = {
    augmented: 0,
    unchanged: {},
    copied: 0,
    dropped: {},
    sources: new Set(),
    covered: 0,
    removed: 0,
    pixels: new Map(),
    classes: new Map(),
    extent: { width: 0, height: 0 },
  };
  const classOf = (id: number): PastedClass => {
    const row = result.classes.get(id) ?? { samples: 0, dropped: {}, spread: createSpread() };
    result.classes.set(id, row);
    return row;
  };
  return {
    result,
    /** @param size of the sample's image; only needed for a record of a sample that was pasted into. */
    add(record: ManifestRecord, { width, height }: Size): void {
      for (const { classId, reason } of record.dropped ?? []) {
        increment(result.dropped, reason);
        increment(classOf(classId).dropped, reason);
      }
      if (record.status === 'unchanged') {
        if (record.copy === undefined) result.copied++;
        else increment(result.unchanged, record.reason);
        return;
      }
      result.augmented++;
      result.sources.add(record.source);
      for (const { dropped } of record.covered ?? []) {
        if (dropped) result.removed++;
        else result.covered++;
      }
      addPixels(result.pixels, record);
      result.extent.width += width;
      result.extent.height += height;
      for (const id of new Set(record.placements.map(({ classId }) => classId))) classOf(id).samples++;
      for (const { classId, targetBox, area } of record.placements)
        addInstance(classOf(classId).spread, targetBox, area, { width, height });
    },
  };
}

/** A spread that is being counted. */
export type Spreading = { -readonly [K in keyof Spread]: Spread[K] extends number ? number : number[] };

/** Makes a spread without instances. */
export function createSpread(): Spreading {
  return { instances: 0, places: new Array(gridSize * gridSize).fill(0), sizes: new Array(sizeBins).fill(0) };
}

/** Counts an instance by place and size. @param box may exceed the image. */
export function addInstance(spread: Spreading, [x0, y0, x1, y1]: Box, area: number, { width, height }: Size): void {
  spread.instances++;
  const cell = (edge: number, length: number): number => (Math.min(Math.max(edge, 0), length) * gridSize) / length;
  const [left, right] = [Math.floor(cell(x0, width)), Math.ceil(cell(x1, width))];
  const [top, bottom] = [Math.floor(cell(y0, height)), Math.ceil(cell(y1, height))];
  for (let y = top; y < bottom; y++)
    for (let x = left; x < right; x++) spread.places[y * gridSize + x] = (spread.places[y * gridSize + x] as number) + 1;
  const bin = Math.floor(Math.log2(area / (width * height))) + sizeBins;
  const n = Math.min(Math.max(bin, 0), sizeBins - 1);
  spread.sizes[n] = (spread.sizes[n] as number) + 1;
}

function increment<K extends string>(counts: Partial<Record<K, number>>, key: K): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
