/**
 * Weights of classes with which a histogram comes out as asked. Sources come from the batch, one for each target, and give few instances
 * without replacement, so that raw weights miss it: the weights are found by planning the run again and again, with the random numbers of
 * the run itself, on counts of instances alone.
 */
import type { Instance, Size } from '../types.ts';
import type { Gauge } from './gauge.ts';
import { scaleOf } from './jitter.ts';
import type { Balance, ByClass, Limit, Measures } from './measures.ts';
import {
  areaLimits,
  batchesOf,
  type Candidate,
  copyableClasses,
  eligible,
  maxDraws,
  type PlanOptions,
  passReason,
  weightedPurpose,
} from './plan.ts';
import { stream } from './rng.ts';
import { firstAbove, targetFactor } from './weights.ts';

/** What is asked of the drawn instances, in class ids. */
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
  /** Numbers `[class id, instances, fitting, area]` for each class and each octave of area, of the instances that may be pasted. */
  readonly entries: readonly number[];
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
    read: (sample) => rowOf(sample, run),
    add(row, id, role) {
      if (role !== 'source') rows.set(id, row);
      if (role !== 'target') sources.push(row);
    },
    result: () => weightsFor(request, run, rows, sources),
  };
}

/** Measures one sample. */
function rowOf(sample: Candidate, { options, frame }: BalancedRun): BalanceRow {
  const groups = new Map<number, number[]>();
  for (const index of eligible(sample, { ...frame, largestId: 0xffff }, options)) {
    const instance = sample.instances[index] as Instance;
    const key = instance.classId * 32 + 31 - Math.clz32(instance.area);
    const group = groups.get(key) ?? [instance.classId, 0, 0, 0];
    const { fitting, area } = fitOf(instance, frame, options);
    group[1] = (group[1] as number) + 1;
    group[2] = (group[2] as number) + fitting;
    group[3] = (group[3] as number) + area;
    groups.set(key, group);
  }
  const held = new Map<number, [number, number]>();
  for (const { classId, area, crowd } of sample.instances) {
    if (crowd || classId < 0) continue;
    const [instances, pixels] = held.get(classId) ?? [0, 0];
    held.set(classId, [instances + 1, pixels + area]);
  }
  return {
    annotated: sample.annotated,
    entries: [...groups].sort(([a], [b]) => a - b).flatMap(([, group]) => group),
    held: [...held].sort(([a], [b]) => a - b).flatMap(([id, counts]) => [id, ...counts]),
    copyable: [...new Set(copyableClasses(sample, options))],
  };
}

/** Number of points at which each random number of the jitter is taken. */
const [scalePoints, centrePoints] = [8, 3];

/**
 * Probability that one of ten draws of the jitter fits an instance into the frame, and the area that it then has, by a sum over scales and
 * centres. The instance fills its box evenly.
 */
function fitOf({ classId, box: [x0, y0, x1, y1], area }: Instance, frame: Size, options: PlanOptions): { fitting: number; area: number } {
  const { minArea, maxArea } = areaLimits(frame, options);
  const [low, high] = scaleOf(classId, options);
  let fits = 0;
  let sum = 0;
  for (let i = 0; i < scalePoints; i++) {
    const scale = low + ((high - low) * (i + 0.5)) / scalePoints;
    for (let x = 0; x < centrePoints; x++) {
      const column = area * scale * scale * visiblePart((x1 - x0) * scale, frame.width, x);
      for (let y = 0; y < centrePoints; y++) {
        const shown = column * visiblePart((y1 - y0) * scale, frame.height, y);
        if (shown < minArea || shown > maxArea) continue;
        fits++;
        sum += shown;
      }
    }
  }
  const misses = 1 - fits / (scalePoints * centrePoints * centrePoints);
  let all = 1;
  for (let draw = 0; draw < maxDraws; draw++) all *= misses;
  return { fitting: 1 - all, area: fits === 0 ? 0 : sum / fits };
}

/** Part of a length that lies inside a frame when its centre is at the nth point of one half of the frame. */
function visiblePart(length: number, frame: number, n: number): number {
  const half = length / 2;
  const centre = ((n + 0.5) * frame) / (2 * centrePoints);
  // The other edge is farther away.
  return half <= centre ? 1 : (centre + Math.min(half, frame - centre)) / length;
}

/** Sums over all samples, by class id. */
interface Totals {
  /** Instances of sources that may be pasted, their number when each counts by how often it fits, and the area that they then have. */
  readonly pasteable: Map<number, readonly [instances: number, fitting: number, area: number]>;
  /** All instances of sources. */
  readonly held: Map<number, number>;
  /** Samples to augment that hold the class, and its instances and pixels there. */
  readonly existing: Map<number, readonly [samples: number, instances: number, pixels: number]>;
}

function totalsOf(targets: Iterable<BalanceRow>, sources: readonly BalanceRow[]): Totals {
  const totals: Totals = { pasteable: new Map(), held: new Map(), existing: new Map() };
  for (const { entries, held } of sources) {
    for (const [id, count, fitting, area] of groupsOf(entries, 4)) {
      const [n, fits, pixels] = totals.pasteable.get(id) ?? [0, 0, 0];
      totals.pasteable.set(id, [n + count, fits + fitting, pixels + area]);
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

function* groupsOf(numbers: readonly number[], size: number): Generator<[number, number, number, number]> {
  for (let i = 0; i < numbers.length; i += size) yield numbers.slice(i, i + 4) as [number, number, number, number];
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

/** A source as the simulation of a run sees it: its instances in groups of one class and about one area. */
interface Pool {
  readonly groups: readonly Group[];
  /** Sum of the weights of its instances, with the weights that are tried. */
  weight: number;
  readonly count: number;
}

interface Group {
  /** Index among the classes of the goal. */
  readonly index: number;
  readonly count: number;
  /** Probability that one of them fits, and its area then. */
  readonly fit: number;
  readonly area: number;
}

/** A target of the simulation, with the random numbers of its draws. */
interface Drawn {
  readonly self: Pool | undefined;
  readonly batch: readonly Pool[];
  readonly random: Float64Array;
}

/** Number of targets that the weights are made for: at least and at most. A run with fewer is drawn more often than it will be. */
const [leastTargets, mostTargets] = [600, 20_000];

/** Number of targets from which on the weights follow the random numbers of the run itself. */
const leastOwnTargets = 50;

/** Maximum number of samples, over all copies, among which targets are drawn. */
const mostSeen = 200_000;

/** Targets of a run, those of its own copies first. */
interface Cast {
  readonly drawn: readonly Drawn[];
  /** Number of targets that the run itself has, and of samples and copies that were looked at for these. */
  readonly own: number;
  readonly seen: number;
  readonly ownSeen: number;
  /** Pools of the batches of the first copy. */
  readonly batches: readonly (readonly Pool[])[];
}

function castOf(rows: ReadonlyMap<string, BalanceRow>, pools: ReadonlyMap<string, Pool>, run: BalancedRun, measures: Measures): Cast {
  const { options, copies } = run;
  const length = 2 + Math.min(38, options.maxInstances === 'all' ? 38 : 2 * options.maxInstances);
  const drawn: Drawn[] = [];
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
      const random = stream(options.seed, copy, id, weightedPurpose);
      const self = options.allowSelf ? undefined : pools.get(id);
      drawn.push({ self, batch, random: Float64Array.from({ length }, () => random.uniform()) });
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

/** Instances and pixels of each class that a run pastes. */
interface Pasted {
  readonly instances: Float64Array;
  readonly pixels: Float64Array;
}

/** Plans targets on counts alone. @param sums running sums of the weights of a source set, if sources come from one. */
function simulate(targets: readonly Drawn[], weights: readonly number[], set: SetSums | undefined, maxInstances: number): Pasted {
  const pasted: Pasted = { instances: new Float64Array(weights.length), pixels: new Float64Array(weights.length) };
  for (const { self, batch, random } of targets) {
    let at = 0;
    const next = (): number => random[at++ % random.length] as number;
    const tried = new Set<Pool | undefined>([self]);
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const pool = set ? set.pools[firstAbove(set.sums, next() * (set.sums.at(-1) as number))] : drawPool(batch, tried, next());
      // Most targets are pasted into from the first source.
      if (!pool || pool.weight === 0 || pasteFrom(pool, weights, next, maxInstances, pasted) > 0.5) break;
      tried.add(pool);
    }
  }
  return pasted;
}

/** Number of sources that the simulation tries for a target. */
const mostAttempts = 4;

/** Pools of a source set, with the running sums of their weights. */
interface SetSums {
  readonly pools: readonly Pool[];
  readonly sums: Float64Array;
}

function drawPool(batch: readonly Pool[], tried: ReadonlySet<Pool | undefined>, random: number): Pool | undefined {
  let total = 0;
  for (const pool of batch) if (!tried.has(pool)) total += pool.weight;
  let rest = random * total;
  let drawn: Pool | undefined;
  for (const pool of batch) {
    if (pool.weight === 0 || tried.has(pool)) continue;
    if (drawn && rest < 0) break;
    drawn = pool;
    rest -= pool.weight;
  }
  return drawn;
}

/** Draws instances of one source. @returns the expected number of those that are pasted. */
function pasteFrom(
  { groups, count }: Pool,
  weights: readonly number[],
  next: () => number,
  maxInstances: number,
  { instances, pixels }: Pasted,
): number {
  const left = groups.map((group) => group.count);
  const wanted = 1 + Math.floor(next() * Math.min(count, maxInstances));
  let placed = 0;
  while (placed < wanted) {
    let total = 0;
    for (let i = 0; i < left.length; i++) total += (left[i] as number) * (weights[(groups[i] as Group).index] as number);
    if (!(total > 0)) break;
    let rest = next() * total;
    let drawn = -1;
    for (let i = 0; i < left.length && (drawn < 0 || rest >= 0); i++) {
      const weight = (left[i] as number) * (weights[(groups[i] as Group).index] as number);
      if (weight === 0) continue;
      drawn = i;
      rest -= weight;
    }
    const { index, fit, area } = groups[drawn] as Group;
    left[drawn] = (left[drawn] as number) - 1;
    const part = Math.min(fit, wanted - placed);
    instances[index] = (instances[index] as number) + part;
    pixels[index] = (pixels[index] as number) + part * area;
    placed += part;
  }
  return placed;
}

/** Finds the weights of a request, and what stands in its way. */
function weightsFor(request: Request, run: BalancedRun, rows: ReadonlyMap<string, BalanceRow>, sources: readonly BalanceRow[]): Measures {
  const totals = totalsOf(rows.values(), sources);
  const targets = typeof request === 'object' && 'rfs' in request ? repeatFactors(request.rfs, totals, rows.size) : undefined;
  const goal = goalOf(request, totals, targets);
  const own = (id: number): readonly [number, number, number] => totals.pasteable.get(id) ?? [0, 0, 0];
  const poolOfRow = ({ entries }: BalanceRow): Pool => {
    const groups = [...groupsOf(entries, 4)].flatMap(([id, count, fitting, area]): Group[] => {
      const index = goal.ids.indexOf(id);
      return index < 0 || goal.shares[index] === 0 ? [] : [{ index, count, fit: fitting / count, area: area / count }];
    });
    return { groups, weight: 0, count: groups.reduce((sum, group) => sum + group.count, 0) };
  };
  const pools = new Map<string, Pool>();
  if (!run.apart) for (const [id, row] of rows) pools.set(id, poolOfRow(row));
  const setPools = run.apart ? sources.map(poolOfRow) : [];
  const cast = castOf(rows, pools, run, { ...(targets && { weights: { instances: {}, targets } }) });
  const most = run.options.maxInstances === 'all' ? Number.POSITIVE_INFINITY : run.options.maxInstances;
  const weighed = (weights: readonly number[]): SetSums | undefined => {
    for (const pool of run.apart ? setPools : pools.values()) {
      pool.weight = pool.groups.reduce((sum, { index, count }) => sum + count * (weights[index] as number), 0);
    }
    return run.apart ? { pools: setPools, sums: runningSums(setPools) } : undefined;
  };
  const existing = goal.ids.map((id) => totals.existing.get(id)?.[goal.by === 'instances' ? 1 : 2] ?? 0);
  const outcomeOn =
    (drawn: readonly Drawn[], seen: number) =>
    (weights: readonly number[]): Outcome => {
      const pasted = simulate(drawn, weights, weighed(weights), most);
      const scale = seen === 0 ? 0 : (run.copies * run.ids.length) / seen;
      return outcomeOf(goal, pasted, scale, existing, run);
    };
  const start = goal.ids.map((id, n) => {
    const [instances, , area] = own(id);
    const amount = goal.by === 'instances' ? instances : area;
    return amount > 0 ? (goal.shares[n] as number) / amount : 0;
  });
  const all = outcomeOn(cast.drawn, cast.seen);
  const first = calibrate(start, all, 1000);
  const rest = cast.drawn.slice(0, cast.own);
  const follow = cast.own >= leastOwnTargets && cast.own < cast.drawn.length;
  const weights = follow ? calibrate(first, outcomeOn(rest, cast.ownSeen), 3) : first;
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
      limited: limitsOf(goal, totals, all(first), cast.batches, run),
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
}

function outcomeOf({ of, by, shares }: Goal, pasted: Pasted, scale: number, existing: readonly number[], run: BalancedRun): Outcome {
  const { copies, originals, frame, ids } = run;
  const counts = [...pasted[by]].map((n) => n * scale);
  const reached = normalised(counts);
  if (of === 'pasted') return { wanted: shares, reached, final: reached, possible: shares };
  const total = counts.reduce((sum, n) => sum + n, 0);
  // A paste covers existing classes as often as they are found.
  const area = copies * ids.length * frame.width * frame.height;
  const shown = by === 'pixels' && area > 0 ? Math.max(0, 1 - total / area) : 1;
  const kept = existing.map((n) => n * (copies * shown + originals));
  const added = missing(shares, kept, total);
  const withMore = (more: readonly number[]): number[] => normalised(kept.map((n, i) => n + (more[i] as number)));
  return { wanted: normalised(added), reached, final: withMore(counts), possible: withMore(added) };
}

/** Amounts of a total to add to existing ones, so that classes which get any have the wanted shares to one another. */
function missing(shares: readonly number[], existing: readonly number[], total: number): number[] {
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

/** Maximum number of rounds of the calibration, and the error of a share at which it ends. */
const [mostRounds, accepted] = [30, 0.004];

/**
 * Finds weights whose outcome is the wanted one: in each round a weight is multiplied by the wanted share over the reached one. The best
 * weights of all rounds are returned.
 *
 * @param most factor by which a weight may differ from its start, up or down.
 */
export function calibrate(start: readonly number[], outcome: (weights: readonly number[]) => Outcome, most: number): number[] {
  const base = normalised(start);
  let weights = base.map(rounded);
  let best = weights;
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < mostRounds; round++) {
    const { wanted, reached } = outcome(weights);
    const errors = wanted.map((share, i) => Math.abs(share - (reached[i] as number)));
    const squares = errors.reduce((sum, error) => sum + error * error, 0);
    if (squares < least) [least, best] = [squares, weights];
    if (errors.every((error) => error < accepted)) break;
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

function limitsOf(goal: Goal, totals: Totals, { final, possible }: Outcome, batches: Cast['batches'], run: BalancedRun): Limit[] {
  return goal.ids.flatMap((id, index): Limit[] => {
    const share = goal.shares[index] as number;
    const having = batches.filter((pools) => pools.some(({ groups }) => groups.some((group) => group.index === index))).length;
    const limit = (reason: Limit['reason']): Limit[] => [{ id, reason, batches: [having, batches.length] }];
    const [count, fitting] = totals.pasteable.get(id) ?? [0, 0];
    if (count === 0 && goal.needed.has(id)) return limit(totals.held.has(id) ? 'unusable' : 'absent');
    if (Math.abs((possible[index] as number) - share) >= tolerance) return limit('pastes');
    // A class that only takes what others leave is not limited itself.
    if (share - (final[index] as number) < tolerance) return [];
    if (!run.apart && having < 0.95 * batches.length) return limit('batches');
    return limit(fitting < count / 2 ? 'fit' : 'samples');
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
