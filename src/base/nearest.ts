import { readdir } from 'node:fs/promises';
import { join, parse, sep } from 'node:path';
import { closestMatch } from 'leven';

/** The candidate that differs from a word in the fewest letters, at most a third of them; upper and lower case are equal. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const byLowerCase = new Map([...candidates].map((one) => [one.toLowerCase(), one]));
  const maxDistance = Math.max(1, Math.floor(word.length / 3));
  return byLowerCase.get(closestMatch(word.toLowerCase(), [...byLowerCase.keys()], { maxDistance }) ?? '');
}

/** The folder that a path of no folder may mean; if none, the first name of the path that does not exist, and the path before it. */
export async function nearestFolder(
  path: string,
): Promise<{ readonly meant: string } | { readonly meant?: undefined; readonly exists: string; readonly missing: string }> {
  const { root } = parse(path);
  let meant = root;
  let first: { readonly exists: string; readonly missing: string } | undefined;
  for (const name of path
    .slice(root.length)
    .split(sep)
    .filter((one) => one !== '')) {
    const entries = await readdir(meant === '' ? '.' : meant, { withFileTypes: true }).catch(() => []);
    const folders = entries.filter((one) => one.isDirectory() || one.isSymbolicLink()).map((one) => one.name);
    const found = ['.', '..'].includes(name) || folders.includes(name) ? name : nearest(name, folders);
    if (found !== name) {
      first ??= { exists: meant, missing: name };
      if (found === undefined) return first;
    }
    meant = join(meant, found);
  }
  return { meant };
}
