import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { withFiles } from '../../src/engine/option-files.ts';
import { augmentOptions } from '../../src/options.ts';
import { resolveOptions } from '../../src/schema.ts';
import { temporaryFolder } from '../make.ts';

const folder = temporaryFolder();
const paths = { in: 'data', out: 'out' };

async function read(text: string) {
  const scaleByClass = join(folder, 'scales');
  await writeFile(scaleByClass, text);
  return resolveOptions(augmentOptions, await withFiles(augmentOptions, { ...paths, scaleByClass })).scaleByClass;
}

describe('options with files', () => {
  test('have the contents of the files, in YAML or JSON, by name or id', async () => {
    const expected = { car: [0.5, 1.5], 9: [1, 1] };
    expect(await read('car: [0.5, 1.5]\n9: [1, 1]\n')).toEqual(expected);
    expect(await read(JSON.stringify(expected))).toEqual(expected);
    expect(await withFiles(augmentOptions, { ...paths, scaleByClass: expected })).toEqual({ ...paths, scaleByClass: expected });
    expect(await withFiles(augmentOptions, paths)).toEqual(paths);
  });

  test.each(['', 'car', 'car: 2', 'car: [2, 1]', 'car: [0, 1]', 'car: [1]', '[[1, 2]]', 'car: [a, b]'])(
    'are refused if they do not hold ranges: %s',
    async (text) => {
      await expect(read(text)).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringMatching(/^--scale-by-class: expected lines such as/),
      });
    },
  );

  test('are refused if they cannot be read, or are not YAML', async () => {
    await expect(read('{')).rejects.toMatchObject({ code: 'data', message: expect.stringMatching(/^--scale-by-class .*: not valid YAML/) });
    await expect(withFiles(augmentOptions, { ...paths, scaleByClass: 'missing' })).rejects.toMatchObject({
      code: 'noInput',
      message: expect.stringMatching(/^--scale-by-class missing: cannot be read/),
    });
  });
});
