/** Detects the layout of a folder, and says what is nearest if none matches. */
import { joinPath } from '../base/paths.ts';
import { utf8 } from '../base/text.ts';
import { type Tree, withStarts } from '../base/tree.ts';
import { CopyPasteError } from '../errors.ts';
import { archivesOf, notesOnArchives } from './archives.ts';
import type { Folders } from './folders.ts';
import { type Layout, layouts } from './layouts.ts';
import { flagsForFolders } from './suffixes.ts';

interface Fitting {
  readonly layout: Layout;
  readonly folders: readonly Folders[];
}

/** Tests if a folder matches a layout. @param wanted the layout; any if absent. */
export async function matchesLayout(tree: Tree, encoding?: string, wanted?: string): Promise<boolean> {
  return (await fittingLayouts(tree, wanted, encoding)).length > 0;
}

/** Layouts that match a folder. */
async function fittingLayouts(tree: Tree, wanted: string | undefined, encoding = utf8): Promise<Fitting[]> {
  const fitting: Fitting[] = [];
  // Rows of other layouts would take no notice of the splits of archives.
  const isArchived = archivesOf(tree).length > 0;
  for (const layout of layouts.filter(({ name }) =>
    wanted === undefined ? !isArchived || name.startsWith('archives') : name === wanted,
  )) {
    const folders = await withStarts(tree, () => layout.find(tree, { encoding, asked: wanted !== undefined }));
    if (folders.length > 0) fitting.push({ layout, folders });
  }
  return fitting;
}

/**
 * Finds the layout that matches a folder.
 *
 * @throws {CopyPasteError} `usage` when no layout matches, or more than one.
 */
export async function detectLayout(tree: Tree, wanted: string | undefined, encoding?: string): Promise<Fitting> {
  let fitting = await fittingLayouts(tree, wanted, encoding);
  const inside = fitting.length > 0 ? undefined : await rootBelow(tree, wanted, encoding);
  if (fitting.length === 0 && wanted === undefined && !inside)
    for (const { name } of layouts.filter(({ apart }) => apart)) fitting = [...fitting, ...(await fittingLayouts(tree, name, encoding))];
  if (fitting.length === 1) return fitting[0] as Fitting;
  if (fitting.length > 1) {
    const which = fitting.map(({ layout }) => `${layout.name} (${layout.summary})`).join(' and ');
    const flags = fitting.map(({ layout }) => `--layout ${layout.name}`).join(' or ');
    throw new CopyPasteError('usage', `the data set matches ${fitting.length} layouts: ${which}; pass ${flags}`);
  }
  const { nearest, remedy } = inside ?? archivesWithout(tree, wanted) ?? nearMissOf(tree, wanted) ?? nearestLayout(tree, wanted);
  const top = [...tree.folders].filter((folder) => !folder.includes('/'));
  const shown = top
    .slice(0, 8)
    .map((folder) => `${folder}/`)
    .join(', ');
  const found = top.length === 0 ? 'no folders' : `${shown}${top.length > 8 ? `, … (${top.length} folders)` : ''}`;
  const which = wanted === undefined ? 'any known layout' : `the ${wanted} layout`;
  throw new CopyPasteError('usage', `the data set does not match ${which}: it has ${found}; ${remedy}`, { offenders: nearest });
}

interface Advice {
  /** Nearest layout, and what it lacks; one line each. */
  readonly nearest: readonly string[];
  readonly remedy: string;
}

/** Number of folders that are tried as a root. */
const mostRoots = 64;

/** Advice if a folder below the root is a data set. */
async function rootBelow(tree: Tree, wanted: string | undefined, encoding: string | undefined): Promise<Advice | undefined> {
  const roots = [...tree.folders].filter((folder) => folder.split('/').length <= 2).slice(0, mostRoots);
  for (const root of roots) {
    const [fit] = await fittingLayouts(below(tree, root), wanted, encoding);
    if (fit)
      return {
        nearest: [`${root}/ matches the ${fit.layout.name} layout (${fit.layout.summary})`],
        remedy: `pass ${root} of this folder instead`,
      };
  }
  return undefined;
}

/** Advice if archives are not those of a layout. */
function archivesWithout(tree: Tree, wanted: string | undefined): Advice | undefined {
  const notes = notesOnArchives(tree);
  if (notes.length > 0 && wanted === undefined) return { nearest: notes, remedy: nearestLayout(tree, wanted).remedy };
  if (archivesOf(tree).length === 0 || !(wanted ?? 'archives').startsWith('archives')) return undefined;
  const needed = layouts.filter(({ name }) => (wanted === undefined ? name.startsWith('archives') : name === wanted));
  return {
    nearest: needed.map(({ name, summary }) => `the ${name} layout has ${summary}`),
    remedy: `its archives have ${endingsOf(tree)}; add masks or objects to the archives`,
  };
}

/** Advice if there are files of a layout that something keeps from being found. */
function nearMissOf(tree: Tree, wanted: string | undefined): Advice | undefined {
  const able = layouts.filter(({ name }) => wanted === undefined || name === wanted);
  const miss = able.map((layout) => layout.nearMiss?.(tree)).find((one) => one !== undefined);
  return miss && { nearest: [miss.what], remedy: miss.remedy };
}

/** Tree of a folder. */
function below(tree: Tree, folder: string): Tree {
  const inside = (paths: Iterable<string>): string[] =>
    [...paths].filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1));
  return {
    root: joinPath(tree.root, folder),
    folders: new Set(inside(tree.folders)),
    files: inside(tree.files),
    unreadable: inside(tree.unreadable),
    has: (file) => tree.has(`${folder}/${file}`),
    start: (file) => tree.start(`${folder}/${file}`),
    readStarts: tree.readStarts,
  };
}

/** The layout of which most folders exist, with those that are missing. */
function nearestLayout(tree: Tree, wanted: string | undefined): Advice {
  const names = new Set([...tree.folders].map((folder) => folder.slice(folder.lastIndexOf('/') + 1)));
  const hasTexts = tree.files.some((file) => /\.(json|xml|txt)$/i.test(file));
  const rated = layouts
    .filter(({ name, format }) => (wanted === undefined ? hasTexts || !format : name === wanted))
    .map((layout) => {
      const needed = [...new Set([...layout.summary.matchAll(/(?<![\w<-])([\w.]+)\//g)].map(([, name]) => name as string))];
      const missing = needed.filter((name) => !names.has(name));
      return { layout, missing, share: needed.length === 0 ? 0 : 1 - missing.length / needed.length };
    });
  const best = rated.reduce((one, other) =>
    other.share > one.share || (other.share === one.share && other.layout.anyFolders) ? other : one,
  );
  const { layout, missing } = best;
  const lacks = missing.length > 0 ? `it lacks ${missing.map((name) => `${name}/`).join(', ')}` : unfitFiles(tree, layout);
  const documents = tree.files.filter((file) => /\.(json|xml)$/i.test(file));
  if (layout.anyFolders && missing.length === 0 && documents.length === 0) return { nearest: [lacks], remedy: 'convert the masks to PNG' };
  const folders = wanted === undefined ? flagsForFolders(tree) : undefined;
  if (folders !== undefined) return { nearest: [], remedy: `pass ${folders}` };
  const flags = documents.length > 0 ? `--annotations ${documents[0]}, or --images DIR --masks DIR` : '--images DIR --masks DIR';
  return {
    nearest: [`nearest is the ${layout.name} layout: ${layout.summary}`, lacks],
    remedy: `pass ${flags}`,
  };
}

/** Says which files are in the folders of a layout that has none that it can use. */
function unfitFiles(tree: Tree, { summary }: Layout): string {
  return `it has the folders, but no masks in PNG, TIFF, BMP or NumPy's arrays or annotations as in ${summary}: it has ${endingsOf(tree)}`;
}

/** The most frequent endings of files, with their numbers. */
function endingsOf({ files }: Tree): string {
  const endings = new Map<string, number>();
  for (const file of files) {
    const [ending = 'no extension'] = /\.[^./]+$/.exec(file) ?? [];
    endings.set(ending, (endings.get(ending) ?? 0) + 1);
  }
  return [...endings]
    .sort(([, a], [, b]) => b - a)
    .slice(0, 4)
    .map(([ending, n]) => `${n} ${ending}`)
    .join(', ');
}
