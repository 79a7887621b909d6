/** A half-open box of pixels `[x0, y0, x1, y1)`. */
export type Box = readonly [x0: number, y0: number, x1: number, y1: number];

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Bits per channel. */
export type Depth = 8 | 16;

/** Interleaved pixels `[N, bands]`: RGB or RGBA, with 8 or 16 bits per channel. */
export interface Raster {
  readonly pixels: Uint8Array | Uint16Array;
  readonly bands: Bands;
}

export type Bands = 3 | 4;

/** A decoded image, row by row; a grey image is held as RGB. */
export interface Image extends Size, Raster {
  readonly depth: Depth;
  /** Number of channels in its file. */
  readonly channels: ImageInfo['channels'];
  readonly icc?: Uint8Array;
  /** True if the file was a lossless WebP. */
  readonly lossless?: boolean;
  /** Coding of its file, if that was a JPEG. */
  readonly jpeg?: JpegCoding;
  /** True if the last channel is not alpha but, for example, near infrared in a TIFF. */
  readonly extraBand?: boolean;
}

/** How a JPEG is encoded. */
export interface JpegCoding {
  /** Quality of libjpeg's scale, 1 to 100. */
  readonly quality: number;
  /** Chroma sampling; absent if the JPEG is grey. */
  readonly sampling?: '4:4:4' | '4:2:0';
  readonly progressive: boolean;
  /** True if its Huffman tables are made for the image, or its quality is finer than that of its file. */
  readonly optimised: boolean;
  /** True if quality refers to MozJPEG's default table instead of the standard ones. */
  readonly mozjpeg?: boolean;
}

/** A mask of class ids or object ids `[H, W]`, row by row, with the palette or the colours of its PNG. */
export interface Mask extends Size {
  readonly ids: Uint8Array | Uint16Array;
  /** Palette of the PNG, one RGB triple per index. */
  readonly palette?: Uint8Array;
  /** Alpha of the first palette entries (PNG chunk tRNS). */
  readonly alpha?: Uint8Array;
  /** Colours that encode the ids in a file, and its number of channels; one channel holds the red values. */
  readonly colours?: { readonly byId: Colours; readonly channels: 1 | 3 | 4 };
  /** How its values are stored, if it was read from a NumPy file. */
  readonly array?: ArrayCoding;
}

/** How values are stored in a NumPy file. */
export interface ArrayCoding {
  /** Type of a value as NumPy writes it, such as `<u2`. */
  readonly type: string;
  /** Largest id that a value can hold. */
  readonly largest: number;
  /** Id that stands for -1, if the array holds that. */
  readonly minusOne?: number;
  /** True if values are stored column by column. */
  readonly fortran: boolean;
  /** Version of the format, 1 to 3. */
  readonly version: number;
  /** Archive that the array was in: its name there, if it was deflated, and the other files. */
  readonly archive?: { readonly name: string; readonly deflated: boolean; readonly others: readonly ArchivedFile[] };
}

/** A file of a zip archive, as it is stored. */
export interface ArchivedFile {
  readonly name: string;
  /** True if its data is compressed with Deflate, and not stored as it is. */
  readonly deflated: boolean;
  readonly crc: number;
  /** Number of bytes when inflated. */
  readonly size: number;
  readonly data: Uint8Array;
}

/** Names by class id. */
export type ClassNames = ReadonlyMap<number, string>;

/** Meaning of the values in mask files. */
export interface MaskCoding {
  /** Colours by class id, if masks store colours. */
  readonly colours?: Colours | undefined;
  /** Smallest value of class 1; all smaller values are class 0. */
  readonly threshold?: number | undefined;
  /** Ids of ignored pixels, one of which stands for -1 in arrays. */
  readonly ignore?: Iterable<number> | undefined;
}

/** RGB colours by id. */
export type Colours = readonly (readonly [red: number, green: number, blue: number])[];

/** One instance of a sample. */
export interface Instance {
  readonly classId: number;
  readonly box: Box;
  /** Number of pixels. */
  readonly area: number;
  /** True if the instance touches the border of its image, or nearly so: the border may have cut it off. */
  readonly truncated: boolean;
  /** True if the annotation stands for a crowd of objects, which is never pasted. */
  readonly crowd?: boolean;
  /** Half-open spans `(y, x0, x1)` in raster order, of several instances; those of this one lie from index `start` to index `end`. */
  readonly spans: Int32Array;
  readonly start: number;
  readonly end: number;
}

/** Prefix of sample ids of a source set, which keeps them apart from those of the augmented data set. */
export const sourcePrefix = 'sources:';

/** Name of the configuration that is read without being named. It is no part of a data set that it lies in. */
export const configName = 'copypaste.yaml';

/** One image and its annotation on disk; paths are relative to the root of the data set. */
export interface Sample {
  /** Split, then the image's path below its folder without extension; equal on every machine. */
  readonly id: string;
  readonly split: string;
  readonly image: string;
  /** Class mask; absent if the annotation is in a document or a label file. */
  readonly mask?: string;
  readonly entry?: Entry;
  /** Label file, in a format with one label file per image. */
  readonly labels?: string;
  /** Cut-outs of which its image is made, in a folder of cut-outs. */
  readonly cutouts?: readonly string[];
  /** Path of the label file to write after a paste, if the image has none. */
  readonly newLabels?: string;
  /** Mask files of its shapes, in a format with one file per shape; absent if nothing says whether it has shapes. */
  readonly shapeFiles?: ShapeFiles;
  /** Size of the decoded image, and of its annotations. */
  readonly size: Size;
  /** Instance mask, if the layout has one. */
  readonly objects?: string;
  /** Further files that are derived from the class mask. */
  readonly views?: readonly ViewFile[];
  /** Endings of its file names after the shared stem. */
  readonly endings: Endings;
  readonly format: ImageInfo;
}

/** Mask files of one sample, one for each shape. The path of a file is the stem, the infix and its name. */
export interface ShapeFiles {
  /** Start of all paths, to which a variant adds its suffix, such as `masks/7`. */
  readonly stem: string;
  /** Text between the stem and the names: `_`, `/` or `/masks/`. */
  readonly infix: string;
  /** Names with their extension, sorted, such as `cat_1.png`. */
  readonly names: readonly string[];
}

/** Byte ranges of one sample's parts in a document of many samples. */
export interface Entry {
  readonly document: string;
  /** Start and length of each part in bytes: of the image first, then of its annotations. */
  readonly places: readonly number[];
}

/**
 * Annotations of one image as shapes rather than masks. `I` and `S` are data of the image and of each shape that only the format reads.
 */
export interface ShapeSet<I = unknown, S = unknown> {
  readonly size: Size;
  readonly own: I;
  readonly shapes: readonly Shaped<S>[];
  /** Set if the image has not been annotated: it may show anything, so nothing is pasted into it. */
  readonly unlabelled?: true;
}

/** One annotation of an image, with its pixels where it has any. */
export interface Shaped<S = unknown> {
  readonly id: number;
  readonly instance?: Instance;
  /** Reason why it cannot be pasted. */
  readonly reason?: Reason;
  readonly own: S;
}

/**
 * Reason why an annotation cannot be pasted; it is kept. A crowd of run lengths may be an object, since exports of CVAT and Datumaro set
 * `iscrowd` for every mask.
 */
export type Reason =
  | 'box'
  | 'line or point'
  | 'too few points'
  | 'wrong number of points'
  | 'no area'
  | 'outside the image'
  | 'unknown label'
  | 'crowd'
  | 'crowd of run lengths'
  | 'further annotation'
  | 'stuff'
  | 'class of stuff'
  | 'cut off'
  | 'too small'
  | 'too large'
  | `of type '${string}'`
  | `labelled '${string}'`;

/** Number of annotations that cannot be pasted, by reason. */
export type Unpasted = Readonly<Partial<Record<Reason, number>>>;

/** Counts of annotations. */
export interface Counts {
  readonly annotations: number;
  readonly unpasted: Unpasted;
  /** Number of annotations with keypoints. */
  readonly keypoints?: number;
  /** Largest number within one image, such as an id, a group or an order, above which its pastes get theirs. */
  readonly largestOfImage?: number;
}

/** Licence of an image, as its data set states it. */
export interface Licence {
  readonly id: number;
  readonly name?: string;
  readonly url?: string;
}

/** Parts of a sample's file names between the shared stem and the extension. */
export interface Endings {
  readonly image: string;
  readonly mask: string;
  readonly objects: string;
}

/** A further mask file of a sample, derived from its class mask. */
export interface ViewFile {
  readonly path: string;
  readonly view: View;
  /** True if the file holds colours with alpha. */
  readonly alpha?: boolean;
}

/** Derivation of a further mask file: the id or colour that it holds for each class id. */
export interface View {
  readonly ending: string;
  /** Name of its folder, if it differs from that of the masks. */
  readonly folder?: string;
  /** Id or RGB colour of each class id. */
  readonly values: Readonly<Record<number, number | readonly [number, number, number]>>;
  /** Id or RGB colour of every other class id. */
  readonly other: number | readonly [number, number, number];
}

/** Encoding of the class in the ids of an instance mask: class id · `perClass` + number. */
export interface ObjectIds {
  readonly perClass: number;
  /** Value of pixels of a class without instances: the class id, or class id · `perClass`. */
  readonly bare: 'class' | 'product';
  /** Classes that have instances; absent if all may. */
  readonly things?: readonly number[];
}

/** Facts of an image's header that decoding needs. */
export interface ImageInfo {
  /** Channels of the file: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA. */
  readonly channels: 1 | 2 | 3 | 4;
  readonly depth: Depth;
  /** True if the file has an ICC profile, which is kept with the pixels. */
  readonly icc: boolean;
  /** True if the file is CMYK, which is converted to sRGB. */
  readonly cmyk: boolean;
  /** True if EXIF orientation is applied, as in annotation tools; false if the mask fits the pixels as stored. */
  readonly upright: boolean;
}

/** Orientation of a placement: its axes are exchanged or not, and then it is flipped along each. */
export interface Turn {
  readonly transpose?: boolean | undefined;
  /** Horizontal flip. */
  readonly flip: boolean;
  /** Vertical flip. */
  readonly flipY?: boolean | undefined;
}

/** Change of a placement's red, green and blue: `v' = clamp((v·gain + offset + 128) >> 8)`; with 16 bits the offset counts 257 times. */
export interface Tone {
  readonly gain: readonly [red: number, green: number, blue: number];
  readonly offset: readonly [red: number, green: number, blue: number];
}

/** Placement of one instance: its box in the source image, and the box in the target onto which it is scaled. */
export interface Placement extends Turn {
  /** Index among the source's instances. */
  readonly instance: number;
  readonly classId: number;
  readonly sourceBox: Box;
  /** Box in the target; the part outside the frame is cropped. */
  readonly targetBox: Box;
  readonly scale: number;
  readonly tone?: Tone | undefined;
  /** Number of pixels inside the frame that it covers by half or more, before later placements cover it. */
  readonly area: number;
}

/** Reasons why a sample is written unchanged. */
export const passReasons = ['not drawn', 'not a target', 'no source', 'nothing fits', 'other split', 'original'] as const;
export type PassReason = (typeof passReasons)[number];

/** Reasons why a drawn instance is not pasted. */
export const dropReasons = [
  'below min-area',
  'above max-area',
  'not on --paste-on',
  'on --avoid',
  'above max-cover',
  'no place in prior',
] as const;
export type DropReason = (typeof dropReasons)[number];

/** An instance that was drawn but not pasted. */
export interface Dropped {
  readonly instance: number;
  readonly classId: number;
  readonly reason: DropReason;
}

/** Jitter of a whole scene (`--jitter scene`): the box in the frame onto which the image is scaled. */
export interface Scene {
  readonly targetBox: Box;
  readonly scale: number;
  readonly flip: boolean;
}

/** The plan of one copy of a sample: all its placements, drawn before any pixel is changed. */
export type Plan = PastePlan | PassPlan;

/** Plan of a sample that is pasted into. */
export interface PastePlan {
  readonly id: string;
  readonly copy: number;
  readonly reason?: undefined;
  readonly source: string;
  /** Jitter of the target's and the source's whole scene, with `--jitter scene`. */
  readonly scenes?: { readonly target: Scene; readonly source: Scene };
  /** Placements in pasting order: later ones cover earlier ones. */
  readonly placements: readonly Placement[];
  readonly dropped: readonly Dropped[];
}

/** Plan of a sample that passes through unchanged. */
export interface PassPlan {
  readonly id: string;
  readonly copy: number;
  /** Reason why nothing is pasted. */
  readonly reason: PassReason;
  /** First source that was tried, if any. */
  readonly source?: string;
  readonly placements: readonly [];
  readonly dropped: readonly Dropped[];
}

/** Balance of the classes that is asked for: by repeat factors, equal, or as shares by class name or id. */
export type Balancing =
  | 'inverse'
  | { readonly rfs: number }
  | {
      readonly of: 'pasted' | 'result';
      readonly by: 'instances' | 'pixels';
      readonly shares: Readonly<Record<string, number>>;
    };

/** A limit on areas: a fraction of the target image, or a number of pixels such as `25px`. */
export type AreaLimit = number | `${number}px`;

/** Masks of a sample; the class mask and the object mask have the same size. */
export interface Annotation {
  readonly mask: Mask;
  /** Instance mask, if the layout has one. */
  readonly objects?: Mask;
}

/** An annotation with the number of pixels of each id in its masks. */
export interface CountedAnnotation extends Annotation {
  readonly pixels: PixelsById;
  readonly objectPixels?: PixelsById;
  /** Shapes of the sample, if it has shapes; the class mask is painted from them. */
  readonly shapes?: ShapeSet;
}

/** An existing object that pastes cover partly or completely. */
export interface Covered {
  readonly object: number;
  /** Number of pixels before the pastes. */
  readonly before: number;
  readonly after: number;
  /** True if less than `minVisible` of it is left: its last pixels stay in the class mask only. */
  readonly dropped: boolean;
}

/** Number of pixels of each id of a mask, by ascending id. */
export type PixelsById = ReadonlyMap<number, number>;

/** Number of pixels of each class id before and after pasting, by ascending id. */
export type PixelCounts = ReadonlyMap<number, readonly [before: number, after: number]>;

/** An annotation after pasting, with the effects of the placements. */
export interface Annotated extends Annotation {
  /** Number of visible pixels of each placement; 0 if later placements cover all of it. */
  readonly visible: readonly number[];
  /** Id of each placement in the object mask; `undefined` if it has none. */
  readonly objectIds: readonly (number | undefined)[];
  readonly covered: readonly Covered[];
  readonly pixels: PixelCounts;
  /** Shapes after pasting, for a sample that has shapes. */
  readonly shapes?: ShapesAfter;
}

/** Shapes of an image after pasting. */
export interface ShapesAfter {
  /** Remaining shapes, by index, with their remaining spans if pastes cover some of their pixels. */
  readonly kept: readonly { readonly index: number; readonly spans?: Int32Array }[];
  /** Visible placements, with their visible spans. */
  readonly pasted: readonly { readonly placement: number; readonly spans: Int32Array }[];
}

/** Role of a file of a sample; a shape is a mask file of one shape, a view is derived from the class mask, the drawn masks from shapes. */
export type FileRole = 'image' | 'mask' | 'labels' | 'shape' | 'objects' | 'view' | 'cutout' | 'drawn classes' | 'drawn objects';

/** A file of a sample; its path is relative to the root of the data set. */
export interface SampleFile {
  readonly role: FileRole;
  readonly path: string;
}

/** A file of a sample that was read. */
export interface InputFile extends SampleFile {
  readonly sha256: string;
}

/** The source sample of a paste. */
export interface PastedFrom {
  readonly sample: Sample;
  /** Its shapes, from a document or a label file. */
  readonly shapes?: ShapeSet;
  /** Its files, if it belongs to another data set than the target. */
  readonly inputs?: readonly InputFile[];
  /** Licence of its image, if its data set states one. */
  readonly licence?: Licence;
}

/** Root folder of input files, with their expected digests if these are known. */
export interface InputFolder {
  readonly root: string;
  /** SHA-256 by path. */
  readonly digests?: ReadonlyMap<string, string>;
}

/** A sample that was pasted into. */
export interface Pasted extends Annotated {
  readonly sample: Sample;
  readonly plan: PastePlan;
  readonly image: Image;
  /** For each pixel, 1 + the index of the placement that is visible there; otherwise 0, or less than 0 if a placement's edge is blended there. */
  readonly owner: Int32Array;
  readonly original: Annotation & { readonly image: Image; readonly shapes?: ShapeSet };
  readonly source: PastedFrom;
  /** Files of the sample that were read. */
  readonly inputs: readonly InputFile[];
}

/** Decoded annotations of one sample. */
export interface Annotations extends CountedAnnotation {
  readonly sample: Sample;
  /** Folder of its files. */
  readonly input: InputFolder;
  readonly instances: readonly Instance[];
  /** Annotation files that were read. */
  readonly files: readonly InputFile[];
  /** Cut-outs of a bank that were read, by the index of the instance; the mask has no ids then. */
  readonly cutouts?: ReadonlyMap<number, Cutout>;
  /** Licence of the image, if the data set states one. */
  readonly licence?: Licence;
}

/** A cut-out of a bank: a file with the pixels of one instance. */
export interface Cutout extends InputFile {
  /** Position of the file's first pixel in the image of its sample. */
  readonly at: readonly [x: number, y: number];
  readonly size: Size;
  readonly format: ImageInfo;
}
