/** Reads lists of Label Studio's tasks. */
import { createHash } from 'node:crypto';
import { decodeText } from '../../base/text.ts';
import { CopyPasteError, messageOf, systemMessageOf } from '../../errors.ts';
import { instanceOfSpans } from '../../masks/instances.ts';
import type { ClassNames, Shaped, ShapeSet, Size } from '../../types.ts';
import { readSurroundings, type Surroundings } from '../documents.ts';
import type { DocumentContents, DocumentFormat, DocumentImage, ShapeSource } from '../format.ts';
import { elementsOf } from '../json.ts';
import { parseJson } from '../json-text.ts';
import { type Counted, createShapeTally, reasonOfPolygon } from '../stacks.ts';
import { geometryOf, outlineOf, type Region, regionsOf, spansOfRegion } from './regions.ts';
import { annotationsKey, idKeys, imageKey, liveAnnotations, mainAnnotation, type Result, type Task, type TaskAnnotation } from './tasks.ts';
import { problemsOfTask } from './values.ts';

/** Facts of a document that its entries need. */
export interface LabelStudioDocument extends Surroundings {
  /** Controls of polygons or brushes in the labelling interface, the first that is used. */
  readonly control?: Control;
}

/** Type of a result, with the names of its control and of the image. */
export type Control = Pick<Result, 'type' | 'from_name' | 'to_name'>;

/** A region, and the index of its annotation. */
export interface RegionOfTask extends Region {
  readonly annotation: number;
}

/** Scans a document. @throws {CopyPasteError} `data` when it is no list of tasks. */
export async function openLabelStudio(
  ...[root, { masks: path }, encoding, refuse]: Parameters<DocumentFormat['open']>
): Promise<DocumentContents<LabelStudioDocument>> {
  const hash = createHash('sha256');
  const all: Pick<DocumentImage, 'places'>[] = [];
  const images: DocumentImage[] = [];
  const faults: string[] = [];
  const labels = new Set<string>();
  const found = createShapeTally();
  let [largestTask, largestAnnotation] = [0, 0];
  let control: Control | undefined;
  try {
    for await (const { bytes, place } of elementsOf(root, path, { encoding, seen: (bytes) => hash.update(bytes) })) {
      const task: Task = JSON.parse(decodeText(bytes, path, encoding, place.start));
      if (isMinimal(task)) throw new Error('it is a JSON-MIN export, which leaves out the ids of regions; export the project as JSON');
      const title = Number.isInteger(task?.id) ? `task ${task.id}` : `tasks[${all.length}]`;
      const places = [place.start, place.length];
      all.push({ places });
      // Ids of tasks and annotations that are left out are not given to others.
      largestTask = Math.max(largestTask, idOf(task));
      for (const annotation of annotationsOf(task)) largestAnnotation = Math.max(largestAnnotation, idOf(annotation));
      const problems = problemsOfTask(task);
      if (problems.length > 0) {
        faults.push(...problems.map((problem) => `${title}: ${problem}`));
        continue;
      }
      images.push({ title, name: nameOf(task), ...sizeOf(task), places });
      const main = mainAnnotation(task);
      for (const [n, annotation] of liveAnnotations(task)) {
        const regions = regionsOf(annotation);
        for (const name of regions.flatMap((one) => one.labels)) labels.add(name);
        control ??= annotation.result?.find(({ type }) => type === 'polygonlabels' || type === 'brushlabels');
        found.add(regions.map((region) => countedOf(region, annotation.result ?? [], n === main)));
      }
    }
  } catch (error) {
    if (error instanceof CopyPasteError) throw error;
    throw refuse(`not a valid Label Studio export: ${systemMessageOf(error)}`, error);
  }
  const surroundings = await readSurroundings(root, path, all, ',', encoding);
  const controls = control && { control: { type: control.type, from_name: control.from_name, to_name: control.to_name } };
  const own = { ...surroundings, ...controls };
  const largestIds = { image: largestTask, annotation: largestAnnotation };
  const counts = found.counts((label) => label !== undefined);
  const classNames = new Map([...labels].sort().map((name, id) => [id, name]));
  return { images, classNames, faults, document: { path, sha256: hash.digest('hex'), ...counts, largestIds, own } };
}

/** Id of a task or an annotation that may have any form; 0 if it is no number. */
function idOf(one: { readonly id?: unknown } | null): number {
  const id = Number(one?.id);
  return Number.isSafeInteger(id) ? id : 0;
}

/** All that gets an id of an annotation, in a task that may have any form. */
function annotationsOf(task: Partial<Task> | null): TaskAnnotation[] {
  return idKeys.flatMap((key) => task?.[key] ?? []);
}

/** Tests if a task is one of the minimal export: regions are under the name of their control. */
function isMinimal(task: object | null): boolean {
  return task !== null && 'annotator' in task && !('data' in task);
}

/** Path or URL of the image of a task that has no problem. */
function nameOf(task: Task): string {
  return task.data[(imageKey(task) as { key: string }).key] as string;
}

/** Size of the image, if a region states it. */
function sizeOf(task: Task): Size | undefined {
  const regions = liveAnnotations(task).flatMap(([, { result }]) => result ?? []);
  const { original_width: width, original_height: height } = regions.find(geometryOf) ?? {};
  return width && height ? { width, height } : undefined;
}

/** Facts of a region that tell why it is never pasted. @param main true if its annotation is the one that is pasted from. */
function countedOf({ form, labels, results: [first = 0] }: Region, results: readonly Result[], main: boolean): Counted {
  const [label] = labels;
  const result = results[first] as Result;
  const size = { width: result.original_width as number, height: result.original_height as number };
  const few = geometryOf(result) === 'polygon' && (result.value?.points?.length ?? 0) < 3;
  const thin = form === 'area' && geometryOf(result) === 'polygon' ? reasonOfPolygon(outlineOf(result, size), size) : undefined;
  return { group: 0, label, form, reason: main ? (few ? 'too few points' : thin) : 'further annotation' };
}

/**
 * Reads the shapes of one task. Those of all annotations but one are crowds, which are never pasted.
 *
 * @throws {CopyPasteError} `data` when the run lengths of a brush are invalid.
 */
export function shapesOfTask({ parts: [part = ''], file, size: actual, classNames }: ShapeSource): ShapeSet<Task, RegionOfTask> {
  const task: Task = parseJson(part);
  const size = sizeOf(task) ?? actual;
  const ids = idsOf(classNames);
  const main = mainAnnotation(task);
  const shapes = liveAnnotations(task).flatMap(([annotation, { result }]) =>
    regionsOf({ result: result ?? [] }).map((region): Omit<Shaped<RegionOfTask>, 'id'> => {
      const { results, labels, form } = region;
      const own = { ...region, annotation };
      const classId = ids.get(labels[0] ?? '');
      if (classId === undefined || (form !== 'area' && form !== 'turned box')) return { own };
      try {
        const spans = spansOfRegion(result?.[results[0] as number] as Result, size);
        const crowd = annotation !== main && { crowd: true };
        return { own, ...(spans.length > 0 && { instance: { ...instanceOfSpans(classId, spans, size), ...crowd } }) };
      } catch (cause) {
        const where = `task ${task.id ?? ''}: ${annotationsKey(task)}[${annotation}]: result[${results[0]}]`;
        throw new CopyPasteError('data', `${where}: ${messageOf(cause)}`, { path: file, cause });
      }
    }),
  );
  const set = { size, own: task, shapes: shapes.map((shape, id) => ({ id, ...shape })) };
  return main === undefined ? { ...set, unlabelled: true } : set;
}

function idsOf(classNames: ClassNames): Map<string, number> {
  return new Map([...classNames].map(([id, name]) => [name, id]));
}
