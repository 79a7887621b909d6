import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { some } from '../../src/cli/some.ts';
import { captureStreams, drawBox, filled, imageOf, temporaryFolder, writeTree } from '../make.ts';

test('a list is cut with the number of the lines left out, if there are more than its length', () => {
  expect(some(['a', 'b'], 2)).toEqual(['a', 'b']);
  expect(some(['a', 'b', 'c', 'd'], 2)).toEqual(['a', 'b', '… and 2 more; --json lists all']);
  expect(some(['a', 'b', 'c'], 2, '')).toEqual(['a', 'b', '… and 1 more']);
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

test('extract names twenty classes of its bank', async () => {
  const root = temporaryFolder();
  const mask = Array.from({ length: 23 }, (_, n) => n).reduce((all, n) => drawBox(all, [4 * n, 2, 4 * n + 2, 4], n + 1), filled(100, 8, 0));
  const data = await writeTree(join(root, 'many'), { 'images/a.png': imageOf(100, 8, () => 1), 'masks/a.png': mask });
  const streams = captureStreams();
  expect(await main(['extract', data, '--out', join(root, 'bank'), '--no-config'], streams)).toBe(0);
  expect(streams.text.stderr).toMatch(/\nclasses: 1 1, 2 1, .*, 20 1, … and 3 more; --json lists all\n/);
});

describe('samples that are left out', async () => {
  const folder = temporaryFolder();
  const scene = drawBox(filled(40, 30, 0), [5, 5, 20, 20], 1);
  const files = Array.from({ length: 12 }, (_, n) => [
    [`images/${String(n).padStart(2, '0')}.png`, imageOf(40, 30, () => 7 * n)] as const,
    [`masks/${String(n).padStart(2, '0')}.png`, n < 3 ? scene : 'no mask'] as const,
  ]);
  const root = await writeTree(join(folder, 'bad'), { ...Object.fromEntries(files.flat()), 'notes.txt': 'x' });
  const run = join(folder, 'set.run');
  const out = join(folder, 'shards');
  const planned = captureStreams();
  const plan = ['plan', root, '--out', out, '--shards', '1', '--skip-bad', '-p', '1', '--no-config'];

  test('are named by plan, which also says what is not copied; its exit code is that of a run that can go on', async () => {
    expect(await main(plan, planned)).toBe(0);
    writeFileSync(run, planned.text.stdout);
    expect(planned.text.stderr).toMatch(/^skipped masks\/03\.png: /m);
    expect(planned.text.stderr).toMatch(/^… and 4 more; copypaste check lists all$/m);
    expect(planned.text.stderr).toMatch(/^1 file not copied \(not part of any sample, or out of date after pasting\): notes\.txt$/m);
  });

  test.each([
    ['augment', 3, 'manifest.json', [root, '--out', join(folder, 'aug'), '--skip-bad', '-p', '1', '--no-config']],
    ['augment', 3, '--json', [root, '--dry-run', '--skip-bad', '-p', '1', '--no-config']],
    ['extract', 3, 'manifest.json', [root, '--out', join(folder, 'bank'), '--skip-bad', '--no-config', '-q']],
    ['pack', 3, 'manifest.json', ['webdataset', root, '--out', join(folder, 'tars'), '--skip-bad', '--no-config', '-q']],
    ['preview', 3, 'copypaste check', [root, '--out', join(folder, 'sheet.png'), '--skip-bad', '-p', '1', '--no-config', '-q']],
    ['augment', 0, '--json', ['--run', run, '--shard', '1/1']],
    ['merge', 3, 'manifest.json', ['--run', run]],
  ])('are named by %s, five of them, with exit code %i: %s lists all', async (command, code, where, argv) => {
    const streams = captureStreams();
    expect(await main([command, ...argv], streams)).toBe(code);
    const lines = streams.text.stderr.split('\n');
    expect(lines.filter((line) => line.startsWith('skipped '))).toHaveLength(5);
    expect(lines).toContain(`… and 4 more; ${where} lists all`);
  });

  test('are all in the manifests and in what check prints', async () => {
    for (const name of ['aug', 'bank', 'tars', 'shards']) {
      const text = readFileSync(join(folder, name, 'manifest.json'), 'utf8');
      for (let n = 3; n < 12; n++) expect(text).toContain(`masks/${String(n).padStart(2, '0')}.png: `);
    }
    const streams = captureStreams();
    expect(await main(['check', root, '--no-config'], streams)).toBe(1);
    expect(streams.text.stderr.split('\n').filter((line) => line.startsWith('masks/'))).toHaveLength(9);
  });
});
