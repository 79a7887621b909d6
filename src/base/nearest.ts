import { readdir } from 'node:fs/promises';
import { join, parse, sep } from 'node:path';
import { closestMatch } from 'leven';

/** The candidate that differs from a word in the fewest letters, at most a third of them; upper and lower case are equal. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const byLowerCase = new Map([...candidates].map((one) => [one.toLowerCase(), one]));
  const maxDistance = Math.max(1, Math.floor(word.length / 3));
  return byLowerCase.get(closestMatch(word.toLowerCase(), [...byLowerCase.keys()], { maxDistance }) ?? '');
}

/** The folder that a path of no folder may mean, with the part of the path that exists. */
export async function nearestFolder(path: string): Promise<{ readonly meant?: string; readonly exists: string }> {
  const { root } = parse(path);
  let [exists, meant] = [root === '' ? '.' : root, root];
  let asIs = true;
  for (const name of path
    .slice(root.length)
    .split(sep)
    .filter((one) => one !== '')) {
    const next = join(meant, name);
    const entries = await readdir(meant === '' ? '.' : meant, { withFileTypes: true }).catch(() => []);
    const folders = entries.filter((one) => one.isDirectory() || one.isSymbolicLink()).map((one) => one.name);
    const found = ['.', '..'].includes(name) || folders.includes(name) ? name : nearest(name, folders);
    if (found === undefined) return { exists };
    asIs &&= found === name;
    if (asIs) exists = next;
    meant = join(meant, found);
  }
  return { meant, exists };
}
