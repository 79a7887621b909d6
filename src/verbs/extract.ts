import { giveBack } from '../base/buffers.ts';
import { sha256 } from '../base/digest.ts';
import type { List } from '../base/list.ts';
import { inParts } from '../base/parts.ts';
import { encodeImage } from '../codecs/image.ts';
import { judgeWith } from '../codecs/judge.ts';
import { takePixels } from '../codecs/pixels.ts';
import { readAnnotations } from '../dataset/annotations.ts';
import { pasteFilter } from '../dataset/classes.ts';
import { refuseIdleInstances, refuseIdleJoin } from '../dataset/join.ts';
import { type Dataset, openDataset } from '../dataset/open.ts';
import { refuseUnknownIds } from '../dataset/unknown-ids.ts';
import { refuseStrangeValues } from '../dataset/values.ts';
import { createBudget, jobsOf, memoryOf } from '../engine/budget.ts';
import type { Hooks } from '../engine/hooks.ts';
import { bytesOfImage, bytesOfImages, loadImage } from '../engine/images.ts';
import { withFiles } from '../engine/option-files.ts';
import type { Programs } from '../engine/programs.ts';
import { findPoison } from '../engine/suspects.ts';
import { CopyPasteError, interrupted, messageOf } from '../errors.ts';
import { type BankCutout, type BankRecord, classFolders } from '../formats/bank.ts';
import { packCounts, runsOfSpans } from '../masks/run-lengths.ts';
import { type ExtractOptions, extractOptions, type Given } from '../options.ts';
import { type BankOutcome, type BankOutput, bankRun, createBankOutput } from '../output/bank.ts';
import { refuseChangedRun } from '../output/complete.ts';
import { openRun } from '../output/folder.ts';
import { bankHeadOf } from '../output/head.ts';
import { refuseOverlap } from '../output/overlap.ts';
import { limitInPixels } from '../plan/plan.ts';
import { resolveOptions } from '../schema.ts';
import type { Image, Instance, Sample } from '../types.ts';

/** Counts of a bank. */
export interface ExtractSummary {
  readonly layout: string;
  /** Split that was extracted; `''` if the data set has no splits. */
  readonly split: string;
  readonly samples: number;
  /** Number of samples that an earlier run had done. */
  readonly reused: number;
  readonly cutouts: number;
  readonly classes: readonly { readonly id: number; readonly name?: string; readonly cutouts: number }[];
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
}

/**
 * Writes the instances of a data set as cut-outs, RGBA PNGs, with a manifest. `--sources` takes the folder.
 *
 * @throws {CopyPasteError} with one of the codes of `exitCodes`.
 */
export async function extract(given: Given<typeof extractOptions>, hooks: Hooks = {}, programs?: Programs): Promise<ExtractSummary> {
  if (programs) judgeWith(programs.judge);
  const options = resolveOptions(extractOptions, await withFiles(extractOptions, given));
  const { out, overwrite } = options;
  await refuseOverlap(options.in, out, 'the data set');
  const dataset = await openDataset({ ...options, onlySplit: true }, hooks.meter);
  refuseIdleInstances(given.instances, dataset.layout);
  refuseIdleJoin(options, dataset.layout);
  await refuseUnknownIds(dataset, options);
  if (!options.skipBad) await refuseStrangeValues(dataset);
  const head = await bankHeadOf(dataset, options);
  pasteFilter(dataset, options);
  const { samples } = dataset;
  const opened = await openRun(bankRun, head, { out, overwrite, twins: twinsOf(samples), files: () => new Set() });
  hooks.opened?.(dataset);
  if ('complete' in opened) {
    const { classes, skipped, outputs, inputs } = opened.complete;
    const { root } = dataset;
    await refuseChangedRun({ out, roots: [root], files: [...outputs, ...inputs.map((file) => ({ ...file, root }))] }, options.rescan);
    return summaryOf(dataset, classes, skipped, samples.length);
  }
  const output = await createBankOutput(out, dataset.root, head, opened.journal);
  try {
    return await extractAll(dataset, options, output, hooks, programs);
  } finally {
    await output.close();
  }
}

/** Two sample ids that differ only in case; empty if there are none. */
function twinsOf(samples: List<Sample>): readonly string[] {
  const seen = new Map<string, string>();
  for (const { id } of samples) {
    const twin = seen.get(id.toLowerCase());
    if (twin !== undefined) return [twin, id];
    seen.set(id.toLowerCase(), id);
  }
  return [];
}

async function extractAll(
  dataset: Dataset,
  options: ExtractOptions,
  output: BankOutput,
  hooks: Hooks,
  programs: Programs | undefined,
): Promise<ExtractSummary> {
  const numbered = dataset.samples.map((sample, n) => ({ sample, key: `${n}` }));
  const suspects = numbered.filter(({ key }) => output.suspects.has(key)).map(({ sample }) => sample);
  const poison = new Map(output.poison);
  if (programs && suspects.length > 0) {
    for (const [id, reason] of await findPoison(dataset, suspects, programs.suspects, hooks.stop)) {
      poison.set(id, reason);
      await output.addPoison(id, reason);
    }
  }
  const counts = new Map<number, number>();
  const skipped = new Map(dataset.skipped.map(({ id, reason }) => [id, reason]));
  let reused = 0;
  const extractSample = createExtractor(dataset, options, output, poison);
  hooks.meter?.begin('extracting', { count: dataset.samples.length, bytes: bytesOfImages(dataset.samples) });
  await inParts(numbered, jobsOf(options), async ({ sample, key }) => {
    if (hooks.stop?.aborted) throw interrupted();
    const known = await output.recall(key);
    if (known) reused++;
    const outcome = known ?? (await extractSample(sample, key));
    if (!known) await output.end(key, outcome);
    for (const { classId } of outcome.record.cutouts) counts.set(classId, (counts.get(classId) ?? 0) + 1);
    if (outcome.skipped !== undefined) skipped.set(sample.id, outcome.skipped);
    if (known) hooks.meter?.recall(bytesOfImage(sample));
    else hooks.meter?.add(bytesOfImage(sample));
    hooks.done?.(sample.id);
  });
  const summary = summaryOf(
    dataset,
    counts,
    [...skipped].map(([id, reason]) => ({ id, reason })).sort((a, b) => (a.id < b.id ? -1 : 1)),
    reused,
  );
  const { samples, cutouts, classes } = summary;
  await output.finish(
    numbered.map(({ key }) => key),
    { skipped: summary.skipped, summary: { samples, cutouts, classes } },
  );
  return summary;
}

function summaryOf(
  { layout, split, samples, classNames }: Dataset,
  counts: ReadonlyMap<number, number>,
  skipped: ExtractSummary['skipped'],
  reused: number,
): ExtractSummary {
  const classes = [...counts]
    .sort(([a], [b]) => a - b)
    .map(([id, cutouts]) => {
      const name = classNames.get(id);
      return { id, ...(name !== undefined && { name }), cutouts };
    });
  const cutouts = classes.reduce((sum, one) => sum + one.cutouts, 0);
  return { layout, split, samples: samples.length, reused, cutouts, classes, skipped };
}

/** Copies of a sample's image in memory while its instances are cut out: the image, a cut-out, and its rows as they are encoded. */
const workingCopies = 3;

/** Number of cut-outs of a sample that are written at the same time: most of the time goes into flushing them to the disk. */
const filesAtOnce = 8;

/** Creates a function that writes the cut-outs of one sample. @param poison reason to skip each sample that crashes a process, by id. */
function createExtractor(dataset: Dataset, options: ExtractOptions, output: BankOutput, poison: ReadonlyMap<string, string>) {
  const budget = createBudget(memoryOf(options));
  const mayPaste = pasteFilter(dataset, options);
  const folderOf = classFolders(dataset.classNames);
  const pathOf = (id: string, { classId }: Instance, number: number): string => `${folderOf(classId)}/${id}-${number}.png`;

  const cutOut = async (sample: Sample, key: string): Promise<BankRecord> => {
    const annotations = await readAnnotations(sample, dataset, { ...options, jitter: 'instance' });
    const { instances, licence, files } = annotations;
    const smallest = limitInPixels(options.minSourceArea, sample.size);
    const wanted = [...instances.entries()].filter(([, { crowd, classId, area }]) => !crowd && mayPaste(classId) && area >= smallest);
    const record = { id: sample.id, ...sample.size, depth: sample.format.depth, ...(licence && { licence }) };
    if (wanted.length === 0) return { ...record, inputs: files.map(({ path, sha256 }) => ({ path, sha256 })), cutouts: [] };
    await output.announce(
      key,
      wanted.map(([number, instance]) => pathOf(sample.id, instance, number)),
    );
    const leave = await budget.take(workingCopies * bytesOfImage(sample));
    try {
      const { image, sha256: digest = '' } = await loadImage(annotations);
      for (const [, instance] of wanted) refuseAlpha(image, instance, sample);
      const cutouts = await inParts(wanted, filesAtOnce, async ([number, instance]): Promise<BankCutout> => {
        const { classId, box, area, truncated, spans, start, end } = instance;
        const path = pathOf(sample.id, instance, number);
        const cropped = crop(image, instance);
        const bytes = await encodeImage(cropped, 'png', 100);
        giveBack(cropped.pixels);
        await output.write(path, bytes);
        const name = dataset.classNames.get(classId);
        const digest = sha256(bytes);
        giveBack(bytes);
        const mask = packCounts(runsOfSpans(spans.subarray(start, end)).counts);
        return { path, classId, ...(name !== undefined && { class: name }), box, number, area, truncated, mask, sha256: digest };
      });
      const inputs = [{ path: sample.image, sha256: digest }, ...files].map(({ path, sha256 }) => ({ path, sha256 }));
      return { ...record, inputs, cutouts };
    } finally {
      leave();
    }
  };

  return async (sample: Sample, key: string): Promise<BankOutcome> => {
    const { id, size, format } = sample;
    const none: BankRecord = { id, ...size, depth: format.depth, cutouts: [] };
    const known = poison.get(id);
    if (known !== undefined) return { id, skipped: known, record: none };
    await output.begin(key);
    try {
      return { id, record: await cutOut(sample, key) };
    } catch (error) {
      if (!options.skipBad || !(error instanceof CopyPasteError) || error.code !== 'data') throw error;
      return { id, skipped: messageOf(error), record: none };
    }
  };
}

/** Refuses an image whose alpha a cut-out cannot keep. @throws {CopyPasteError} `data` if alpha is below full in the instance. */
function refuseAlpha({ bands, pixels, width, depth, extraBand }: Image, { spans, start, end }: Instance, { image: path }: Sample): void {
  if (bands === 3) return;
  if (extraBand) throw new CopyPasteError('data', 'its fourth band is not alpha, which a cut-out cannot keep; save it without', { path });
  const full = depth === 16 ? 0xffff : 0xff;
  for (let s = start; s < end; s += 3) {
    const y = spans[s] as number;
    for (let x = spans[s + 1] as number; x < (spans[s + 2] as number); x++) {
      if (pixels[4 * (y * width + x) + 3] !== full)
        throw new CopyPasteError(
          'data',
          `has alpha below full at pixel (${x}, ${y}), inside an instance, which a cut-out cannot keep; remove the alpha channel`,
          { path },
        );
    }
  }
}

/** The box of an instance as RGBA: full alpha on the instance, and zero elsewhere. */
function crop(image: Image, { box: [x0, y0, x1, y1], spans, start, end }: Instance): Image {
  const { depth, bands, icc } = image;
  const [width, height] = [x1 - x0, y1 - y0];
  const pixels = takePixels(depth, 4 * width * height).fill(0);
  const full = depth === 16 ? 0xffff : 0xff;
  for (let s = start; s < end; s += 3) {
    const y = spans[s] as number;
    for (let x = spans[s + 1] as number; x < (spans[s + 2] as number); x++) {
      const from = bands * (y * image.width + x);
      const to = 4 * ((y - y0) * width + x - x0);
      pixels[to] = image.pixels[from] as number;
      pixels[to + 1] = image.pixels[from + 1] as number;
      pixels[to + 2] = image.pixels[from + 2] as number;
      pixels[to + 3] = full;
    }
  }
  return { width, height, pixels, bands: 4, depth, channels: 4, ...(icc && { icc }) };
}
