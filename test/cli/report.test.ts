import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { captureStreams, temporaryFolder } from '../make.ts';

const repository = process.cwd();
const [camvid, voc] = [resolve('fixtures/camvid'), resolve('fixtures/voc')];
beforeAll(() => {
  const place = join(temporaryFolder(), 'place');
  mkdirSync(place);
  process.chdir(place);
});
afterAll(() => process.chdir(repository));

async function cli(...argv: string[]): Promise<{ code: number; stderr: string }> {
  const streams = captureStreams();
  const code = await main(argv, streams);
  return { code, stderr: streams.text.stderr };
}

test('report takes the data set of the configuration, unless the output was made from another one', async () => {
  await cli('augment', camvid, '--out', 'aug', '-p', '1', '--quiet', '--no-config');
  writeFileSync('copypaste.yaml', `in: ${camvid}\n`);
  const own = await cli('report', 'aug');
  expect(own).toMatchObject({ code: 0, stderr: expect.stringContaining(`configuration: copypaste.yaml (in: ${camvid})\n`) });
  expect(own.stderr).not.toContain('without pictures');
  writeFileSync('copypaste.yaml', `in: ${voc}\n`);
  const why = `${voc}: has the voc layout, but the manifest has camvid; pass the data set that the output was made from`;
  const other = await cli('report', 'aug');
  expect(other).toMatchObject({ code: 0, stderr: expect.stringContaining(`the data set of the configuration is not used: ${why}\n`) });
  expect(other.stderr).toContain('without pictures');
  const asked = await cli('report', 'aug', '--in', voc);
  expect(asked).toEqual({ code: 65, stderr: `configuration: copypaste.yaml\ncopypaste: ${why}\n` });
});
