/** Writes tasks. */

import { brushOfSpans } from '../../masks/brush.ts';
import { outlineOfSpans } from '../../masks/outlines.ts';
import type { Sample, Size } from '../../types.ts';
import { idsAfter, withSurroundings } from '../documents.ts';
import { type Document, type PastedShape, type PastedShapes, provenanceOf, type WriteOptions } from '../format.ts';
import { renamed } from '../image-names.ts';
import { jsonText, parseJson } from '../json-text.ts';
import { object } from '../keys.ts';
import type { LabelStudioDocument, RegionOfTask } from './read.ts';
import { geometryOf, labelsKey, percentOf } from './regions.ts';
import { annotationsKey, idKeys, imageKey, liveAnnotations, type Result, type Task, type TaskAnnotation } from './tasks.ts';

/** A task in an output document, as JSON text. */
export interface TaskEntry {
  readonly id?: number;
  readonly text: string;
}

type PastedTask = PastedShapes<Task, RegionOfTask>;

/** Entry of a task. */
export function entryOf({ id }: Task, text: string): TaskEntry {
  return { ...(typeof id === 'number' && { id }), text };
}

/** Gives a task the name of its output image. @param path of the image in the output. */
export function renamedTask(task: Task, { image }: Sample, path: string): Task {
  if (path === image) return task;
  const { key } = imageKey(task) as { key: string };
  return { ...task, data: { ...task.data, [key]: renamed(task.data[key] as string, image, path) } };
}

/** Task of an image after pasting: all of its annotations lose the covered pixels and get the pastes. */
export function pastedTask(pasted: PastedTask, options: WriteOptions<LabelStudioDocument>): Task {
  const task = pasted.before.own;
  const key = annotationsKey(task);
  const live = new Map(liveAnnotations(task));
  const newId = idsOfPastes(task);
  const annotations = task[key]?.map((annotation, n) => {
    if (!live.has(n)) return annotation;
    const added = pasted.pasted.flatMap((one) => resultsOfPaste(one, newId(), pasted.before.size, options));
    const result = [...keptResults(pasted, annotation, n), ...added];
    return same(result, annotation.result) ? annotation : { ...annotation, result };
  });
  return same(annotations, task[key]) ? task : { ...task, [key]: annotations };
}

function same(one: readonly unknown[] | undefined, other: readonly unknown[] | null | undefined): boolean {
  return one?.length === other?.length && (one ?? []).every((value, i) => value === other?.[i]);
}

/** Results of an annotation that remain: without those of removed regions and their relations, and with the new pixels of covered ones. */
function keptResults({ before, kept }: PastedTask, { result }: TaskAnnotation, annotation: number): Result[] {
  const results = result ?? [];
  const left = new Map(kept.map(({ shape, spans }) => [shape, spans]));
  const changes = new Map<number, Int32Array | undefined>();
  const ids = new Set(results.map(({ id }) => id));
  for (const shape of before.shapes) {
    if (shape.own.annotation !== annotation || (left.has(shape) && !left.get(shape))) continue;
    for (const n of shape.own.results) changes.set(n, left.get(shape));
  }
  const written = results.flatMap((one, n): Result[] => {
    const spans = changes.get(n);
    if (spans) return [reshaped(one, spans, before.size)];
    return changes.has(n) ? [] : [one];
  });
  const now = new Set(written.map(({ id }) => id));
  const isLost = (id: string | undefined): boolean => id !== undefined && ids.has(id) && !now.has(id);
  return written.filter(({ from_id, to_id }) => !isLost(from_id) && !isLost(to_id));
}

/** Gives a result new pixels: brushes stay brushes, all else becomes a polygon that joins all parts and holes. */
function reshaped(result: Result, spans: Int32Array, size: Size): Result {
  const geometry = geometryOf(result);
  if (geometry === 'brush') return { ...result, value: { ...result.value, rle: brushOfSpans(spans, size) } };
  if (geometry === undefined) return result;
  const { x: _x, y: _y, width: _w, height: _h, radiusX: _rx, radiusY: _ry, rotation: _r, ...value } = result.value ?? {};
  const points = percentOf(outlineOfSpans(spans), size);
  if (geometry === 'polygon') return { ...result, value: { ...result.value, points } };
  const own = labelsKey(value);
  const { [own ?? '']: labels, ...rest } = value;
  const type = asPolygon(result.type);
  const named = own !== undefined && { [asPolygon(own)]: labels };
  return { ...result, type, value: { ...rest, points, closed: true, ...named } };
}

/** Type of a polygon in place of an ellipse or a rectangle: `polygonlabels` for `ellipselabels`. */
function asPolygon(type: string): string {
  return type.replace(/^(ellipse|rectangle)/, 'polygon');
}

/** Makes ids that no result of a task has. */
function idsOfPastes(task: Task): () => string {
  const used = new Set((task[annotationsKey(task)] ?? []).flatMap(({ result }) => (result ?? []).map(({ id }) => id)));
  let next = 1;
  return () => {
    while (used.has(`copypaste-${next}`)) next++;
    return `copypaste-${next++}`;
  };
}

/** Results of a pasted region: those of its origin with a new id, or new ones. */
function resultsOfPaste(
  paste: PastedShape<Task, RegionOfTask>,
  id: string,
  size: Size,
  options: WriteOptions<LabelStudioDocument>,
): Result[] {
  const { spans, classId, origin } = paste;
  const region = origin?.shape.own;
  const copied = region && liveAnnotations(origin.own).find(([n]) => n === region.annotation)?.[1].result;
  const name = options.classNames.get(classId) ?? String(classId);
  const results = copied ? region.results.map((n) => copied[n] as Result) : [foreignResult(name, options.own?.control)];
  const from = provenanceOf(paste, copied ? { task: origin.own.id, result: results[0]?.id } : undefined);
  return results.map((one): Result => {
    const { parentID: _, ...own } = reshaped(one, spans, size) as Result & { readonly parentID?: unknown };
    const place = geometryOf(own) && { original_width: size.width, original_height: size.height };
    return { ...own, ...place, id, meta: { ...own.meta, copypaste: from } };
  });
}

/** Result of a paste from another data set, before it has pixels. */
function foreignResult(name: string, control: Partial<Result> = {}): Result {
  const { type = 'polygonlabels', from_name = 'label', to_name = 'image' } = control;
  const value = type === 'brushlabels' ? { format: 'rle', rle: [] } : { points: [], closed: true };
  return { type, from_name, to_name, image_rotation: 0, origin: 'manual', value: { ...value, [type]: [name] } } as Result;
}

/** Writes the text of a document. Tasks and annotations keep their ids; those of further variants of an image get new ones above the largest. */
export function documentText({ own, largestIds }: Document<LabelStudioDocument>, entries: AsyncIterable<TaskEntry>): AsyncIterable<string> {
  const idOf = idsAfter(largestIds?.image ?? 0);
  let annotation = largestIds?.annotation ?? 0;
  const renumbered = (task: Task, id: number): Task => {
    const next: Record<string, unknown> = { ...task, id };
    for (const key of idKeys) {
      const before: readonly (TaskAnnotation & { readonly unique_id?: unknown })[] | null | undefined = task[key];
      if (!before) continue;
      next[key] = before.map((all) => {
        // Predictions may be given by their ids alone.
        if (!object.fits(all)) return all;
        const { unique_id: _, ...one } = all;
        return { ...one, ...(one.id !== undefined && { id: ++annotation }), ...(one.task !== undefined && { task: id }) };
      });
    }
    return next as unknown as Task;
  };
  return withSurroundings(
    own,
    (async function* () {
      for await (const { id, text } of entries) {
        const now = id === undefined ? id : idOf(id);
        yield now === undefined || now === id ? text : jsonText(renumbered(parseJson(text), now));
      }
    })(),
  );
}
