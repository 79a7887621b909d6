import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { augment } from '../../src/verbs/augment.ts';
import { preview } from '../../src/verbs/preview.ts';
import { report } from '../../src/verbs/report.ts';
import { temporaryFolder } from '../make.ts';

const folder = temporaryFolder();
const out = join(folder, 'aug');
await augment({ in: 'fixtures/camvid', out, p: 1 });

const commands: [string, (path: string) => Promise<unknown>][] = [
  ...['sheet.png', 'sheet.jpg', 'sheet.webp'].map((name): [string, (path: string) => Promise<unknown>] => [
    name,
    (path) => preview({ in: 'fixtures/camvid', out: path, rows: 1, p: 1 }),
  ]),
  ['report.html', (path) => report({ out, page: path, samples: 1 })],
];

describe.each(commands)('%s', (name, write) => {
  const at = (place: string): string => join(folder, `${place}-${name}`);
  const flag = name === 'report.html' ? '--page' : '--out';

  test('is written again by the same command', async () => {
    await write(at('twice'));
    const first = readFileSync(at('twice'));
    await write(at('twice'));
    expect(readFileSync(at('twice')).equals(first)).toBe(true);
  });

  test('does not replace a file that the tool did not write', async () => {
    const photo = await sharp({ create: { width: 90, height: 90, channels: 3, background: 'red' } })
      .jpeg()
      .toBuffer();
    const long = Buffer.alloc(20_000, 'a page about copypaste 0.1.0\n');
    for (const bytes of [photo, long, Buffer.from('x')]) {
      writeFileSync(at('mine'), bytes);
      await expect(write(at('mine'))).rejects.toMatchObject({
        code: 'cannotCreate',
        message: `${flag} ${at('mine')}: exists already, and copypaste did not write it; choose another path, or remove it`,
      });
      expect(readFileSync(at('mine')).equals(bytes)).toBe(true);
    }
  });

  test('takes the place of an empty file, and not of a folder or a device', async () => {
    writeFileSync(at('empty'), '');
    await write(at('empty'));
    expect(readFileSync(at('empty')).length).toBeGreaterThan(1000);
    mkdirSync(at('folder'));
    symlinkSync('/dev/null', at('device'));
    for (const path of [at('folder'), at('device')])
      await expect(write(path)).rejects.toMatchObject({ code: 'cannotCreate', message: expect.stringContaining('is not a regular file') });
  });
});
