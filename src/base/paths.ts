import { isAbsolute, normalize, relative, sep } from 'node:path';

/** True if a relative path stays inside its folder. */
export function isBelow(path: string): boolean {
  return path !== '' && !path.includes('\0') && !isAbsolute(path) && normalize(path).split(sep)[0] !== '..';
}

/** True if a path is a folder, or lies in it. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === '' || isBelow(way);
}

/** A path without its extension. */
export function withoutExtension(path: string): string {
  return path.replace(/\.[^./]+$/, '');
}

/** Extension of a path with its dot; empty if it has none. */
export function extensionOf(path: string): string {
  return path.slice(withoutExtension(path).length);
}
