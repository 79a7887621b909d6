/**
 * Weights of classes with which a histogram comes out as asked. Sources come from the batch, one for each target, and give few instances
 * without replacement, so that raw weights miss it: the weights are found by planning the run again and again, with the random numbers of
 * the run itself, on boxes and areas alone.
 */
import type { Box, Instance, Size } from '../types.ts';
import { batchesOf } from './batches.ts';
import type { Gauge } from './gauge.ts';
import { jitterInstance, jitterScene } from './jitter.ts';
import type { Balance, ByClass, Limit, Measures } from './measures.ts';
import {
  areaLimits,
  byClassAndArea,
  type Candidate,
  copyableClasses,
  eligible,
  jitterPurpose,
  maxDraws,
  type PlanOptions,
  passReason,
  weightedPurpose,
} from './plan.ts';
import { replayOf, stream } from './rng.ts';
import { drawBySums, drawByWeight, targetFactor } from './weights.ts';

/** Request for the drawn instances, in class ids. */
export type Request =
  /** Each instance of a class counts as many times as its weight; 1 for a class that is absent. */
  | { readonly weights: ReadonlyMap<number, number> }
  /** Repeat factors of LVIS (Gupta et al., CVPR 2019) with this threshold. */
  | { readonly rfs: number }
  | 'inverse'
  /** Relative shares; classes without one are not pasted and do not count. */
  | { readonly shares: ReadonlyMap<number, number>; readonly of: Balance['of']; readonly by: Balance['by'] };

/** A run whose draws are balanced. */
export interface BalancedRun {
  readonly options: PlanOptions;
  /** Ids of the samples that are augmented. */
  readonly ids: readonly string[];
  readonly batchSize: number;
  readonly copies: number;
  /** Number of times that each original is in the output besides its copies. */
  readonly originals: number;
  /** True if instances come from a source set. */
  readonly apart: boolean;
  /** Size that stands for the sizes of all targets. */
  readonly frame: Size;
}

/** Facts of one sample that balance needs, as plain data. */
export interface BalanceRow {
  readonly annotated: boolean;
  readonly width: number;
  readonly height: number;
  /** Numbers `[class id, area, x0, y0, x1, y1]` of the instances that may be pasted, by class and area. */
  readonly entries: Int32Array;
  /** Numbers `[class id, instances, pixels]` for each class that the sample holds. */
  readonly held: readonly number[];
  /** Classes of which it has an instance that may be copied. */
  readonly copyable: readonly number[];
}

/** Creates the gauge that finds the weights. */
export function balanceGauge(request: Request, run: BalancedRun): Gauge<BalanceRow> {
  const rows = new Map<string, BalanceRow>();
  const sources: BalanceRow[] = [];
  return {
    read: (sample) => balanceRow(sample, run),
    add(row, id, role) {
      if (role !== 'source') rows.set(id, row);
      if (role !== 'target') sources.push(row);
    },
    result: () => weightsFor(request, run, rows, sources),
  };
}

/** Measures one sample. */
function balanceRow(sample: Candidate, { options, frame }: BalancedRun): BalanceRow {
  const usable = byClassAndArea(eligible(sample, { ...frame, largestId: 0xffff }, options), sample.instances);
  const entries = usable.flatMap((index) => {
    const { classId, area, box } = sample.instances[index] as Instance;
    return [classId, area, ...box];
  });
  const held = new Map<number, [number, number]>();
  for (const { classId, area, crowd } of sample.instances) {
    if (crowd || classId < 0) continue;
    const [instances, pixels] = held.get(classId) ?? [0, 0];
    held.set(classId, [instances + 1, pixels + area]);
  }
  return {
    annotated: sample.annotated,
    width: sample.width,
    height: sample.height,
    entries: Int32Array.from(entries),
    held: [...held].sort(([a], [b]) => a - b).flatMap(([id, counts]) => [id, ...counts]),
    copyable: [...new Set(copyableClasses(sample, options))],
  };
}

/** Sums over all samples, by class id. */
interface Totals {
  /** Instances of sources that may be pasted, and their pixels. */
  readonly pasteable: Map<number, readonly [instances: number, pixels: number]>;
  /** All instances of sources. */
  readonly held: Map<number, number>;
  /** Samples to augment that hold the class, and its instances and pixels there. */
  readonly existing: Map<number, readonly [samples: number, instances: number, pixels: number]>;
}

function totalsOf(targets: Iterable<BalanceRow>, sources: readonly BalanceRow[]): Totals {
  const totals: Totals = { pasteable: new Map(), held: new Map(), existing: new Map() };
  for (const { entries, held } of sources) {
    for (const [id, area] of groupsOf(entries, entryLength)) {
      const [n, pixels] = totals.pasteable.get(id) ?? [0, 0];
      totals.pasteable.set(id, [n + 1, pixels + area]);
    }
    for (const [id, count] of groupsOf(held, 3)) totals.held.set(id, (totals.held.get(id) ?? 0) + count);
  }
  for (const { held } of targets) {
    for (const [id, count, area] of groupsOf(held, 3)) {
      const [samples, n, pixels] = totals.existing.get(id) ?? [0, 0, 0];
      totals.existing.set(id, [samples + 1, n + count, pixels + area]);
    }
  }
  return totals;
}

/** Numbers in an entry of a row. */
const entryLength = 6;

function* groupsOf(numbers: ArrayLike<number>, size: number): Generator<[number, number, number]> {
  for (let i = 0; i < numbers.length; i += size) yield [numbers[i] as number, numbers[i + 1] as number, numbers[i + 2] as number];
}

/** Classes that count in the histogram, with the share that each is to have. */
interface Goal extends Pick<Balance, 'of' | 'by'> {
  readonly ids: readonly number[];
  readonly shares: readonly number[];
  /** Classes that the request names, and that must have an instance to paste. */
  readonly needed: ReadonlySet<number>;
}

function goalOf(request: Request, { pasteable }: Totals, factors: ByClass | undefined): Goal {
  const natural = (ids: readonly number[], weight: (id: number) => number, needed: Iterable<number> = []): Goal => ({
    of: 'pasted',
    by: 'instances',
    ids,
    shares: normalised(ids.map((id) => weight(id) * (pasteable.get(id)?.[0] ?? 0))),
    needed: new Set(needed),
  });
  const all = ascending(pasteable.keys());
  if (request === 'inverse') return { of: 'pasted', by: 'instances', ids: all, shares: normalised(all.map(() => 1)), needed: new Set() };
  if ('rfs' in request) return natural(all, (id) => factors?.[id] ?? 1);
  if ('weights' in request) {
    const named = ascending(new Set([...all, ...request.weights.keys()]));
    const weight = (id: number): number => request.weights.get(id) ?? 1;
    return natural(
      named.filter((id) => weight(id) > 0),
      weight,
      [...request.weights.keys()].filter((id) => weight(id) > 0),
    );
  }
  const ids = ascending(request.shares.keys());
  const shares = ids.map((id) => request.shares.get(id) as number);
  const needed = new Set(ids.filter((_, n) => (shares[n] as number) > 0));
  return { of: request.of, by: request.by, ids, shares: normalised(shares), needed };
}

/** Repeat factors `max(1, sqrt(t / f))` of LVIS; `f` is the fraction of the samples that hold a class, at least one. */
function repeatFactors(threshold: number, { existing, pasteable }: Totals, samples: number): ByClass {
  const ids = ascending(new Set([...existing.keys(), ...pasteable.keys()]));
  const factor = (id: number): number => Math.max(1, Math.sqrt((threshold * samples) / Math.max(1, existing.get(id)?.[0] ?? 0)));
  return Object.fromEntries(ids.map((id) => [id, rounded(factor(id))]));
}

/** A source as the simulation of a run sees it. */
interface Pool extends Size {
  readonly entries: Int32Array;
  /** Index of the class of each instance among those of the goal. */
  readonly indices: Uint16Array;
  /** Weight of each instance and their sum, with the weights that are tried. */
  readonly weights: Float64Array;
  weight: number;
}

/** A target of the simulation, with the random numbers of its draws. */
interface DrawnTarget extends Size {
  readonly self: Pool | undefined;
  readonly batch: readonly Pool[];
  readonly choice: ReturnType<typeof replayOf>;
  readonly jitter: ReturnType<typeof replayOf>;
}

/** Number of targets that the weights are made for: at least and at most. A run with fewer is drawn more often than it will be. */
const [leastTargets, mostTargets] = [600, 20_000];

/** Number of targets from which on the weights follow the random numbers of the run itself. */
const leastOwnTargets = 50;

/** Maximum number of samples, over all copies, among which targets are drawn. */
const mostSeen = 200_000;

/** Targets of a run, those of its own copies first. */
interface DrawnTargets {
  readonly drawn: readonly DrawnTarget[];
  /** Number of targets that the run itself has, and of samples and copies that were looked at for these. */
  readonly own: number;
  readonly seen: number;
  readonly ownSeen: number;
  /** Pools of the batches of the first copy. */
  readonly batches: readonly (readonly Pool[])[];
}

function drawTargets(
  rows: ReadonlyMap<string, BalanceRow>,
  pools: ReadonlyMap<string, Pool>,
  run: BalancedRun,
  measures: Measures,
): DrawnTargets {
  const { options, copies } = run;
  const drawn: DrawnTarget[] = [];
  const batches: (readonly Pool[])[] = [];
  let [own, seen, ownSeen] = [0, 0, 0];
  for (const { copy, ids } of batchesOfCopies(run)) {
    const enough = copy < copies ? mostTargets : drawn.length === 0 ? 0 : leastTargets;
    if (drawn.length >= enough || seen >= mostSeen) break;
    const batch = ids.flatMap((id) => pools.get(id) ?? []);
    if (copy === 0) batches.push(batch);
    for (const id of ids) {
      const row = rows.get(id);
      if (!row) continue;
      seen++;
      if (passReason({ id, annotated: row.annotated }, copy, options, targetFactor(row.copyable, measures)) !== undefined) continue;
      const numbers = (purpose: string) => replayOf(stream(options.seed, copy, id, purpose));
      const self = options.allowSelf ? undefined : pools.get(id);
      drawn.push({ ...row, self, batch, choice: numbers(weightedPurpose), jitter: numbers(jitterPurpose) });
    }
    if (copy < copies) [own, ownSeen] = [drawn.length, seen];
  }
  return { drawn, own, seen, ownSeen, batches };
}

/** Batches of the copies of a run, and of further copies without end. */
function* batchesOfCopies({ ids, batchSize, options }: BalancedRun): Generator<{ copy: number; ids: string[] }> {
  const samples = ids.map((id) => ({ id }));
  for (let copy = 0; samples.length > 0; copy++) {
    for (const batch of batchesOf(samples, batchSize, copy, options.seed)) yield { copy, ids: batch.map(({ id }) => id) };
  }
}

/** Instances and pixels of each class that a run pastes, and instances that it tries to paste. */
interface PastedCounts {
  readonly instances: Float64Array;
  readonly pixels: Float64Array;
  readonly tried: Float64Array;
}

/** Pools of a source set, with the running sums of their weights. */
interface SetSums {
  readonly pools: readonly Pool[];
  readonly sums: Float64Array;
}

/** Number of sources that the simulation tries for a target. */
const mostAttempts = 4;

/** Plans targets on boxes and areas alone, as `planSample` and `planFromSet` do. @param set source set, if sources come from one. */
function simulate(targets: readonly DrawnTarget[], classes: number, set: SetSums | undefined, options: PlanOptions): PastedCounts {
  const counts = (): Float64Array => new Float64Array(classes);
  const pasted: PastedCounts = { instances: counts(), pixels: counts(), tried: counts() };
  for (const target of targets) {
    const { self, batch, choice, jitter } = target;
    choice.rewind();
    jitter.rewind();
    const pools = set ? set.pools : batch;
    const order = set
      ? drawBySums(set.sums, choice)
      : drawByWeight(
          batch.map((pool) => (pool === self ? 0 : pool.weight)),
          choice,
        );
    if (options.jitter === 'scene') jitterScene(target, target, options, jitter);
    let attempts = 0;
    for (const n of order) if (pasteFrom(pools[n] as Pool, target, pasted, options) || ++attempts === mostAttempts) break;
  }
  return pasted;
}

/** Draws instances of one source. @returns true if any is pasted. */
function pasteFrom(pool: Pool, target: DrawnTarget, { instances, pixels, tried }: PastedCounts, options: PlanOptions): boolean {
  const { choice } = target;
  const most = options.maxInstances === 'all' ? pool.indices.length : options.maxInstances;
  const wanted = 1 + choice.below(Math.min(pool.indices.length, most));
  const areaOf = landingIn(pool, target, options);
  let placed = 0;
  for (const n of drawByWeight(pool.weights, choice)) {
    if (placed === wanted) break;
    const index = pool.indices[n] as number;
    const area = areaOf(n);
    tried[index] = (tried[index] as number) + 1;
    if (area === 0) continue;
    instances[index] = (instances[index] as number) + 1;
    pixels[index] = (pixels[index] as number) + area;
    placed++;
  }
  return placed > 0;
}

/** Creates a function that lands an instance, which fills its box evenly. It returns the area, or 0 if no draw fits. */
function landingIn(pool: Pool, target: DrawnTarget, options: PlanOptions): (n: number) => number {
  const { entries } = pool;
  const { minArea, maxArea } = areaLimits(target, options);
  const scene = options.jitter === 'scene' ? jitterScene(pool, target, options, target.jitter) : undefined;
  return (n) => {
    const [classId, area, x0, y0, x1, y1] = entries.subarray(n * entryLength, (n + 1) * entryLength) as unknown as SixNumbers;
    for (let draw = 0; draw < (scene ? 1 : maxDraws); draw++) {
      const box = scene
        ? boxInScene([x0, y0, x1, y1], scene.targetBox, pool)
        : jitterInstance({ classId, box: [x0, y0, x1, y1] }, pool, target, options, target.jitter).targetBox;
      const shown = shownPart(box[0], box[2], target.width) * shownPart(box[1], box[3], target.height);
      const landed = (area * shown) / ((x1 - x0) * (y1 - y0));
      if (landed >= minArea && landed <= maxArea) return landed;
    }
    return 0;
  };
}

type SixNumbers = [number, number, number, number, number, number];

function boxInScene([x0, y0, x1, y1]: Box, [left, top, right, bottom]: Box, { width, height }: Size): Box {
  const across = (x: number): number => left + (x * (right - left)) / width;
  const down = (y: number): number => top + (y * (bottom - top)) / height;
  return [across(x0), down(y0), across(x1), down(y1)];
}

/** Length of the part of an interval that lies inside a frame. */
function shownPart(from: number, to: number, frame: number): number {
  return Math.max(0, Math.min(to, frame) - Math.max(from, 0));
}

/** Finds the weights of a request, and what stands in its way. */
function weightsFor(request: Request, run: BalancedRun, rows: ReadonlyMap<string, BalanceRow>, sources: readonly BalanceRow[]): Measures {
  const totals = totalsOf(rows.values(), sources);
  const targets = typeof request === 'object' && 'rfs' in request ? repeatFactors(request.rfs, totals, rows.size) : undefined;
  const goal = goalOf(request, totals, targets);
  const { options } = run;
  const place = new Map(goal.ids.flatMap((id, index) => ((goal.shares[index] as number) > 0 ? [[id, index] as const] : [])));
  const poolOfRow = ({ width, height, entries }: BalanceRow): Pool => {
    const kept = entries.filter((_, i) => place.has(entries[i - (i % entryLength)] as number));
    const indices = Uint16Array.from({ length: kept.length / entryLength }, (_, n) => place.get(kept[n * entryLength] as number) as number);
    return { width, height, entries: kept, indices, weights: new Float64Array(indices.length), weight: 0 };
  };
  const pools = new Map<string, Pool>();
  if (!run.apart) for (const [id, row] of rows) pools.set(id, poolOfRow(row));
  const setPools = run.apart ? sources.map(poolOfRow) : [];
  const simulated = drawTargets(rows, pools, run, { ...(targets && { weights: { instances: {}, targets } }) });
  const weighed = (weights: readonly number[]): SetSums | undefined => {
    for (const pool of run.apart ? setPools : pools.values()) {
      for (const [n, index] of pool.indices.entries()) pool.weights[n] = weights[index] as number;
      pool.weight = pool.weights.reduce((sum, weight) => sum + weight, 0);
    }
    return run.apart ? { pools: setPools, sums: runningSums(setPools) } : undefined;
  };
  const existing = goal.ids.map((id) => totals.existing.get(id)?.[goal.by === 'instances' ? 1 : 2] ?? 0);
  const outcomeOn =
    (drawn: readonly DrawnTarget[], seen: number) =>
    (weights: readonly number[]): Outcome => {
      const pasted = simulate(drawn, weights.length, weighed(weights), options);
      const scale = seen === 0 ? 0 : (run.copies * run.ids.length) / seen;
      return outcomeOf(goal, pasted, scale, existing, run);
    };
  const start = goal.ids.map((id, n) => {
    const amount = totals.pasteable.get(id)?.[goal.by === 'instances' ? 0 : 1] ?? 0;
    return amount > 0 ? (goal.shares[n] as number) / amount : 0;
  });
  const all = outcomeOn(simulated.drawn, simulated.seen);
  // A run with few targets gets weights that suit more targets too, and then fits its own draws within a narrow range of these.
  const follow = simulated.own >= leastOwnTargets && simulated.own < simulated.drawn.length;
  const first = calibrate(start, all, 1000, follow ? 0.02 : accepted);
  const weights = follow ? calibrate(first, outcomeOn(simulated.drawn.slice(0, simulated.own), simulated.ownSeen), 3) : first;
  const scale = meanWeight(goal.ids, weights, totals);
  const instances: Record<number, number> = {};
  // A class may have instances that fit the frames of some targets only.
  for (const id of totals.held.keys()) instances[id] = otherWeight(id, request);
  for (const [n, id] of goal.ids.entries()) instances[id] = rounded((weights[n] as number) / scale);
  const sums = weighed(goal.ids.map((id) => instances[id] as number))?.sums;
  const { of, by } = goal;
  return {
    weights: { instances, ...(targets && { targets }) },
    balance: {
      of,
      by,
      asked: byClass(goal.ids, goal.shares.map(rounded)),
      ...(of === 'result' && {
        existing: byClass(
          goal.ids,
          existing.map((n) => n * (run.copies + run.originals)),
        ),
      }),
      limited: limitsOf(goal, totals, all(first), simulated.batches, run.apart),
    },
    ...(sums && { sourceSums: sums }),
  };
}

/** Mean of the weights of all instances that may be pasted. */
function meanWeight(ids: readonly number[], weights: readonly number[], { pasteable }: Totals): number {
  let [sum, count] = [0, 0];
  for (const [n, id] of ids.entries()) {
    const [instances] = pasteable.get(id) ?? [0];
    sum += instances * (weights[n] as number);
    count += instances;
  }
  return sum > 0 ? sum / count : 1;
}

/** Weight of a class that has no instance to paste in the typical frame. */
function otherWeight(id: number, request: Request): number {
  if (request === 'inverse' || 'rfs' in request) return 1;
  return 'shares' in request ? 0 : (request.weights.get(id) ?? 1);
}

function runningSums(pools: readonly Pool[]): Float64Array {
  // Threads share the memory.
  const sums = new Float64Array(new SharedArrayBuffer(8 * pools.length));
  let sum = 0;
  for (const [n, { weight }] of pools.entries()) sums[n] = sum += weight;
  return sums;
}

/** Shares of the classes that weights lead to, and those that they are meant to lead to. */
export interface Outcome {
  /** Shares of what is pasted. */
  readonly wanted: readonly number[];
  readonly reached: readonly number[];
  /** Shares of the histogram that is asked for, and those that it would have if the wanted shares were pasted. */
  readonly final: readonly number[];
  readonly possible: readonly number[];
  /** Part of the drawn instances of each class that fit. */
  readonly fitting: readonly number[];
}

function outcomeOf(
  { of, by, ids, shares }: Goal,
  pasted: PastedCounts,
  scale: number,
  existing: readonly number[],
  run: BalancedRun,
): Outcome {
  const { copies, originals, frame } = run;
  const counts = [...pasted[by]].map((n) => n * scale);
  const reached = normalised(counts);
  const fitting = ids.map((_, i) => (pasted.tried[i] === 0 ? 1 : (pasted.instances[i] as number) / (pasted.tried[i] as number)));
  if (of === 'pasted') return { wanted: shares, reached, final: reached, possible: shares, fitting };
  const total = counts.reduce((sum, n) => sum + n, 0);
  // A paste covers existing classes as often as they are found.
  const area = copies * run.ids.length * frame.width * frame.height;
  const shown = by === 'pixels' && area > 0 ? Math.max(0, 1 - total / area) : 1;
  const kept = existing.map((n) => n * (copies * shown + originals));
  const added = amountsToAdd(shares, kept, total);
  const withMore = (more: readonly number[]): number[] => normalised(kept.map((n, i) => n + (more[i] as number)));
  return { wanted: normalised(added), reached, final: withMore(counts), possible: withMore(added), fitting };
}

/** Amounts of a total to add to existing ones, so that classes which get any have the wanted shares to one another. */
function amountsToAdd(shares: readonly number[], existing: readonly number[], total: number): number[] {
  const added = (level: number): number[] => shares.map((share, i) => Math.max(0, level * share - (existing[i] as number)));
  let low = 0;
  let high = 1;
  const sumAt = (level: number): number => added(level).reduce((sum, n) => sum + n, 0);
  while (sumAt(high) < total && high < 1e15) high *= 2;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (sumAt(middle) < total) low = middle;
    else high = middle;
  }
  return added(high);
}

/** Maximum number of rounds of the calibration, in all and without a better result. */
const [mostRounds, mostIdle] = [30, 8];

/** Largest error of a share at which the calibration ends. */
const accepted = 0.004;

/**
 * Finds weights whose outcome is the wanted one: in each round a weight is multiplied by the wanted share over the reached one. The best
 * weights of all rounds are returned.
 *
 * @param most factor by which a weight may differ from its start, up or down.
 * @param enough largest error of a share at which it ends.
 */
export function calibrate(
  start: readonly number[],
  outcome: (weights: readonly number[]) => Outcome,
  most: number,
  enough = accepted,
): number[] {
  const base = normalised(start);
  let weights = base.map(rounded);
  let best = weights;
  let least = Number.POSITIVE_INFINITY;
  let idle = 0;
  for (let round = 0; round < mostRounds && idle < mostIdle; round++) {
    const { wanted, reached } = outcome(weights);
    const errors = wanted.map((share, i) => Math.abs(share - (reached[i] as number)));
    const squares = errors.reduce((sum, error) => sum + error * error, 0);
    idle = squares < least ? 0 : idle + 1;
    if (squares < least) [least, best] = [squares, weights];
    if (errors.every((error) => error < enough)) break;
    const next = weights.map((weight, i) => {
      const [share, got] = [wanted[i] as number, reached[i] as number];
      const factor = share === 0 ? 0.25 : got === 0 ? 4 : Math.min(4, Math.max(0.25, share / got));
      // Later rounds take smaller steps, since outcomes change in steps too.
      return weight * (round < mostRounds / 2 ? factor : Math.sqrt(factor));
    });
    const scaled = normalised(next);
    weights = scaled.map((weight, i) => rounded(Math.min((base[i] as number) * most, Math.max((base[i] as number) / most, weight))));
  }
  return best;
}

/** A number with six significant digits, so that weights are short in a manifest. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}

/** Difference from the wanted share at which a class counts as limited. */
const tolerance = 0.02;

function limitsOf(
  goal: Goal,
  totals: Totals,
  { final, possible, fitting }: Outcome,
  batches: DrawnTargets['batches'],
  apart: boolean,
): Limit[] {
  /** Number of batches that have an instance of each class. */
  const holding = new Uint32Array(goal.ids.length);
  for (const pools of batches) {
    const indices = new Set(pools.flatMap((pool) => [...pool.indices]));
    for (const index of indices) holding[index] = (holding[index] as number) + 1;
  }
  return goal.ids.flatMap((id, index): Limit[] => {
    const share = goal.shares[index] as number;
    const having = holding[index] as number;
    const limit = (reason: Limit['reason']): Limit[] => [{ id, reason, batches: [having, batches.length] }];
    if (!totals.pasteable.has(id) && goal.needed.has(id)) return limit(totals.held.has(id) ? 'unusable' : 'absent');
    if (Math.abs((possible[index] as number) - share) >= tolerance) return limit('pastes');
    // A class that only takes what others leave is not limited itself.
    if (share - (final[index] as number) < tolerance) return [];
    if (!apart && having < 0.95 * batches.length) return limit('batches');
    return limit((fitting[index] as number) < 0.5 ? 'fit' : 'samples');
  });
}

function normalised(values: readonly number[]): number[] {
  const sum = values.reduce((total, value) => total + value, 0);
  return sum > 0 ? values.map((value) => value / sum) : values.map(() => 0);
}

function ascending(ids: Iterable<number>): number[] {
  return [...ids].sort((a, b) => a - b);
}

function byClass(ids: readonly number[], values: readonly number[]): ByClass {
  return Object.fromEntries(ids.map((id, n) => [id, values[n] as number]));
}
