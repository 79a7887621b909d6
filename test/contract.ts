import { join } from 'node:path';
import { expect } from 'vitest';
import { check } from '../src/verbs/check.ts';
import { replay } from '../src/verbs/replay.ts';
import { verify } from '../src/verbs/verify.ts';
import { treeDigests } from './make.ts';

/** The contract of every output: `check` and `verify --deep` find nothing, and `replay` gives equal bytes. */
export async function expectSound(out: string, input: string, split?: string, sources?: string): Promise<void> {
  expect((await check({ in: out, split })).differences).toEqual([]);
  expect((await verify({ out, deep: true, in: input, sources })).differences).toEqual([]);
  const again = `${out}-again`;
  await replay({ manifest: join(out, 'manifest.json'), in: input, sources, out: again });
  expect(await treeDigests(again)).toEqual(await treeDigests(out));
}
