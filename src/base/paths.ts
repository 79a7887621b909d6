import { isAbsolute, normalize, sep } from 'node:path';

/** True if a relative path stays inside its folder. */
export function isBelow(path: string): boolean {
  return path !== '' && !path.includes('\0') && !isAbsolute(path) && normalize(path).split(sep)[0] !== '..';
}
