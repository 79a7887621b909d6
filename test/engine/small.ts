import { fileURLToPath } from 'node:url';
import type { Programs } from '../../src/engine/programs.ts';
import { drawBox, filled, imageOf, rgba, writeTree } from '../make.ts';

/** Built programs. */
export const built: Programs = {
  command: new URL('../../bin/copypaste.cjs', import.meta.url),
  worker: new URL('../../dist/engine/worker.js', import.meta.url),
  suspects: new URL('../../dist/engine/suspects-process.js', import.meta.url),
  judge: new URL('../../dist/codecs/judge-process.js', import.meta.url),
};

/** Writes a data set of small samples, `images/a.png` with `masks/a.png` and so on. */
export function smallData(root: string, names: readonly string[]): Promise<string> {
  const noise = (seed: number) => (x: number, y: number) =>
    rgba(...([7, 11, 13].map((k) => (k * (x + 5 * y) + seed) & 255) as [number, number, number]));
  return writeTree(
    root,
    Object.fromEntries(
      names.flatMap((name, n) => [
        [`images/${name}.png`, imageOf(24, 16, noise(29 * n))],
        [`masks/${name}.png`, drawBox(filled(24, 16, 0), [4, 4, 12 + n, 12], n + 1)],
      ]),
    ),
  );
}

/** Environment in which a signal ends a process when it reads one of the files. */
export function killedBy(signal: string, ...files: readonly string[]): Record<string, string> {
  const killer = fileURLToPath(new URL('./killer.cjs', import.meta.url));
  return { NODE_OPTIONS: `--require ${JSON.stringify(killer)}`, KILLER_SIGNAL: signal, KILLER_FILES: files.join() };
}
