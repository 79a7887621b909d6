import { join } from 'node:path';
import { expect } from 'vitest';
import type { Given, verifyOptions } from '../src/options.ts';
import { check } from '../src/verbs/check.ts';
import { replay } from '../src/verbs/replay.ts';
import { verify } from '../src/verbs/verify.ts';
import { treeDigests } from './make.ts';

/** Files that `augment` had by options. */
type Files = Partial<Pick<Given<typeof verifyOptions>, 'classMap' | 'classNames' | 'colorMap'>>;

/** The contract of every output: `check` and `verify --deep` find nothing, and `replay` gives equal bytes. */
export async function expectSound(out: string, input: string, split?: string, sources?: string, files: Files = {}): Promise<void> {
  expect((await check({ in: out, split })).differences).toEqual([]);
  expect((await verify({ out, deep: true, in: input, sources, ...files })).differences).toEqual([]);
  const again = `${out}-again`;
  const { classMap: _, ...ofReplay } = files;
  await replay({ manifest: join(out, 'manifest.json'), in: input, sources, out: again, ...ofReplay });
  expect(await treeDigests(again)).toEqual(await treeDigests(out));
}
