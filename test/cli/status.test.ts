import { expect, test } from 'vitest';
import { run } from '../../src/cli/status.ts';
import { temporaryFolder } from '../make.ts';
import { planned } from '../shards.ts';

const folder = temporaryFolder();

test('lists missing shards for GNU parallel by their numbers, however long an array may be', async () => {
  const file = await planned({ in: 'fixtures/camvid', out: `${folder}/out`, shards: 3 });
  const lines: string[] = [];
  const streams = { stdout: { write: (text: string) => lines.push(text) } } as never;
  expect(await run({ run: file, missing: 'parallel', largest: 2 }, streams)).toBe(3);
  expect(lines.join('')).toBe('1/3\n2/3\n3/3\n');
});
