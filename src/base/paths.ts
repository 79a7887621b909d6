import { isAbsolute, normalize, sep } from 'node:path';

/** Whether a path that a file names stays below the folder that it is relative to. */
export function isBelow(path: string): boolean {
  return path !== '' && !path.includes('\0') && !isAbsolute(path) && normalize(path).split(sep)[0] !== '..';
}
