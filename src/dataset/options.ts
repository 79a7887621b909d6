import type { Folders } from '../formats/folders.ts';
import type { Colours } from '../types.ts';

/** Options that a data set is opened by. */
export interface DatasetOptions {
  readonly in: string;
  readonly layout?: string | undefined;
  readonly images?: string | undefined;
  readonly masks?: string | undefined;
  readonly maskSuffix: string;
  readonly split?: string | undefined;
  readonly onlySplit: boolean;
  readonly skipBad: boolean;
  readonly background?: readonly number[] | undefined;
  readonly ignore?: readonly number[] | undefined;
  readonly classNames?: string | undefined;
  /** File that says what the colours of masks stand for; else one that the data set brings along. */
  readonly colorMap?: string | undefined;
  /** What the colours stand for, where that is known. */
  readonly colours?: Colours | undefined;
  /** A document of annotations inside `in`, with its images' folder in `images`. */
  readonly annotations?: string | undefined;
  /** Nothing will be augmented: splits may share samples, and none has to be called train. */
  readonly lookOnly?: boolean | undefined;
  /** Annotations of documents are to be polygons. */
  readonly polygons?: boolean | undefined;
  /** Annotations without a mask are an error. */
  readonly requireMasks?: boolean | undefined;
  /** Folders that are known, as from a manifest; else they are looked for. */
  readonly folders?: readonly Folders[] | undefined;
}
