/** Matches names of images in documents with files: `./a.png`, `a\b.png`, another Unicode form, `.PNG`, and foreign paths and URLs. */
import { firstFrom, type List, pathList } from '../base/list.ts';
import { withoutExtension } from '../base/paths.ts';
import type { Tree } from '../base/tree.ts';
import { formatOf } from '../codecs/image-names.ts';

/** Finds files by the names that documents give them. */
export interface ImageNames {
  /** The file of this name in a folder; undefined if there is none, or several fit. */
  in(folder: string, name: string): string | undefined;
  /**
   * The image below a folder that has the most last parts of its path in common with the name; undefined if there is none, or several fit.
   *
   * @param allowed false for images that the name cannot mean.
   */
  below(folder: string, name: string, allowed: (file: string) => boolean): string | undefined;
}

/** Prefix that Label Studio gives to the name of an uploaded file. */
const uploadPrefix = /^[\da-f]{8}-/;

/** Creates the matcher of a file tree; it indexes the files at the first name that is not a path as it stands. */
export function imageNames(tree: Tree): ImageNames {
  let paths: Map<string, string[]> | undefined;
  let ends: Ends | undefined;
  return {
    in(folder, name) {
      const exact = joined(folder, name);
      if (tree.has(exact)) return exact;
      const plain = partsOf(name).join('/');
      if (plain === '' || isForeign(name)) return undefined;
      if (tree.has(joined(folder, plain))) return joined(folder, plain);
      paths ??= groupedBy(tree.files, (file) => [folded(file)]);
      const [first, ...more] = paths.get(folded(joined(folder, plain))) ?? [];
      if (first !== undefined) return more.length === 0 ? first : undefined;
      const written = unescaped(plain);
      return written === plain ? undefined : this.in(folder, written);
    },
    below(folder, name, allowed) {
      ends ??= endsOf(
        tree.files.filter((file) => formatOf(file) !== undefined),
        folded,
      );
      const parts = partsOf(name);
      const last = parts.at(-1) ?? '';
      const path = ends.has(last) ? parts.join('/') : last.replace(uploadPrefix, '');
      const found = ends.find(path, (file) => allowed(file) && file.startsWith(joined(folder, '')));
      const written = unescaped(name);
      return found !== undefined || written === name ? found : this.below(folder, written, allowed);
    },
  };
}

/** Files by the ends of their paths. */
export interface Ends {
  /** Tests if the path of a file ends with this one. */
  has(end: string): boolean;
  /** The one file that has the most last parts of its path in common with another path; undefined if there is none, or several. */
  find(path: string, allowed?: (file: string) => boolean): string | undefined;
}

/** Indexes files by each end of their paths. @param keyOf form in which paths are compared. */
export function endsOf(files: readonly string[], keyOf: (path: string) => string): Ends {
  let most = 0;
  const byEnd = groupedBy(files, (file) => {
    const ends = endsOfPath(keyOf(file));
    most = Math.max(most, ends.length);
    return ends;
  });
  return {
    has: (end) => byEnd.has(keyOf(end)),
    find(path, allowed = () => true) {
      for (const end of endsOfPath(keyOf(path), most).reverse()) {
        let found: string | undefined;
        for (const file of byEnd.get(end) ?? []) {
          if (!allowed(file)) continue;
          if (found !== undefined) return undefined;
          found = file;
        }
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

/** Ends of a path, the shortest first: `c`, `b/c` and `a/b/c` of `a/b/c`. */
function endsOfPath(path: string, most = Number.POSITIVE_INFINITY): string[] {
  const ends: string[] = [];
  for (let at = path.length; at >= 0 && ends.length < most; ) {
    at = at === 0 ? -1 : path.lastIndexOf('/', at - 1);
    ends.push(path.slice(at + 1));
  }
  return ends;
}

/** Files by their keys. */
function groupedBy(files: List<string>, keysOf: (file: string) => readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const file of files) {
    for (const key of keysOf(file)) {
      const known = groups.get(key);
      if (known) known.push(file);
      else groups.set(key, [file]);
    }
  }
  return groups;
}

const documents = new WeakMap<Tree, List<string>>();

/** Files of a tree that are not named like images. Most layouts look for documents among them, so they are listed once. */
export function filesBesideImages(tree: Tree): List<string> {
  const known = documents.get(tree);
  if (known) return known;
  const found = pathList();
  for (const file of tree.files) if (formatOf(file) === undefined) found.push(file);
  documents.set(tree, found);
  return found;
}

/** Files of a tree with a path that differs in its extension alone. */
export function filesOfStem({ files }: Tree, stem: string): string[] {
  const found: string[] = [];
  for (let n = firstFrom(files, `${stem}.`); files.at(n)?.startsWith(`${stem}.`); n++) {
    const file = files.at(n) as string;
    if (withoutExtension(file) === stem) found.push(file);
  }
  return found;
}

/** Tests if a tree has a file with a path that differs in its extension alone. */
export function hasStem(tree: Tree, stem: string, isOne: (file: string) => boolean): boolean {
  return filesOfStem(tree, stem).some(isOne);
}

/** Tests if a tree has an image of the name of another file. */
export function hasImageOf(tree: Tree, file: string): boolean {
  return hasStem(tree, withoutExtension(file), (image) => formatOf(image) !== undefined);
}

/** A path in a folder; `''` is the root. */
export function joined(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

/** Tests if a name is an absolute path, a URL, or leads out of its folder. */
export function isForeign(name: string): boolean {
  return /^([a-z][a-z\d+.-]*:|[\\/])/i.test(name) || name.split(/[\\/]/).includes('..');
}

/** Parts of a name: of the path of a URL, or of the file in its `d` parameter, as Label Studio writes local files. */
function partsOf(name: string): string[] {
  let path = name;
  const [, own, query] = /^(?:[a-z][a-z\d+.-]+:\/\/[^/]*)?([^?#]*)\??([^#]*)/i.exec(name) ?? [];
  const local = new URLSearchParams(query).get('d');
  if (local !== null) path = local;
  else if (own !== undefined && /^[a-z][a-z\d+.-]+:\/\//i.test(name)) path = unescaped(own);
  return path.split(/[\\/]/).filter((part) => part !== '' && part !== '.' && part !== '..' && !/^[a-z]:$/i.test(part));
}

function unescaped(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** A path in the Unicode form NFC, with its extension in lower case. */
function folded(path: string): string {
  return path.normalize('NFC').replace(/\.[^./]+$/, (extension) => extension.toLowerCase());
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * Name of an output image in its document: the name of the input image, with the changes of its path.
 *
 * @param file path of the input image.
 * @param path of the output image.
 */
export function renamed(name: string, file: string, path: string): string {
  if (file === path) return name;
  if (file.endsWith(name)) return path.slice(file.length - name.length);
  const own = /[?&]d=/.test(name) ? name : name.replace(/[?#].*/, '');
  return own.slice(0, Math.max(own.lastIndexOf('/'), own.lastIndexOf('\\'), own.lastIndexOf('=')) + 1) + lastOf(path);
}
