import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodePng } from '../../src/codecs/png.ts';
import { encodeMask } from '../../src/codecs/png-masks.ts';
import { openDataset } from '../../src/dataset/open.ts';
import { spansOfPolygon } from '../../src/formats/supervisely/drawing.ts';
import { type Forms, type SuperviselyObject, shapesOfSupervisely } from '../../src/formats/supervisely/read.ts';
import { partsOfSpans } from '../../src/masks/outlines.ts';
import { areaOfSpans, spansOfPixels, union } from '../../src/masks/spans.ts';
import type { augmentOptions, Given } from '../../src/options.ts';
import { augment } from '../../src/verbs/augment.ts';
import { expectSound } from '../contract.ts';
import { imageOf, maskOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';

const folder = temporaryFolder();
const size = { width: 40, height: 20 };
const picture = imageOf(size.width, size.height, (x, y) => 0xff000000 + 5 * x + 256 * 9 * y);
let number = 0;

const packed = (png: Uint8Array): string => deflateSync(png).toString('base64');
const ringMask = maskOf('11111', '1...1', '11111');
const ring = packed(await encodeMask({ ...ringMask, palette: Uint8Array.of(0, 0, 0, 255, 255, 255), alpha: Uint8Array.of(0) }));
const box = (x0: number, y0: number, x1: number, y1: number): number[][] => [
  [x0, y0],
  [x1, y0],
  [x1, y1],
  [x0, y1],
];
const polygon = (classTitle: string, exterior: number[][], more: object = {}): object => ({
  ...{ id: number++, classId: 7, classTitle, geometryType: 'polygon', tags: [{ name: 't' }] },
  ...{ points: { exterior, interior: [] }, ...more },
});
const bitmap = (classTitle: string, data: string, origin: number[], more: object = {}): object => ({
  ...{ id: number++, classId: 7, classTitle, geometryType: 'bitmap', tags: [] },
  ...{ bitmap: { data, origin }, ...more },
});
const text = (objects: unknown, more: object = {}): string =>
  JSON.stringify({ description: '', tags: [], size: { width: 40, height: 20 }, objects, ...more }, undefined, 4);
const meta = (shapes: Record<string, string>): string =>
  JSON.stringify({ classes: Object.entries(shapes).map(([title, shape]) => ({ title, shape, color: '#FF0000' })), tags: [] });
const tree = (files: Parameters<typeof writeTree>[1]): Promise<string> => writeTree(join(folder, `in${number++}`), files);

async function run(root: string, options: Partial<Given<typeof augmentOptions>> = {}): Promise<string> {
  const out = join(folder, `out${number++}`);
  await augment({ in: root, out, p: 1, truncated: 'keep', minArea: '1px', maxArea: 1, ...options });
  return out;
}

const open = (root: string, skipBad = false) => openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad });
const objectsIn = (root: string, file: string): (SuperviselyObject & { copypaste?: object })[] =>
  JSON.parse(readFileSync(join(root, file), 'utf8')).objects;
const areasOf = (objects: object[], forms: Forms = new Map()): (number | undefined)[] => {
  const classNames = new Map([...new Set(objects.map((one) => (one as SuperviselyObject).classTitle))].map((name, id) => [id, name]));
  const { shapes } = shapesOfSupervisely({ parts: [text(objects)], file: 'a.json', size, classNames, own: forms });
  return shapes.map(({ instance }) => instance?.area);
};

describe('a Supervisely project', () => {
  test('has polygons with holes, bitmaps and multipolygons; all else is kept and counted', async () => {
    const areas = [
      polygon('cat', box(2, 2, 11, 9), { points: { exterior: box(2, 2, 11, 9), interior: [box(4, 4, 6, 5)] } }),
      bitmap('cat', ring, [20, 4]),
      { classTitle: 'cat', geometryType: 'multipolygon', parts: [{ exterior: box(30, 2, 32, 4) }, { exterior: box(34, 2, 36, 4) }] },
      polygon('cat', box(1, 15, 2, 16), { instance: 'k' }),
      polygon('cat', box(5, 15, 6, 16), { instance: 'k' }),
    ];
    const others = [
      polygon('cat', box(2, 2, 3, 3).slice(0, 2)),
      polygon('cat', box(50, 2, 60, 3)),
      {
        classTitle: 'cat',
        geometryType: 'rectangle',
        tags: [],
        points: {
          exterior: [
            [1, 1],
            [9, 9],
          ],
          interior: [],
        },
      },
      { classTitle: 'cat', geometryType: 'cuboid', tags: [], points: box(1, 1, 9, 9), faces: [[0, 1, 2, 3]] },
      { classTitle: 'cat', geometryType: 'line', tags: [], points: { exterior: box(1, 1, 9, 9), interior: [] } },
    ];
    expect(areasOf([...areas, ...others])).toEqual([80 - 6, 12, 18, 8, undefined, undefined, undefined, undefined, undefined]);
    const root = await tree({
      'meta.json': meta({ cat: 'any' }),
      'ds0/img/a.png': picture,
      'ds0/ann/a.png.json': text([...areas, ...others]),
      'ds0/img/b.png': picture,
      'ds0/ann/b.png.json': text([bitmap('cat', ring, [3, 3])]),
    });
    const { layout, counts } = await open(root);
    expect({ layout, counts }).toEqual({
      layout: 'supervisely',
      counts: {
        annotations: 11,
        unpasted: { box: 1, "of type 'cuboid'": 1, "of type 'line'": 1, 'outside the image': 1, 'too few points': 1 },
      },
    });
    const out = await run(root, { copies: 3 });
    for (const n of [1, 2, 3]) for (const one of others) expect(objectsIn(out, `ds0/ann/a_aug${n}.png.json`)).toContainEqual(one);
    const { 'manifest.json': _, ...after } = await treeDigests(await run(root, { p: 0 }));
    expect(after).toEqual(await treeDigests(root));
  });

  test('is written in the form that each class demands, and pastes have their tags, no id and provenance', async () => {
    const wall = (shape: string, y: number) => polygon(shape, box(0, y, 39, y + 5), { geometryType: 'polygon' });
    const walls = [wall('polygon', 0), wall('any', 7), wall('multipolygon', 14)].map((one) =>
      (one as SuperviselyObject).classTitle === 'multipolygon'
        ? { classTitle: 'multipolygon', geometryType: 'multipolygon', tags: [], parts: [{ exterior: box(0, 14, 39, 19) }] }
        : one,
    );
    const root = await tree({
      'meta.json': meta({ polygon: 'polygon', any: 'any', multipolygon: 'multipolygon', cat: 'polygon' }),
      'ds0/img/a.png': picture,
      'ds0/ann/a.png.json': text(walls),
      'ds0/img/b.png': picture,
      'ds0/ann/b.png.json': text([polygon('cat', box(10, 2, 14, 16))]),
    });
    const out = await run(root, { classes: ['cat'], copies: 8, allowSelf: false, scale: [1, 1] });
    const kinds = new Set<string>();
    for (let n = 1; n <= 8; n++) {
      const objects = objectsIn(out, `ds0/ann/a_aug${n}.png.json`);
      for (const { classTitle, geometryType, copypaste } of objects) kinds.add(`${classTitle} ${geometryType} ${copypaste !== undefined}`);
      const parts = objects.filter(({ classTitle }) => classTitle === 'polygon');
      expect(new Set(parts.map(({ instance }) => instance)).size).toBe(parts.length === 0 ? 0 : 1);
      const pasted = objects.at(-1);
      expect(pasted).toMatchObject({ classTitle: 'cat', tags: [{ name: 't' }], copypaste: { instance: 0, placement: 1 } });
      expect(pasted).not.toHaveProperty('id');
    }
    expect([...kinds].sort()).toEqual(
      expect.arrayContaining(['any bitmap false', 'cat polygon true', 'multipolygon multipolygon false', 'polygon polygon false']),
    );
    await expectSound(out, root);
  });

  test('has polygons through the outermost pixels that give back exactly any mask', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        fc.infiniteStream(fc.boolean()),
        (width, height, bits) => {
          const mask = [...bits.take(width * height)];
          const spans = spansOfPixels([0, 0, width, height], (x, y) => mask[y * width + x] as boolean);
          const parts = partsOfSpans(spans).map(({ outer, holes }) =>
            spansOfPolygon({ exterior: outer, interior: holes }, { width, height }),
          );
          expect(parts.reduce((sum, part) => sum + areaOfSpans(part), 0)).toBe(areaOfSpans(spans));
          if (parts.length > 0) expect(union(parts, { width, height })).toEqual(spans);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('takes the form of an object without geometryType from its bitmap or its class, as in older exports', () => {
    const forms: Forms = new Map([
      ['leaf', 'polygon'],
      ['stem', 'line'],
    ]);
    const bare = (classTitle: string) => ({ classTitle, tags: [], bitmap: null, points: { exterior: box(1, 1, 4, 4), interior: [] } });
    expect(areasOf([bare('leaf'), bare('stem')], forms)).toEqual([16, undefined]);
    expect(
      areasOf([{ classTitle: 'leaf', tags: [], bitmap: { data: ring, origin: [0, 0] }, points: { exterior: [], interior: [] } }], forms),
    ).toEqual([12]);
  });

  test('reads bitmaps of any kind of PNG, cut off at the border of the image', async () => {
    const rgba = new Uint8Array(4 * 15).fill(9);
    ringMask.ids.forEach((id, n) => {
      rgba[4 * n + 3] = 200 * id;
    });
    const colours = await encodePng({ width: 5, height: 3, depth: 8, channels: 4, data: rgba, filter: 'up' });
    const grey = await encodeMask(ringMask);
    const at = (data: string, origin = [3, 3]) => bitmap('cat', data, origin);
    expect(
      areasOf([at(packed(colours)), at(packed(grey)), at(Buffer.from(grey).toString('base64')), at(ring, [-1, 3]), at(ring, [38, 19])]),
    ).toEqual([12, 12, 12, 9, 2]);
  });

  test('names label files after images or their stems, and renames them with the image', async () => {
    const one = text([polygon('cat', box(2, 2, 11, 9))]);
    const root = await tree({
      'meta.json': meta({ cat: 'polygon' }),
      'ds0/img/a.png': picture,
      'ds0/ann/a.png.json': one,
      'ds0/img/b.png': picture,
      'ds0/ann/b.json': one,
    });
    expect((await open(root)).samples.map(({ labels }) => labels)).toEqual(['ds0/ann/a.png.json', 'ds0/ann/b.json']);
    const out = await run(root, { copies: 2, imageFormat: 'webp' });
    expect(Object.keys(await treeDigests(out)).filter((file) => file.includes('_aug1'))).toEqual([
      'ds0/ann/a_aug1.webp.json',
      'ds0/ann/b_aug1.json',
      'ds0/img/a_aug1.webp',
      'ds0/img/b_aug1.webp',
    ]);
    expect((await open(out)).samples.length).toBe(4);
  });

  test('is one set of several data sets, unless one is named like a split', async () => {
    const one = text([polygon('cat', box(2, 2, 11, 9))]);
    const project = (...names: string[]) =>
      tree({
        'meta.json': meta({ cat: 'polygon' }),
        ...Object.fromEntries(
          names.flatMap((name) => [
            [`${name}/img/a.png`, picture],
            [`${name}/ann/a.png.json`, one],
          ]),
        ),
      });
    const { splits, samples } = await open(await project('ds0', 'ds0/datasets/night'));
    expect({ splits, ids: samples.map(({ id }) => id) }).toEqual({ splits: [], ids: ['ds0/datasets/night/img/a', 'ds0/img/a'] });
    expect((await open(await project('train', 'val'))).splits).toEqual(['train', 'val']);
  });

  test('takes class names from the objects if there is no meta.json', async () => {
    const root = await tree({
      'ds/img/a.png': picture,
      'ds/ann/a.png.json': text([polygon('dog', box(2, 2, 9, 9)), polygon('cat', box(2, 2, 9, 9))]),
    });
    expect([...(await open(root)).classNames.values()]).toEqual(['cat', 'dog']);
  });

  test.each([
    ['size is missing', JSON.stringify({ objects: [] })],
    ['size: width is the text "40", not a positive integer', text([], { size: { width: '40', height: 20 } })],
    ['objects is an object, not a list', text({})],
    ['objects\\[0\\]: classTitle is missing', text([{ geometryType: 'point' }])],
    ["objects\\[0\\]: classTitle 'dog' is no class of meta.json", text([polygon('dog', box(2, 2, 9, 9))])],
    ['objects\\[0\\]: geometryType is missing', text([{ classTitle: 'cat' }])],
    ['objects\\[0\\]: points: exterior is a list of 1, not a list of points', text([polygon('cat', [[1, 2, 3]])])],
    ['objects\\[0\\]: bitmap: origin is missing', text([{ classTitle: 'cat', geometryType: 'bitmap', bitmap: { data: ring } }])],
    ['objects\\[0\\]: bitmap: data: ', text([bitmap('cat', 'AAAA', [0, 0])])],
    [
      'objects\\[0\\]: parts is missing; objects\\[1\\]: tags is the text "x", not a list',
      text([{ classTitle: 'cat', geometryType: 'multipolygon' }, polygon('cat', [], { tags: 'x' })]),
    ],
  ])('is refused if %s; --skip-bad leaves the image out', async (what, bad) => {
    const root = await tree({
      'meta.json': meta({ cat: 'any' }),
      'ds0/img/a.png': picture,
      'ds0/ann/a.png.json': bad,
      'ds0/img/b.png': picture,
      'ds0/ann/b.png.json': text([polygon('cat', box(2, 2, 9, 9))]),
    });
    const offenders = await open(root).then(
      () => [],
      (error: { offenders: string[] }) => error.offenders,
    );
    expect(offenders).toEqual([expect.stringMatching(`ds0/ann/a.png.json: not a valid Supervisely annotation: ${what}`)]);
    expect((await open(root, true)).samples.map(({ image }) => image)).toEqual(['ds0/img/b.png']);
  });

  test.each([
    ['classes is missing', '{}'],
    ['classes\\[0\\]: title is missing', '{"classes": [{"shape": "any"}]}'],
    ["classes\\[1\\]: the title 'cat' occurs twice", '{"classes": [{"title": "cat"}, {"title": "cat"}]}'],
  ])('is refused if in meta.json %s', async (what, content) => {
    const root = await tree({ 'meta.json': content, 'ds/img/a.png': picture, 'ds/ann/a.png.json': text([]) });
    await expect(open(root)).rejects.toThrow(new RegExp(`not a valid Supervisely project: ${what}`));
  });

  test('refuses pastes into a class whose shape holds no pixels', async () => {
    const root = await tree({ 'meta.json': meta({ cat: 'rectangle' }), 'ds/img/a.png': picture, 'ds/ann/a.png.json': text([]) });
    const sources = await tree({ 'ds/img/b.png': picture, 'ds/ann/b.png.json': text([polygon('cat', box(2, 2, 9, 9))]) });
    await expect(run(root, { sources })).rejects.toThrow("class 'cat' has the shape rectangle, which holds no pixels");
  });
});
