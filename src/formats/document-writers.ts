import type { Document, DocumentFormat, Pasted, Sample } from '../types.ts';
import { coco } from './coco/write.ts';
import { cvat } from './cvat/write.ts';
import { datumaro } from './datumaro/write.ts';

/** Paths of a sample in the output that a document names. */
export interface EntryPaths {
  readonly image: string;
  readonly mask?: string | undefined;
}

/**
 * How a format's documents are written; `read/documents.ts` has how they are read. What a document will have of one image, `P`, is
 * plain data that the journal keeps.
 */
export interface DocumentWriter<P = unknown> {
  /**
   * What it will have of an image that passes through.
   *
   * @param parts as they were read.
   * @param paths of the output.
   */
  plain(parts: readonly string[], sample: Sample, paths: EntryPaths): P;
  /**
   * What it will have of an image that was pasted into: annotations that pastes left alone as they were, the others with their new
   * masks, and those that were pasted, which say where they come from. Ids are given once all are known.
   *
   * @param options polygons where they lose nothing, in place of run lengths; what classes are called.
   */
  pasted(pasted: Pasted, paths: EntryPaths, options: { readonly polygons: boolean; readonly classNames: ReadonlyMap<number, string> }): P;
  /**
   * The document's text.
   *
   * @param entries what it has of its images; gives them anew each time, always the same.
   */
  text(document: Document, entries: () => AsyncIterable<P>): AsyncIterable<string>;
}

/** How each format is written. */
export const documentWriters: Readonly<Record<DocumentFormat, DocumentWriter>> = { coco, cvat, datumaro };
