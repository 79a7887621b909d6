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
  /** Those of its file. */
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

/** One copyable thing of a sample. */
export interface Instance {
  readonly classId: number;
  readonly box: Box;
  /** Pixels. */
  readonly area: number;
  /** It touches the border of its image, or nearly so: the border may have cut it off. */
  readonly truncated: boolean;
  /** It stands for several things together, and is never copied. */
  readonly crowd?: boolean;
  /** Holds its pixels from `start` to `end`, as triples `(y, x0, x1)`, half-open, in raster order; other instances' too. */
  readonly spans: Int32Array;
  readonly start: number;
  readonly end: number;
}

/** What an instance has of pixels. */
export type Shape = Pick<Instance, 'box' | 'spans' | 'start' | 'end'>;

/** What the ids of samples of a source set begin with: they are not those of the data set that is augmented. */
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
  /** The one that is written once something is on the image, where there is none. */
  readonly newLabels?: string;
  /** Of the image as shown, and of what annotates it. */
  readonly size: Size;
  /** Instance-id mask, where the layout has one. */
  readonly objects?: string;
  /** Further files of the class mask, which follow from it. */
  readonly views?: readonly ViewFile[];
  /** What the names of its files have after the stem that they share. */
  readonly endings: Endings;
  readonly format: ImageInfo;
}

/** Where a document of many samples holds the parts that belong to one. */
export interface Entry {
  readonly document: string;
  /** Start and length in bytes of each part, the image's own first. */
  readonly places: readonly number[];
}

/**
 * Annotations of one image that are shapes rather than masks. What its format keeps of the image, `I`, and of each shape, `S`, is for
 * the format alone.
 */
export interface ShapeSet<I = unknown, S = unknown> {
  readonly size: Size;
  readonly own: I;
  readonly shapes: readonly Shaped<S>[];
  /** Nobody has annotated the image: it may show anything, and nothing is pasted into it. */
  readonly unlabelled?: true;
}

/** One annotation of an image, with its pixels where it has any. */
export interface Shaped<S = unknown> {
  readonly id: number;
  readonly instance?: Instance;
  readonly own: S;
}

/** What follows the stem that the files of a sample share, before the extension. */
export interface Endings {
  readonly image: string;
  readonly mask: string;
  readonly objects: string;
}

/** A file of a sample that shows its class mask otherwise. */
export interface ViewFile {
  readonly path: string;
  readonly view: View;
  /** It holds colours with alpha. */
  readonly alpha?: boolean;
}

/** How another file shows a class mask: other ids, or colours. */
export interface View {
  readonly ending: string;
  /** Its folder's name, where it is not that of the masks. */
  readonly folder?: string;
  /** The id or the RGB colour that stands for each class id. */
  readonly values: Readonly<Record<number, number | readonly [number, number, number]>>;
  /** What stands for every other class id. */
  readonly other: number | readonly [number, number, number];
}

/** How ids of an instance mask are made, where they say the class: its id times `perClass` plus a number. */
export interface ObjectIds {
  readonly perClass: number;
  /** What pixels of a class without instances hold: its id alone, or times `perClass`. */
  readonly bare: 'class' | 'product';
  /** Classes that have instances; absent where all may. */
  readonly things?: readonly number[];
}

/** What an image's header says that decoding needs. */
export interface ImageInfo {
  /** Channels of the file: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA. */
  readonly channels: 1 | 2 | 3 | 4;
  readonly depth: Depth;
  /** It has an ICC profile, which goes with its pixels. */
  readonly icc: boolean;
  /** It is CMYK, which is read as sRGB. */
  readonly cmyk: boolean;
  /** Whether EXIF orientation is applied, as annotation tools show it; else the mask is drawn on the pixels as stored. */
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

/** Why a sample passes through unchanged. */
export const passReasons = ['not drawn', 'not a target', 'no source', 'nothing fits', 'other split', 'original'] as const;
export type PassReason = (typeof passReasons)[number];

/** Why an instance that was drawn is not pasted. */
export const dropReasons = ['below min-area', 'above max-area'] as const;
export type DropReason = (typeof dropReasons)[number];

/** An instance that was drawn, and for which no draw of the jitter fitted. */
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
  /** Why nothing is pasted, where nothing is. */
  readonly reason?: PassReason;
  readonly source?: string;
  /** Where scenes are jittered as wholes: the target's on its canvas, and the source's. */
  readonly scenes?: { readonly target: Scene; readonly source: Scene };
  /** Pasted in this order: a later one covers an earlier one. */
  readonly placements: readonly Placement[];
  readonly dropped: readonly Dropped[];
}

/** When an existing instance that pastes cover is dropped: under a fraction of its pixels, or as the paper's official code does. */
export type MinVisible = number | 'official';

/** A limit on areas: a fraction of the target image, or pixels as `25px`. */
export type AreaLimit = number | `${number}px`;

/** The annotation of a sample; class mask and object mask have one size. */
export interface Annotation {
  readonly mask: Mask;
  /** Instance-id mask, where the layout has one. */
  readonly objects?: Mask;
}

/** An annotation with the pixels of each id in its masks. */
export interface CountedAnnotation extends Annotation {
  readonly pixels: PixelsById;
  readonly objectPixels?: PixelsById;
  /** What a document holds; the class mask is painted after it then. */
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

/** Pixels of each id of a mask, by ascending id. */
export type PixelsById = ReadonlyMap<number, number>;

/** Pixels of each class id before and after, by ascending id. */
export type PixelCounts = ReadonlyMap<number, readonly [before: number, after: number]>;

/** An annotation after its placements, with what they did to it. */
export interface Annotated extends Annotation {
  /** For each placement its pixels in the final mask, 0 where later ones cover it. */
  readonly visible: readonly number[];
  /** For each placement its new id in the object mask. */
  readonly objectIds: readonly (number | undefined)[];
  readonly covered: readonly Covered[];
  readonly pixels: PixelCounts;
  /** What becomes of a document's annotations. */
  readonly shapes?: ShapesAfter;
}

/** The annotations of an image after pastes. */
export interface ShapesAfter {
  /** Those that remain, by their index; with spans where pastes took pixels. */
  readonly kept: readonly { readonly index: number; readonly spans?: Int32Array }[];
  /** What shows of each placement that does. */
  readonly pasted: readonly { readonly placement: number; readonly spans: Int32Array }[];
}

/** What a file of a sample holds; a view follows from the class mask, masks of classes and of objects are drawn of shapes. */
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

/** The sample that instances were copied from. */
export interface PastedFrom {
  readonly sample: Sample;
  /** What its document holds, or its file of shapes. */
  readonly shapes?: ShapeSet;
  /** Its files, where it is of another data set than the target. */
  readonly inputs?: readonly InputFile[];
}

/** Where input files are, and what they have to be where that is known. */
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

/** The TensorFlow.js backends that the op runs on, in the order in which a GPU is looked for. */
export const backendNames = ['webgpu', 'tensorflow', 'cpu'] as const;
export type BackendName = (typeof backendNames)[number];

/** A backend that was found, and gives the reference's bytes. */
export interface Backend {
  readonly name: BackendName;
  /** Of what does the work. */
  readonly version: string;
  readonly device: string;
  /** Whether a GPU does the work; a driver that computes on the CPU is none. */
  readonly hardware: boolean;
  /** Pixels of targets and sources that one call of the op takes together; with 0 each target is a call of its own. */
  readonly batchPixels: number;
  readonly limits: Readonly<Record<string, number>>;
}

/** A sample as decoded, without its image. */
export interface Annotations extends CountedAnnotation {
  readonly sample: Sample;
  /** Where its files are. */
  readonly input: InputFolder;
  readonly instances: readonly Instance[];
  /** Files that were read. */
  readonly files: readonly InputFile[];
}

/** What was found of a backend. */
export type Probe =
  | ({ readonly available: true } & Backend)
  | { readonly available: false; readonly name: BackendName; readonly problem: string };
