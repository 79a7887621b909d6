import type { Hooks } from './engine/hooks.ts';
import { programs } from './engine/programs.ts';
import type { AugmentSummary } from './engine/tally.ts';
import type { augmentOptions, extractOptions, Given } from './options.ts';
import { augment as augmentWith } from './verbs/augment.ts';
import { type ExtractSummary, extract as extractWith } from './verbs/extract.ts';

export { createMeter, type Meter, type Reading } from './base/meter.ts';
export {
  type BatchInstance,
  type BatchOptions,
  CopyPaste,
  type CopyPasteBatch,
  type CopyPasteObjects,
  copyPaste,
  copyPasteBatch,
} from './batch.ts';
export type { Hooks } from './engine/hooks.ts';
export { type Inspection, inspectionSchema } from './engine/inspection.ts';
export type { AugmentSummary } from './engine/tally.ts';
export { CopyPasteError, exitCodes } from './errors.ts';
export type { Difference } from './output/compare.ts';
export { type Manifest, type ManifestRecord, manifestSchema } from './output/manifest.ts';
export type { Backend, BackendName } from './render/backends.ts';
export { openBackend } from './render/open.ts';
export type { PassPlan, PastePlan, Plan } from './types.ts';
export { check } from './verbs/check.ts';
export type { ExtractSummary } from './verbs/extract.ts';
export { inspect } from './verbs/inspect.ts';
export { type PackSummary, pack } from './verbs/pack.ts';
export { preview } from './verbs/preview.ts';
export { replay } from './verbs/replay.ts';
export { type Report, report } from './verbs/report.ts';
export { type Verification, verify } from './verbs/verify.ts';

/**
 * Reads a data set of images and masks, pastes instances from one sample into another, and writes an augmented
 * data set in the same layout with `manifest.json`. The same call continues an interrupted run and leaves a complete
 * one unchanged.
 *
 * @throws {CopyPasteError} with one of the codes of `exitCodes`.
 */
export function augment(given: Given<typeof augmentOptions>, hooks: Hooks = {}): Promise<AugmentSummary> {
  return augmentWith(given, hooks, programs);
}

/**
 * Writes the instances of a data set as cut-outs, RGBA PNGs in folders of classes, with `manifest.json`: a bank of objects, which the option
 * `sources` takes. The same call continues an interrupted run and leaves a complete one unchanged.
 *
 * @throws {CopyPasteError} with one of the codes of `exitCodes`.
 */
export function extract(given: Given<typeof extractOptions>, hooks: Hooks = {}): Promise<ExtractSummary> {
  return extractWith(given, hooks, programs);
}
