import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type ColourMap, findColourMap, readColourMap } from '../../src/dataset/colours.ts';
import { openDataset } from '../../src/dataset/open.ts';
import { augment } from '../../src/verbs/augment.ts';
import { drawBox, filled, imageOf, temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();
const path = join(folder, 'colours.txt');

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
  [
    'more classes than ids',
    Array.from({ length: 65_537 }, (_, n) => `${n >> 16} ${(n >> 8) & 255} ${n & 255} class ${n}\n`).join(''),
    /65537 classes; a mask can hold 65536/,
  ],
])('%s is an error with the file name', async (_, text, message) => {
  await expect(read(text)).rejects.toMatchObject({ code: 'data', message: expect.stringMatching(message) });
  await expect(read(text)).rejects.toThrow(`${path}: `);
});

test('a missing colour map is an error, and a data set is searched for the known names', async () => {
  await expect(readColourMap(`${path}.none`)).rejects.toMatchObject({ code: 'noInput' });
  expect(findColourMap('data', new Set(['images/a.png', 'class_dict.csv', 'labelmap.txt']))).toBe(join('data', 'labelmap.txt'));
  expect(findColourMap('data', new Set(['deep/labelmap.txt']))).toBe(undefined);
});

const image = imageOf(32, 32, (x, y) => x * y);
const mask = drawBox(filled(32, 32, 0), [8, 8, 20, 20], 1);
const colourMap = 'name,r,g,b\nbackground,0,0,0\nwall,1,2,3\nroof,9,9,9\n';
const paired = (palette?: Uint8Array) => ({
  'images/a.png': image,
  'masks/a.png': { ...mask, ...(palette && { palette }) },
  'images/b.png': image,
  'masks/b.png': { ...mask, ...(palette && { palette }) },
  'class_dict.csv': colourMap,
});
const open = (root: string) => openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });

test.each([
  ['all colours', Uint8Array.of(0, 0, 0, 1, 2, 3, 9, 9, 9, 7, 7, 7)],
  ['the first colours', Uint8Array.of(0, 0, 0, 1, 2, 3)],
])('a colour map names the ids of masks whose palettes have %s of it in its order, also after pastes', async (name, palette) => {
  const root = await writeTree(join(folder, `named ${name}`), paired(palette));
  const { classNames, notes, background, ignore } = await open(root);
  expect({ names: [...classNames.values()], notes, background: [...background], ignore: [...ignore] }).toEqual({
    names: ['background', 'wall', 'roof'],
    notes: [],
    background: [0],
    ignore: [255],
  });
  const out = `${root} out`;
  expect((await augment({ in: root, out, p: 1, classes: ['wall'] })).augmented).toBe(2);
  expect([...(await open(out)).classNames.values()]).toEqual(['background', 'wall', 'roof']);
});

test.each([
  ['grey masks', undefined],
  ['palettes of other colours', Uint8Array.of(0, 0, 0, 3, 2, 1)],
])('a colour map does not name the ids of %s, and a note says why', async (name, palette) => {
  const { classNames, notes } = await open(await writeTree(join(folder, `unnamed ${name}`), paired(palette)));
  expect({ names: classNames.size, notes }).toEqual({
    names: 0,
    notes: ['class_dict.csv does not name the classes: masks hold ids, without palettes of its colours; pass --class-names FILE'],
  });
});
