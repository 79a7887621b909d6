import { rm, writeFile } from 'node:fs/promises';
import { expect } from 'vitest';
import type { augmentOptions, Given, planOptions } from '../src/options.ts';
import { augment, augmentShard } from '../src/verbs/augment.ts';
import { merge } from '../src/verbs/merge.ts';
import { plan } from '../src/verbs/plan.ts';
import { treeDigests } from './make.ts';

type Options = Omit<Given<typeof augmentOptions>, 'out'>;

/** Writes the run file of a run. @returns its path. */
export async function planned(given: Given<typeof planOptions>, path = `${given.out}.run`): Promise<string> {
  let text = '';
  await plan(given, (part) => {
    text += part;
  });
  await writeFile(path, text);
  return path;
}

/** Makes an output from shards, and merges them. */
async function inShards(given: Given<typeof planOptions>): Promise<void> {
  const run = await planned(given);
  const shards = Number(given.shards);
  // Any order of the shards will do.
  for (let i = shards; i >= 1; i--) await augmentShard({ run, shard: `${i}/${shards}` });
  await merge({ run });
  await rm(run);
}

/** The contract of every run: any number of shards, and none, give the same files, documents and the manifest among them. */
export async function expectSameInShards(options: Options, out: string, counts: readonly number[] = [1, 2, 3, 7]): Promise<void> {
  await augment({ ...options, out });
  const digests = await treeDigests(out);
  for (const shards of counts) {
    const sharded = `${out}-${shards}`;
    await inShards({ ...options, out: sharded, shards, fast: shards % 2 === 0 });
    expect(await treeDigests(sharded)).toEqual(digests);
    await rm(sharded, { recursive: true });
  }
}
