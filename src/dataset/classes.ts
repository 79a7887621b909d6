import { nearest } from '../base/nearest.ts';
import { readNamedText } from '../base/text.ts';
import { CopyPasteError } from '../errors.ts';
import { largestClassId } from '../formats/class-ids.ts';
import type { ClassNames } from '../types.ts';

/** Class id of an instance from `--sources` whose class the target data set lacks. */
export const foreignClass = -1;

/**
 * Reads a file of class names: one name per line, the first for id 0; or `id name` on each line, in any order.
 *
 * @throws {CopyPasteError} `noInput` when the file cannot be read, `data` when an id occurs twice, or is larger than masks can hold.
 */
export async function readClassNames(path: string, encoding?: string): Promise<ClassNames> {
  const text = await readNamedText(path, `--class-names ${path}`, encoding);
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  while (lines.at(-1) === '') lines.pop();
  const numbered = lines.length > 0 && lines.every((line) => /^\d+[\s,:]+\S/.test(line) || line === '');
  const names = new Map<number, string>();
  lines.forEach((line, index) => {
    if (line === '') return;
    const id = numbered ? Number.parseInt(line, 10) : index;
    const name = numbered ? line.replace(/^\d+[\s,:]+/, '') : line;
    if (names.has(id)) throw new CopyPasteError('data', `--class-names ${path}: id ${id} has two names; keep one`);
    if (id > largestClassId)
      throw new CopyPasteError('data', `--class-names ${path}: id ${id} is larger than ${largestClassId}; correct it`);
    names.set(id, name);
  });
  return names;
}

/**
 * Resolves class names and ids to ids.
 *
 * @throws {CopyPasteError} `usage` when a name is unknown.
 */
export function classIds(wanted: Wanted, names: ClassNames, flag: string): Set<number> {
  const byName = idsByLowerCase(names);
  return new Set(
    wanted.map((one) => {
      const text = String(one);
      const id = byName.get(text.toLowerCase()) ?? (/^\d+$/.test(text) ? Number(text) : undefined);
      if (id !== undefined) return id;
      const known =
        names.size > 0 ? `classes are ${listed(names)}` : 'classes have no names; pass ids, or name them with --class-names FILE';
      const meant = nearest(text, names.values());
      const near = meant === undefined ? '' : ` (did you mean ${meant}?)`;
      throw new CopyPasteError('usage', `${flag}: unknown class '${text}'${near}; ${known}`);
    }),
  );
}

const knownIds = new WeakMap<ClassNames, ReadonlyMap<string, number>>();

/** Class ids by name in lower case; made once for the names of a data set. */
export function idsByLowerCase(names: ClassNames): ReadonlyMap<string, number> {
  const ids = knownIds.get(names) ?? new Map([...names].map(([id, name]) => [name.toLowerCase(), id]));
  knownIds.set(names, ids);
  return ids;
}

/** Maximum number of names in a message. */
const mostListed = 200;

/** Names of classes in a message; of thousands, the first. */
export function listed(names: ClassNames): string {
  const all = [...names.values()];
  const more = all.length - mostListed;
  return more > 0 ? `${all.slice(0, mostListed).join(', ')} and ${more} more` : all.join(', ');
}

type Wanted = readonly (string | number)[];

/** Options that choose the classes to paste. */
export interface PasteChoice {
  readonly classes?: Wanted | undefined;
  readonly excludeClasses?: Wanted | undefined;
  readonly stuff?: 'skip' | 'keep';
}

/** Facts of classes that decide what may be pasted. */
export interface KnownClasses {
  readonly classNames: ClassNames;
  /** Class ids of stuff, if they are known. */
  readonly stuff?: ReadonlySet<number>;
  /** Classes that are never pasted. */
  readonly regions?: ReadonlySet<number>;
}

/**
 * Makes a test if a class may be pasted. Stuff may be pasted if `classes` names it.
 *
 * @throws {CopyPasteError} `usage` when an option names an unknown class.
 */
export function pasteFilter({ classNames, stuff, regions }: KnownClasses, options: PasteChoice): (classId: number) => boolean {
  const only = options.classes && classIds(options.classes, classNames, '--classes');
  const never = options.excludeClasses && classIds(options.excludeClasses, classNames, '--exclude-classes');
  const skipped = options.stuff === 'skip' ? stuff : undefined;
  const wanted = (classId: number): boolean => (only ? only.has(classId) : !skipped?.has(classId)) && !never?.has(classId);
  return (classId) => classId !== foreignClass && !regions?.has(classId) && wanted(classId);
}

/** Classes that placement rules name, by id. @throws {CopyPasteError} `usage` when a name is unknown. */
export function ruleClasses(
  names: ClassNames,
  { pasteOn, avoid }: { pasteOn?: Wanted | undefined; avoid?: Wanted | undefined },
): { pasteOn: Set<number> | undefined; avoid: Set<number> | undefined } {
  return { pasteOn: pasteOn && classIds(pasteOn, names, '--paste-on'), avoid: avoid && classIds(avoid, names, '--avoid') };
}

/** Values by class id from values by class name or id. @throws {CopyPasteError} `usage` when a class is unknown or occurs twice. */
export function byClassId<T>(values: Readonly<Record<string, T>>, names: ClassNames, flag: string): Record<number, T> {
  const byId = new Map<number, T>();
  for (const [name, value] of Object.entries(values)) {
    const [id] = [...classIds([name], names, flag)] as [number];
    if (byId.has(id)) throw new CopyPasteError('usage', `${flag}: class ${id} occurs twice, by name and by id; keep one`);
    byId.set(id, value);
  }
  return Object.fromEntries(byId);
}

/**
 * The id that is written for ignored pixels: the first ignore id.
 *
 * @throws {CopyPasteError} `usage` when scenes are jittered, which pads masks, and there is no ignore id.
 */
export function ignoreIdOf(ignore: Iterable<number>, jitter: 'instance' | 'scene'): number | undefined {
  const [first] = ignore;
  if (jitter === 'scene' && first === undefined) {
    throw new CopyPasteError('usage', '--jitter scene: masks are padded with an ignore id, but there is none; pass --ignore ID');
  }
  return first;
}

/** True for an id of a mask that is neither a class nor left out; without class names every id is a class. */
export function isUndefinedId(
  id: number,
  { classNames, leftOut }: { readonly classNames: ClassNames; readonly leftOut: ReadonlySet<number> },
): boolean {
  return classNames.size > 0 && !classNames.has(id) && !leftOut.has(id);
}
