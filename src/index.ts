export { type AugmentEvents, augment } from './augment.ts';
export { type BatchOptions, CopyPaste, type CopyPasteBatch, copyPaste, copyPasteBatch } from './batch.ts';
export { CopyPasteError, exitCodes } from './errors.ts';
export { type Manifest, type ManifestRecord, manifestSchema } from './manifest.ts';
export { preview } from './preview.ts';
export { openBackend } from './render/backend.ts';
export type { AugmentSummary } from './tally.ts';
export type { Backend, BackendName, Plan } from './types.ts';
