/** Contents of the page of a report, as `report` writes them and the page's script reads them. */

import type { DropReason, PassReason } from '../types.ts';
import type { AugmentedRecord } from './manifest.ts';

/** Number of columns and of rows of a map of places. */
export const gridSize = 20;

/** Number of bins of sizes: bin n holds areas from 2^(n - 16) of the image up to twice that, and the first bin all that are smaller. */
export const sizeBins = 16;

/** How many instances there are by place and by size. */
export interface Spread {
  readonly instances: number;
  /** Instances whose box touches each cell of a grid over the image, row by row. */
  readonly places: readonly number[];
  /** Instances by area, in `sizeBins` bins. */
  readonly sizes: readonly number[];
}

/** One class. */
export interface PageClass {
  readonly id: number;
  readonly name: string;
  /** Colour of its pixels in the pictures of masks, in CSS. */
  readonly colour: string;
  /** True for background and ignore ids, which are never pasted. */
  readonly leftOut: boolean;
  /** Number of instances in the samples that were read as sources. */
  readonly instances: number;
  readonly pasted: number;
  /** Number of samples that it was pasted into. */
  readonly samples: number;
  /** Pixels in the samples that were pasted into. */
  readonly before: number;
  readonly after: number;
  /** Instances that were drawn but not pasted, by reason. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** Its pastes. */
  readonly pastes: Spread;
  /** Its instances in the data; absent if the data set is not at hand. */
  readonly data?: Spread;
}

/** A picture as a data URL, with its size in pixels. */
export interface Picture {
  readonly image: string;
  readonly width: number;
  readonly height: number;
}

/** A picture with the mask that lies over it, of equal size. */
export interface MaskedPicture extends Picture {
  readonly mask: string;
}

/** A paste in a sample, with its outlines as paths of SVG: of its visible pixels in the picture after, and of its instance in the picture of the source. */
export type PagePaste = AugmentedRecord['placements'][number] & { readonly outline?: string; readonly sourceOutline?: string };

/** A sample with its pictures. */
export interface PageSample {
  readonly id: string;
  /** Number of the variant, from 1; absent if each sample has one. */
  readonly variant?: number;
  readonly split: string;
  /** Id of the sample that the pastes come from; it begins with `sources:` if that belongs to another data set. */
  readonly source: string;
  readonly width: number;
  readonly height: number;
  readonly before?: MaskedPicture;
  readonly after: MaskedPicture;
  /** Picture of the source; absent if that is not at hand. */
  readonly from?: Picture;
  /** Classes in either mask. */
  readonly classes: readonly number[];
  readonly pastes: readonly PagePaste[];
  readonly dropped: readonly { readonly classId: number; readonly reason: string }[];
  /** Number of existing objects that pastes cover partly, and of those that were removed. */
  readonly covered: number;
  readonly removed: number;
  /** True if the whole scene was moved and scaled, so that before and after do not lie over one another. */
  readonly moved: boolean;
}

/** An option of the run. */
export interface PageOption {
  readonly flag: string;
  readonly value: string;
  readonly meaning: string;
  /** True if it differs from the default. */
  readonly chosen: boolean;
}

/** Everything that the page of a report shows. */
export interface PageData {
  /** Name of the output folder. */
  readonly name: string;
  readonly layout: string;
  readonly split: string;
  readonly seed: number;
  readonly version: string;
  readonly codecs: Readonly<Record<string, string>>;
  /** Number of input files and their bytes, and the digest of their names and sizes. */
  readonly input: { readonly files: number; readonly bytes: number; readonly listing: string; readonly digest: string };
  readonly samples: number;
  readonly augmented: number;
  /** Samples that were written unchanged, by reason. */
  readonly unchanged: Readonly<Partial<Record<PassReason, number>>>;
  /** Originals and samples of other splits that were copied. */
  readonly copied: number;
  readonly pasted: number;
  /** Number of samples that instances were taken from. */
  readonly sources: number;
  /** True if the instances come from another data set. */
  readonly otherSources: boolean;
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** Existing objects that pastes cover partly, and those that were removed. */
  readonly covered: number;
  readonly removed: number;
  /** Pixels of the samples that were pasted into. */
  readonly pixels: number;
  readonly skipped: { readonly count: number; readonly some: readonly { readonly id: string; readonly reason: string }[] };
  readonly classes: readonly PageClass[];
  /** Number of samples of the data whose instances were measured, of all; absent if the data set is not at hand. */
  readonly measured?: { readonly samples: number; readonly of: number };
  /** Reason why there are no pictures of the samples before; absent if there are. */
  readonly noBefore?: string;
  /** Typical ratio of the width of an image to its height. */
  readonly aspect: number;
  readonly options: readonly PageOption[];
  /** Commands that make the same output again, and the files that they read. */
  readonly commands: { readonly replay: string; readonly augment: string };
  readonly files: readonly { readonly name: string; readonly text: string }[];
  readonly shown: readonly PageSample[];
}
