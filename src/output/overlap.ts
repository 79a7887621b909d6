import { realpath } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { absolutePath, isInside } from '../base/paths.ts';
import { CopyPasteError } from '../errors.ts';
import { isRemote } from '../storage/store.ts';

/** Refuses an output that overlaps with one of its inputs. @throws {CopyPasteError} `usage` if so. */
export async function refuseOverlaps(places: {
  readonly in: string;
  readonly sources?: string | undefined;
  readonly out: string;
}): Promise<void> {
  await refuseOverlap(places.in, places.out);
  if (places.sources !== undefined) await refuseOverlap(places.sources, places.out, '--sources');
}

/** Refuses hard links from or to a store. @throws {CopyPasteError} `usage` if they are asked for. */
export function refuseLinks({ in: input, out, link }: { readonly in: string; readonly out: string; readonly link: boolean }): void {
  const place = [input, out].find(isRemote);
  if (link && place !== undefined)
    throw new CopyPasteError('usage', `--link: ${place} is on no disk, and cannot hold hard links; leave it out`);
}

/** Refuses an output folder that contains the input or lies in it. @throws {CopyPasteError} `usage` if so, also through symbolic links. */
export async function refuseOverlap(input: string, output: string, flag = '--in'): Promise<void> {
  if (isRemote(input) || isRemote(output)) {
    const [from, to] = [absolutePath(input), absolutePath(output)];
    if (isInside(from, to) || isInside(to, from)) throw overlap(input, output, flag);
    return;
  }
  const from = await realpath(input).catch(() => resolve(input));
  const to = await realFuturePath(resolve(output));
  if (isInside(from, to) || isInside(to, from)) throw overlap(input, output, flag);
}

function overlap(input: string, output: string, flag: string): CopyPasteError {
  return new CopyPasteError('usage', `--out ${output}: overlaps with ${flag} ${input}; choose a folder outside it`);
}

/** Real path that a folder will have once it is created. */
async function realFuturePath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await realFuturePath(parent), relative(parent, path));
  }
}
