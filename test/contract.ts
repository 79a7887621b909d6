import { join } from 'node:path';
import { expect } from 'vitest';
import { check } from '../src/verbs/check.ts';
import { replay } from '../src/verbs/replay.ts';
import { verify } from '../src/verbs/verify.ts';
import { treeDigests } from './make.ts';

/** What holds of every output, whatever its layout: no contradiction, nothing but what its input gives, and the same bytes again. */
export async function expectSound(out: string, input: string, split?: string, sources?: string): Promise<void> {
  expect((await check({ in: out, split })).differences).toEqual([]);
  expect((await verify({ out, deep: true, in: input, sources })).differences).toEqual([]);
  const again = `${out}-again`;
  await replay({ manifest: join(out, 'manifest.json'), in: input, sources, out: again });
  expect(await treeDigests(again)).toEqual(await treeDigests(out));
}
