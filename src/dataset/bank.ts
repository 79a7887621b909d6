/** Banks of objects as source sets: a sample of a bank is the image from which its cut-outs were taken, transparent everywhere else. */
import { absolutePath } from '../base/paths.ts';
import { utf8 } from '../base/text.ts';
import { CopyPasteError } from '../errors.ts';
import { asBankRecord, type BankEntry, bankFile, bankLayout, readBank } from '../formats/bank.ts';
import { readEntry } from '../formats/documents.ts';
import { spansOfRuns, unpackCounts } from '../masks/run-lengths.ts';
import { areaOfSpans } from '../masks/spans.ts';
import { type Annotations, type Cutout, type InputFolder, type Instance, type Sample, sourcePrefix } from '../types.ts';
import type { Dataset } from './open.ts';
import { cutoutFormat, imageOfCutouts, missing } from './painted.ts';

/** Tests if a source set is a bank that `extract` has written. */
export function isBankSet({ layout }: Pick<Dataset, 'layout'>): boolean {
  return layout === bankLayout;
}

/**
 * Opens a bank that `extract` has written. Cut-outs are not read.
 *
 * @throws {CopyPasteError} `data` if its manifest is invalid.
 */
export async function openBank(folder: string): Promise<Dataset> {
  const root = absolutePath(folder);
  const { head, entries, cutouts, sha256 } = await readBank(root);
  if (cutouts === 0) throw new CopyPasteError('noInput', `${folder}: the bank has no cut-outs; extract it from other data`);
  const [background, ignore] = [new Set(head.layout.background), new Set(head.layout.ignore)];
  return {
    root,
    encoding: utf8,
    layout: bankLayout,
    folders: [{ split: '', images: '', masks: bankFile }],
    splits: [],
    split: '',
    samples: entries.map(sampleOf).sort((a, b) => (a.id < b.id ? -1 : 1)),
    others: [],
    lists: new Map(),
    imageLists: new Map(),
    documents: new Map([['', { path: bankFile, sha256, annotations: cutouts, unpasted: {}, keypoints: 0, own: undefined }]]),
    carried: [],
    rewritten: new Map(),
    notes: [],
    background,
    ignore,
    leftOut: new Set([...background, ...ignore]),
    leftOutObjects: new Set(),
    ...(head.stuff && { stuff: new Set(head.stuff) }),
    classNames: new Map(head.classes.map(({ id, name }) => [id, name])),
    skipped: [],
    leftBehind: [],
  };
}

function sampleOf({ id, size, depth, entry }: BankEntry): Sample {
  // Its image is in no file; the manifest stands for it.
  return { id, split: '', image: bankFile, entry, size, endings: { image: '', mask: '', objects: '' }, format: imageOfCutouts(depth) };
}

/**
 * Reads the instances of a sample from the manifest of its bank. Their coordinates are those of the image from which the cut-outs were
 * taken.
 *
 * @param wanted tests if the mask of an instance is needed; other instances have no spans.
 * @throws {CopyPasteError} `data` if a mask contradicts the rest of its record.
 */
export async function readBankSample(
  sample: Sample,
  dataset: Pick<Dataset, 'root' | 'encoding'>,
  wanted: (instance: Pick<Instance, 'classId' | 'truncated'>) => boolean,
): Promise<Annotations> {
  const { id, size, format } = sample;
  const [text = ''] = sample.entry ? await readEntry(dataset.root, sample.entry, dataset.encoding) : [];
  const record = asBankRecord(JSON.parse(text));
  if (record.id !== id && sourcePrefix + record.id !== id)
    throw new CopyPasteError('data', 'has changed since it was opened', { path: bankFile });
  const input: InputFolder = { root: dataset.root, digests: new Map(record.cutouts.map(({ path, sha256 }) => [path, sha256])) };
  const instances: Instance[] = [];
  const cutouts = new Map<number, Cutout>();
  for (const { path, sha256, number, classId, box, area, truncated, mask } of record.cutouts) {
    while (instances.length <= number) instances.push(missing);
    instances[number] = { ...missing, classId, box, area, truncated, crowd: false };
    if (!wanted({ classId, truncated })) continue;
    const [x0, y0, x1, y1] = box;
    const spans = spansOfRuns(unpackCounts(mask) ?? [], box);
    if (!spans || areaOfSpans(spans) !== area)
      throw new CopyPasteError('data', `the mask of ${path} contradicts its box or area; extract the bank again`, { path: bankFile });
    cutouts.set(number, {
      role: 'cutout',
      path,
      sha256,
      at: [x0, y0],
      size: { width: x1 - x0, height: y1 - y0 },
      format: cutoutFormat(format.depth),
    });
    instances[number] = { classId, box, area, truncated, spans, start: 0, end: spans.length };
  }
  const { licence } = record;
  const mask = { ...size, ids: new Uint8Array(0) };
  return { sample, input, mask, pixels: new Map(), instances, files: [], cutouts, ...(licence && { licence }) };
}
