/** Matches names of images in documents with files: `./a.png`, `a\b.png`, another Unicode form, `.PNG`, and foreign paths and URLs. */
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
  let images: Map<string, string[]> | undefined;
  const indexed = (key: (file: string) => string, files: readonly string[]): Map<string, string[]> => {
    const index = new Map<string, string[]>();
    for (const file of files) index.set(key(file), [...(index.get(key(file)) ?? []), file]);
    return index;
  };
  const only = (files: readonly string[] = []): string | undefined => (files.length === 1 ? files[0] : undefined);
  return {
    in(folder, name) {
      const exact = joined(folder, name);
      if (tree.has(exact)) return exact;
      const plain = partsOf(name).join('/');
      if (plain === '' || isForeign(name)) return undefined;
      if (tree.has(joined(folder, plain))) return joined(folder, plain);
      paths ??= indexed(folded, tree.files);
      return only(paths.get(folded(joined(folder, plain))));
    },
    below(folder, name, allowed) {
      const parts = partsOf(name).map(folded);
      images ??= indexed(
        (file) => folded(lastOf(file)),
        tree.files.filter((file) => formatOf(file) !== undefined),
      );
      const last = parts.at(-1) ?? '';
      const named = images.get(last) ?? images.get(last.replace(uploadPrefix, '')) ?? [];
      let fitting = named.filter((file) => allowed(file) && file.startsWith(joined(folder, '')));
      for (let n = 2; n <= parts.length && fitting.length > 1; n++) {
        const end = `/${parts.slice(-n).join('/')}`;
        const more = fitting.filter((file) => `/${folded(file)}`.endsWith(end));
        if (more.length === 0) break;
        fitting = more;
      }
      return only(fitting);
    },
  };
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
