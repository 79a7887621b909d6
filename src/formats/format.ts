/** The interface of a format: annotations that are shapes, in documents of many samples or in a label file for each. */
import type { Tree } from '../base/tree.ts';
import type { CopyPasteError } from '../errors.ts';
import type { ClassNames, Pasted, Sample, Shaped, ShapeSet, Size } from '../types.ts';
import type { Folders } from './folders.ts';

/** One format; `I` is what it keeps of an image, `S` of a shape, `E` what it writes of an image, `D` what it keeps of a document. */
export type Format<I = unknown, S = unknown, E = unknown, D = unknown> = DocumentFormat<I, S, E, D> | LabelFormat<I, S>;

interface ShapeFormat<I, S, E> {
  /**
   * Reads the shapes of one image.
   *
   * @throws {CopyPasteError} `data` for what is wrong.
   */
  shapes(source: ShapeSource): ShapeSet<I, S> | Promise<ShapeSet<I, S>>;
  /**
   * The entry of an image that was pasted into: shapes that no paste touched as they were, the others with their new pixels, and
   * those that were pasted, which say where they come from.
   */
  pasted(pasted: PastedShapes<I, S>, paths: NewPaths, options: WriteOptions): E | Promise<E>;
  /** Contradictions among the shapes of one image, and between them and the classes. */
  contradictions(set: ShapeSet<I, S>, classNames: ClassNames): string[];
  /**
   * Layers of one shape where masks are drawn of it; without this function a shape is one layer above those before it.
   *
   * @param spans its new pixels, where pastes took some.
   */
  layers?(shape: Shaped<S>, set: ShapeSet<I, S>, spans?: Int32Array): Layer[];
}

/** Annotations in documents, each with entries of many images; the journal keeps an entry, so it is plain data. */
export interface DocumentFormat<I = unknown, S = unknown, E = unknown, D = unknown> extends ShapeFormat<I, S, E> {
  readonly kind: 'documents';
  /** Shapes can be written as polygons in place of run lengths. */
  readonly polygons?: true;
  /**
   * Reads through a document: where the parts of its images are, not what they hold.
   *
   * @param refuse makes an error of what is wrong.
   */
  open(root: string, folders: Folders, refuse: (what: string, cause?: unknown) => CopyPasteError): Promise<DocumentContents<D>>;
  /** The entry of an image that passes through. @param parts as they were read. */
  plain(parts: readonly string[], sample: Sample, paths: NewPaths): E;
  /** The PNG that an entry needs, of an image that was pasted into. */
  mask?(pasted: PastedShapes<I, S>): Promise<Uint8Array>;
  /**
   * Text of a document.
   *
   * @param entries of its images; starts anew at each call, with the same entries.
   */
  text(document: Document<D>, entries: () => AsyncIterable<E>): AsyncIterable<string>;
}

/** Annotations in label files, one for each image. */
export interface LabelFormat<I = unknown, S = unknown> extends ShapeFormat<I, S, string> {
  readonly kind: 'labels';
  /** Ending of a label file's name. */
  readonly ending: string;
  /** A file of this name among label files is none. */
  readonly reserved?: string;
  /** An image without a label file has nothing on it; else nobody has labelled it yet. */
  readonly background?: true;
  /**
   * Names of the classes.
   *
   * @param among label files, and the folders that there are.
   * @param bad takes files that cannot be read.
   */
  names(
    root: string,
    tree: Tree,
    among: { readonly files: readonly string[]; readonly folders: readonly Folders[] },
    bad: Map<string, string>,
  ): Promise<{ readonly classNames: ClassNames; readonly config?: LabelConfig }>;
  /** The label file of an image that passes through under another name; without this function it is copied. */
  plain?(text: string, paths: NewPaths): string;
}

/** Annotations of one image as text, and what is needed to read them. */
export interface ShapeSource {
  /** Parts of a document, the image's own first; or the text of a label file. */
  readonly parts: readonly string[];
  /** The document or label file, for messages. */
  readonly file: string;
  readonly size: Size;
  readonly classNames: ClassNames;
  /** Classes that have instances, where others are stuff. */
  readonly things?: readonly number[] | undefined;
  /** The PNG that the document names. */
  readonly mask?: { readonly path: string; readonly bytes: Uint8Array } | undefined;
}

/** Paths of an image in the output, and of the PNG that its document names. */
export interface NewPaths {
  readonly image: string;
  readonly mask?: string | undefined;
}

export interface WriteOptions {
  /** Shapes are polygons where these lose nothing. */
  readonly polygons: boolean;
  readonly classNames: ClassNames;
}

/** A file that says what label files mean, and is carried over. */
export interface LabelConfig {
  readonly file: string;
  /** Its text in the output, where that differs. */
  readonly text?: string;
  /** A line about it for the user. */
  readonly note?: string;
}

/** A document without the parts of its images, as plain data: threads copy it. */
export interface Document<D = unknown> {
  readonly path: string;
  readonly sha256: string;
  readonly annotations: number;
  /** Annotations without a mask, and with keypoints. */
  readonly boxes: number;
  readonly keypoints: number;
  /** Classes that have instances, where others are stuff. */
  readonly things?: readonly number[];
  /** What its format keeps of it. */
  readonly own: D;
}

/** A document's part about one image. */
export interface DocumentImage extends Size {
  /** Its name in messages. */
  readonly title: string;
  /** Its file, below the folder of images. */
  readonly name: string;
  /** The PNG that goes with it. */
  readonly mask?: string;
  /** The split that it is in, where the document says so. */
  readonly split?: string;
  /** Start and length in bytes of each of its parts. */
  readonly places: readonly number[];
}

/** A document that was read through. */
export interface DocumentContents<D = unknown> {
  readonly document: Document<D>;
  readonly images: readonly DocumentImage[];
  readonly classNames: ClassNames;
}

/** Pixels of one class in a drawing. */
export interface Layer {
  readonly spans: Int32Array;
  readonly paint: number | 'void' | 'background';
  /** A layer lies on those of lower height, and on those before it of the same height. */
  readonly height: number;
}

/** The shapes of an image that was pasted into. */
export interface PastedShapes<I = unknown, S = unknown> {
  readonly sample: Sample;
  readonly before: ShapeSet<I, S>;
  /** Shapes that remain, with their new pixels where pastes took some. */
  readonly kept: readonly { readonly shape: Shaped<S>; readonly spans?: Int32Array }[];
  readonly pasted: readonly PastedShape<I, S>[];
}

/** An instance that was pasted, and shows. */
export interface PastedShape<I = unknown, S = unknown> {
  readonly classId: number;
  readonly spans: Int32Array;
  /** Sample and instance that it is a copy of. */
  readonly source: string;
  readonly instance: number;
  /** Number of its placement, from 1. */
  readonly placement: number;
  /** Shape that it is a copy of, and what the format keeps of its image; absent where that is of another data set. */
  readonly origin?: { readonly own: I; readonly shape: Shaped<S> };
}

/** The shapes of a sample that was pasted into; none where it has masks. */
export function pastedShapes({ sample, plan, original: { shapes: before }, shapes: after, source }: Pasted): PastedShapes | undefined {
  if (!before || !after) return undefined;
  // Shapes of another data set are of a format of their own.
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
      return { classId, spans, source: source.sample.id, instance, placement: placement + 1, ...(origin && { origin }) };
    }),
  };
}

/** Layers of each shape of an image, where masks are drawn of them. */
export function layersOf({ layers = oneLayer }: Format, set: ShapeSet): Layer[][] {
  return set.shapes.map((shape) => layers(shape, set));
}

/** Layers of each shape of an image that was pasted into; pastes lie on top. */
export function layersAfter({ layers = oneLayer }: Format, { before, kept, pasted }: PastedShapes): Layer[][] {
  return [
    ...kept.map(({ shape, spans }) => layers(shape, before, spans)),
    ...pasted.map(({ spans, classId }) => [{ spans, paint: classId, height: Number.MAX_SAFE_INTEGER }]),
  ];
}

function oneLayer({ instance }: Shaped, _set: ShapeSet, spans = instance?.spans): Layer[] {
  return instance && spans ? [{ spans, paint: instance.classId, height: 0 }] : [];
}
