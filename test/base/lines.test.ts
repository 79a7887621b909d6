import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { completeLines, firstLines, lastLine } from '../../src/base/lines.ts';
import { openOnDisk } from '../../src/base/regular.ts';
import { temporaryFolder } from '../make.ts';

const path = join(temporaryFolder(), 'lines');

test('lines of any length come with their places, from any line on, and without an incomplete last one', async () => {
  const lengths = [0, 5, 1 << 18, 3, (1 << 18) - 1, 0, 700_000, 1, ...Array.from({ length: 40_000 }, (_, i) => i % 37)];
  const lines = lengths.map((length, n) => `${n} ${'é'.repeat(length >> 1)}`);
  await writeFile(path, `${lines.join('\n')}\nincomplete`);
  const file = await openOnDisk(path);
  try {
    const texts: string[] = [];
    let end = 0;
    const starts: number[] = [];
    for await (const { text, place } of completeLines(file)) {
      expect(place.start).toBe(end);
      starts.push(end);
      end += place.length;
      texts.push(text);
    }
    expect(texts).toEqual(lines);
    expect(end).toBe(Buffer.byteLength(`${lines.join('\n')}\n`));
    for (const n of [1, 6, 7, 20_000])
      for await (const { text } of completeLines(file, starts[n])) {
        expect(text).toBe(lines[n]);
        break;
      }
  } finally {
    await file.close();
  }
});

test('the first and the last line are read from the ends of a file', async () => {
  await writeFile(path, 'one\ntwo\nthree');
  expect(await firstLines(path, 2)).toEqual(['one', 'two']);
  expect(await firstLines(path, 9)).toEqual(['one', 'two']);
  expect(await lastLine(path)).toBe('');
  for (const last of ['', 'é', 'x'.repeat(4095), 'x'.repeat(4096), 'x'.repeat(70_000)]) {
    await writeFile(path, `one\n${last}\n`);
    expect(await lastLine(path)).toBe(last);
  }
  await writeFile(path, 'alone\n');
  expect(await lastLine(path)).toBe('alone');
  await writeFile(path, '');
  expect([await firstLines(path, 1), await lastLine(path)]).toEqual([[], '']);
});
