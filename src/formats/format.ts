/**
 * The interface of an annotation format: shapes, stored in documents of many samples, in one label file per image, in one mask file each, or in
 * one mask per image.
 */
import type { Tree } from '../base/tree.ts';
import type { MaskFormat } from '../codecs/image-names.ts';
import type { CopyPasteError, Fault } from '../errors.ts';
import type { ClassNames, Counts, Licence, ObjectIds, Pasted, Sample, Shaped, ShapeFiles, ShapeSet, Size } from '../types.ts';
import type { Folders } from './folders.ts';

/** An annotation format. `I`, `S` and `D` are its own data of an image, a shape and a document; `E` is the entry that it writes for an image. */
export type Format<I = unknown, S = unknown, E = unknown, D = unknown> =
  | DocumentFormat<I, S, E, D>
  | LabelFormat<I, S, D>
  | FilesFormat<I, S>
  | MasksFormat<I, S>;

interface ShapeFormat<I, S, E, D> {
  /**
   * Reads the shapes of one image.
   *
   * @throws {CopyPasteError} `data` when the text or the mask is invalid.
   */
  shapes(source: ShapeSource<D>): ShapeSet<I, S> | Promise<ShapeSet<I, S>>;
  /**
   * Makes the entry of an image after pasting: untouched shapes unchanged, covered shapes with their remaining pixels, and pasted
   * shapes with their provenance.
   */
  pasted(pasted: PastedShapes<I, S>, paths: NewPaths, options: WriteOptions<D>): E | Promise<E>;
  /** Lists the contradictions among the shapes of one image, and between the shapes and the classes. */
  contradictions(set: ShapeSet<I, S>, classNames: ClassNames): string[];
  /** Returns true if the shapes of an image are boxes around their objects, and do not hold their pixels; absent if they always hold them. */
  boxes?(set: ShapeSet<I, S>): boolean;
  /**
   * Divides a shape into layers for drawing masks. Without this function, each shape is one layer above all earlier shapes.
   *
   * @param spans remaining pixels, if pastes cover some.
   */
  layers?(shape: Shaped<S>, set: ShapeSet<I, S>, spans?: Int32Array): Layer[];
}

/** A format whose documents hold entries of many images. Entries are plain data because the journal stores them. */
export interface DocumentFormat<I = unknown, S = unknown, E = unknown, D = unknown> extends ShapeFormat<I, S, E, D> {
  readonly kind: 'documents';
  /** Set if shapes can be written as polygons instead of run lengths. */
  readonly polygons?: true;
  /** Set if annotations refer to classes by name, so that several documents need one list of class ids. */
  readonly classesByName?: true;
  /** Set if the class is one of the attributes of an annotation. */
  readonly attributes?: true;
  /**
   * Scans a document for its classes and for the byte ranges of its images; shapes are read later.
   *
   * @param encoding of the document.
   * @param refuse makes an error from a description of the problem.
   * @param classAttribute name of the attribute that holds the class, if the user gives it.
   */
  open(
    root: string,
    folders: Folders,
    encoding: string,
    refuse: (what: string, cause?: unknown) => CopyPasteError,
    classAttribute?: string,
  ): Promise<DocumentContents<D>>;
  /** Makes the entry of an image without pastes. @param parts texts of the image and its annotations. */
  plain(parts: readonly string[], sample: Sample, paths: NewPaths): E;
  /** Licence of an image, if the document states one. */
  licence?(set: ShapeSet<I, S>, document: Document<D>): Licence | undefined;
  /** Encodes the PNG that belongs to the entry of an image after pasting. */
  mask?(pasted: PastedShapes<I, S>): Promise<Uint8Array>;
  /**
   * Writes the text of a document, piece by piece.
   *
   * @param entries starts a new pass over the entries of all images at each call.
   */
  text(document: Document<D>, entries: () => AsyncIterable<E>): AsyncIterable<string>;
}

/** A format with one label file per image. */
export interface LabelFormat<I = unknown, S = unknown, D = unknown> extends ShapeFormat<I, S, string, D> {
  readonly kind: 'labels';
  /** File extension of label files, with its dot. */
  readonly ending: string;
  /** File name that is never a label file. */
  readonly reserved?: string;
  /** Set if the names of label files keep the extension of their image, as `a.jpg.json` does; names without it are also found. */
  readonly keepsExtension?: true;
  /** Set if an image without a label file is a background image; otherwise such an image is unlabelled. */
  readonly background?: true;
  /**
   * Reads the class names.
   *
   * @param bad collects the problems of label files that cannot be used, by file.
   */
  names(tree: Tree, among: LabelFiles, bad: Map<string, Fault>): Promise<NamesOfLabels<D>>;
  /** Makes the label file of an image without pastes that gets another name; without this function, the file is copied. */
  plain?(text: string, paths: NewPaths): string;
}

/** A format with one mask file per shape. */
export interface FilesFormat<I = unknown, S = unknown> extends ShapeFormat<I, S, readonly ShapeFile[], unknown> {
  readonly kind: 'files';
  /** Finds the images of a split and their mask files. */
  images(tree: Tree, folders: Folders): FoundFiles;
  /**
   * Reads the class names from the names of files.
   *
   * @param bad collects the problems of files that cannot be used, by file.
   */
  names(tree: Tree, among: MaskFiles, bad: Map<string, Fault>): Promise<NamesOfLabels<unknown>>;
}

/** A format with one mask for all shapes of an image, which is found like a mask of classes. */
export interface MasksFormat<I = unknown, S = unknown> extends Omit<ShapeFormat<I, S, never, unknown>, 'pasted'> {
  readonly kind: 'masks';
  readonly classNames: ClassNames;
  /** Encodes the mask of an image after pasting. @param path of the mask in the output, whose extension chooses its format. */
  pasted(pasted: PastedShapes<I, S>, path: string): Promise<{ readonly bytes: Uint8Array; readonly codec: MaskFormat }>;
}

/** Images of a split with their mask files. */
export interface FoundFiles {
  readonly images: readonly ImageWithFiles[];
  /** Problems by path: of files that belong to no image, and of folders with no image or several. */
  readonly faults: ReadonlyMap<string, string>;
}

/** An image with its mask files. */
export interface ImageWithFiles {
  readonly image: string;
  /** Path of the image below its folder, without extension; the path of the image's own folder if it has one. */
  readonly name: string;
  /** End of the image's path after the stem that its files share, without extension. */
  readonly ending: string;
  /** Absent if nothing says whether the image has shapes. */
  readonly shapeFiles?: ShapeFiles;
}

/** Mask files to read. */
export interface MaskFiles {
  /** Files of all splits. */
  readonly files: readonly ShapeFiles[];
  /** Files of the augmented split, or of all splits if the data set is only inspected. */
  readonly own: readonly ShapeFiles[];
  readonly threshold?: number | undefined;
}

/** Mask file of one shape of an image after pasting. */
export interface ShapeFile {
  /** Name after the stem and infix of the image's files. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** `copy` if the shape is untouched. */
  readonly codec: 'copy' | MaskFormat;
  /** Number of the placement that the file shows, from 1. */
  readonly placement?: number;
}

/** Paths of mask files. @param suffix of a variant. */
export function pathsOfShapes({ stem, infix, names }: ShapeFiles, suffix = ''): string[] {
  return names.map((name) => stem + suffix + infix + name);
}

/** Class names of label files, with the configuration file of the data set and notes for the user. */
interface NamesOfLabels<D> {
  readonly classNames: ClassNames;
  /** Data of the format itself. Plain data, since it is copied to threads. */
  readonly own?: D;
  readonly config?: ConfigFile;
  readonly notes?: readonly string[];
  /** Counts of the annotations of the augmented split. */
  readonly counts?: Counts;
}

/** Label files to read. */
export interface LabelFiles {
  /** Label files of all splits. */
  readonly files: readonly string[];
  /** Label files of the augmented split, or of all splits if the data set is only inspected. */
  readonly own: readonly string[];
  /** Label files of the augmented split, whose annotations are counted. */
  readonly counted: readonly string[];
  readonly encoding: string;
}

/** Text of the annotations of one image, with the facts needed to read it. */
export interface ShapeSource<D = unknown> {
  /** Texts from a document, the image first, then its annotations; or the text of a label file; or the names of mask files. */
  readonly parts: readonly string[];
  /** Path of the document or label file, for messages. */
  readonly file: string;
  readonly size: Size;
  readonly classNames: ClassNames;
  /** The document, if the texts are from one. */
  readonly document?: Document<D> | undefined;
  /** Set if crowds of run lengths are objects. */
  readonly crowds?: 'objects' | undefined;
  /** PNG that the document refers to, or the mask files of all shapes. */
  readonly masks?: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  /** Smallest value of an object in mask files. */
  readonly threshold?: number | undefined;
  /** Data of the format itself, of the document or of all label files. */
  readonly own?: D | undefined;
}

/** Output paths of an image and of the PNG that its document refers to. */
export interface NewPaths {
  readonly image: string;
  readonly mask?: string | undefined;
}

export interface WriteOptions<D = unknown> {
  /** True to write a shape as polygons if they keep all its pixels. */
  readonly polygons: boolean;
  readonly classNames: ClassNames;
  /** Data of the format itself, of the document or of all label files. */
  readonly own?: D | undefined;
}

/** Configuration file, which the output keeps. */
export interface ConfigFile {
  readonly file: string;
  /** Further files with the same classes, which the output keeps. */
  readonly also?: readonly string[];
  /** Text in the output, if it differs. */
  readonly text?: string;
  /** One-line notes for the user. */
  readonly notes?: readonly string[];
}

/** Classes that the configuration file of a layout names. */
export interface ClassConfig extends Omit<ConfigFile, 'file'> {
  /** Absent if the classes are only in the manifest of a run, which the output does not keep. */
  readonly file?: string;
  /** Absent if the file names none. */
  readonly classNames?: ClassNames;
  /** Classes that have instances, if the file states them. */
  readonly things?: readonly number[];
  /** Classes that are stuff, if the file states these. */
  readonly stuff?: readonly number[];
  /** Encoding of the class in instance ids, if it is not that of the layout. */
  readonly objectIds?: ObjectIds;
  readonly background?: readonly number[];
  readonly ignore?: readonly number[];
  /** Smallest value of class 1, if masks hold two classes. */
  readonly threshold?: number;
  /** True if a run has recorded these facts, so that other files of the data set do not change them. */
  readonly recorded?: boolean;
}

/** Facts of a document, without its images. Plain data, since it is copied to threads. */
export interface Document<D = unknown> extends Counts {
  readonly path: string;
  readonly sha256: string;
  /** Classes that have instances, if the other classes are stuff. */
  readonly things?: readonly number[];
  /** Largest ids in the document, if new images or annotations get ids above them. */
  readonly largestIds?: { readonly image?: number; readonly annotation?: number };
  /** Data of the format itself. */
  readonly own: D;
}

/** One image in a document; its size is that of the file if the document does not state it. */
export interface DocumentImage extends Partial<Size> {
  /** Name of the image in messages. */
  readonly title: string;
  /** Path of the image file, relative to the folder of images. */
  readonly name: string;
  /** Path of the PNG with its segments. */
  readonly mask?: string;
  /** Split of the image, if the document names one. */
  readonly split?: string;
  /** Problems of the image or its annotations, for which it is left out. */
  readonly problems?: readonly string[];
  /** Byte ranges of the image and its annotations, as pairs of start and length. */
  readonly places: readonly number[];
}

/** Result of scanning a document. */
export interface DocumentContents<D = unknown> {
  readonly document: Document<D>;
  readonly images: readonly DocumentImage[];
  readonly classNames: ClassNames;
  /** Problems of single annotations, and of images that cannot be found, which are left out. */
  readonly faults?: readonly string[];
  /** One-line notes for the user. */
  readonly notes?: readonly string[];
}

/** Pixels of one class in a drawn mask. */
export interface Layer {
  readonly spans: Int32Array;
  readonly paint: number | 'ignore' | 'background';
  /** A layer covers layers of lower height, and earlier layers of the same height. */
  readonly height: number;
}

/** Shapes of an image after pasting. */
export interface PastedShapes<I = unknown, S = unknown> {
  readonly sample: Sample;
  readonly before: ShapeSet<I, S>;
  /** Shapes that are still visible, with their remaining pixels if pastes cover some. */
  readonly kept: readonly { readonly shape: Shaped<S>; readonly spans?: Int32Array }[];
  readonly pasted: readonly PastedShape<I, S>[];
}

/** A pasted instance that is visible. */
export interface PastedShape<I = unknown, S = unknown> {
  readonly classId: number;
  readonly spans: Int32Array;
  /** Id of the source sample. */
  readonly source: string;
  /** Index of the instance in the source sample. */
  readonly instance: number;
  /** Number of the placement, from 1. */
  readonly placement: number;
  /** Licence of the source's image, if its data set states one. */
  readonly licence?: Licence;
  /** The copied shape and the format's data of its image; absent if the source is in another data set. */
  readonly origin?: { readonly own: I; readonly shape: Shaped<S> };
}

/** Shapes of a sample after pasting; undefined if its annotations are masks. */
export function pastedShapes({ sample, plan, original: { shapes: before }, shapes: after, source }: Pasted): PastedShapes | undefined {
  if (!before || !after) return undefined;
  // Another data set may have another format.
  const from = source.inputs ? undefined : source.shapes;
  const shown = from?.shapes.filter(({ instance }) => instance) ?? [];
  return {
    sample,
    before,
    kept: after.kept.map(({ index, spans }) => ({ shape: before.shapes[index] as Shaped, ...(spans && { spans }) })),
    pasted: after.pasted.map(({ placement, spans }) => {
      const { instance, classId } = plan.placements[placement] as Pasted['plan']['placements'][0];
      const shape = shown[instance];
      const origin = from && shape && { own: from.own, shape };
      return {
        classId,
        spans,
        source: source.sample.id,
        instance,
        placement: placement + 1,
        ...(origin && { origin }),
        ...(source.licence && { licence: source.licence }),
      };
    }),
  };
}

/** Source of a paste, which formats write as `copypaste`. */
export type Provenance<O extends object = object> = (O | Pick<PastedShape, 'source' | 'instance'>) &
  Pick<PastedShape, 'placement' | 'licence'>;

/**
 * Makes the source of a paste.
 *
 * @param own the source in the format's own terms, if it is in the same data set.
 */
export function provenanceOf<O extends object>({ source, instance, placement, licence }: PastedShape, own?: O): Provenance<O> {
  return { ...(own ?? { source, instance }), placement, ...(licence && { licence }) };
}

/** Name of the class of shapes whose format or file names none. */
export const unnamedClass = 'object';

/** Layers of each shape of an image, for drawing masks. */
export function layersOf({ layers = oneLayer }: Format, set: ShapeSet): Layer[][] {
  return set.shapes.map((shape) => layers(shape, set));
}

/** Layers of each shape of an image after pasting; pastes are on top. */
export function layersAfter({ layers = oneLayer }: Format, { before, kept, pasted }: PastedShapes): Layer[][] {
  return [
    ...kept.map(({ shape, spans }) => layers(shape, before, spans)),
    ...pasted.map(({ spans, classId }) => [{ spans, paint: classId, height: Number.MAX_SAFE_INTEGER }]),
  ];
}

function oneLayer({ instance }: Shaped, _set: ShapeSet, spans = instance?.spans): Layer[] {
  return instance && spans ? [{ spans, paint: instance.classId, height: 0 }] : [];
}
