import { realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { giveBack } from '../base/buffers.ts';
import { sha256 } from '../base/digest.ts';
import type { List } from '../base/list.ts';
import type { Meter } from '../base/meter.ts';
import { chunksOf, inParts } from '../base/parts.ts';
import { absolutePath, isInside, joinPath } from '../base/paths.ts';
import { readAnnotations } from '../dataset/annotations.ts';
import type { Dataset } from '../dataset/open.ts';
import { jobsOf } from '../engine/budget.ts';
import { augmentCommand, optionsOf, replayCommand } from '../engine/command-line.ts';
import { createGallery } from '../engine/gallery.ts';
import { giveBackBuffers } from '../engine/holdings.ts';
import type { Hooks } from '../engine/hooks.ts';
import { bytesOfImage, bytesOfImages, loadImage } from '../engine/images.ts';
import { reopen } from '../engine/origin.ts';
import { silhouettesOf } from '../engine/silhouettes.ts';
import { addInstance, createSpread, createStatistics, type Spreading, type Statistics } from '../engine/statistics.ts';
import { pixelsIn } from '../engine/tally.ts';
import { CopyPasteError, interrupted } from '../errors.ts';
import { isBank } from '../formats/bank.ts';
import { type AugmentOptions, augmentOptions, type Given, type Resolved, reportOptions } from '../options.ts';
import type { AugmentedRecord } from '../output/manifest.ts';
import { type ManifestFrame, manifestName, readFrame, readRecords } from '../output/manifest-file.ts';
import { pageText } from '../output/page.ts';
import type { MaskedPicture, PageClass, PageData, PagePaste, PageSample, Picture } from '../output/page-data.ts';
import { colourOf, outlineIn, pictureOf, sourcePictureOf } from '../output/pictures.ts';
import { type HashedFile, inputsOf, outputsOf } from '../output/records.ts';
import { refuseForeign, writeSingle } from '../output/single-file.ts';
import { resolveOptions } from '../schema.ts';
import type { Annotations, Instance, Sample, Size } from '../types.ts';

/** Largest number of samples whose instances are measured; they are chosen by the digests of their ids. */
const mostMeasured = 2000;

/** Largest size of all pictures in bytes of text, so that a page stays below 15 MB. */
const mostPictures = 12_000_000;

/** Samples whose pictures are made before their size is looked at, and pictures that are made at the same time. */
const [picturesPerStep, picturesAtOnce] = [8, 4];

/** Number of skipped samples that the page names. */
const mostSkipped = 50;

/** The page that was written, and its numbers. */
export interface Report extends Omit<PageData, 'shown'> {
  readonly page: string;
  /** Size of the page in bytes. */
  readonly bytes: number;
  /** Number of samples with pictures. */
  readonly shown: number;
}

/**
 * Writes a page that shows what `augment` did: statistics of all samples from the manifest, and some samples in pictures. The page is one
 * HTML file that loads nothing else.
 *
 * @throws {CopyPasteError} `noInput` when the manifest is missing, `data` when the output or the input does not fit it.
 */
export async function report(given: Given<typeof reportOptions>, hooks: Hooks = {}): Promise<Report> {
  const options = resolveOptions(reportOptions, given);
  const { out, page } = options;
  await refusePlace(options);
  const manifest = joinPath(out, manifestName);
  const frame = await readFrame(manifest);
  const { output, input } = await openBoth(frame, options, hooks.meter);
  hooks.opened?.(output);
  hooks.meter?.begin('reading the manifest', { count: frame.summary.samples });

  const { result, originals, chosen } = await readAll(manifest, output, options, hooks);
  const before = input ?? (originals.length > 0 ? { ...output, samples: originals } : undefined);
  const measured = before && choose(before.samples, mostMeasured);
  const spreads = before && measured && (await measureSpreads(before, measured, options, frame, hooks));
  const shown = await showSamples(chosen, output, input ? withDigests(input, chosen.flatMap(inputsOf)) : before, frame, hooks);

  const data: Omit<PageData, 'shown'> = {
    ...factsOf(frame, result, out, manifest),
    classes: classesOf(frame, result, output, spreads),
    ...(before && measured ? { measured: { samples: measured.length, of: before.samples.length } } : { noBefore }),
  };
  const text = await pageText({ ...data, shown });
  await writeSingle('--page', page, text);
  return { ...data, page, bytes: Buffer.byteLength(text), shown: shown.length };
}

const noBefore = 'The data set that the output was made from is not at hand. Make the report with --in DATA to see it too.';

type ReportOptions = Resolved<typeof reportOptions>;

/**
 * Refuses a bank, a page inside the output, which `verify` would not know, or inside the data set, and one that replaces another file.
 *
 * @throws {CopyPasteError} `usage` or `cannotCreate` if so.
 */
async function refusePlace({ out, in: input, page }: ReportOptions): Promise<void> {
  if (await isBank(out))
    throw new CopyPasteError('usage', `${out}: is a bank of objects, made by extract; pass the output folder of augment`);
  const real = async (path: string): Promise<string> => realpath(path).catch(() => absolutePath(path));
  const place = joinPath(await real(dirname(page)), basename(page));
  const refuseInside = async (folder: string, why: string): Promise<void> => {
    if (isInside(place, await real(folder)))
      throw new CopyPasteError('usage', `--page ${page}: lies in ${folder}, which ${why}; choose a path outside it`);
  };
  await refuseInside(out, 'holds the files of its manifest only');
  if (input !== undefined) await refuseInside(input, 'is the data set, and never changed');
  await refuseForeign('--page', page);
}

/** Opens the output and, if it is given, the data set that it was made from. */
async function openBoth(
  frame: ManifestFrame,
  { out, in: folder, jobs }: ReportOptions,
  meter?: Meter,
): Promise<{ output: Dataset; input?: Dataset }> {
  const open = async (layout: ManifestFrame['layout'], place: string): Promise<Dataset> => {
    const own = resolveOptions(augmentOptions, { ...frame.options, seed: frame.seed, out, in: place, jobs, onlySplit: true });
    return reopen(layout, own, new Map(), meter);
  };
  const { documents: _, ...layout } = frame.layout;
  const output = await open(layout, out);
  return folder === undefined ? { output } : { output, input: await open(frame.layout, folder) };
}

/** Reads all records: counts them, and chooses those to show. */
async function readAll(manifest: string, output: Dataset, { out, samples: limit }: ReportOptions, { stop, meter }: Hooks) {
  const byImage = new Map(output.samples.map((sample) => [sample.image, sample]));
  const statistics = createStatistics();
  const gallery = createGallery(limit);
  const originals: Sample[] = [];
  for await (const record of readRecords(manifest)) {
    if (stop?.aborted) throw interrupted();
    const sample = byImage.get(record.files.image.path);
    if (record.status === 'augmented') statistics.add(record, sizeOf(sample, record, out));
    else statistics.add(record, noSize);
    if (record.status === 'unchanged' && record.reason === 'original' && sample) originals.push(sample);
    gallery.add(record);
    meter?.add();
  }
  return { result: statistics.result, originals, chosen: gallery.result() };
}

const noSize: Size = { width: 0, height: 0 };

function sizeOf(sample: Sample | undefined, { files: { image } }: AugmentedRecord, out: string): Size {
  if (sample) return sample.size;
  throw new CopyPasteError('data', `is in the manifest, but not a sound sample of ${out}; run copypaste verify ${out}`, {
    path: image.path,
  });
}

/** Chooses samples by the digests of their ids. */
function choose(samples: List<Sample>, count: number): readonly Sample[] {
  if (samples.length <= count) return [...samples];
  const lots = samples.map((sample) => ({ sample, lot: sha256(sample.id) })).sort((a, b) => (a.lot < b.lot ? -1 : 1));
  return lots.slice(0, count).map(({ sample }) => sample);
}

function withDigests(dataset: Dataset, files: readonly HashedFile[]): Dataset {
  return { ...dataset, digests: new Map(files.map(({ path, sha256 }) => [path, sha256])) };
}

type Read = (sample: Sample, dataset: Dataset) => Promise<Annotations>;

/** Makes a reader of annotations with the options of the run. */
function reader({ options }: ManifestFrame): Read {
  const { instances, join } = resolveOptions(augmentOptions, { ...options, in: '.', out: '.' });
  return (sample, dataset) => readAnnotations(sample, dataset, { instances, join, jitter: 'instance' });
}

/** Counts the instances of samples by class, place and size. */
async function measureSpreads(
  dataset: Dataset,
  samples: readonly Sample[],
  options: ReportOptions,
  frame: ManifestFrame,
  hooks: Hooks,
): Promise<Map<number, Spreading>> {
  hooks.meter?.begin('measuring', { count: samples.length, bytes: bytesOfImages(samples) });
  const read = reader(frame);
  const spreads = new Map<number, Spreading>();
  const measure = async (sample: Sample): Promise<void> => {
    if (hooks.stop?.aborted) throw interrupted();
    const annotations = await read(sample, dataset);
    for (const { classId, box, area, crowd } of annotations.instances) {
      const spread = spreads.get(classId) ?? createSpread();
      spreads.set(classId, spread);
      if (!crowd) addInstance(spread, box, area, annotations.mask);
    }
    giveBackBuffers(annotations);
    hooks.meter?.add(bytesOfImage(sample));
    hooks.done?.(sample.id);
  };
  for (const chunk of chunksOf(samples)) await inParts(chunk, jobsOf(options), measure);
  return spreads;
}

/** Makes pictures of records, in their order, until they reach the largest size of a page. */
async function showSamples(
  records: readonly AugmentedRecord[],
  output: Dataset,
  input: Dataset | undefined,
  frame: ManifestFrame,
  hooks: Hooks,
): Promise<PageSample[]> {
  hooks.meter?.begin('drawing', { count: records.length });
  const read = reader(frame);
  const there = withDigests(output, records.flatMap(outputsOf));
  const afterByImage = new Map(output.samples.map((sample) => [sample.image, sample]));
  const beforeById = new Map(input?.samples.map((sample) => [sample.id, sample]));
  const picture = async (sample: Sample, dataset: Dataset): Promise<Shown> => {
    const annotations = await read(sample, dataset);
    const { image } = await loadImage(annotations);
    const picture = await pictureOf(image, annotations.mask, dataset.leftOut);
    giveBack(image.pixels);
    giveBackBuffers(annotations);
    return { picture, classes: [...annotations.pixels.keys()].filter((id) => !dataset.leftOut.has(id)), size: sample.size };
  };
  const show = async (record: AugmentedRecord): Promise<PageSample> => {
    if (hooks.stop?.aborted) throw interrupted();
    const after = await picture(afterByImage.get(record.files.image.path) as Sample, there);
    const original = beforeById.get(record.id);
    if (input && !original)
      throw new CopyPasteError(
        'data',
        `${record.id}: is in the manifest, but not in the data set; pass the one that the output was made from`,
      );
    const before = input && original ? await picture(original, input) : undefined;
    const source = beforeById.get(record.source);
    const origin = input && source ? await originOf(record, source, input) : undefined;
    hooks.meter?.add();
    hooks.done?.(record.id);
    return sampleOf(record, frame, after, before, origin);
  };
  const originOf = async (record: AugmentedRecord, source: Sample, dataset: Dataset): Promise<Origin> => {
    const annotations = await read(source, dataset);
    const { image } = await loadImage(annotations);
    const picture = await sourcePictureOf(image);
    giveBack(image.pixels);
    const target = (afterByImage.get(record.files.image.path) as Sample).size;
    const visible = silhouettesOf(record, annotations.instances, source.size, target);
    const outlines = visible?.map((spans, n) => {
      const { instance } = record.placements[n] as AugmentedRecord['placements'][number];
      const own = annotations.instances[instance] as Instance;
      return { target: spans, source: outlineIn(picture, own.spans.subarray(own.start, own.end), source.size) };
    });
    giveBackBuffers(annotations);
    return { picture, outlines };
  };
  const shown: PageSample[] = [];
  let bytes = 0;
  for (let at = 0; at < records.length; at += picturesPerStep) {
    for (const sample of await inParts(records.slice(at, at + picturesPerStep), picturesAtOnce, show)) {
      const pictures = [sample.after, sample.before].filter((one) => one !== undefined);
      bytes += pictures.reduce((sum, { image, mask }) => sum + image.length + mask.length, sample.from?.image.length ?? 0);
      bytes += sample.pastes.reduce((sum, { outline = '', sourceOutline = '' }) => sum + outline.length + sourceOutline.length, 0);
      if (bytes > mostPictures) return shown;
      shown.push(sample);
    }
  }
  return shown;
}

/** A picture, the classes in its mask, and the size of the image. */
interface Shown {
  readonly picture: MaskedPicture;
  readonly classes: readonly number[];
  readonly size: Size;
}

/** The picture of a source, and the outlines of its instances there with the visible spans of their pastes; without them if they are not those of the record. */
interface Origin {
  readonly picture: Picture;
  readonly outlines: readonly { readonly target: Int32Array; readonly source: string }[] | undefined;
}

/** A sample with its pictures. */
function sampleOf(
  record: AugmentedRecord,
  { options }: ManifestFrame,
  after: Shown,
  before: Shown | undefined,
  origin: Origin | undefined,
): PageSample {
  const withOutlines = (paste: AugmentedRecord['placements'][number], n: number): PagePaste => {
    const outline = origin?.outlines?.[n];
    return outline ? { ...paste, outline: outlineIn(after.picture, outline.target, after.size), sourceOutline: outline.source } : paste;
  };
  const { id, copy = 0, split, source, placements, dropped, covered = [], scenes } = record;
  const removed = covered.filter((one) => one.dropped).length;
  return {
    id,
    ...((options.copies as AugmentOptions['copies']) > 1 && { variant: copy + 1 }),
    split,
    source,
    ...after.size,
    ...(before && { before: before.picture }),
    after: after.picture,
    ...(origin && { from: origin.picture }),
    classes: [...new Set([...after.classes, ...(before?.classes ?? [])])].sort((a, b) => a - b),
    pastes: placements.map(withOutlines),
    dropped: dropped.map(({ classId, reason }) => ({ classId, reason })),
    covered: covered.length - removed,
    removed,
    moved: scenes !== undefined,
  };
}

/** Everything on the page but classes and pictures. */
function factsOf(frame: ManifestFrame, result: Statistics, out: string, manifest: string) {
  const { layout, seed, tool, codecs, input, inputDigest, summary, skipped, sources } = frame;
  const { augmented, unchanged, copied, dropped, covered, removed, pixels, extent } = result;
  const { command, files } = augmentCommand(frame);
  return {
    name: basename(absolutePath(out)),
    layout: layout.name,
    split: layout.split,
    seed,
    version: tool.version,
    codecs,
    input: { ...input, digest: inputDigest },
    samples: summary.samples,
    augmented,
    unchanged,
    copied,
    pasted: summary.pasted,
    sources: result.sources.size,
    otherSources: sources !== undefined,
    dropped,
    covered,
    removed,
    pixels: pixelsIn(pixels),
    skipped: { count: skipped.length, some: skipped.slice(0, mostSkipped) },
    aspect: augmented > 0 ? extent.width / extent.height : 1,
    options: optionsOf(frame),
    commands: { replay: replayCommand(manifest, frame), augment: command },
    files,
  };
}

/** Rows of the classes, by id. */
function classesOf(
  { classes }: ManifestFrame,
  { pixels, classes: pasted }: Statistics,
  { classNames, leftOut }: Dataset,
  spreads: ReadonlyMap<number, Spreading> | undefined,
): PageClass[] {
  const rows = new Map(classes.map((row) => [row.id, row]));
  return [...new Set([...rows.keys(), ...pixels.keys(), ...pasted.keys(), ...(spreads?.keys() ?? [])])]
    .sort((a, b) => a - b)
    .map((id) => {
      const { samples = 0, dropped = {}, spread = createSpread() } = pasted.get(id) ?? {};
      return {
        id,
        name: classNames.get(id) ?? rows.get(id)?.name ?? `class ${id}`,
        colour: `rgb(${colourOf(id).join(' ')})`,
        leftOut: leftOut.has(id),
        instances: rows.get(id)?.instances ?? 0,
        pasted: rows.get(id)?.pasted ?? 0,
        samples,
        ...(pixels.get(id) ?? { before: 0, after: 0 }),
        dropped,
        pastes: spread,
        ...(spreads && { data: spreads.get(id) ?? createSpread() }),
      };
    });
}
