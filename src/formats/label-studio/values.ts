/** Checks of the values of known keys. */
import { isCoordinate } from '../../masks/polygons.ts';
import { integer, type Keys, length, list, number, object, optional, problemOfKeys, shown, text, truth } from '../keys.ts';
import { type Geometry, geometryOf, labelsKey } from './regions.ts';
import { annotationsKey, imageKey, liveAnnotations, type Result, type Task } from './tasks.ts';

const taskKeys: Keys = {
  id: optional(integer),
  data: object,
  annotations: optional(list),
  completions: optional(list),
  predictions: optional(list),
};

const annotationKeys: Keys = {
  result: optional(list),
  was_cancelled: optional(truth),
  skipped: optional(truth),
  ground_truth: optional(truth),
};

const resultKeys: Keys = {
  type: text,
  id: optional(text),
  value: optional(object),
  from_name: optional(text),
  to_name: optional(text),
  from_id: optional(text),
  to_id: optional(text),
  meta: optional(object),
  original_width: optional(length),
  original_height: optional(length),
  image_rotation: optional(number),
};

const isByte = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 256;
const percent = { expects: 'a percentage near the image', fits: (value: unknown) => isCoordinate(value) };
const isPoint = (value: unknown): boolean => Array.isArray(value) && value.length === 2 && value.every(isCoordinate);

/** Keys of a value by its geometry. */
const keysOf: Readonly<Record<Geometry, Keys>> = {
  brush: {
    format: optional({ expects: "the text 'rle'", fits: (value) => value === 'rle' }),
    rle: { expects: 'a list of bytes', fits: (value) => Array.isArray(value) && value.every(isByte) },
  },
  polygon: {
    points: { expects: 'a list of points [x, y] in percent', fits: (value) => Array.isArray(value) && value.every(isPoint) },
    closed: optional(truth),
  },
  ellipse: { x: percent, y: percent, radiusX: percent, radiusY: percent, rotation: optional(percent) },
  rectangle: { x: percent, y: percent, width: percent, height: percent, rotation: optional(percent) },
  point: {},
};

const names: Keys[''] = { expects: 'a list of names', fits: (value) => Array.isArray(value) && value.every(text.fits) };

/** Names the known keys of a task that are missing or have a wrong value, at most one in each result, and what was found. */
export function problemsOfTask(value: unknown): string[] {
  const problem = problemOfKeys(value, taskKeys);
  if (problem !== undefined) return [problem];
  const task = value as Task;
  const image = imageKey(task);
  if ('problem' in image) return [image.problem];
  const key = annotationsKey(task);
  const ofAnnotations = [...(task[key] ?? []).entries()].flatMap(([n, annotation]) => {
    const problem = problemOfKeys(annotation, annotationKeys);
    return problem === undefined ? [] : [`${key}[${n}]: ${problem}`];
  });
  if (ofAnnotations.length > 0) return ofAnnotations;
  let first: Result | undefined;
  const problems: string[] = [];
  for (const [n, { result }] of liveAnnotations(task)) {
    for (const [i, one] of (result ?? []).entries()) {
      const problem = problemOfResult(one, first);
      if (problem !== undefined) problems.push(`${key}[${n}]: result[${i}]: ${problem}`);
      else if (geometryOf(one)) first ??= one;
    }
  }
  return problems;
}

/** @param first the first region of the task. */
function problemOfResult(result: Result, first: Result | undefined): string | undefined {
  const problem = problemOfKeys(result, resultKeys);
  if (problem !== undefined) return problem;
  if (/^bitmask/.test(result.type)) return `the type ${result.type} is not read; export brush or polygon regions`;
  const { value = {} } = result;
  const key = labelsKey(value);
  const geometry = geometryOf(result);
  const ofValue = problemOfKeys(value, { ...(geometry && keysOf[geometry]), ...(key !== undefined && { [key]: names }) });
  if (ofValue !== undefined) return `value: ${ofValue}`;
  return geometry && problemOfSize(result, first);
}

/** Finds a region without a size, of another size than the first one, or of an image that is turned. */
function problemOfSize(result: Result & { readonly image_rotation?: number }, first: Result = result): string | undefined {
  for (const key of ['original_width', 'original_height'] as const) {
    if (typeof result[key] !== 'number') return `${key} is missing`;
    if (result[key] !== first[key]) return `${key} is ${shown(result[key])}, but ${first[key]} in the first region`;
  }
  if (result.image_rotation) return `image_rotation is ${shown(result.image_rotation)}; turn the image back in Label Studio`;
  return undefined;
}
