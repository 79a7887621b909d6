export { type AugmentEvents, type AugmentSummary, augment } from './augment.ts';
export { preview } from './preview.ts';
export { CopyPasteError, exitCodes } from './errors.ts';
export { type Manifest, type ManifestRecord, manifestSchema } from './manifest.ts';
