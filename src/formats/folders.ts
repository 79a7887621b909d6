/** Folders that hold the images and masks of one split, relative to the root. */
export interface Folders {
  /** Name of the split; `''` if the layout has no splits. */
  readonly split: string;
  readonly images: string;
  /** Folder of masks or label files, or path of a document. */
  readonly masks: string;
  /** Folder of instance masks. */
  readonly objects?: string;
}

/** Known names of split folders. */
export const splitNames = ['train', 'training', 'val', 'valid', 'validation', 'test', 'testing', 'trainval'];
