import { readFile } from 'node:fs/promises';
import { CopyPasteError, messageOf } from '../errors.ts';
import type { ClassNames } from '../types.ts';

/** What an instance has whose class the data set that it would be pasted into has not. */
export const foreignClass = -1;

/**
 * Reads a file of class names: one name a line, the first for id 0; or `id name` on each line, in any order.
 *
 * @throws {CopyPasteError} `noInput` where the file cannot be read, `data` where an id or a name occurs twice.
 */
export async function readClassNames(path: string): Promise<ClassNames> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CopyPasteError('noInput', `--class-names ${path}: ${messageOf(cause)}`, { cause });
  });
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.trim());
  while (lines.at(-1) === '') lines.pop();
  const numbered = lines.length > 0 && lines.every((line) => /^\d+[\s,:]+\S/.test(line) || line === '');
  const names = new Map<number, string>();
  lines.forEach((line, index) => {
    if (line === '') return;
    const id = numbered ? Number.parseInt(line, 10) : index;
    const name = numbered ? line.replace(/^\d+[\s,:]+/, '') : line;
    if (names.has(id)) throw new CopyPasteError('data', `--class-names ${path}: id ${id} is named twice`);
    names.set(id, name);
  });
  return names;
}

/**
 * Class ids from ids or names.
 *
 * @throws {CopyPasteError} `usage` for a name that no class has, with the names that there are.
 */
export function classIds(wanted: Wanted, names: ClassNames, flag: string): Set<number> {
  const byName = new Map([...names].map(([id, name]) => [name.toLowerCase(), id]));
  return new Set(
    wanted.map((one) => {
      const text = String(one);
      const id = byName.get(text.toLowerCase()) ?? (/^\d+$/.test(text) ? Number(text) : undefined);
      if (id !== undefined) return id;
      const known =
        names.size > 0 ? `classes are ${[...names.values()].join(', ')}` : 'classes have no names; give ids, or --class-names FILE';
      throw new CopyPasteError('usage', `${flag}: no class is called '${text}'; ${known}`);
    }),
  );
}

type Wanted = readonly (string | number)[];

/** Whether a class may be pasted, from the options `classes` and `excludeClasses`. */
export function pasteFilter(
  names: ClassNames,
  { classes, excludeClasses }: { classes?: Wanted | undefined; excludeClasses?: Wanted | undefined },
): (classId: number) => boolean {
  const only = classes && classIds(classes, names, '--classes');
  const never = excludeClasses && classIds(excludeClasses, names, '--exclude-classes');
  return (classId) => classId !== foreignClass && (only?.has(classId) ?? true) && !never?.has(classId);
}

/**
 * The id that stands for void where one has to be written: the first of the ignore ids.
 *
 * @throws {CopyPasteError} `usage` where scenes are jittered, which pads masks, and there is none.
 */
export function voidId(ignore: Iterable<number>, jitter: 'instance' | 'scene'): number | undefined {
  const [first] = ignore;
  if (jitter === 'scene' && first === undefined) {
    throw new CopyPasteError('usage', 'jitter scene pads masks with an ignore id, and there is none; give one (--ignore ID)');
  }
  return first;
}
