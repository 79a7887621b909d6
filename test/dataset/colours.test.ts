import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type ColourMap, findColourMap, readColourMap } from '../../src/dataset/colours.ts';
import { temporaryFolder } from '../make.ts';

const path = join(temporaryFolder(), 'colours.txt');

async function read(text: string): Promise<ColourMap> {
  await writeFile(path, text);
  return readColourMap(path);
}

test.each([
  ['CamVid', '\uFEFF0 0 0\tVoid\r\n64 128 64\t\tAnimal farm\r\n'],
  ['CVAT', '# label:color_rgb:parts:actions\nVoid:0,0,0::\nAnimal farm:64,128,64::\n'],
  ['a class dictionary', 'name, r, g, b\nVoid, 0, 0, 0\n\nAnimal farm,64,128, 64\n'],
])('colours are read as %s writes them, and their classes have ids in the order of the lines', async (_, text) => {
  expect(await read(text)).toEqual({
    colours: [
      [0, 0, 0],
      [64, 128, 64],
    ],
    classNames: new Map([
      [0, 'Void'],
      [1, 'Animal farm'],
    ]),
    background: [],
    ignore: [0],
  });
});

test('background and ignore ids follow from names', async () => {
  const names = ['background', 'car', 'unlabelled', '_ignore_', 'backgrounds', 'avoid'];
  const { background, ignore } = await read(names.map((name, n) => `${n} ${n} ${n} ${name}\n`).join(''));
  expect([background, ignore]).toEqual([[0], [2, 3]]);
});

test.each([
  ['a line without a name', '0 0 0\n', /'0 0 0' is not a colour/],
  ['a value above 255', 'car:0,256,0::\n', /'car:0,256,0::' is not a colour/],
  ['a colour of two classes', '1 2 3 car\n1 2 3 bus\n', /colour 1,2,3 of bus/],
  ['no colour', '# none\n\n', /no colours/],
])('%s is an error with the file name', async (_, text, message) => {
  await expect(read(text)).rejects.toMatchObject({ code: 'data', message: expect.stringMatching(message) });
  await expect(read(text)).rejects.toThrow(`${path}: `);
});

test('a missing colour map is an error, and a data set is searched for the known names', async () => {
  await expect(readColourMap(`${path}.none`)).rejects.toMatchObject({ code: 'noInput' });
  expect(findColourMap('data', ['images/a.png', 'class_dict.csv', 'labelmap.txt'])).toBe(join('data', 'labelmap.txt'));
  expect(findColourMap('data', ['deep/labelmap.txt'])).toBe(undefined);
});
