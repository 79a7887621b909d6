/** Half-open pixels `[x0, y0, x1, y1)`. */
export type Box = readonly [x0: number, y0: number, x1: number, y1: number];

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Bits a channel. */
export type Depth = 8 | 16;

/** Pixels `[N, bands]` as codecs have them: RGB or RGBA, interleaved, in 8 or 16 bits a channel. */
export interface Raster {
  readonly pixels: Uint8Array | Uint16Array;
  readonly bands: Bands;
}

export type Bands = 3 | 4;

/** An image, row by row; grey is held as RGB. */
export interface Image extends Size, Raster {
  readonly depth: Depth;
  /** Channels of its file. */
  readonly channels: ImageInfo['channels'];
  readonly icc?: Uint8Array;
  /** It came from a lossless WebP file. */
  readonly lossless?: boolean;
  /** The last channel is not alpha, such as near infrared in a TIFF. */
  readonly extraBand?: boolean;
}

/** Class ids or object ids `[H, W]`, row by row, with what a PNG needs to hold them unchanged. */
export interface Mask extends Size {
  readonly ids: Uint8Array | Uint16Array;
  /** RGB triples, one an index, of a palette PNG. */
  readonly palette?: Uint8Array;
  /** Alpha of the first palette entries, as in tRNS. */
  readonly alpha?: Uint8Array;
  /** Colours that stand for ids in a PNG of so many channels. */
  readonly colours?: { readonly byId: Colours; readonly channels: 3 | 4 };
}

/** Names by class id. */
export type ClassNames = ReadonlyMap<number, string>;

/** RGB by class id. */
export type Colours = readonly (readonly [red: number, green: number, blue: number])[];

/** One instance of a sample. */
export interface Instance {
  readonly classId: number;
  readonly box: Box;
  /** Pixels. */
  readonly area: number;
  /** It touches the border of its image, or nearly so: the border may have cut it off. */
  readonly truncated: boolean;
  /** It stands for several objects together and is never pasted. */
  readonly crowd?: boolean;
  /** Holds its pixels from `start` to `end`, as triples `(y, x0, x1)`, half-open, in raster order; other instances' too. */
  readonly spans: Int32Array;
  readonly start: number;
  readonly end: number;
}

/** Pixels of an instance. */
export type Shape = Pick<Instance, 'box' | 'spans' | 'start' | 'end'>;

/** Prefix of sample ids of a source set, which keeps them apart from those of the augmented data set. */
export const sourcePrefix = 'sources:';

/** One image and its annotation on disk; paths are relative to the root of the data set. */
export interface Sample {
  /** The image's path without its folder and extension, after its split: the same on every machine. */
  readonly id: string;
  readonly split: string;
  readonly image: string;
  /** Absent where a document holds the annotation. */
  readonly mask?: string;
  readonly entry?: Entry;
  /** Text file of shapes. */
  readonly labels?: string;
  /** Label file that is written after a paste, for an image that has none. */
  readonly newLabels?: string;
  /** Size of the image as shown, and of its annotations. */
  readonly size: Size;
  /** Instance-id mask, where the layout has one. */
  readonly objects?: string;
  /** Further files that are derived from the class mask. */
  readonly views?: readonly ViewFile[];
  /** Parts of its file names after the shared stem. */
  readonly endings: Endings;
  readonly format: ImageInfo;
}

/** Places of one sample's parts in a document of many samples. */
export interface Entry {
  readonly document: string;
  /** Start and length in bytes of each part, the image's own first. */
  readonly places: readonly number[];
}

/**
 * Annotations of one image as shapes rather than masks. Only the format reads its own data of the image, `I`, and of each
 * shape, `S`.
 */
export interface ShapeSet<I = unknown, S = unknown> {
  readonly size: Size;
  readonly own: I;
  readonly shapes: readonly Shaped<S>[];
  /** The image has not been annotated: it may show anything, so nothing is pasted into it. */
  readonly unlabelled?: true;
}

/** One annotation of an image, with its pixels where it has any. */
export interface Shaped<S = unknown> {
  readonly id: number;
  readonly instance?: Instance;
  readonly own: S;
}

/** Parts of a sample's file names between the shared stem and the extension. */
export interface Endings {
  readonly image: string;
  readonly mask: string;
  readonly objects: string;
}

/** A file of a sample that shows its class mask in other values. */
export interface ViewFile {
  readonly path: string;
  readonly view: View;
  /** It holds colours with alpha. */
  readonly alpha?: boolean;
}

/** Mapping of a class mask to another file: other ids, or colours. */
export interface View {
  readonly ending: string;
  /** Name of its folder, if it differs from that of the masks. */
  readonly folder?: string;
  /** Id or RGB colour of each class id. */
  readonly values: Readonly<Record<number, number | readonly [number, number, number]>>;
  /** Id or RGB colour of every other class id. */
  readonly other: number | readonly [number, number, number];
}

/** How ids of an instance mask are made, where they say the class: its id times `perClass` plus a number. */
export interface ObjectIds {
  readonly perClass: number;
  /** Value of pixels of a class without instances: the class id, or the class id times `perClass`. */
  readonly bare: 'class' | 'product';
  /** Classes that have instances; absent where all may. */
  readonly things?: readonly number[];
}

/** Facts of an image's header that decoding needs. */
export interface ImageInfo {
  /** Channels of the file: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA. */
  readonly channels: 1 | 2 | 3 | 4;
  readonly depth: Depth;
  /** It has an ICC profile, which is kept with its pixels. */
  readonly icc: boolean;
  /** It is CMYK, which is read as sRGB. */
  readonly cmyk: boolean;
  /** EXIF orientation is applied, as annotation tools show the image; otherwise the mask fits the pixels as stored. */
  readonly upright: boolean;
}

/** One instance with its geometry: a box of the source image and where it lands in the target. */
export interface Placement {
  /** Index among the source's instances. */
  readonly instance: number;
  readonly classId: number;
  readonly sourceBox: Box;
  /** May leave the frame; the part outside is cropped. */
  readonly targetBox: Box;
  readonly scale: number;
  readonly flip: boolean;
  /** Pixels inside the frame that it covers by half or more, before later ones cover it. */
  readonly area: number;
}

/** Reasons why a sample is written unchanged. */
export const passReasons = ['not drawn', 'not a target', 'no source', 'nothing fits', 'other split', 'original'] as const;
export type PassReason = (typeof passReasons)[number];

/** Reasons why a drawn instance is not pasted. */
export const dropReasons = ['below min-area', 'above max-area'] as const;
export type DropReason = (typeof dropReasons)[number];

/** A drawn instance for which no draw of the jitter fits. */
export interface Dropped {
  readonly instance: number;
  readonly classId: number;
  readonly reason: DropReason;
}

/** The jitter of a whole scene (`--jitter scene`): where the image lands in the frame. */
export interface Scene {
  readonly targetBox: Box;
  readonly scale: number;
  readonly flip: boolean;
}

/** All placements of a sample, drawn before any pixel is touched. */
export interface Plan {
  readonly id: string;
  readonly copy: number;
  /** Reason why nothing is pasted; absent if something is. */
  readonly reason?: PassReason;
  readonly source?: string;
  /** Jitter of the target's and the source's whole scene, with `--jitter scene`. */
  readonly scenes?: { readonly target: Scene; readonly source: Scene };
  /** Pasted in this order: a later one covers an earlier one. */
  readonly placements: readonly Placement[];
  readonly dropped: readonly Dropped[];
}

/** Limit below which a covered instance is dropped: a fraction of its pixels, or the rule of the paper's official code. */
export type MinVisible = number | 'official';

/** A limit on areas: a fraction of the target image, or pixels such as `25px`. */
export type AreaLimit = number | `${number}px`;

/** The annotation of a sample; class mask and object mask have one size. */
export interface Annotation {
  readonly mask: Mask;
  /** Instance-id mask, where the layout has one. */
  readonly objects?: Mask;
}

/** An annotation with the number of pixels of each id in its masks. */
export interface CountedAnnotation extends Annotation {
  readonly pixels: PixelsById;
  readonly objectPixels?: PixelsById;
  /** Shapes of the sample; the class mask is then painted from them. */
  readonly shapes?: ShapeSet;
}

/** An existing object that pastes cover in part or whole. */
export interface Covered {
  readonly object: number;
  /** Pixels. */
  readonly before: number;
  readonly after: number;
  /** It is left with less than `minVisible`: its last pixels stay in the class mask only. */
  readonly dropped: boolean;
}

/** Number of pixels of each id of a mask, by ascending id. */
export type PixelsById = ReadonlyMap<number, number>;

/** Number of pixels of each class id before and after pasting, by ascending id. */
export type PixelCounts = ReadonlyMap<number, readonly [before: number, after: number]>;

/** An annotation after its placements, with their effects. */
export interface Annotated extends Annotation {
  /** For each placement its pixels in the final mask, 0 where later ones cover it. */
  readonly visible: readonly number[];
  /** For each placement its new id in the object mask. */
  readonly objectIds: readonly (number | undefined)[];
  readonly covered: readonly Covered[];
  readonly pixels: PixelCounts;
  /** Shapes after pasting, for a sample that has shapes. */
  readonly shapes?: ShapesAfter;
}

/** Shapes of an image after pasting. */
export interface ShapesAfter {
  /** Shapes that remain, by their index; with their remaining spans if pastes cover some of their pixels. */
  readonly kept: readonly { readonly index: number; readonly spans?: Int32Array }[];
  /** Visible spans of each placement that shows. */
  readonly pasted: readonly { readonly placement: number; readonly spans: Int32Array }[];
}

/** Content of a file of a sample; a view is derived from the class mask, and the drawn masks from shapes. */
export type FileRole = 'image' | 'mask' | 'labels' | 'objects' | 'view' | 'drawn classes' | 'drawn objects';

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
}

/** Root of input files, with their expected digests if these are known. */
export interface InputFolder {
  readonly root: string;
  /** SHA-256 by path. */
  readonly digests?: ReadonlyMap<string, string>;
}

/** A sample that was pasted into. */
export interface Pasted extends Annotated {
  readonly sample: Sample;
  readonly plan: Plan;
  readonly image: Image;
  /** Index of the placement that shows at each pixel plus 1; 0 elsewhere. */
  readonly owner: Int32Array;
  readonly original: Annotation & { readonly image: Image; readonly shapes?: ShapeSet };
  readonly source: PastedFrom;
  /** Files of the sample that were read. */
  readonly inputs: readonly InputFile[];
}

/** Decoded annotations of one sample. */
export interface Annotations extends CountedAnnotation {
  readonly sample: Sample;
  /** Where its files are. */
  readonly input: InputFolder;
  readonly instances: readonly Instance[];
  /** Files that were read. */
  readonly files: readonly InputFile[];
}
