export { type AugmentEvents, type AugmentSummary, augment } from './augment.ts';
export { CopyPasteError, exitCodes } from './errors.ts';
export { type Manifest, type ManifestRecord, manifestSchema } from './manifest.ts';
export { preview } from './preview.ts';
