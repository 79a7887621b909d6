/**
 * Data sets in archives: tars of WebDataset and Parquet files of Hugging Face. Each archive is read as a folder with its name, which also
 * holds for a real folder of such a name, as in an output. The files of a sample have one key: `7.jpg`, `7.mask.png`, `7.json`.
 */
import { archiveEnding, archiveInPath, compressed, isArchive } from '../archives/archive.ts';
import { inParts } from '../base/parts.ts';
import { joinPath } from '../base/paths.ts';
import { archives } from '../base/regular.ts';
import { cannotRead, listTree, readText, type Tree, withMembers } from '../base/tree.ts';
import { arrayFormatOf, extensions, formatOf } from '../codecs/image-names.ts';
import { CopyPasteError, codeOf, messageOf } from '../errors.ts';
import type { ClassNames, Endings } from '../types.ts';
import { isClassId } from './class-ids.ts';
import { type Folders, isSplitName } from './folders.ts';
import type { ClassConfig } from './format.ts';
import { partsOf } from './json.ts';
import { parseJson } from './json-text.ts';
import { isSegmentAnything } from './segment-anything/find.ts';
import { refuseUnfinished } from './unfinished.ts';

/** Parts of names, before their extension, that say what an image is. */
const words = {
  image: /^\.(image|img|input|rgb)$/i,
  mask: /^\.(mask|masks|seg|segm|segmentation|segmentation_mask|semantic|semseg|sem_seg|semantic_mask|label|labels|annotation|annotations|gt|target)$/i,
  objects: /^\.(instances?|instance_mask|inst|objects?)$/i,
};

/** Roles of the images in archives. */
export interface ArchiveRoles {
  /** Absent if several endings may be those of masks, or none. */
  readonly endings?: Endings;
  /** Endings of all images that are not those of samples, such as `.mask`. */
  readonly others: ReadonlySet<string>;
  /** Extension of masks that have the name of their image, such as `.png` beside `.jpg`. */
  readonly maskExtension?: string;
}

/**
 * Lists a data set, as `listTree` does, with the files in its archives. Archives beside images are not looked into: they may hold the same
 * files, or others.
 *
 * @throws {CopyPasteError} `data` if an archive is damaged or compressed as a whole, `usage` if a run has yet to complete the data set.
 */
export async function listDataset(root: string): Promise<Tree> {
  const tree = await listTree(root);
  await refuseUnfinished(tree, root);
  const files = tree.files.filter((file) => isArchive(file));
  if (files.length === 0 || tree.files.some(isImage)) return tree;
  const inside = new Map<string, readonly string[]>();
  await inParts(files, archivesAtOnce, async (file) => {
    const names = await archives.names(joinPath(root, file)).catch((error: unknown) => {
      throw cannotRead(file, error);
    });
    if (names) inside.set(file, names);
  });
  return withMembers(tree, inside);
}

/** Note on archives that are not read; none if there are none. @param tree of `listDataset`. */
export function notesOnArchives({ files }: Pick<Tree, 'files'>): string[] {
  const unread = files.filter((file) => isArchive(file) && !isMember(file));
  const [first, ...others] = unread;
  if (first === undefined) return [];
  const more = others.length > 0 ? ` and ${others.length} more are` : ' is';
  // Compressed archives are refused in any folder.
  const advice = unread.every((file) => compressed.test(file)) ? '' : '; pass a folder without these images to read archives';
  return [`${first}${more} not read, since images lie beside archives${advice}`];
}

/** Archives whose index is made at the same time. */
const archivesAtOnce = 8;

/** Archives of a tree, without those in others. */
export function archivesOf({ folders }: Pick<Tree, 'folders'>): string[] {
  return [...folders].filter((folder) => archiveEnding.test(folder) && !isMember(folder));
}

/** Tests if a path is that of a file or folder in an archive. */
function isMember(path: string): boolean {
  return path.search(archiveInPath) >= 0;
}

/** Finds archives of images with masks. */
export function findArchives(tree: Tree): Folders[] {
  const archives = archivesOf(tree);
  if (archives.length === 0) return [];
  const { endings, others } = rolesIn(tree);
  return endings === undefined && others.size === 0 ? [] : foldersOf(archives);
}

/** Finds archives of images with files of objects. */
export function findArchivedObjects(tree: Tree): Folders[] {
  const archives = archivesOf(tree);
  const first = archives.length === 0 ? undefined : tree.files.find((file) => file.endsWith('.json') && isMember(file));
  return first !== undefined && isSegmentAnything(tree, first) ? foldersOf(archives) : [];
}

/** Splits of archives, with the archives of each as its parts. */
function foldersOf(archives: readonly string[]): Folders[] {
  const splits = new Map<string, string[]>();
  for (const archive of archives) {
    const split = splitOf(archive);
    const own = splits.get(split);
    if (own) own.push(archive);
    else splits.set(split, [archive]);
  }
  const [only] = [...splits.keys()];
  // One name of all archives says nothing, unless it is that of a split.
  const isUnsplit = splits.size === 1 && !isSplitName(only as string);
  return [...splits].map(([split, own]) => ({
    split: isUnsplit ? '' : split,
    images: '',
    masks: '',
    parts: own.map((archive) => ({ images: archive, masks: archive })),
  }));
}

/** Split of an archive: the name of a folder around it, a part of its own name, or what is before its number. */
function splitOf(archive: string): string {
  const parts = archive.split('/');
  const name = (parts.pop() as string).replace(archiveEnding, '');
  const before = name.replace(/[-_.]?\d+([-_.]of[-_.]\d+)?(-[0-9a-f]{8,})?$/, '');
  return parts.findLast(isSplitName) ?? name.split(/[-_.]/).find(isSplitName) ?? before;
}

/** Roles of the images in the archives of a tree, by their names. */
export function rolesIn(tree: Tree): ArchiveRoles {
  const stems = new Set<string>();
  const counts = new Map<string, number>();
  const files = tree.files.filter((file) => isMember(file) && isImage(file));
  for (const file of files) stems.add(stemOf(file));
  const endings = new Map<string, number>();
  let plain = 0;
  for (const stem of stems) {
    const [, base = '', ending = ''] = /^(.*[^/])(\.[^./]+)$/.exec(stem) ?? [];
    const isRole = ending !== '' && (stems.has(base) || Object.values(words).some((word) => word.test(ending)));
    if (isRole) endings.set(ending, (endings.get(ending) ?? 0) + 1);
    else plain++;
  }
  // Where no image has the bare key, as of a Parquet file with two columns of other names, all endings are roles.
  const all = [...endings.keys()];
  const named = (word: RegExp): string[] => all.filter((ending) => word.test(ending));
  const images = plain > 0 ? [''] : named(words.image);
  const masks = named(words.mask);
  const [objects = ''] = named(words.objects);
  const others = new Set(all.filter((ending) => !images.includes(ending)));
  if (images.length === 1 && masks.length === 1)
    return { endings: { image: images[0] as string, mask: masks[0] as string, objects }, others };
  for (const file of files) if (!others.has(endingOf(file))) counts.set(plainExtension(file), (counts.get(plainExtension(file)) ?? 0) + 1);
  const maskExtension = masks.length === 0 && plain > 0 ? twinOf(counts, plain) : undefined;
  return maskExtension === undefined ? { others } : { endings: { image: '', mask: '', objects }, others, maskExtension };
}

/** Extension of masks, if each image has a file of its name with one of two extensions: that of a format without loss beside JPEG. */
function twinOf(counts: ReadonlyMap<string, number>, stems: number): string | undefined {
  const masks = [...counts.keys()].filter((one) => /^\.(png|tif|bmp|npy|npz)$/.test(one));
  return counts.size === 2 && masks.length === 1 && counts.get(masks[0] as string) === stems ? masks[0] : undefined;
}

/** The error of archives whose masks cannot be told from other images. */
export function unclearRoles({ others }: ArchiveRoles): CopyPasteError {
  const flags = [...others].sort().map((ending) => `--mask-suffix ${ending}`);
  return new CopyPasteError(
    'usage',
    `nothing says which images of a sample are its image and its mask: names end with ${[...others].sort().join(', ')}; pass ${flags.join(' or ')}, and --image-suffix if no image has the bare name`,
  );
}

function isImage(file: string): boolean {
  return formatOf(file) !== undefined || arrayFormatOf(file) !== undefined;
}

function stemOf(file: string): string {
  return file.replace(/\.[^./]+$/, '');
}

/** Ending of the name of a file before its extension, such as `.mask`. */
export function endingOf(file: string): string {
  return /\.[^./]+$/.exec(stemOf(file))?.[0] ?? '';
}

/** Extension of a file in lower case, the first one of its format: `.jpg` for `.JPEG`. */
export function plainExtension(file: string): string {
  const format = formatOf(file);
  return format === undefined ? (/\.[^./]+$/.exec(file)?.[0].toLowerCase() ?? '') : `.${extensions[format][0]}`;
}

/** Name of the file of class names, as on the Hugging Face hub. */
export const classNamesOfHub = 'id2label.json';

/** Name of the manifest of `pack` and `augment`. */
const manifest = 'manifest.json';

/**
 * Reads the names of the classes from `id2label.json`, and the other facts of masks from the manifest of `pack`, or of `augment` with packed
 * data. Either file may be absent.
 *
 * @throws {CopyPasteError} `data` if a file is invalid.
 */
export async function readArchiveClasses(tree: Tree, encoding: string): Promise<ClassConfig | undefined> {
  const named = await readClassNamesOfHub(tree, encoding);
  const recorded = tree.has(manifest) ? await recordedIn(tree.root) : undefined;
  if (recorded) {
    const { background, ignore, threshold, stuffClasses: stuff, objectIds } = recorded;
    return {
      ...named,
      recorded: true,
      background,
      ignore,
      ...(threshold !== undefined && { threshold }),
      ...(stuff && { stuff }),
      ...(objectIds && { objectIds }),
    };
  }
  if (named === undefined) return undefined;
  const called = (name: RegExp): number[] => [...named.classNames].flatMap(([id, one]) => (name.test(one) ? [id] : []));
  const ignored = called(/^_*(void|ignore|ignored|unlabel+ed|unknown)_*$/i);
  return { ...named, background: called(/^_*background_*$/i), ignore: ignored.length > 0 ? ignored : [255] };
}

/** Reads the classes of archives of objects, as `readArchiveClasses`. Ids and thresholds of masks have no meaning for objects. */
export async function readArchivedObjectClasses(tree: Tree, encoding: string): Promise<ClassConfig | undefined> {
  const { background: _, ignore: __, threshold: ___, ...classes } = (await readArchiveClasses(tree, encoding)) ?? {};
  return Object.keys(classes).length > 0 ? classes : undefined;
}

/** Reads the names of the classes from `id2label.json`. @throws {CopyPasteError} `data` if it is invalid. */
async function readClassNamesOfHub(tree: Tree, encoding: string): Promise<{ file: string; classNames: ClassNames } | undefined> {
  const file = [classNamesOfHub, `data/${classNamesOfHub}`].find((one) => tree.has(one));
  if (file === undefined) return undefined;
  const names: unknown = await readText(tree.root, file, encoding)
    .then(parseJson)
    .catch((cause: unknown) => {
      throw cause instanceof CopyPasteError ? cause : new CopyPasteError('data', `is not JSON: ${messageOf(cause)}`, { path: file, cause });
    });
  const pairs = Object.entries((names ?? {}) as object);
  const wrong = pairs.find(([id, name]) => !/^\d{1,5}$/.test(id) || typeof name !== 'string');
  if (wrong || Array.isArray(names))
    throw new CopyPasteError('data', 'is not an object of class names by id, such as {"0": "sky"}', { path: file });
  return { file, classNames: new Map(pairs.map(([id, name]): [number, string] => [Number(id), name])) };
}

/** Facts of a data set in the manifest of a run, which its archives do not tell. */
type Recorded = Required<Pick<ClassConfig, 'background' | 'ignore'>> &
  Pick<ClassConfig, 'threshold' | 'objectIds'> & { readonly stuffClasses?: readonly number[] };

/** @throws {Error} when a fact is invalid. */
function recordedOf(layout: Recorded | null): Recorded {
  const { background, ignore, threshold = 0, stuffClasses = [], objectIds } = layout ?? ({} as Partial<Recorded>);
  const { perClass, bare, things = [] } = objectIds ?? { perClass: 1, bare: 'class' };
  const idsAreValid = [background, ignore, stuffClasses, things].every((ids: unknown) => Array.isArray(ids) && ids.every(isClassId));
  if (idsAreValid && isClassId(threshold) && isClassId(perClass) && perClass > 0 && ['class', 'product'].includes(bare))
    return layout as Recorded;
  throw new Error('its layout has invalid ids');
}

/**
 * Reads the facts in the manifest of `pack` or `augment`; `undefined` if it is that of another command or tool.
 *
 * @throws {CopyPasteError} `data` if it is damaged.
 */
async function recordedIn(root: string): Promise<Recorded | undefined> {
  let isOwn = false;
  try {
    for await (const { key, element, bytes } of partsOf(root, manifest)) {
      if (element || (key === 'kind' && bytes.toString() !== '"pack"')) return undefined;
      if (key === 'tool') isOwn = JSON.parse(bytes.toString()).name === 'copypaste';
      if (key === 'layout') return isOwn ? recordedOf(JSON.parse(bytes.toString())) : undefined;
    }
  } catch (cause) {
    if (cause instanceof CopyPasteError || codeOf(cause) !== undefined) throw cannotRead(manifest, cause);
    if (isOwn) throw new CopyPasteError('data', `is damaged: ${messageOf(cause)}; make the data again`, { path: manifest, cause });
  }
  return undefined;
}
