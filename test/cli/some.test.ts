import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { some } from '../../src/cli/some.ts';
import { captureStreams, imageOf, temporaryFolder, writeTree } from '../make.ts';

test('a list is cut with the number of the lines left out, if there are more than its length', () => {
  expect(some(['a', 'b'], 2)).toEqual(['a', 'b']);
  expect(some(['a', 'b', 'c', 'd'], 2)).toEqual(['a', 'b', '… and 2 more; --json lists all']);
  expect(some(['a', 'b', 'c'], 2, false)).toEqual(['a', 'b', '… and 1 more']);
});

test('an error names five bad samples on standard error, and all of them in --json', async () => {
  const folder = temporaryFolder();
  const files = Array.from({ length: 9 }, (_, n) => [
    [`images/${n}.png`, imageOf(9, 9, () => 7)] as const,
    [`masks/${n}.png`, 'no mask'] as const,
  ]);
  const root = await writeTree(join(folder, 'bad'), Object.fromEntries(files.flat()));
  mkdirSync(join(folder, 'out'));
  const streams = captureStreams();
  expect(await main(['augment', root, '--out', join(folder, 'out'), '--no-config', '--json'], streams)).not.toBe(0);
  const lines = streams.text.stderr.split('\n').filter((line) => line.startsWith('  '));
  expect(lines).toHaveLength(6);
  expect(lines.at(-1)).toBe('  … and 4 more; --json lists all');
  expect(JSON.parse(streams.text.stdout).error.offenders).toHaveLength(9);
});
