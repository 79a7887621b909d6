import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tarOf } from '../../src/archives/tar-writer.ts';
import { encodeImage } from '../../src/codecs/image.ts';
import { writeMask } from '../../src/codecs/masks.ts';
import { encodeMask } from '../../src/codecs/png-masks.ts';
import { openDataset } from '../../src/dataset/open.ts';
import { drawBox, filled, imageOf, rgba, temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();
let number = 0;
const image = imageOf(20, 10, (x, y) => rgba(x, y, 99));
const png = Buffer.from(await encodeImage(image, 'png', 90));
const jpg = Buffer.from(await encodeImage(image, 'jpeg', 90));
const ids = drawBox(filled(20, 10, 0), [2, 2, 9, 8], 3);
const mask = Buffer.from(await encodeMask(ids));
const { bytes: tif } = await writeMask(ids, 'mask.tif');

async function tar(names: readonly string[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const files = async function* () {
    for (const name of names)
      yield {
        name,
        bytes: /\.jpe?g$/i.test(name)
          ? jpg
          : /\.tiff?$/i.test(name)
            ? tif
            : /(\.\w+|_m)\.png$/.test(name) || names.some((one) => /\.jpe?g$/i.test(one) && one.split('.')[0] === name.split('.')[0])
              ? mask
              : png,
      };
  };
  for await (const part of tarOf(files())) parts.push(part);
  return Buffer.concat(parts);
}

async function opened(archives: Readonly<Record<string, readonly string[]>>, options = {}, more: Readonly<Record<string, string>> = {}) {
  const files = Object.fromEntries(await Promise.all(Object.entries(archives).map(async ([name, own]) => [name, await tar(own)] as const)));
  const root = await writeTree(join(folder, `in${number++}`), { ...files, ...more });
  const given = { in: root, maskSuffix: '', imageSuffix: '', onlySplit: false, skipBad: false, ...options };
  return openDataset(given);
}

const pairsOf = ({ samples }: Awaited<ReturnType<typeof opened>>) => samples.map(({ image: a, mask: b, objects }) => [a, b, objects]);

describe('archives', () => {
  test.each(['mask', 'seg', 'label', 'annotation'])('have masks with the ending .%s', async (word) => {
    const set = await opened({ 'a.tar': ['1.jpg', `1.${word}.png`, '1.json', '2.jpg', `2.${word}.png`] });
    expect(set).toMatchObject({ layout: 'archives', splits: [] });
    expect(pairsOf(set)).toEqual([
      ['a.tar/1.jpg', `a.tar/1.${word}.png`, undefined],
      ['a.tar/2.jpg', `a.tar/2.${word}.png`, undefined],
    ]);
    expect(set.leftBehind).toEqual(['a.tar/1.json']);
  });

  test('have masks that are PNGs beside JPEGs of the same name, in folders too', async () => {
    expect(pairsOf(await opened({ 'a.tar': ['x/1.jpg', 'x/1.png', '2.jpg', '2.png'] }))).toEqual([
      ['a.tar/2.jpg', 'a.tar/2.png', undefined],
      ['a.tar/x/1.jpg', 'a.tar/x/1.png', undefined],
    ]);
  });

  test('have instance masks, and other images that are ignored', async () => {
    const set = await opened({ 'a.tar': ['1.jpg', '1.mask.png', '1.instances.png', '1.depth.png'] });
    expect(pairsOf(set)).toEqual([['a.tar/1.jpg', 'a.tar/1.mask.png', 'a.tar/1.instances.png']]);
  });

  test('are refused if several images may be the mask, unless one is named', async () => {
    const names = ['1.jpg', '1.mask.png', '1.label.png'];
    await expect(opened({ 'a.tar': names })).rejects.toThrow(
      /names end with .label, .mask; pass --mask-suffix .label or --mask-suffix .mask/,
    );
    expect(pairsOf(await opened({ 'a.tar': names }, { maskSuffix: '.label' }))).toEqual([['a.tar/1.jpg', 'a.tar/1.label.png', undefined]]);
    await expect(opened({ 'a.tar': ['1.jpg', '1.depth.png'] })).rejects.toThrow(/pass --mask-suffix .depth/);
  });

  test('have splits by folder, by a part of their names, or by what is before their numbers', async () => {
    const two = ['1.jpg', '1.mask.png'];
    const splitsOf = async (...names: string[]) =>
      (await opened(Object.fromEntries(names.map((name) => [name, two])), { lookOnly: true })).splits;
    expect(await splitsOf('train/0.tar', 'val/0.tar')).toEqual(['train', 'val']);
    expect(await splitsOf('roads-train-0000.tar', 'roads-train-0001.tar', 'roads-val-0000.tar')).toEqual(['train', 'val']);
    expect(await splitsOf('a-000000.tar', 'b-000000.tar')).toEqual(['a', 'b']);
    expect(await splitsOf('shard-000000.tar', 'shard-000001.tar')).toEqual([]);
  });

  test('take class names from id2label.json, and ignored ids from their names', async () => {
    const names = { 'id2label.json': '{"0": "background", "3": "cat", "4": "void"}' };
    const set = await opened({ 'a.tar': ['1.jpg', '1.mask.png'] }, {}, names);
    expect([[...set.classNames], [...set.background], [...set.ignore]]).toEqual([
      [
        [0, 'background'],
        [3, 'cat'],
        [4, 'void'],
      ],
      [0],
      [4],
    ]);
    const wrong = opened({ 'a.tar': ['1.jpg', '1.mask.png'] }, {}, { 'id2label.json': '["cat"]' });
    await expect(wrong).rejects.toThrow(/id2label.json: is not an object of class names by id/);
    const large = opened({ 'a.tar': ['1.jpg', '1.mask.png'] }, {}, { 'id2label.json': '{"65536": "background"}' });
    await expect(large).rejects.toThrow(/id2label.json: the class id 65536 is larger than 65535/);
  });

  test('take facts from the manifest of a run, without id2label.json, and none from that of another tool', async () => {
    const layout = { background: [], ignore: [], threshold: 9, stuffClasses: [3], objectIds: { perClass: 1000, bare: 'class' } };
    const names = ['1.jpg', '1.mask.png'];
    const read = (manifest: string) => opened({ 'a.tar': names }, {}, { 'manifest.json': manifest });
    for (const kind of [{ kind: 'pack' }, {}]) {
      const set = await read(JSON.stringify({ ...kind, tool: { name: 'copypaste' }, layout }));
      expect(set).toMatchObject({ threshold: 9, objectIds: layout.objectIds, stuff: new Set([3]), carried: [] });
      expect([[...set.background], [...set.ignore]]).toEqual([[], []]);
    }
    const others = [
      { layout },
      { tool: { name: 'other' }, layout },
      { tool: null, layout },
      { kind: 'other', tool: { name: 'copypaste' }, layout },
      { files: ['a.tar'] },
      ['a.tar'],
    ];
    for (const other of [...others.map((one) => JSON.stringify(one)), 'no JSON']) {
      const set = await read(other);
      expect([set.threshold, [...set.background], [...set.ignore]]).toEqual([undefined, [0], [255]]);
    }
    for (const wrong of [
      { background: [-1] },
      { ignore: ['x'] },
      { background: 5 },
      { stuffClasses: [65_536] },
      { objectIds: { perClass: 0, bare: 'class' } },
      { threshold: null },
    ])
      await expect(read(JSON.stringify({ tool: { name: 'copypaste' }, layout: { ...layout, ...wrong } }))).rejects.toThrow(
        'manifest.json: is damaged: its layout has invalid ids',
      );
    await expect(read('{"tool": {"name": "copypaste"}, "layout": null}')).rejects.toThrow('invalid ids');
    await expect(read('{"tool": {"name": "copypaste"}, "layout": {"background": [')).rejects.toMatchObject({
      code: 'data',
      path: 'manifest.json',
      message: expect.stringMatching(/^manifest.json: is damaged: .*; make the data again$/),
    });
  });

  test('may hold other archives, which no note says to read', async () => {
    const set = await opened({ 'a.tar': ['1.jpg', '1.mask.png', '0.tar'] });
    expect([set.notes, set.leftBehind]).toEqual([[], ['a.tar/0.tar']]);
  });

  test('are not looked into beside images, and a damaged one is named', async () => {
    const root = await writeTree(join(folder, 'beside'), { 'images/1.png': png, 'masks/1.png': mask, 'images.tar': 'no tar' });
    const set = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
    expect([set.layout, set.leftBehind]).toEqual(['paired', ['images.tar']]);
    expect(set.notes).toEqual([
      'images.tar is not read, since images lie beside archives; pass a folder without these images to read archives',
    ]);
    const stray = await writeTree(join(folder, 'stray'), { 'thumbnail.png': png, 'a.tar': 'no tar', 'b.PARQUET': 'none' });
    await expect(openDataset({ in: stray, maskSuffix: '', onlySplit: false, skipBad: false })).rejects.toMatchObject({
      code: 'usage',
      offenders: ['a.tar and 1 more are not read, since images lie beside archives; pass a folder without these images to read archives'],
    });
    const packed = await writeTree(join(folder, 'packed'), { 'images/1.png': png, 'masks/1.png': mask, 'images.tar.gz': 'none' });
    expect((await openDataset({ in: packed, maskSuffix: '', onlySplit: false, skipBad: false })).notes).toEqual([
      'images.tar.gz is not read, since images lie beside archives',
    ]);
    const alone = await writeTree(join(folder, 'alone'), { 'images.tar': 'x'.repeat(1000) });
    await expect(openDataset({ in: alone, maskSuffix: '', onlySplit: false, skipBad: false })).rejects.toMatchObject({
      code: 'data',
      path: 'images.tar',
    });
  });

  test('may have names in upper case, and JPEGs with both of their extensions', async () => {
    const set = await opened({ 'A.TAR': ['1.jpg', '1.png', '2.jpeg', '2.png', '3.JPG', '3.PNG'] });
    expect(pairsOf(set)).toEqual(
      [1, 2, 3].map((n) => [expect.stringMatching(new RegExp(`^A.TAR/${n}.jpe?g$`, 'i')), expect.anything(), undefined]),
    );
  });

  test('may have masks in TIFF with both of its extensions', async () => {
    const set = await opened({ 'a.tar': ['1.jpg', '1.tif', '2.jpg', '2.TIFF'] });
    expect(pairsOf(set).map(([, mask]) => mask)).toEqual(['a.tar/1.tif', 'a.tar/2.TIFF']);
  });

  test('without masks are refused with what they have, and with what is needed', async () => {
    const refused = async (names: readonly string[], options = {}) =>
      (await opened({ 'a.tar': names }, options).catch((error: unknown) => error)) as { message: string; offenders: string[] };
    const plain = await refused(['1.jpg', '1.cls', '2.jpg', '2.cls']);
    expect(plain.message).toMatch(/it has a\.tar\/; its archives have 2 \.cls, 2 \.jpg; add masks or objects to the archives$/);
    expect(plain.offenders).toEqual([
      expect.stringMatching(/^the archives layout has .*<key>\.mask\.png/),
      expect.stringMatching(/^the archives-objects layout has .*<key>\.json/),
    ]);
    expect((await refused(['1.jpg'], { layout: 'archives' })).offenders).toHaveLength(1);
    // Neither webdataset nor datasets decodes members whose names do not say a format.
    expect((await refused(['1.image', '1.mask'])).message).toMatch(/its archives have 1 \.image, 1 \.mask; add/);
  });
});
