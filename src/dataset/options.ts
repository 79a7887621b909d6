import type { Folders } from '../formats/folders.ts';
import type { Colours } from '../types.ts';

/** Options for opening a data set. */
export interface DatasetOptions {
  readonly in: string;
  /** Encoding of texts, a label of `TextDecoder`; default UTF-8. */
  readonly encoding?: string | undefined;
  readonly layout?: string | undefined;
  readonly images?: string | undefined;
  readonly masks?: string | undefined;
  readonly maskSuffix: string;
  readonly imageSuffix?: string | undefined;
  /** Smallest value of class 1 in masks of two classes. */
  readonly threshold?: number | undefined;
  readonly split?: string | undefined;
  readonly onlySplit: boolean;
  /** Samples to read, by id or by the path of their image; all by default. */
  readonly list?: readonly string[] | undefined;
  readonly skipBad: boolean;
  readonly background?: readonly number[] | undefined;
  readonly ignore?: readonly number[] | undefined;
  readonly classNames?: string | undefined;
  /** Colour map file; by default, the one in the data set. */
  readonly colorMap?: string | undefined;
  /** Colours by class id, if they are already known and there is no colour map. */
  readonly colours?: Colours | undefined;
  /** Document of annotations inside `in`; `images` may name the folder of its images. */
  readonly annotations?: string | undefined;
  /** True if the data set is only inspected: splits may share samples, and no training split is required. */
  readonly lookOnly?: boolean | undefined;
  /** True to write annotations of documents as polygons. */
  readonly polygons?: boolean | undefined;
  /** `objects` if crowds of run lengths are objects. */
  readonly crowd?: 'skip' | 'objects' | undefined;
  /** Attribute of annotations that holds the class. */
  readonly classAttribute?: string | undefined;
  /** True to refuse annotations without a mask. */
  readonly requireMasks?: boolean | undefined;
  /** Folders of each split, if already known from a manifest. */
  readonly folders?: readonly Folders[] | undefined;
}
