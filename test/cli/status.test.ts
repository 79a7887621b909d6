import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { run } from '../../src/cli/status.ts';
import { captureStreams, temporaryFolder } from '../make.ts';
import { planned } from '../shards.ts';

const folder = temporaryFolder();

test('lists missing shards for GNU parallel by their numbers, however long an array may be', async () => {
  const file = await planned({ in: 'fixtures/camvid', out: `${folder}/out`, shards: 3 });
  const lines: string[] = [];
  const streams = { stdout: { write: (text: string) => lines.push(text) } } as never;
  expect(await run({ run: file, missing: 'parallel', largest: 2 }, streams)).toBe(3);
  expect(lines.join('')).toBe('1/3\n2/3\n3/3\n');
});

test('numbers of shards agree with their verbs', async () => {
  const set = join(folder, 'set.run');
  const cli = async (...argv: string[]): Promise<{ stdout: string; stderr: string }> => {
    const streams = captureStreams();
    await main(argv, streams);
    return streams.text;
  };
  const plan = async (shards: string): Promise<string> => {
    const args = ['--out', join(folder, 'counted'), '--shards', shards, '--no-config', '--skip-bad'];
    const { stdout, stderr } = await cli('plan', 'fixtures/camvid', ...args);
    writeFileSync(set, stdout);
    return stderr;
  };
  expect(await plan('2')).toContain('1 of the shards has nothing to augment');
  expect(await plan('3')).toContain('2 of the shards have nothing to augment');
  await plan('1');
  expect((await cli('status', '--run', set)).stdout).toMatch(/^0 of 1 shard is done\n/);
  await plan('2');
  await cli('augment', '--run', set, '--shard', '1/2', '--quiet');
  expect((await cli('status', '--run', set)).stdout).toMatch(/^1 of 2 shards is done\n/);
  await cli('augment', '--run', set, '--shard', '2/2', '--quiet');
  expect((await cli('status', '--run', set)).stdout).toBe('all 2 shards are done; run merge\n');
});
