import { lstat, mkdir, readdir, realpath } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { CopyPasteError, messageOf } from './errors.ts';
import { codecs } from './image.ts';
import { type ManifestRecord, schemaVersion } from './manifest.ts';
import { type AugmentOptions, augmentOptions, type Given } from './options.ts';
import { checkOptions, jobLimit, runPipeline, type Sink } from './pipeline.ts';
import { pasteFilter } from './read/classes.ts';
import { type Dataset, listName, openDataset } from './read/dataset.ts';
import { withBackend } from './render/backend.ts';
import { resolveOptions } from './schema.ts';
import type { Backend, BackendName, DropReason, PassReason, Plan, Sample } from './types.ts';
import { version } from './version.ts';
import { augmentedRecord, createManifestWriter, unchangedRecord } from './write/manifest.ts';
import { createSampleWriter, outputPaths, type Written } from './write/samples.ts';

/** What a run did. */
export interface AugmentSummary {
  readonly layout: string;
  /** The split that was augmented; `''` where there are none. */
  readonly split: string;
  /** What rendered. */
  readonly backend: BackendName;
  /** Variants of samples of that split. */
  readonly samples: number;
  readonly augmented: number;
  /** Variants that passed through, by reason. */
  readonly unchanged: Readonly<Partial<Record<PassReason, number>>>;
  /** Samples of other splits, and originals, that were copied. */
  readonly copied: number;
  /** Instances that are in the output. */
  readonly pasted: number;
  /** Instances that were drawn and are not, by reason. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
  readonly classes: readonly ClassSummary[];
  /** Files of the input that belong to no sample and are not in the output. */
  readonly leftBehind: readonly string[];
}

export interface ClassSummary {
  readonly id: number;
  readonly name?: string;
  /** Instances in the samples that were read as sources. */
  readonly instances: number;
  /** Instances pasted and kept. */
  readonly pasted: number;
  /** `--classes` and `--exclude-classes` let it be pasted. */
  readonly allowed: boolean;
  /** Most of its pixels lie in instances that touch their image's border: sky, road. */
  readonly stuff: boolean;
}

/** What a caller can watch. */
export interface AugmentEvents {
  /** The data set was opened and checked. */
  opened?(dataset: Dataset, total: number): void;
  /** What renders was chosen. */
  chosen?(backend: Backend, why: string): void;
  /** A sample is done; `plan` where it belongs to the split that is augmented. */
  done?(sample: Sample, plan?: Plan): void;
}

/**
 * Reads a data set of images and masks, pastes instances from one sample into another, and writes an
 * augmented data set of the same layout with `manifest.json`.
 *
 * @throws {CopyPasteError} with a code of the documented exit codes.
 */
export async function augment(given: Given<typeof augmentOptions>, events: AugmentEvents = {}): Promise<AugmentSummary> {
  const options = resolveOptions(augmentOptions, given as Readonly<Record<string, unknown>>);
  await refuseOverlap(options.in, options.out);
  const dataset = await openDataset(options);
  checkOptions(dataset, options);
  checkNames(dataset, options);
  return withBackend(options.backend, async (backend, why) => {
    events.chosen?.(backend, why);
    return run(dataset, options, backend, events);
  });
}

async function run(dataset: Dataset, options: AugmentOptions, backend: Backend, events: AugmentEvents): Promise<AugmentSummary> {
  if (!options.dryRun) await prepareOutput(options.out);
  const { copies, includeOriginals } = options;
  const originals = includeOriginals ? dataset.samples : [];
  events.opened?.(dataset, copies * dataset.samples.length + originals.length + dataset.others.length);

  const tally = createTally(dataset, backend.name, pasteFilter(dataset.classNames, options));
  const output = options.dryRun ? undefined : await createOutput(dataset, options);
  try {
    for (let copy = 0; copy < copies; copy++) {
      const suffix = variantSuffix(copy, options);
      const sink: Sink<{ sample: Sample; plan?: Plan; record?: ManifestRecord | undefined }> = {
        see: copy === 0 ? tally.see : () => {},
        paste: async (pasted) => {
          tally.paste(pasted.plan, pasted.areas);
          const record = output && augmentedRecord(pasted, await output.writer.paste(pasted, suffix));
          return { sample: pasted.sample, plan: pasted.plan, record };
        },
        pass: async (sample, plan, areas) => {
          tally.pass(plan, areas);
          const record = output && unchangedRecord(sample, plan, areas, await output.writer.copy(sample, suffix));
          return { sample, plan, record };
        },
        skip: (sample, reason) => {
          if (copy === 0) tally.skip(sample, reason);
          return { sample };
        },
      };
      for await (const { sample, plan, record } of runPipeline(dataset, copy, options, backend, sink)) {
        if (record) await output?.manifest.add(record);
        events.done?.(sample, plan);
      }
    }
    const bad = new Set(tally.skipped.map(({ id }) => id));
    const rest: [Sample, PassReason][] = [
      ...originals.filter(({ id }) => !bad.has(id)).map((sample): [Sample, PassReason] => [sample, 'original']),
      ...dataset.others.map((sample): [Sample, PassReason] => [sample, 'other split']),
    ];
    for (let i = 0; i < rest.length; i += 64) {
      const written = await jobLimit(options).map(rest.slice(i, i + 64), async ([sample, reason]) => {
        const files: Written | undefined = await output?.writer.copy(sample, '');
        events.done?.(sample);
        return files && unchangedRecord(sample, { reason }, [], files);
      });
      for (const record of written) if (record) await output?.manifest.add(record);
    }
    const summary = tally.summary(rest.length);
    await output?.finish(summary);
    return summary;
  } catch (error) {
    await output?.manifest.abort();
    throw error;
  }
}

/** What follows a sample's name in a variant of it. */
function variantSuffix(copy: number, { copies, includeOriginals }: AugmentOptions): string {
  return copies > 1 || includeOriginals ? `_aug${copy + 1}` : '';
}

/** @throws {CopyPasteError} `usage` where one path holds the other, also through symbolic links. */
export async function refuseOverlap(input: string, output: string): Promise<void> {
  const from = await realpath(input).catch(() => resolve(input));
  const to = await realFuturePath(resolve(output));
  const inside = (a: string, b: string): boolean => !relative(b, a).startsWith('..');
  if (inside(from, to) || inside(to, from)) {
    throw new CopyPasteError('usage', `--out ${output}: is, holds or lies in --in ${input}; choose another place`);
  }
}

/** The real path that a folder will have once it is made. */
async function realFuturePath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await realFuturePath(parent), relative(parent, path));
  }
}

/** @throws {CopyPasteError} `data` where two outputs would have one name. */
function checkNames(dataset: Dataset, options: AugmentOptions): void {
  const taken = new Map<string, string>();
  const offenders: string[] = [];
  const take = (sample: Sample, suffix: string): void => {
    const format = suffix === '' ? undefined : options.imageFormat;
    for (const path of Object.values(outputPaths(sample, suffix, options.maskSuffix, format)) as string[]) {
      const twin = taken.get(path);
      if (twin !== undefined) offenders.push(`${path}: both ${twin} and ${sample.id} would be written there`);
      taken.set(path, sample.id);
    }
  };
  for (const sample of dataset.others) take(sample, '');
  for (const sample of dataset.samples) {
    if (options.includeOriginals) take(sample, '');
    for (let copy = 0; copy < options.copies; copy++) take(sample, variantSuffix(copy, options));
  }
  if (offenders.length > 0) throw new CopyPasteError('data', 'outputs would overwrite one another; rename the samples', { offenders });
}

/** @throws {CopyPasteError} `cannotCreate` where the folder cannot be made, or holds something. */
async function prepareOutput(out: string): Promise<void> {
  const refuse = (why: string, cause?: unknown): CopyPasteError => new CopyPasteError('cannotCreate', `--out ${out}: ${why}`, { cause });
  const info = await lstat(out).catch(() => undefined);
  if (info === undefined) {
    await mkdir(out, { recursive: true }).catch((cause: unknown) => {
      throw refuse(`cannot be created: ${messageOf(cause)}`, cause);
    });
  }
  const entries = await readdir(out).catch((cause: unknown) => {
    throw refuse(`is not a folder that can be read: ${messageOf(cause)}`, cause);
  });
  if (entries.length > 0) throw refuse('is not empty; choose a new folder, or empty this one');
}

async function createOutput(dataset: Dataset, options: AugmentOptions) {
  const writer = createSampleWriter(dataset.root, options);
  const { layout, split, folders, background, ignore } = dataset;
  // What says where things are or how fast they go changes no byte of the output.
  const {
    in: _in,
    out: _out,
    seed,
    jobs: _jobs,
    backend: _backend,
    quiet: _quiet,
    json: _json,
    dryRun: _dryRun,
    link: _link,
    classNames: _names,
    // The layout's folders say it.
    images: _images,
    masks: _masks,
    ...rest
  } = options;
  const manifest = await createManifestWriter(join(options.out, 'manifest.json'), {
    schema: schemaVersion,
    tool: { name: 'copypaste', version },
    codecs,
    seed,
    options: JSON.parse(JSON.stringify(rest)),
    layout: { name: layout, folders: [...folders], split, background: [...background], ignore: [...ignore] },
  });
  return {
    writer,
    manifest,
    async finish(summary: AugmentSummary): Promise<void> {
      const skipped = new Set(summary.skipped.map(({ id }) => id));
      const variants = new Map(dataset.samples.map(({ id }) => [id, skipped.has(id) ? [] : variantsOf(id, options)]));
      for (const { id } of dataset.others) variants.set(id, [id]);
      for (const [file, ids] of dataset.lists) {
        if (options.onlySplit && listName(file) !== dataset.split) continue;
        await writer.text(
          file,
          ids.flatMap((id) => variants.get(id.normalize('NFC')) ?? []),
        );
      }
      await writer.folders.sync();
      const { classes, samples, augmented, unchanged, pasted, dropped } = summary;
      await manifest.commit({
        classes: classes.map(({ stuff: _stuff, allowed: _allowed, ...row }) => row),
        skipped: [...summary.skipped],
        summary: { samples, augmented, unchanged, pasted, dropped, skipped: summary.skipped.length },
      });
      await writer.folders.sync();
    },
  };
}

function variantsOf(id: string, options: AugmentOptions): string[] {
  const copies = Array.from({ length: options.copies }, (_, copy) => id + variantSuffix(copy, options));
  return options.includeOriginals ? [id, ...copies] : copies;
}

/** Counts what a summary says. */
function createTally(dataset: Dataset, backend: BackendName, mayPaste: (classId: number) => boolean) {
  const unchanged: Partial<Record<PassReason, number>> = {};
  const dropped: Partial<Record<DropReason, number>> = {};
  const skipped = [...dataset.skipped];
  const classes = new Map<number, { instances: number; pasted: number; pixels: number; truncated: number }>();
  let augmented = 0;
  let pasted = 0;
  const of = (classId: number) => {
    const row = classes.get(classId) ?? { instances: 0, pasted: 0, pixels: 0, truncated: 0 };
    classes.set(classId, row);
    return row;
  };
  const drop = (reason: DropReason): void => {
    dropped[reason] = (dropped[reason] ?? 0) + 1;
  };
  const place = (plan: Plan, areas: readonly number[]): void => {
    for (const { reason } of plan.dropped) drop(reason);
    plan.placements.forEach(({ classId }, i) => {
      if (areas[i] === 0) {
        drop('under min-area once rendered');
        return;
      }
      of(classId).pasted++;
      pasted++;
    });
  };
  return {
    skipped,
    see: ({ instances }: { instances: readonly { classId: number; area: number; truncated: boolean }[] }): void => {
      for (const { classId, area, truncated } of instances) {
        const row = of(classId);
        row.instances++;
        row.pixels += area;
        if (truncated) row.truncated += area;
      }
    },
    paste(plan: Plan, areas: readonly number[]): void {
      augmented++;
      place(plan, areas);
    },
    pass(plan: Plan, areas: readonly number[]): void {
      const reason = plan.reason as PassReason;
      unchanged[reason] = (unchanged[reason] ?? 0) + 1;
      place(plan, areas);
    },
    skip(sample: Sample, reason: string): void {
      skipped.push({ id: sample.id, reason });
    },
    summary: (copied: number): AugmentSummary => ({
      layout: dataset.layout,
      split: dataset.split,
      backend,
      samples: augmented + Object.values(unchanged).reduce((sum, n) => sum + n, 0),
      augmented,
      unchanged: sorted(unchanged),
      copied,
      pasted,
      dropped: sorted(dropped),
      skipped: [...skipped].sort((a, b) => (a.id < b.id ? -1 : 1)),
      classes: [...classes]
        .sort(([a], [b]) => a - b)
        .map(([id, row]) => {
          const name = dataset.classNames.get(id);
          const { instances, pasted, pixels, truncated } = row;
          return { id, ...(name !== undefined && { name }), instances, pasted, allowed: mayPaste(id), stuff: truncated > pixels / 2 };
        }),
      leftBehind: dataset.leftBehind,
    }),
  };
}

function sorted<T extends object>(counts: T): T {
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))) as T;
}
