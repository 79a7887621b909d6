/** The configuration file of a YOLO data set, `data.yaml`: class names, splits, and the task of its labels. */
import { posix } from 'node:path';
import { readText, type Tree } from '../../base/tree.ts';
import { parseYaml, yamlDocument } from '../../base/yaml.ts';
import { CopyPasteError, messageOf } from '../../errors.ts';
import type { ClassNames } from '../../types.ts';
import { isClassId, largestClassId } from '../class-ids.ts';
import { filesBesideImages } from '../image-names.ts';

/** Keys of the splits. */
const splitKeys = ['train', 'val', 'validation', 'test', 'minival'] as const;

/** Content of a `data.yaml`. */
export interface YoloConfig {
  readonly file: string;
  readonly text: string;
  readonly classNames: ClassNames;
  /** Folder that the paths of splits are relative to, as it is written. */
  readonly path: string | undefined;
  /** Folders, or text files that list images, of each split, as they are written. */
  readonly splits: readonly (readonly [key: string, values: readonly string[]])[];
  /** Task of the labels, if the file names it. */
  readonly task: string | undefined;
  /** Number of key points and of values per key point, in a set of poses. */
  readonly keypoints: readonly [count: number, values: number] | undefined;
  /** Name of the folder that stands for `images` in the paths of masks, in a set for semantic segmentation. */
  readonly masks: string | undefined;
  /** Class id by id in the masks. */
  readonly mapping: ReadonlyMap<number, number>;
}

/** Id of pixels without a class in masks. */
export const ignoredId = 255;

/**
 * Reads `data.yaml` or `dataset.yaml`, else the first YAML file in the root that has names or splits.
 *
 * @throws {CopyPasteError} `data` when the file is not YAML, or a key has a value of the wrong kind.
 */
export async function readConfig(tree: Tree, encoding: string): Promise<YoloConfig | undefined> {
  const files = filesBesideImages(tree).filter((name) => /^[^/]+\.ya?ml$/i.test(name));
  const named = files.find((name) => /^(data|dataset)\.ya?ml$/i.test(name));
  if (named !== undefined) return configOf(await readText(tree.root, named, encoding), named);
  for (const file of files) {
    const text = await readText(tree.root, file, encoding);
    const has = (key: string): boolean => new RegExp(`^["']?${key}["']?\\s*:`, 'm').test(text);
    if (!has('names') && !has('train')) continue;
    try {
      return await configOf(text, file);
    } catch (error) {
      // A file with splits alone may belong to something else.
      if (has('names')) throw error;
    }
  }
  return undefined;
}

/** The configuration while layouts are compared: undefined if the file is invalid, which may be that of another layout. */
export async function findConfig(tree: Tree, encoding: string): Promise<YoloConfig | undefined> {
  try {
    return await readConfig(tree, encoding);
  } catch (error) {
    if (error instanceof CopyPasteError && error.code === 'data') return undefined;
    throw error;
  }
}

async function configOf(text: string, file: string): Promise<YoloConfig> {
  const refuse = (what: string, cause?: unknown): CopyPasteError => new CopyPasteError('data', what, { path: file, cause });
  let parsed: unknown;
  try {
    parsed = (await parseYaml(text)) ?? {};
  } catch (cause) {
    throw refuse(`not valid YAML: ${messageOf(cause)}; correct it`, cause);
  }
  const wrong = (key: string, what: string): CopyPasteError =>
    refuse(`'${key}' must be ${what}, but is ${JSON.stringify(keys[key])?.slice(0, 60)}; correct it`);
  const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isMap(parsed)) throw refuse(`must be a map of keys, but is ${JSON.stringify(parsed).slice(0, 60)}; correct it`);
  const keys = parsed;
  const texts = (key: string): string[] => {
    const values = [keys[key] ?? []].flat();
    if (!values.every((value) => typeof value === 'string')) throw wrong(key, 'a path or a list of paths');
    return values;
  };
  const { path, names, task, kpt_shape: shape, masks_dir: masks, label_mapping: mapping } = keys;
  if (path !== undefined && path !== null && typeof path !== 'string') throw wrong('path', 'a path');
  if (masks !== undefined && masks !== null && typeof masks !== 'string') throw wrong('masks_dir', 'the name of a folder');
  const isPair = Array.isArray(shape) && shape.length === 2 && shape.every((n) => Number.isInteger(n) && n > 0);
  if (shape !== undefined && shape !== null && !isPair) throw wrong('kpt_shape', 'the number of key points and of values for each');
  if (mapping !== undefined && mapping !== null && !isMap(mapping)) throw wrong('label_mapping', 'a map of ids');
  return {
    file,
    text,
    classNames: namesOf(names, (what) => wrong('names', what)),
    path: path ?? undefined,
    splits: splitKeys.map((key) => [key, texts(key)] as const).filter(([, values]) => values.length > 0),
    task: typeof task === 'string' ? task : undefined,
    keypoints: isPair ? (shape as [number, number]) : undefined,
    masks: masks ?? undefined,
    mapping: mappingOf(mapping ?? {}, (what) => wrong('label_mapping', what)),
  };
}

/** Class names by id, from a list or a map. */
function namesOf(names: unknown, wrong: (what: string) => CopyPasteError): ClassNames {
  if (names === undefined || names === null) return new Map();
  if (typeof names !== 'object') throw wrong('a list of names, or a map of names by id');
  return new Map(
    Object.entries(names).map(([id, name]) => {
      if (!/^\d+$/.test(id) || !isClassId(Number(id))) throw wrong(`a map of names by id from 0 to ${largestClassId}`);
      if (typeof name === 'object') throw wrong('a list or map of texts');
      return [Number(id), String(name)];
    }),
  );
}

/** Class ids by id in the masks; an id that stands for no class becomes `ignoredId`. */
function mappingOf(mapping: object, wrong: (what: string) => CopyPasteError): Map<number, number> {
  return new Map(
    Object.entries(mapping).map(([from, to]) => {
      const id = to === null || to === 'ignore_label' ? ignoredId : Number(to);
      if (!/^-?\d+$/.test(from) || !Number.isInteger(id)) throw wrong('a map of ids to ids');
      return [Number(from), id < 0 ? ignoredId : id];
    }),
  );
}

/** Folder inside the data set that paths of splits are relative to; `''` for the folder of `data.yaml`. */
function baseOf({ path = '' }: YoloConfig, tree: Tree): string {
  const base = simple(path);
  return base !== '' && tree.folders.has(base) ? base : '';
}

/** A relative path with `/`, without `.` and empty parts. */
function simple(path: string): string {
  const normal = posix.normalize(path.replaceAll('\\', '/')).replace(/\/+$/, '');
  return normal === '.' ? '' : normal;
}

/**
 * Finds the folder or list that a value of a split names. Like Ultralytics, ignores a leading `../`; of a path from another machine,
 * the longest end that exists counts.
 *
 * @returns its path in the data set, and true if Ultralytics finds it there too; `undefined` if there is none.
 */
export function placeOf(value: string, config: YoloConfig, tree: Tree): { place: string; found: boolean } | undefined {
  const exists = (path: string): boolean => path === '' || tree.folders.has(path) || (/\.txt$/i.test(path) && tree.has(path));
  const base = baseOf(config, tree);
  const isAbsolute = /^([a-z]:)?[\\/]/i.test(value);
  if (!isAbsolute) {
    for (const text of [value, value.replace(/^\.\.\//, '')]) {
      const place = simple(`${base}/${text}`.replace(/^\/+/, ''));
      if (exists(place)) return { place, found: true };
    }
  }
  const parts = simple(value).split('/');
  for (let first = 0; first < parts.length; first++) {
    const place = parts.slice(first).join('/');
    if (place !== '' && exists(place)) return { place, found: false };
  }
  return undefined;
}

/** Text of the file in an output, whose paths lead to the output, and notes on what has changed or cannot be changed. */
export async function configInOutput(config: YoloConfig, tree: Tree): Promise<{ text?: string; notes: string[] }> {
  const { file, text, path, splits, masks } = config;
  const { isScalar, isSeq } = await import('yaml');
  const document = await yamlDocument(text);
  const base = baseOf(config, tree);
  // A path of `.` works if training starts in the output folder.
  const leadsAway = path !== undefined && simple(path) !== '' && base === '';
  const changes: { start: number; end: number; text: string }[] = [];
  const [changed, away]: [string[], string[]] = [[], []];
  const told = sameSplits(config, tree).map((what) => `${file}: ${what}`);
  if (masks !== undefined && !hasFolder(tree, masks))
    told.push(`${file}: masks_dir names the folder ${masks}, which is missing; labels are read`);
  for (const [key, values] of splits) {
    const node = document.get(key, true);
    const nodes = isSeq(node) ? node.items : [node];
    values.forEach((value, n) => {
      const at = placeOf(value, config, tree);
      const scalar = nodes[n];
      if (!at) away.push(`${key}: ${value}`);
      else if (!at.found && isScalar(scalar) && scalar.range) {
        const relative = posix.relative(base, at.place) || '.';
        changes.push({
          start: scalar.range[0],
          end: scalar.range[1],
          text: /^[\w./ -]+$/.test(relative) ? relative : JSON.stringify(relative),
        });
        changed.push(`${key}: ${value}`);
      }
    });
  }
  const without = leadsAway ? text.replace(/^path[ \t]*:/m, '# $&') : text;
  const isBlock = !leadsAway || (without !== text && !(await yamlDocument(without)).has('path'));
  if (away.length > 0 || !isBlock) {
    const leading = [...(leadsAway ? [`path: ${path}`] : []), ...away].join(', ');
    return {
      notes: [...told, `${file}: '${leading}' points outside the output, so training would read other data; correct it in the output`],
    };
  }
  let written = text;
  for (const { start, end, text: part } of changes.sort((a, b) => b.start - a.start))
    written = written.slice(0, start) + part + written.slice(end);
  if (leadsAway) written = written.replace(/^path[ \t]*:/m, '# $&');
  return {
    ...(written !== text && { text: written }),
    notes: [
      ...told,
      ...(leadsAway ? [`${file}: 'path: ${path}' points outside the output; it is commented out there`] : []),
      ...(changed.length > 0 ? [`${file}: '${changed.join(', ')}' points outside the output; it is relative there`] : []),
    ],
  };
}

/** Tests if a folder has a name or a part of a path as its own, such as `masks` in `masks/train`. */
export function hasFolder(tree: Tree, name: string): boolean {
  return [...tree.folders].some((folder) => `/${folder}/`.includes(`/${name}/`));
}

/** Descriptions of splits that are the same as another one. */
function sameSplits(config: YoloConfig, tree: Tree): string[] {
  const known = new Map<string, string>();
  return config.splits.flatMap(([key, values]) => {
    const places = values.flatMap((value) => placeOf(value, config, tree)?.place ?? []).join(', ');
    const twin = known.get(places);
    known.set(places, twin ?? key);
    return twin === undefined || places === '' ? [] : [`${key} is the same as ${twin} (${places}), so it is augmented with it`];
  });
}
