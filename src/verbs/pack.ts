import { parquetOf } from '../archives/parquet-writer.ts';
import { tarOf } from '../archives/tar-writer.ts';
import { joinPath } from '../base/paths.ts';
import { partsOfRegular } from '../base/regular.ts';
import { arrayFormatOf } from '../codecs/image-names.ts';
import { colourMapName, colourMapText } from '../dataset/colours.ts';
import { type Dataset, openDataset } from '../dataset/open.ts';
import type { Hooks } from '../engine/hooks.ts';
import { withFiles } from '../engine/option-files.ts';
import { imageRoles, type Keyed, keysOf, type Loaded, loadSample, membersOf, type NameOf } from '../engine/packing.ts';
import { CopyPasteError, interrupted, messageOf } from '../errors.ts';
import { classNamesOfHub } from '../formats/archives.ts';
import type { Format } from '../formats/format.ts';
import { layoutNamed } from '../formats/layouts.ts';
import { augmentFile, makerOf } from '../formats/made.ts';
import { type Given, type PackOptions, packOptions } from '../options.ts';
import { refuseChangedRun } from '../output/complete.ts';
import { openRun } from '../output/folder.ts';
import { packHeadOf } from '../output/head.ts';
import { manifestName, readFrame } from '../output/manifest-file.ts';
import { refuseOverlap } from '../output/overlap.ts';
import { createPackOutput, type PackOutput, type PackRecord, packRun } from '../output/packs.ts';
import { resolveOptions } from '../schema.ts';
import type { Reason, Sample } from '../types.ts';
import { version } from '../version.ts';

/** Counts of packed data. */
export interface PackSummary {
  readonly layout: string;
  readonly samples: number;
  /** Archives, and how many of them an earlier run had written. */
  readonly archives: number;
  readonly reused: number;
  readonly splits: Readonly<Record<string, number>>;
  /** Number of annotations that are not packed, by reason. */
  readonly left: Readonly<Partial<Record<Reason, number>>>;
  /** Number of files of the data set that are not packed. */
  readonly filesLeft: number;
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
}

/** An archive to be written. */
interface Plan {
  readonly path: string;
  readonly split: string;
  readonly samples: readonly Keyed[];
}

/**
 * Packs a data set into numbered archives: tars of WebDataset, or Parquet files of Hugging Face. Images and masks keep their bytes. The same
 * call continues an interrupted run and leaves a complete one unchanged.
 *
 * @throws {CopyPasteError} with one of the codes of `exitCodes`.
 */
export async function pack(given: Given<typeof packOptions>, hooks: Hooks = {}): Promise<PackSummary> {
  const options = resolveOptions(packOptions, await withFiles(packOptions, given));
  const { out, overwrite } = options;
  await refuseOverlap(options.in, out, 'the data set');
  const dataset = await openDataset({ ...options, lookOnly: true }, hooks.meter);
  const wanted = [...dataset.samples, ...(options.onlySplit ? [] : dataset.others)];
  const format = await layoutNamed(dataset.layout).format?.();
  if (options.form === 'parquet') refuseArrays(wanted);
  const plans = plansOf(wanted, options);
  const head = await packHeadOf(dataset, options);
  const opened = await openRun(packRun, head, { out, overwrite, twins: [], files: () => new Set(plans.map(({ path }) => path)) });
  hooks.opened?.(dataset);
  if ('complete' in opened) {
    const { records, files } = opened.complete;
    const { root } = dataset;
    const inputs = records.flatMap((record) => record.inputs).map((file) => ({ ...file, root }));
    await refuseChangedRun({ out, roots: [root], files: [...records, ...files, ...inputs] }, options.rescan);
    return summaryOf(dataset, format, records, records.length);
  }
  const output = await createPackOutput(out, dataset.root, head, opened.journal);
  try {
    const { records, reused } = await writeAll(plans, dataset, format, options, output, hooks);
    const summary = summaryOf(dataset, format, records, reused);
    const { layout: _, reused: __, ...counts } = summary;
    await output.finish(
      plans.map(({ path }) => path),
      await filesBeside(dataset, options),
      { summary: counts },
    );
    return summary;
  } finally {
    await output.close();
  }
}

/** Refuses masks that the image columns of Parquet cannot hold. @throws {CopyPasteError} `data` if there are any. */
function refuseArrays(samples: readonly Sample[]): void {
  const path = samples
    .flatMap(({ mask, objects }) => [mask, objects])
    .find((file) => file !== undefined && arrayFormatOf(file) !== undefined);
  if (path !== undefined)
    throw new CopyPasteError('data', 'is a NumPy array, which a column of images cannot hold; convert masks to PNG, or pack webdataset', {
      path,
    });
}

/** Archives of all splits. */
function plansOf(samples: readonly Sample[], { form, samplesPerFile }: PackOptions): Plan[] {
  const splits = new Map<string, Sample[]>();
  for (const sample of samples) {
    const own = splits.get(sample.split);
    if (own) own.push(sample);
    else splits.set(sample.split, [sample]);
  }
  const names = new Set<string>();
  return [...splits]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([split, own]): Plan[] => {
      // Data without splits are for training.
      const name = split === '' ? (splits.has('train') ? 'data' : 'train') : split.replaceAll(/\W/g, '_');
      if (names.has(name)) throw new CopyPasteError('data', `two splits would both be called ${name} in archives; rename one of them`);
      names.add(name);
      const keyed = keysOf(own.sort((a, b) => (a.id < b.id ? -1 : 1)));
      const count = Math.ceil(keyed.length / samplesPerFile);
      const pathOf = (n: number): string =>
        form === 'webdataset'
          ? `${name}-${`${n}`.padStart(6, '0')}.tar`
          : `data/${name}-${`${n}`.padStart(5, '0')}-of-${`${count}`.padStart(5, '0')}.parquet`;
      return Array.from({ length: count }, (_, n) => ({
        path: pathOf(n),
        split,
        samples: keyed.slice(n * samplesPerFile, (n + 1) * samplesPerFile),
      }));
    });
}

async function writeAll(
  plans: readonly Plan[],
  dataset: Dataset,
  format: Format | undefined,
  options: PackOptions,
  output: PackOutput,
  { meter, stop, done }: Hooks,
): Promise<{ records: PackRecord[]; reused: number }> {
  const nameOf: NameOf = (id) => dataset.classNames.get(id) ?? `${id}`;
  const hasInstances = plans.some(({ samples }) => samples.some(({ sample }) => sample.objects !== undefined));
  const images = imageRoles.filter((role) => role === 'image' || (!format && (role === 'mask' || hasInstances)));
  const categories = format && [...dataset.classNames.keys()].sort((a, b) => a - b).map((id) => ({ id, name: nameOf(id) }));
  const records: PackRecord[] = [];
  let reused = 0;
  meter?.begin('packing', { count: plans.reduce((sum, { samples }) => sum + samples.length, 0) });
  for (const { path, split, samples } of plans) {
    if (stop?.aborted) throw interrupted();
    const known = await output.recall(path);
    if (known) {
      reused++;
      for (const _ of samples) meter?.recall();
      records.push(known);
      continue;
    }
    let written: { loaded: Loaded; keyed: Keyed }[] = [];
    let skipped: { id: string; reason: string }[] = [];
    const rows = async function* () {
      [written, skipped] = [[], []];
      for await (const one of inOrder(samples, (keyed) => loadOrSkip(keyed, dataset, format, options))) {
        if (stop?.aborted) throw interrupted();
        meter?.add();
        if ('reason' in one) skipped.push(one);
        else {
          const { row, ...rest } = one.loaded;
          yield row;
          written.push({ keyed: one.keyed, loaded: { ...rest, row: { ...row, images: {}, objects: [] } } });
        }
        done?.(one.id);
      }
    };
    const members = async function* () {
      for await (const row of rows()) yield* membersOf(row, row.key, nameOf);
    };
    const parts = () =>
      options.form === 'webdataset' ? tarOf(members()) : parquetOf(rows(), { images, categories, createdBy: `copypaste ${version}` });
    records.push(
      await output.write(path, parts, () => ({
        split,
        samples: written.map(({ keyed: { key, sample } }) => ({ key, id: sample.id })),
        inputs: written.flatMap(({ loaded }) => loaded.inputs),
        left: sumOf(written.map(({ loaded }) => loaded.left)),
        skipped,
      })),
    );
  }
  return { records, reused };
}

type LoadedOrNot = { readonly id: string } & ({ readonly loaded: Loaded; readonly keyed: Keyed } | { readonly reason: string });

async function loadOrSkip(keyed: Keyed, dataset: Dataset, format: Format | undefined, { skipBad }: PackOptions): Promise<LoadedOrNot> {
  const { id } = keyed.sample;
  try {
    return { id, keyed, loaded: await loadSample(keyed, dataset, format) };
  } catch (error) {
    if (!skipBad || !(error instanceof CopyPasteError) || error.code !== 'data') throw error;
    return { id, reason: messageOf(error) };
  }
}

/** Samples that are read ahead of the one that is written. */
const ahead = 8;

/** Results of a step for each item, in order, while the next ones are under way. */
async function* inOrder<T, R>(items: readonly T[], step: (item: T) => Promise<R>): AsyncGenerator<R> {
  const begun: Promise<R>[] = [];
  for (let next = 0, at = 0; at < items.length; at++) {
    for (; next < items.length && next < at + ahead; next++) {
      const promise = step(items[next] as T);
      promise.catch(() => {});
      begun.push(promise);
    }
    yield await (begun.shift() as Promise<R>);
  }
}

/** Files beside the archives: the names of the classes, the colours of the classes in masks that store colours, and the manifest of the output of `augment` that is packed. */
async function filesBeside(dataset: Dataset, options: PackOptions): Promise<Record<string, () => AsyncIterable<string | Uint8Array>>> {
  const names = Object.fromEntries([...dataset.classNames].sort(([a], [b]) => a - b));
  const { colours } = dataset;
  const manifest = joinPath(options.in, (await makerOf(dataset.root)) === 'pack' ? augmentFile : manifestName);
  const isAugmented = await readFrame(manifest).then(
    () => true,
    () => false,
  );
  return {
    ...(dataset.classNames.size > 0 && {
      [classNamesOfHub]: async function* () {
        yield `${JSON.stringify(names, undefined, 2)}\n`;
      },
    }),
    ...(colours && {
      [colourMapName]: async function* () {
        yield colourMapText(colours, dataset.classNames);
      },
    }),
    ...(isAugmented && { [augmentFile]: () => partsOfRegular(manifest) }),
  };
}

function summaryOf(dataset: Dataset, format: Format | undefined, records: readonly PackRecord[], reused: number): PackSummary {
  const splits: Record<string, number> = {};
  for (const { split, samples } of records) splits[split] = (splits[split] ?? 0) + samples.length;
  const all = [...dataset.samples, ...dataset.others];
  const derived = format ? 0 : all.reduce((sum, { views = [] }) => sum + views.length, 0);
  return {
    layout: dataset.layout,
    samples: records.reduce((sum, { samples }) => sum + samples.length, 0),
    archives: records.length,
    reused,
    splits,
    left: sumOf(records.map(({ left }) => left)),
    filesLeft: derived + dataset.leftBehind.length,
    skipped: [...dataset.skipped.map(({ id, reason }) => ({ id, reason })), ...records.flatMap(({ skipped }) => skipped)],
  };
}

function sumOf(counts: readonly Readonly<Partial<Record<string, number>>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const [reason, n = 0] of counts.flatMap((one) => Object.entries(one))) sum[reason] = (sum[reason] ?? 0) + n;
  return sum;
}
