import { knownStuff } from '../dataset/class-map.ts';
import { foreignClass, type PasteChoice, pasteFilter } from '../dataset/classes.ts';
import type { Dataset } from '../dataset/open.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import type { Manifest, SampleRecord } from '../output/manifest.ts';
import type { OpenManifest } from '../output/manifest-file.ts';
import type { ClassCount, Outcome } from '../output/outcomes.ts';
import type { Balance, Limit } from '../plan/measures.ts';
import type { Prior } from '../plan/prior.ts';
import type { BackendName } from '../render/backends.ts';
import type { Annotations, DropReason, PassReason } from '../types.ts';
import { countClasses } from './class-counts.ts';
import type { Expected } from './expected.ts';

/** Counts of a run. */
export interface AugmentSummary {
  readonly layout: string;
  /** Split that was augmented; `''` if the data set has no splits. */
  readonly split: string;
  /** Rendering backend; absent if an earlier run had rendered everything. */
  readonly backend?: BackendName;
  /** Number of samples that an earlier run had written. */
  readonly reused: number;
  /** Number of variants in the augmented split. */
  readonly samples: number;
  readonly augmented: number;
  /** Number of variants that passed through, by reason. */
  readonly unchanged: Readonly<Partial<Record<PassReason, number>>>;
  /** Number of originals and of samples of other splits that were copied. */
  readonly copied: number;
  /** Number of instances that were pasted. */
  readonly pasted: number;
  /** Number of instances that were drawn but not pasted, by reason. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
  /** Pixels of the variants that were pasted into. */
  readonly pixels: number;
  /** Classes that have instances or pixels, by id. */
  readonly classes: readonly ClassSummary[];
  readonly balance?: BalanceSummary;
  readonly prior?: PriorSummary;
  /** Input files that belong to no sample and were not copied. */
  readonly leftBehind: readonly string[];
  /** Size of the output that a dry run stands for. */
  readonly expected?: Expected;
  /** Reason why nothing was pasted, with a remedy; absent if something was, or chance drew no sample. */
  readonly nothing?: string;
  /** Ways to give a source to samples without one, if others have one. */
  readonly ways?: readonly string[];
}

export interface ClassSummary {
  readonly id: number;
  readonly name?: string;
  /** Number of instances in the samples that were read as sources. */
  readonly instances: number;
  /** Number of instances that were pasted. */
  readonly pasted: number;
  /** Its pixels in the samples that were pasted into. */
  readonly before: number;
  readonly after: number;
  /** `true` if `--classes`, `--exclude-classes` and `--stuff` allow the class to be pasted. */
  readonly allowed: boolean;
  /** `true` if only `--stuff skip` prevents the class from being pasted. */
  readonly skipped: boolean;
  /** `true` for stuff, `false` for things; absent if neither data set says which classes are stuff. */
  readonly stuff?: boolean;
  /** `true` if the class looks like scenery: unknown as stuff or things, with nearly all its pixels in truncated instances. */
  readonly scenery: boolean;
}

/** Histogram that was asked for, beside the one that came out. */
export interface BalanceSummary extends Pick<Balance, 'of' | 'by'> {
  readonly classes: readonly {
    readonly id: number;
    readonly name?: string;
    /** Shares from 0 to 1. */
    readonly asked: number;
    readonly reached: number;
    /** Reason that keeps the class from its share, if there is one. */
    readonly limit?: Pick<Limit, 'reason' | 'batches'>;
  }[];
}

/** Prior of places, with the classes that most instances of each class stand on. */
export interface PriorSummary extends Pick<Prior, 'instances' | 'gain' | 'used'> {
  readonly classes: readonly {
    readonly id: number;
    readonly name?: string;
    /** Classes under the foot, each with its share of the instances from 0 to 1, the largest first. */
    readonly under: readonly { readonly id: number; readonly name?: string; readonly share: number }[];
  }[];
}

/** Number of instances from which a class is judged. */
const fewestJudged = 20;

/**
 * Share of pixels in truncated instances from which a class looks like scenery. CamVid: sky and road 0.99, building 0.90, but car, with
 * buses among them, 0.50. COCO: dining table 0.87.
 */
const sceneryShare = 0.95;

/** Totals of a run in the form of its manifest. */
export function totalsOf(summary: AugmentSummary): Pick<Manifest, 'classes' | 'skipped' | 'summary'> {
  const { samples, augmented, unchanged, pasted, dropped, skipped, classes } = summary;
  return {
    classes: classes
      .filter(({ instances, pasted }) => instances + pasted > 0)
      .map(({ id, name, instances, pasted }) => ({ id, ...(name !== undefined && { name }), instances, pasted })),
    skipped: [...skipped],
    summary: { samples, augmented, unchanged, pasted, dropped, skipped: skipped.length },
  };
}

/** Counts the instances that sources are drawn from, without classes that have no counterpart in the augmented data set. */
export function countSources(annotations: Iterable<Annotations>): ClassCount[] {
  return [...countClasses(annotations)]
    .filter(([classId, { instances }]) => instances > 0 && classId !== foreignClass)
    .map(([classId, { instances, area, truncated }]) => ({ classId, instances, pixels: area, truncated }));
}

/** Pixels of each class id before and after pasting, summed over records. */
export type PixelSums = Map<number, { before: number; after: number }>;

/** Adds the pixels of a record. */
export function addPixels(sums: PixelSums, record: SampleRecord): void {
  if (record.status === 'unchanged') return;
  for (const [key, [before, after]] of Object.entries(record.pixels)) {
    const sum = sums.get(Number(key)) ?? { before: 0, after: 0 };
    sum.before += before;
    sum.after += after;
    sums.set(Number(key), sum);
  }
}

/** Number of pixels of all ids, which pasting does not change. */
export function pixelsIn(sums: PixelSums): number {
  return [...sums.values()].reduce((total, { after }) => total + after, 0);
}

/** Creates a tally of the outcomes of a run. */
export function createTally(dataset: SourcedDataset, backend: BackendName | undefined, choice: PasteChoice, measures: Measured = {}) {
  const { balance, prior } = measures;
  const mayPaste = pasteFilter(dataset, choice);
  const mayPasteStuff = pasteFilter(dataset, { ...choice, stuff: 'keep' });
  const stuff = knownStuff(dataset);
  const unchanged: Partial<Record<PassReason, number>> = {};
  const dropped: Partial<Record<DropReason, number>> = {};
  const skipped = new Map(dataset.skipped.map(({ id, reason }) => [id, reason]));
  const classes = new Map<number, { instances: number; pasted: number; pixels: number; truncated: number }>();
  /** Pixels of each class that pastes show. */
  const shown = new Map<number, number>();
  const sums: PixelSums = new Map();
  const gained = (id: number): number => (sums.get(id)?.after ?? 0) - (sums.get(id)?.before ?? 0);
  let augmented = 0;
  let pasted = 0;
  const rowOf = (classId: number) => {
    const row = classes.get(classId) ?? { instances: 0, pasted: 0, pixels: 0, truncated: 0 };
    classes.set(classId, row);
    return row;
  };
  const balanceSummary = ({ of, by, asked, existing = {}, limited }: Balance): BalanceSummary => {
    const added = (id: number): number =>
      (by === 'instances' ? classes.get(id)?.pasted : of === 'pasted' ? shown.get(id) : gained(id)) ?? 0;
    const ids = Object.keys(asked).map(Number);
    const amounts = ids.map((id) => Math.max(0, (existing[id] ?? 0) + added(id)));
    const total = amounts.reduce((sum, n) => sum + n, 0);
    const limits = new Map(limited.map((one) => [one.id, one]));
    const rows = ids.map((id, n) => {
      const name = dataset.classNames.get(id);
      const limit = limits.get(id);
      return {
        id,
        ...(name !== undefined && { name }),
        asked: asked[id] as number,
        reached: total > 0 ? (amounts[n] as number) / total : 0,
        ...(limit && { limit: { reason: limit.reason, batches: limit.batches } }),
      };
    });
    return { of, by, classes: rows };
  };
  return {
    skipped,
    read(counts: readonly ClassCount[]): void {
      for (const { classId, instances, pixels, truncated } of counts) {
        const row = rowOf(classId);
        row.instances += instances;
        row.pixels += pixels;
        row.truncated += truncated;
      }
    },
    add({ id, skipped: why, record }: Outcome): void {
      if (why !== undefined) skipped.set(id, why);
      if (!record) return;
      for (const { reason } of record.dropped ?? []) dropped[reason] = (dropped[reason] ?? 0) + 1;
      if (record.status === 'unchanged') {
        unchanged[record.reason] = (unchanged[record.reason] ?? 0) + 1;
        return;
      }
      augmented++;
      for (const { classId, visible } of record.placements) {
        rowOf(classId).pasted++;
        pasted++;
        increase(shown, classId, visible);
      }
      addPixels(sums, record);
    },
    summary: (copied: number, reused: number): AugmentSummary => ({
      layout: dataset.layout,
      split: dataset.split,
      ...(backend && { backend }),
      reused,
      samples: augmented + Object.values(unchanged).reduce((sum, n) => sum + n, 0),
      augmented,
      unchanged: sorted(unchanged),
      copied,
      pasted,
      dropped: sorted(dropped),
      skipped: [...skipped].map(([id, reason]) => ({ id, reason })).sort((a, b) => (a.id < b.id ? -1 : 1)),
      pixels: pixelsIn(sums),
      classes: [...new Set([...classes.keys(), ...sums.keys()])]
        .filter((id) => !dataset.leftOut.has(id))
        .sort((a, b) => a - b)
        .map((id) => {
          const { instances, pasted, pixels, truncated } = classes.get(id) ?? { instances: 0, pasted: 0, pixels: 0, truncated: 0 };
          const name = dataset.classNames.get(id);
          return {
            id,
            ...(name !== undefined && { name }),
            instances,
            pasted,
            ...(sums.get(id) ?? { before: 0, after: 0 }),
            allowed: mayPaste(id),
            skipped: mayPasteStuff(id) && !mayPaste(id),
            ...(stuff && { stuff: stuff.has(id) }),
            scenery: !stuff && instances >= fewestJudged && truncated > sceneryShare * pixels,
          };
        }),
      ...(balance && { balance: balanceSummary(balance) }),
      ...(prior && { prior: priorSummary(prior, dataset) }),
      leftBehind: dataset.leftBehind,
    }),
  };
}

/** Measures that a summary describes. */
interface Measured {
  readonly balance?: Balance | undefined;
  readonly prior?: Prior | undefined;
}

/** Describes a prior. */
export function priorSummary({ instances, gain, used, classes }: Prior, { classNames }: Dataset): PriorSummary {
  const named = (id: number) => ({ id, ...(classNames.has(id) && { name: classNames.get(id) as string }) });
  const countOf = ({ counts }: { readonly counts: readonly number[] }): number => counts.reduce((sum, n) => sum + n, 0);
  const rows = classes.map(({ id, feet }) => {
    const all = feet.reduce((sum, one) => sum + countOf(one), 0);
    const under = feet.map((one) => ({ ...named(one.under), share: countOf(one) / all }));
    return { ...named(id), under: under.sort((a, b) => b.share - a.share || a.id - b.id) };
  });
  return { instances, gain, used, classes: rows };
}

/** Summary of a run that an earlier call completed. */
export async function summaryOf(
  { frame, count, records }: OpenManifest,
  dataset: SourcedDataset,
  choice: PasteChoice,
): Promise<AugmentSummary> {
  const { classes, skipped, measures } = frame;
  const tally = createTally(dataset, undefined, choice, measures);
  tally.read(classes.map(({ id, instances }) => ({ classId: id, instances, pixels: 0, truncated: 0 })));
  for (const { id, reason } of skipped) tally.add({ id, skipped: reason });
  let copied = 0;
  for await (const record of records()) {
    if (record.copy === undefined) copied++;
    else tally.add({ id: record.id, record });
  }
  return tally.summary(copied, count);
}

function increase(counts: Map<number, number>, id: number, by: number): void {
  counts.set(id, (counts.get(id) ?? 0) + by);
}

function sorted<T extends object>(counts: T): T {
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))) as T;
}
