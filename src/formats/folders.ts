/** Folders that hold the images and masks of one split, relative to the root. */
export interface Folders {
  /** `''` where the layout has no splits. */
  readonly split: string;
  readonly images: string;
  /** Masks or label files; or the path of a document. */
  readonly masks: string;
  /** Instance-id masks. */
  readonly objects?: string;
}

/** Names that folders of splits have. */
export const splitNames = ['train', 'training', 'val', 'valid', 'validation', 'test', 'testing', 'trainval'];
