import { isPasted } from '../plan/plan.ts';
import type { InputFile, PassPlan, Pasted, PastePlan, Plan, Sample, SampleFile, Scene } from '../types.ts';
import type { AugmentedRecord, ManifestRecord, SampleRecord } from './manifest.ts';

/** A file that was written. */
export interface OutputFile extends InputFile {
  readonly codec: ManifestRecord['files']['image']['codec'];
  readonly quality?: number | undefined;
  readonly sampling?: '4:4:4' | '4:2:0' | undefined;
  /** Number of the placement that a mask file of one shape shows, from 1. */
  readonly placement?: number | undefined;
}

/** Files of a sample that were written, and the input files that they were made from. */
export interface Written {
  readonly files: readonly OutputFile[];
  readonly inputs: readonly InputFile[];
  /** The sample's entry in an annotation document, if it has one. */
  readonly entry?: unknown;
}

/** Files of a sample in the form of a record. */
interface FilesByRole<F> {
  image: F;
  mask?: F | undefined;
  labels?: F | undefined;
  shapes?: F[] | undefined;
  objects?: F | undefined;
  views?: F[] | undefined;
  drawn?: F[] | undefined;
}

/** Converts a list of files to the form of a record. */
function toRecord<F extends SampleFile>(files: readonly F[]): FilesByRole<Omit<F, 'role'>> {
  const record: Partial<FilesByRole<Omit<F, 'role'>>> = {};
  for (const { role, ...file } of files) {
    if (role === 'view') (record.views ??= []).push(file);
    else if (role === 'drawn classes' || role === 'drawn objects') (record.drawn ??= []).push(file);
    else if (role === 'shape') (record.shapes ??= []).push(file);
    else if (role !== 'cutout') record[role] = file;
  }
  return record as FilesByRole<Omit<F, 'role'>>;
}

function filesRecord(written: Written | undefined): Pick<SampleRecord, 'files' | 'inputs'> {
  return written ? { files: toRecord(written.files), inputs: toRecord(written.inputs) } : {};
}

/** Record of a sample whose files were made again. */
export function remadeRecord(record: ManifestRecord, written: Written): SampleRecord {
  return { ...record, ...filesRecord(written) };
}

/** Path of a file with its digest. */
export interface HashedFile {
  readonly path: string;
  readonly sha256: string;
}

/** Digests of files by path. */
export function digestsOf(files: readonly HashedFile[]): Map<string, string> {
  return new Map(files.map(({ path, sha256 }) => [path, sha256]));
}

/** Converts the files of a record to a list. */
function fromRecord({ image, mask, labels, shapes = [], objects, views = [], drawn = [] }: FilesByRole<HashedFile>): HashedFile[] {
  return [image, mask, labels, ...shapes, objects, ...views, ...drawn].filter((file) => file !== undefined);
}

/** Output files of a record. */
export function outputsOf({ files }: SampleRecord): HashedFile[] {
  return files ? fromRecord(files) : [];
}

/** Input files of a record. */
export function inputsOf({ inputs }: SampleRecord): HashedFile[] {
  return inputs ? fromRecord(inputs) : [];
}

/** Input files of a record's source, if it belongs to another data set. @param prefix put before each path. */
export function sourceInputsOf(record: SampleRecord, prefix = ''): HashedFile[] {
  if (record.status !== 'augmented') return [];
  const { sourceInputs, sourceCutouts = [] } = record;
  return [...(sourceInputs ? fromRecord(sourceInputs) : []), ...sourceCutouts].map(({ path, sha256 }) => ({ path: prefix + path, sha256 }));
}

/** Record of a sample that was pasted into. */
export function augmentedRecord(
  { sample, plan, visible, objectIds, covered, pixels, objects, shapes, source: { inputs, licence } }: Pasted,
  written: Written | undefined,
): SampleRecord {
  return {
    id: sample.id,
    split: sample.split,
    copy: plan.copy,
    status: 'augmented',
    ...filesRecord(written),
    source: plan.source,
    ...(inputs && sourceRecord(inputs)),
    ...(licence && { licence }),
    ...(plan.scenes && { scenes: { target: sceneRecord(plan.scenes.target), source: sceneRecord(plan.scenes.source) } }),
    placements: placementRecords(plan, visible, objectIds),
    dropped: [...plan.dropped],
    ...((objects || shapes) && { covered: [...covered] }),
    pixels: Object.fromEntries([...pixels].map(([id, [before, after]]) => [id, [before, after]])),
  };
}

/** Files of a source that belongs to another data set, or to a bank. */
function sourceRecord(inputs: readonly InputFile[]): Pick<AugmentedRecord, 'sourceInputs' | 'sourceCutouts'> {
  const cutouts = inputs.filter(({ role }) => role === 'cutout').map(({ path, sha256 }) => ({ path, sha256 }));
  return cutouts.length > 0 ? { sourceCutouts: cutouts } : { sourceInputs: toRecord(inputs) };
}

/** Record of a sample that passes through. */
export function unchangedRecord(
  sample: Sample,
  plan: Pick<PassPlan, 'reason'> & Partial<PassPlan>,
  written: Written | undefined,
): SampleRecord {
  const { copy, reason, source, dropped = [] } = plan;
  return {
    id: sample.id,
    split: sample.split,
    ...(copy !== undefined && { copy }),
    status: 'unchanged',
    reason,
    ...filesRecord(written),
    ...(source !== undefined && { source }),
    ...(dropped.length > 0 && { dropped: [...dropped] }),
  };
}

/** Record of a sample as far as its plan determines it: without files and counts of pixels. */
export function plannedRecord(sample: Sample, plan: Plan): SampleRecord {
  if (!isPasted(plan)) return unchangedRecord(sample, plan, undefined);
  const { id, split } = sample;
  const { copy, source, scenes, dropped } = plan;
  return {
    id,
    split,
    copy,
    status: 'augmented',
    source,
    ...(scenes && { scenes: { target: sceneRecord(scenes.target), source: sceneRecord(scenes.source) } }),
    placements: placementRecords(plan, plan.placements.map(unseen), []),
    dropped: [...dropped],
    pixels: {},
  };
}

/** The part of a record that its plan determines, as `plannedRecord` gives it. */
export function planInRecord(record: ManifestRecord): SampleRecord {
  const { files: _files, inputs: _inputs, ...rest } = record;
  if (rest.status === 'unchanged') return rest;
  const { sourceInputs: _sources, sourceCutouts: _cutouts, licence: _licence, covered: _covered, placements, ...plan } = rest;
  return { ...plan, placements: placements.map(({ object: _object, ...one }) => ({ ...one, visible: unseen() })), pixels: {} };
}

/** Number of visible pixels of a placement that is not rendered. */
function unseen(): number {
  return 0;
}

function sceneRecord({ targetBox, scale, flip }: Scene): NonNullable<AugmentedRecord['scenes']>['target'] {
  return { targetBox: [...targetBox], scale, flip };
}

type PlacementRecord = AugmentedRecord['placements'][number];

function placementRecords(
  { placements }: PastePlan,
  visible: readonly number[],
  objectIds: readonly (number | undefined)[],
): PlacementRecord[] {
  return placements.map(({ instance, classId, sourceBox, targetBox, scale, flip, flipY, transpose, tone, area }, i) => ({
    order: i + 1,
    instance,
    classId,
    sourceBox: [...sourceBox],
    targetBox: [...targetBox],
    scale,
    flip,
    ...(flipY && { flipY }),
    ...(transpose && { transpose }),
    ...(tone && { tone: { gain: [...tone.gain], offset: [...tone.offset] } }),
    area,
    visible: visible[i] as number,
    ...(objectIds[i] !== undefined && { object: objectIds[i] }),
  }));
}
