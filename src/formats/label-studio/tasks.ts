/** Tasks of Label Studio's JSON export: images, each with annotations by several annotators. */
import { formatOf } from '../../codecs/image-names.ts';
import { shown } from '../keys.ts';

export interface Task {
  readonly id?: number | null;
  readonly data: Readonly<Record<string, unknown>>;
  readonly annotations?: readonly TaskAnnotation[] | null;
  /** Annotations, before version 1.0. */
  readonly completions?: readonly TaskAnnotation[] | null;
  readonly predictions?: readonly TaskAnnotation[] | null;
}

/** Annotation of an image by one annotator. */
export interface TaskAnnotation {
  readonly id?: number | string;
  readonly task?: number;
  readonly result?: readonly Result[] | null;
  readonly was_cancelled?: boolean | null;
  /** Set if the annotation is cancelled, before version 1.0. */
  readonly skipped?: boolean | null;
  readonly ground_truth?: boolean | null;
  readonly created_at?: unknown;
}

/** A region, a part of one such as its label or its text, a choice for the whole image, or a relation of two regions. */
export interface Result {
  readonly id?: string;
  readonly type: string;
  readonly value?: Value | undefined;
  /** Size of the image. */
  readonly original_width?: number;
  readonly original_height?: number;
  readonly from_name?: string | undefined;
  readonly to_name?: string | undefined;
  readonly meta?: Readonly<Record<string, unknown>> | null;
  /** Regions of a relation. */
  readonly from_id?: string;
  readonly to_id?: string;
}

/** Geometry in percent of the image, and labels under the name of the type. */
export type Value = Readonly<Record<string, unknown>> & {
  readonly points?: readonly (readonly number[])[];
  readonly rle?: readonly number[];
  readonly rotation?: number | null;
};

/** Keys of lists whose elements have ids of annotations. */
export const idKeys = ['annotations', 'completions', 'predictions'] as const;

/** Key of the annotations of a task. */
export function annotationsKey({ annotations }: Task): 'annotations' | 'completions' {
  return annotations ? 'annotations' : 'completions';
}

/** Annotations of a task that are not cancelled, with their indices. */
export function liveAnnotations(task: Task): (readonly [index: number, annotation: TaskAnnotation])[] {
  return [...(task[annotationsKey(task)] ?? []).entries()].filter(([, { was_cancelled, skipped }]) => !was_cancelled && !skipped);
}

/** Index of the annotation whose objects are pasted: the ground truth, else the latest one. */
export function mainAnnotation(task: Task): number | undefined {
  const live = liveAnnotations(task);
  const truths = live.filter(([, { ground_truth }]) => ground_truth);
  const created = ([, { created_at }]: (typeof live)[0]): string => String(created_at ?? '');
  const able = truths.length > 0 ? truths : live;
  return able.length === 0 ? undefined : able.reduce((one, other) => (created(other) >= created(one) ? other : one))[0];
}

/** Key of the image in the data of a task, or the reason why there is none. */
export function imageKey({ data }: Task): { readonly key: string } | { readonly problem: string } {
  const named = Object.keys(data).filter((key) => typeof data[key] === 'string' && namesImage(data[key]));
  const [key, ...more] = named.includes('image') ? ['image'] : named;
  if (key === undefined)
    return { problem: 'image' in data ? `data: image is ${shown(data.image)}, not the path of an image` : 'data: no key names an image' };
  if (more.length > 0) return { problem: `data: ${named.join(' and ')} name images; keep one, or call it image` };
  return { key };
}

/** Tests if a path or a URL names an image. */
function namesImage(name: string): boolean {
  return [name, name.replace(/[?#].*/, '')].some((path) => formatOf(path) !== undefined);
}
