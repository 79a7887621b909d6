/** A second data set that provides the instances (`--sources`). */

import { realpath } from 'node:fs/promises';
import type { Meter } from '../base/meter.ts';
import { absolutePath } from '../base/paths.ts';
import type { Tree } from '../base/tree.ts';
import { formatOf } from '../codecs/image-names.ts';
import { CopyPasteError } from '../errors.ts';
import { listDataset } from '../formats/archives.ts';
import { cutoutsLayout, holdsCutouts, isBank } from '../formats/bank.ts';
import { isClassId, largestClassId } from '../formats/class-ids.ts';
import { detectLayout, matchesLayout } from '../formats/detect.ts';
import type { Folders } from '../formats/folders.ts';
import { type ClassNames, type Sample, sourcePrefix } from '../types.ts';
import { openBank } from './bank.ts';
import { type ClassMap, classIn } from './class-map.ts';
import { classIds, idsByLowerCase, listed, type PasteChoice, pasteFilter } from './classes.ts';
import { groupCutouts, isCutoutFolder, openCutouts } from './cutouts.ts';
import { type Dataset, openDataset } from './open.ts';
import type { DatasetOptions } from './options.ts';
import { sampleList } from './sample-list.ts';
import { readYaml } from './yaml.ts';

/** A data set that provides instances; its sample ids begin with `sources:`. */
export interface SourceSet extends Dataset {
  readonly classes: ClassMap;
}

/** A data set, with the second data set if its instances come from one. */
export interface SourcedDataset extends Dataset {
  readonly sources?: SourceSet;
}

export interface SourcesOptions extends DatasetOptions, PasteChoice {
  readonly sources?: string | undefined;
  readonly sourcesLayout?: DatasetOptions['layout'];
  readonly sourcesSplit?: string | undefined;
  /** Folders of each split of the sources, if already known from a manifest. */
  readonly sourcesFolders?: readonly Folders[] | undefined;
  readonly classMap?: string | undefined;
  readonly allowSelf: boolean;
}

/**
 * Opens a data set, and the data set that `sources` names.
 *
 * @throws {CopyPasteError} as `openDataset`; `usage` when the two have no class in common.
 */
export async function openSourced(options: SourcesOptions, meter?: Meter): Promise<SourcedDataset> {
  const { sources, sourcesLayout, sourcesSplit, sourcesFolders, classMap, allowSelf } = options;
  if (sources === undefined) {
    const idle = { '--class-map': classMap, '--sources-layout': sourcesLayout, '--sources-split': sourcesSplit };
    const [flag] = Object.entries(idle).find(([, value]) => value !== undefined) ?? [];
    if (flag !== undefined) throw new CopyPasteError('usage', `${flag}: needs --sources; pass --sources DIR`);
    return openDataset(options, meter);
  }
  if (allowSelf) throw new CopyPasteError('usage', '--allow-self: has no effect with --sources; leave it out');
  const real = (path: string): Promise<string> => realpath(path).catch(() => absolutePath(path));
  if ((await real(sources)) === (await real(options.in)))
    throw new CopyPasteError('usage', `--sources ${sources}: is the same folder as --in, which is the default; leave it out`);
  const target = await openDataset(options, meter);
  const opened = await withSourceFlags(sources, async () => {
    if (await isBank(sources)) {
      refuseBankOptions(options, ['sourcesLayout', 'sourcesSplit']);
      return openBank(sources);
    }
    const tree = await listDataset(sources);
    if (!tree.files.some((file) => formatOf(file) !== undefined)) {
      const what = tree.files.length === 0 ? 'contains no files' : 'contains no images';
      throw new CopyPasteError('noInput', `--sources ${sources}: ${what}; pass a data set, a bank or a folder of cut-outs`);
    }
    if (await isFolderOfCutouts(tree, options)) {
      refuseBankOptions(options, ['sourcesSplit']);
      return openCutouts(sources, tree);
    }
    const alike =
      sourcesFolders === undefined &&
      options.images !== undefined &&
      options.masks !== undefined &&
      [options.images, options.masks].every((one) => tree.folders.has(one));
    const layout = sourcesFolders
      ? sourcesLayout
      : alike
        ? (sourcesLayout ?? target.layout)
        : (await detectLayout(tree, sourcesLayout, options.encoding)).layout.name;
    const { skipBad, crowd, images, masks, encoding } = options;
    const { maskSuffix, imageSuffix, threshold, background, ignore, classNames, colorMap, classAttribute } = options;
    const ofSources = {
      in: sources,
      layout,
      folders: sourcesFolders,
      split: sourcesSplit,
      onlySplit: true,
      skipBad,
      crowd,
      encoding,
      // Options for a layout apply to both data sets of that layout.
      ...(alike && { images, masks }),
      ...(layout === target.layout
        ? { maskSuffix, imageSuffix, threshold, background, ignore, classNames, colorMap, classAttribute }
        : { maskSuffix: '' }),
    };
    return openDataset(ofSources, meter);
  });
  const classes = await mapClasses(opened, target, options);
  if (!isCutoutFolder(opened)) return withSources(target, opened, classes);
  const mayPaste = pasteFilter(target, options);
  return withSources(
    target,
    groupCutouts(opened, (classId) => mayPaste(classIn(classes, classId))),
    classes,
  );
}

/** Tests if sources are a folder of cut-outs: the option says so, or no layout of a data set matches and there are PNGs with alpha. */
async function isFolderOfCutouts(tree: Tree, { sources = '', sourcesLayout, images, encoding }: SourcesOptions): Promise<boolean> {
  if (sourcesLayout !== undefined || images !== undefined) return sourcesLayout === cutoutsLayout;
  return !(await matchesLayout(tree, encoding)) && (await holdsCutouts(sources, tree));
}

/** Joins a data set with the data set that provides its instances. */
export function withSources(target: Dataset, opened: Dataset, classes: ClassMap): SourcedDataset {
  const samples = sampleList();
  for (const sample of opened.samples) samples.push({ ...sample, id: sourcePrefix + sample.id });
  const skipped = opened.skipped.map((one) => ({ ...one, id: sourcePrefix + one.id }));
  const isTwin = ({ id }: Sample): boolean => id.startsWith(sourcePrefix);
  const twin = target.samples.find(isTwin) ?? target.others.find(isTwin);
  if (twin)
    throw new CopyPasteError(
      'data',
      `${twin.image}: the name begins with ${sourcePrefix}, which is reserved for --sources; rename the file`,
    );
  return { ...target, skipped: [...target.skipped, ...skipped], sources: { ...opened, samples, skipped, classes } };
}

/** Refuses options that have no effect on cut-outs. @throws {CopyPasteError} `usage` with the first one. */
function refuseBankOptions(options: SourcesOptions, names: readonly ('sourcesLayout' | 'sourcesSplit')[]): void {
  const name = names.find((one) => options[one] !== undefined);
  const flags = { sourcesLayout: '--layout', sourcesSplit: '--split' };
  if (name !== undefined)
    throw new CopyPasteError('usage', `${flags[name]}: does not apply to ${options.sources}, which holds cut-outs; leave it out`);
}

/** Opens the sources; errors name the flags of the sources. */
async function withSourceFlags<T>(sources: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (cause) {
    if (!(cause instanceof CopyPasteError)) throw cause;
    const named = cause.message.replace(/^the data set (?=does not|matches)/, `--sources ${sources}: `);
    const message = named.replaceAll('--in', '--sources').replace(/--(layout|split)\b/g, '--sources-$1');
    throw new CopyPasteError(cause.code, message, { cause, offenders: cause.offenders });
  }
}

/**
 * Maps classes of one data set to another: by a file, otherwise by name, otherwise by id if a data set has no names.
 *
 * @throws {CopyPasteError} `usage` when no class can be pasted.
 */
async function mapClasses(from: Dataset, to: Dataset, options: SourcesOptions): Promise<ClassMap> {
  const { classMap: file, encoding } = options;
  const pairs =
    isCutoutFolder(from) && to.classNames.size === 0 ? pairsOfNumbers(from.classNames) : pairClasses(from.classNames, to.classNames);
  if (file !== undefined) for (const [id, ours] of await pairsOfFile(file, encoding, from.classNames, to.classNames)) pairs.set(id, ours);
  leaveOutClasses(pairs, from, to);
  const others = from.classNames.size + to.classNames.size > 0 ? 'none' : 'same';
  if (others === 'none' && ![...pairs.values()].some((ours) => ours !== null)) {
    throw new CopyPasteError(
      'usage',
      to.classNames.size > 0
        ? `--sources: no class (${listed(from.classNames)}) matches a class of --in (${listed(to.classNames)}); map them with --class-map FILE`
        : `--sources: no class (${listed(from.classNames)}) is a class id, and the classes of --in have no names; map them with --class-map FILE`,
    );
  }
  if (options.stuff === 'skip') leaveOutStuff(pairs, from, to, options);
  return { pairs, others };
}

/**
 * Takes out the classes that are stuff in the source set, unless `classes` names their counterparts. Stuff of the target set is left to
 * `pasteFilter`.
 *
 * @throws {CopyPasteError} `usage` when no class remains.
 */
function leaveOutStuff(pairs: Map<number, number | null>, from: Dataset, to: Dataset, { classes }: SourcesOptions): void {
  const named = classes && classIds(classes, to.classNames, '--classes');
  const stuff = [...pairs].filter(([id, ours]) => ours !== null && from.stuff?.has(id) && !named?.has(ours));
  for (const [id] of stuff) pairs.set(id, null);
  if (stuff.length > 0 && ![...pairs.values()].some((ours) => ours !== null))
    throw new CopyPasteError(
      'usage',
      '--sources: every class that matches is stuff; pass --stuff keep, or name the classes with --classes',
    );
}

/** Pairs classes of the same name, or of the same id if a data set has no names. */
function pairClasses(from: ClassNames, to: ClassNames): Map<number, number | null> {
  if (from.size === 0 || to.size === 0) return new Map([...(to.size > 0 ? to : from).keys()].map((id) => [id, id]));
  const ids = new Map([...to].map(([id, name]) => [name.toLowerCase(), id]));
  return new Map([...from].map(([id, name]) => [id, ids.get(name.toLowerCase()) ?? null]));
}

/** Pairs classes of cut-outs whose folder is named by a class id with that class. */
function pairsOfNumbers(names: ClassNames): Map<number, number | null> {
  const idOf = (name: string): number | null => (/^\d{1,5}$/.test(name) && isClassId(Number(name)) ? Number(name) : null);
  return new Map([...names].map(([id, name]) => [id, idOf(name)]));
}

/** Pairs of class ids from a class map file. */
async function pairsOfFile(
  file: string,
  encoding: string | undefined,
  from: ClassNames,
  to: ClassNames,
): Promise<(readonly [id: number, ours: number | null])[]> {
  return (await readClassMap(file, encoding)).map(([theirs, ours]) => [
    idOf(theirs, from, `--class-map ${file}: the sources have no class ${theirs}`),
    ours === null ? null : idOf(ours, to, `--class-map ${file}: --in has no class ${ours}`),
  ]);
}

/** Takes out the classes that either data set never pastes: background and ignore ids, and stuff, which is one region per image. */
function leaveOutClasses(pairs: Map<number, number | null>, from: Dataset, to: Dataset): void {
  for (const id of from.leftOut) pairs.delete(id);
  for (const id of to.leftOut) if (!pairs.has(id) && !from.leftOut.has(id)) pairs.set(id, null);
  for (const [id, ours] of pairs) if (ours !== null && (to.leftOut.has(ours) || to.regions?.has(ours))) pairs.set(id, null);
}

/** Resolves a class name or id. @throws {CopyPasteError} `usage` with the problem when it is unknown. */
function idOf(text: string | number, names: ClassNames, problem: string): number {
  const named = idsByLowerCase(names).get(String(text).toLowerCase());
  if (named !== undefined) return named;
  const id = Number(text);
  if (isClassId(id) && (names.size === 0 || names.has(id))) return id;
  throw new CopyPasteError(
    'usage',
    `${problem}; ${names.size > 0 ? `use one of ${listed(names)}` : `use an id from 0 to ${largestClassId}, since its classes have no names`}`,
  );
}

/** Reads a class map file. @throws {CopyPasteError} `noInput` when it cannot be read, `data` when it is not a map of classes. */
async function readClassMap(path: string, encoding?: string): Promise<[string, string | number | null][]> {
  const parsed = await readYaml(path, '--class-map', encoding);
  const isClass = (value: unknown): value is string | number | null => value === null || ['string', 'number'].includes(typeof value);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed) || !Object.values(parsed).every(isClass))
    throw new CopyPasteError(
      'data',
      `--class-map ${path}: not a map of classes; write lines such as 'person: pedestrian', with names or ids, or null for none`,
    );
  return Object.entries(parsed) as [string, string | number | null][];
}
