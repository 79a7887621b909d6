import { isAbsolute, join, normalize, relative, resolve, sep } from 'node:path';
import { isRemote } from '../storage/store.ts';

/** True if a relative path stays inside its folder. */
export function isBelow(path: string): boolean {
  return path !== '' && !path.includes('\0') && !isAbsolute(path) && normalize(path).split(sep)[0] !== '..';
}

/** True if a path is a folder, or lies in it. */
export function isInside(path: string, folder: string): boolean {
  if (isRemote(path) || isRemote(folder)) return path === folder || path.startsWith(`${folder}/`);
  const way = relative(folder, path);
  return way === '' || isBelow(way);
}

/** A path without its extension. */
export function withoutExtension(path: string): string {
  return path.replace(/\.[^./]+$/, '');
}

/** Folder of a file or of another folder; empty for those in the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** Extension of a path with its dot; empty if it has none. */
export function extensionOf(path: string): string {
  return path.slice(withoutExtension(path).length);
}

/** Path of a file in a folder. Paths of a store are not for `node:path`, which would take one of the two slashes of their scheme. */
export function joinPath(folder: string, path: string): string {
  return isRemote(folder) ? `${folder}/${path}` : join(folder, path);
}

/** Absolute path of a file or folder. */
export function absolutePath(path: string): string {
  return isRemote(path) ? path.replace(/\/+$/, '') : resolve(path);
}

/** Path with `/` from a folder to a file in it, or to one that is named relative to it. */
export function pathFrom(folder: string, path: string): string {
  if (!isRemote(folder)) return relative(folder, resolve(folder, path)).split(sep).join('/');
  if (isRemote(path)) return path === folder ? '' : path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : '..';
  return normalize(path)
    .split(sep)
    .join('/')
    .replace(/^\.?\/|\/$|^\.$/g, '');
}
