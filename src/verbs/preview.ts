import { plural } from '../base/plural.ts';
import { classIds } from '../dataset/classes.ts';
import { refuseIdleInstances } from '../dataset/join.ts';
import { openSourced, type SourcedDataset } from '../dataset/sources.ts';
import { refuseUnknownIds } from '../dataset/unknown-ids.ts';
import { refuseStrangeValues } from '../dataset/values.ts';
import { chosenFlags } from '../engine/command-line.ts';
import type { Hooks } from '../engine/hooks.ts';
import { inOrder } from '../engine/in-order.ts';
import { measure } from '../engine/measure.ts';
import { whyNothing } from '../engine/nothing.ts';
import { withFiles } from '../engine/option-files.ts';
import { createPipeline } from '../engine/pipeline.ts';
import { createPlanner, type Planner, planOptionsOf } from '../engine/planner.ts';
import { type Setting, settingsOf, sweepsOf } from '../engine/sweep.ts';
import { type PriorSummary, priorSummary } from '../engine/tally.ts';
import { refuseUnfit } from '../engine/unfit.ts';
import { CopyPasteError } from '../errors.ts';
import { augmentOptions, type Given, type PreviewOptions, planning, previewOptions } from '../options.ts';
import { type Canvas, widthOf } from '../output/font.ts';
import { refuseOverlaps } from '../output/overlap.ts';
import { passInWords } from '../output/reasons.ts';
import {
  type Block,
  type Cell,
  describePastes,
  describeSample,
  drawSheet,
  encircledOf,
  encodeSheet,
  legendColour,
  narrowest,
  overlayOf,
  type Sheet,
  sheetFormatOf,
  tileOf,
} from '../output/sheet.ts';
import { programName, refuseForeign, writeSingle } from '../output/single-file.ts';
import type { Measures } from '../plan/measures.ts';
import { isPasted, passThrough } from '../plan/plan.ts';
import { withBackend } from '../render/backend.ts';
import type { Renderer } from '../render/render.ts';
import { resolveOptions } from '../schema.ts';
import { type DropReason, type PassReason, type Pasted, type PastePlan, type Plan, type Sample, sourcePrefix } from '../types.ts';

/** Largest number of pictures in a grid of swept options. */
const mostPictures = 120;

/** A sample that was left out since it is bad. */
interface SkippedSample {
  readonly id: string;
  readonly reason: string;
}

/** A picture that was written. */
export interface Preview {
  /** Number of samples on it. */
  readonly rows: number;
  /** Number of samples that it could show, if they are fewer than were asked for: nothing suitable was pasted into the others. */
  readonly among?: number;
  readonly prior?: PriorSummary;
  /** Bad samples that were left out. */
  readonly skipped: readonly SkippedSample[];
  readonly sheet: Sheet;
  /** The sheet as it was drawn. */
  readonly picture: Canvas;
}

/**
 * Draws a contact sheet of the first samples that `augment` with the same options pastes into: the original, the
 * augmented image, and the new mask in colours over it with outlines of the pasted instances. With `sweep` it draws the original of each
 * sample beside what each value of the swept options makes of it, with a line around the pastes.
 *
 * @throws {CopyPasteError} with one of the codes of `exitCodes`.
 */
export async function preview(given: Given<typeof previewOptions>, hooks: Hooks = {}): Promise<Preview> {
  const options = resolveOptions(previewOptions, await withFiles(previewOptions, given));
  const format = sheetFormatOf(options.out);
  if (format === undefined)
    throw new CopyPasteError('usage', `--out ${options.out}: unknown picture format; name a .png, .jpg or .webp file`);
  await refuseOverlaps(options);
  await refuseForeign('--out', options.out);
  const grid = await gridOf(given, options);
  const samples = createSamples(given, hooks);
  const result = await withBackend(options.backend, async (backend) => {
    hooks.chosen?.(backend);
    const draw = (setting: PreviewSetting, ids?: ReadonlySet<string>) => samples.draw(setting, backend, ids);
    return options.sweep === undefined ? drawPlain(grid[0]?.[0] as PreviewSetting, draw, hooks) : drawGrid(grid, draw, hooks);
  });
  const picture = drawSheet(result.sheet, format);
  await writeSingle('--out', options.out, await encodeSheet(picture, format));
  return { ...result, picture };
}

/** A combination of swept values with all options. */
interface PreviewSetting extends Setting {
  readonly options: PreviewOptions;
}

/** Checks all combinations of swept values, in rows. @throws {CopyPasteError} `usage` if one is invalid, or if there are too many. */
async function gridOf(given: Given<typeof previewOptions>, { sweep = [], rows }: PreviewOptions): Promise<PreviewSetting[][]> {
  const sweeps = sweepsOf(sweep, given);
  const count = rows * sweeps.reduce((product, { values }) => product * values.length, 1);
  if (sweeps.length > 0 && count > mostPictures) {
    const values = sweeps.map((one) => one.values.length).join(' × ');
    throw new CopyPasteError(
      'usage',
      `--sweep: ${values} values for each of ${rows} samples are ${count} pictures, more than ${mostPictures}; give fewer values, or fewer samples with -n`,
    );
  }
  const withOptions = async (setting: Setting): Promise<PreviewSetting> => {
    const { sweep: _, ...own } = await withFiles(previewOptions, { ...given, ...setting.given });
    return { ...setting, options: resolveOptions(previewOptions, own) };
  };
  return Promise.all(settingsOf(sweeps).map((row) => Promise.all(row.map(withOptions))));
}

/** A sample as a setting pastes into it. */
interface Drawn {
  readonly id: string;
  /** Sample that the pastes come from, as it is shown. */
  readonly source: string;
  /** Pasted classes with their numbers. */
  readonly pastes: string;
  /** The original, and what was made of it. */
  readonly pictures: readonly [Canvas, ...Canvas[]];
  /** Class ids of the new mask. */
  readonly classes: readonly number[];
}

/** Samples that a setting pastes into, and why it pastes into others not. */
interface DrawnSet {
  readonly dataset: SourcedDataset;
  readonly drawn: ReadonlyMap<string, Drawn>;
  readonly reasons: ReadonlyMap<string, string>;
  readonly skipped: readonly SkippedSample[];
  /** Instances that were drawn but not pasted, of the class that is asked for, if one is. */
  readonly dropped: Partial<Record<DropReason, number>>;
  /** Samples that nothing was pasted into, by reason. */
  readonly unchanged: Partial<Record<PassReason, number>>;
  readonly measures: Measures;
  readonly prior?: PriorSummary | undefined;
}

/** Draws the samples of a setting: the first that are pasted into, or those with the given ids. */
type Draw = (setting: PreviewSetting, ids?: ReadonlySet<string>) => Promise<DrawnSet>;

/** Opens the data sets of settings, each once, and draws their samples. */
function createSamples(given: Given<typeof previewOptions>, hooks: Hooks) {
  const opened = new Map<string, Promise<SourcedDataset>>();
  const open = async (options: PreviewOptions): Promise<SourcedDataset> => {
    const dataset = await openSourced({ ...options, onlySplit: true }, hooks.meter);
    if (!options.skipBad) await refuseStrangeValues(dataset.sources ?? dataset);
    refuseIdleInstances(given.instances, (dataset.sources ?? dataset).layout);
    if (opened.size === 1) hooks.opened?.(dataset);
    return dataset;
  };
  const datasetOf = (options: PreviewOptions): Promise<SourcedDataset> => {
    const key = JSON.stringify(Object.entries(options).filter(([name]) => !Object.hasOwn(planning, name)));
    const dataset = opened.get(key);
    if (dataset) return dataset;
    const begun = Promise.resolve().then(() => open(options));
    opened.set(key, begun);
    return begun;
  };
  return {
    async draw({ options }: PreviewSetting, backend: Renderer, ids?: ReadonlySet<string>): Promise<DrawnSet> {
      const dataset = await datasetOf(options);
      refuseUnfit(dataset, options);
      await refuseUnknownIds(dataset, options);
      const wanted = classOf(dataset, options);
      const measures = await measure(dataset, options, hooks);
      const drawn = new Map<string, Drawn>();
      const reasons = new Map<string, string>();
      const skipped: SkippedSample[] = dataset.skipped.map(({ id, reason }) => ({ id, reason }));
      const dropped: Partial<Record<DropReason, number>> = {};
      const unchanged: Partial<Record<PassReason, number>> = {};
      const limit = ids?.size ?? options.rows;
      hooks.meter?.begin('drawing', { count: limit });
      const isShown = ({ id, placements }: PastePlan): boolean =>
        (!ids || ids.has(id)) && (wanted === undefined || placements.some(({ classId }) => classId === wanted));
      const sink = {
        keepsOriginal: true,
        paste: async (pasted: Pasted): Promise<Drawn> => drawnOf(pasted, dataset, given.sweep !== undefined),
        pass: async (_: Sample, plan: Plan): Promise<undefined> => {
          for (const { classId, reason } of plan.dropped)
            if (wanted === undefined || classId === wanted) dropped[reason] = (dropped[reason] ?? 0) + 1;
          if (isPasted(plan)) return;
          reasons.set(plan.id, passInWords(plan));
          unchanged[plan.reason] = (unchanged[plan.reason] ?? 0) + 1;
        },
        skip: ({ id }: Sample, reason: string): undefined => {
          reasons.set(id, reason);
          skipped.push({ id, reason });
        },
      };
      const planner = shownAlone(createPlanner(dataset, options, 1, measures), isShown, () => limit - drawn.size);
      const { begin } = createPipeline(dataset, options, backend, planner, () => sink, {
        poison: new Map(),
        stopped: () => hooks.stop?.aborted === true,
      });
      const isComplete = (): boolean => (ids ? [...ids].every((id) => drawn.has(id) || reasons.has(id)) : drawn.size === limit);
      for await (const { results } of inOrder(planner.batches(), begin, 0)) {
        for (const result of results) {
          const one = await result;
          if (!one) continue;
          drawn.set(one.id, one);
          hooks.meter?.add();
          hooks.done?.(one.id);
        }
        if (isComplete()) break;
      }
      return {
        dataset,
        drawn,
        reasons,
        skipped,
        unchanged,
        dropped,
        measures,
        prior: measures.prior && priorSummary(measures.prior, dataset),
      };
    },
  };
}

/** Id of the class that samples must get. @throws {CopyPasteError} `usage` if it is unknown, or is never pasted. */
function classOf(dataset: SourcedDataset, options: PreviewOptions): number | undefined {
  const { withClass } = options;
  if (withClass === undefined) return undefined;
  const [id] = classIds([withClass], dataset.classNames, '--with-class');
  if (id === undefined || planOptionsOf(dataset, options, {}).mayPaste(id)) return id;
  throw new CopyPasteError(
    'usage',
    `--with-class: class ${dataset.classNames.get(id) ?? id} is never pasted; allow it with --classes, --exclude-classes or --stuff`,
  );
}

/** A planner of which only the first plans that are shown paste, so that no other sample is rendered. @param left number of plans to show. */
function shownAlone(planner: Planner, isShown: (plan: PastePlan) => boolean, left: () => number): Planner {
  return {
    batches: () => planner.batches(),
    batch: (ref) => {
      const { needed, plan } = planner.batch(ref);
      return {
        needed,
        plan: async (candidates, draw) => {
          let more = left();
          const keep = (one: Plan): Plan => {
            if (!isPasted(one)) return one;
            return isShown(one) && more-- > 0 ? one : { ...passThrough(one.id, one.copy, 'not drawn'), dropped: one.dropped };
          };
          return (await plan(candidates, draw)).map(keep);
        },
      };
    },
  };
}

async function drawnOf(pasted: Pasted, { leftOut, classNames, sources }: SourcedDataset, inGrid: boolean): Promise<Drawn> {
  const { plan, original, image, pixels } = pasted;
  const made = inGrid ? [encircledOf(pasted)] : [tileOf(image), overlayOf(pasted, leftOut)];
  const nameOf = (id: number): string => classNames.get(id) ?? `class ${id}`;
  return {
    id: plan.id,
    source: sources ? `${plan.source.slice(sourcePrefix.length)} of the sources` : plan.source,
    pastes: describePastes(plan.placements.map(({ classId }) => nameOf(classId))),
    pictures: [await tileOf(original.image), ...(await Promise.all(made))],
    classes: [...pixels].filter(([, [, count]]) => count > 0).map(([id]) => id),
  };
}

type Result = Omit<Preview, 'picture'>;

/** Names of the pictures of a sample on a sheet of one setting, and the last one if all pictures are narrow. */
const [plainNames, narrowName] = [['before', 'after', 'after, with its mask and the outlines of pastes'], 'new mask, pastes outlined'];

/** The sheet of one setting: a row of three pictures for each sample. */
async function drawPlain(setting: PreviewSetting, draw: Draw, { stop }: Hooks): Promise<Result> {
  const set = await draw(setting);
  const { dataset, drawn, prior, skipped } = set;
  if (drawn.size === 0) throw await nothingPasted(set, setting.options, stop);
  const widest = Math.max(...[...drawn.values()].map(({ pictures }) => pictures[0].width));
  const names = plainNames.map((name) => (widthOf(name) > Math.max(narrowest, widest) ? narrowName : name));
  const blocks = [...drawn.values()].map(({ id, source, pastes, pictures }): Block => {
    const cells = pictures.map((tile, column): Cell => ({ tile, caption: names.slice(column, column + 1) }));
    return { caption: [describeSample(id, pastes), `from ${source}`], rows: [cells] };
  });
  const classes = [...new Set([...drawn.values()].flatMap((one) => one.classes))].sort((a, b) => a - b);
  const legend = classes.map((id) => ({
    name: dataset.classNames.get(id) ?? (dataset.leftOut.has(id) ? 'unlabelled' : `class ${id}`),
    colour: legendColour(id, dataset.leftOut),
  }));
  return {
    rows: drawn.size,
    ...(drawn.size < setting.options.rows && { among: dataset.samples.length }),
    ...(prior && { prior }),
    skipped,
    sheet: { legend, blocks, footer: footerOf(setting) },
  };
}

/** The sheet of a grid of settings: the samples that the first of them with any pastes into, each as every setting makes it. */
async function drawGrid(grid: readonly (readonly PreviewSetting[])[], draw: Draw, { stop }: Hooks): Promise<Result> {
  const sets = new Map<PreviewSetting, DrawnSet>();
  const settings = grid.flat();
  let ids: ReadonlySet<string> | undefined;
  for (const setting of settings) {
    const set = await draw(setting, ids);
    sets.set(setting, set);
    if (set.drawn.size > 0) ids ??= new Set(set.drawn.keys());
  }
  const first = settings[0] as PreviewSetting;
  if (!ids) throw await nothingPasted(sets.get(first) as DrawnSet, first.options, stop, ' with any of the values');
  const cellOf = (setting: PreviewSetting, id: string): Cell => {
    const { drawn, reasons } = sets.get(setting) as DrawnSet;
    const one = drawn.get(id);
    if (!one) return { caption: [setting.name, `nothing pasted: ${reasons.get(id) ?? 'not among the samples'}`] };
    return { tile: one.pictures[1], caption: [setting.name, one.pastes, `from ${one.source}`] };
  };
  const blocks = [...ids].map((id): Block => {
    const before = [...sets.values()].map(({ drawn }) => drawn.get(id)?.pictures[0]).find((tile) => tile !== undefined);
    return {
      caption: [id],
      rows: grid.map((row, n) => [
        n === 0 && before ? { tile: before, caption: ['before'] } : { caption: [] },
        ...row.map((setting) => cellOf(setting, id)),
      ]),
    };
  });
  const skipped = new Map(settings.flatMap((setting) => (sets.get(setting) as DrawnSet).skipped.map((one) => [one.id, one])));
  return { rows: ids.size, skipped: [...skipped.values()], sheet: { legend: [], blocks, footer: footerOf(first) } };
}

/** Options of a setting that differ from the defaults, without those that are swept, as words. */
function footerOf({ options, given }: PreviewSetting): string[] {
  const own = Object.entries(options).filter(([name]) => {
    const isOfBytes = Object.hasOwn(augmentOptions, name) && (name === 'sources' || !('bytes' in augmentOptions[name as 'in']));
    return isOfBytes && !Object.hasOwn(given, name);
  });
  const flags = chosenFlags(Object.fromEntries(own), (name) => name);
  return [programName, ...(flags.length > 0 ? ['with', ...flags] : ['with the default options'])];
}

/** The error if nothing was pasted. */
async function nothingPasted(set: DrawnSet, options: PreviewOptions, stop: AbortSignal | undefined, where = ''): Promise<CopyPasteError> {
  const { dataset } = set;
  const wanted = classOf(dataset, options);
  const { p, targets, backgroundRatio } = options;
  const ofBackground = targets === 'background' && backgroundRatio !== undefined;
  const ways = wanted !== undefined && p === 1 ? 'try another --seed, or give it more weight with --class-weights' : 'raise -p';
  const why = await whyNothing(dataset, options, set, stop, wanted);
  const what = wanted === undefined ? 'nothing' : `no instance of --with-class ${options.withClass}`;
  const text = `${what} was pasted into any of ${plural(dataset.samples.length, 'sample')}${where}`;
  return new CopyPasteError('data', why === undefined ? `${text}; ${ofBackground ? 'raise --background-ratio' : ways}` : `${text}: ${why}`);
}
