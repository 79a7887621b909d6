import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDataset } from '../../src/dataset/open.ts';
import { datumaro } from '../../src/formats/datumaro/datumaro.ts';
import type { DatumaroItem } from '../../src/formats/datumaro/read.ts';
import type { Stacked } from '../../src/formats/stacks.ts';
import type { augmentOptions, Given } from '../../src/options.ts';
import type { ShapeSet } from '../../src/types.ts';
import { augment } from '../../src/verbs/augment.ts';
import { check } from '../../src/verbs/check.ts';
import { expectSound } from '../contract.ts';
import { imageOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { readManifest } from '../manifest.ts';

const folder = temporaryFolder();
const fixture = 'fixtures/datumaro';
const path = 'annotations/train.json';
let number = 0;

async function run(options: Partial<Given<typeof augmentOptions>> = {}, root = fixture): Promise<string> {
  const out = join(folder, `out${number++}`);
  await augment({ in: root, out, p: 1, truncated: 'keep', ...options });
  return out;
}

interface DatumaroDocument {
  categories: { label: { labels: { name: string }[] } };
  items: DatumaroItem[];
  [key: string]: unknown;
}
const read = (root: string): DatumaroDocument => JSON.parse(readFileSync(join(root, path), 'utf8'));

type ItemShapes = ShapeSet<DatumaroItem, Stacked>;

/** Shapes of the items of a document, by their ids. */
async function shapesIn(root: string): Promise<Map<string, ItemShapes>> {
  const { items, categories } = read(root);
  const classNames = new Map(categories.label.labels.map(({ name }, id) => [id, name]));
  const shapes = items.map(async (item) => {
    return [
      item.id,
      await datumaro.shapes({ parts: [JSON.stringify(item)], file: path, size: { width: 0, height: 0 }, classNames }),
    ] as const;
  });
  return new Map(await Promise.all(shapes));
}

const picture = imageOf(20, 10, (x, y) => 0xff000000 + 9 * x + 256 * y);
const categories = { label: { labels: ['cat', 'dog'].map((name) => ({ name, parent: '', attributes: [] })), attributes: [] } };
const square = { id: 0, type: 'polygon', attributes: {}, group: 0, label_id: 0, points: [4, 2, 12, 2, 12, 8, 4, 8], z_order: 0 };
const item = (id: string, ...annotations: unknown[]): unknown => ({ id, annotations, image: { path: `${id}.png`, size: [10, 20] } });
const document = (...items: unknown[]): object => ({ dm_format_version: '1.0', media_type: 2, infos: {}, categories, items });
const tree = (text: object | string): Promise<string> =>
  writeTree(join(folder, `in${number++}`), {
    [path]: typeof text === 'string' ? text : JSON.stringify(text),
    'images/train/a.png': picture,
    'images/train/b.png': picture,
  });

describe('a Datumaro data set', () => {
  test('is written unchanged if nothing is pasted', async () => {
    const { 'manifest.json': _, ...after } = await treeDigests(await run({ p: 0 }));
    expect(after).toEqual(await treeDigests(fixture));
  });

  test.each([false, true])('has the pixels of pasted and covered instances, and all others unchanged; polygons %s', async (polygons) => {
    const out = await run({ copies: 4, includeOriginals: true, polygons });
    const [before, after] = [await shapesIn(fixture), await shapesIn(out)];
    expect({ ...read(out), items: 0 }).toEqual({ ...read(fixture), items: 0 });
    const kinds = new Set<string>();
    for (const { id, copy, ...record } of (await readManifest(join(out, 'manifest.json'))).records) {
      if (record.status !== 'augmented') continue;
      const name = id.slice('train/'.length);
      const [was, is] = [before.get(name), after.get(`${name}_aug${(copy as number) + 1}`)] as [ItemShapes, ItemShapes];
      const covered = new Map(record.covered?.map((one) => [one.object, one]));
      const kept = was.shapes.filter(({ id }) => !covered.get(id)?.dropped);
      const placements = record.placements.filter(({ visible }) => visible > 0);
      const pasted = is.shapes.filter(({ id }) => is.own.annotations[id]?.attributes?.copypaste);
      const rest = is.shapes.filter((one) => !pasted.includes(one));
      expect(pasted.map(({ instance }) => [instance?.classId, instance?.area])).toEqual(
        placements.map(({ classId, visible }) => [classId, visible]),
      );
      expect(rest.map(({ instance }) => instance?.area)).toEqual(kept.map(({ id, instance }) => covered.get(id)?.after ?? instance?.area));
      kept.forEach(({ id, own: { elements } }, n) => {
        const now = rest[n]?.own.elements.map((element) => is.own.annotations[element]);
        if (!covered.has(id)) expect(now).toEqual(elements.map((element) => was.own.annotations[element]));
        else for (const one of now ?? []) kinds.add(one?.type as string);
      });
      expect(is.own.annotations.filter(({ type }) => type === 'label')).toEqual(was.own.annotations.filter(({ type }) => type === 'label'));
    }
    expect([...kinds].sort()).toEqual(polygons ? ['mask', 'polygon'] : ['mask']);
    await expectSound(out, fixture);
  });

  test('has polygons, masks, ellipses and groups; higher annotations cover lower ones', async () => {
    const root = await tree(
      document(
        item(
          'a',
          { ...square, z_order: 1, group: 3 },
          { ...square, points: [14, 2, 16, 2, 16, 8, 14, 8], z_order: 1, group: 3 },
          { id: 1, type: 'ellipse', label_id: 1, points: [0, 0, 20, 10], z_order: 0 },
          { id: 2, type: 'mask', label_id: 1, rle: { counts: [190, 10], size: [10, 20] }, z_order: 2 },
          { id: 3, type: 'bbox', label_id: 1, bbox: [1, 2, 3, 4] },
          { id: 4, type: 'caption', caption: 'x' },
          { ...square, label_id: null },
        ),
        item('b'),
      ),
    );
    const { shapes } = (await shapesIn(root)).get('a') as ItemShapes;
    expect(shapes.map(({ own: { elements, order }, instance }) => [elements, order, instance?.area])).toEqual([
      [[2], 0, expect.any(Number)],
      [[4], 0, undefined],
      [[6], 0, undefined],
      [[0, 1], 1, 60],
      [[3], 2, 10],
    ]);
    expect(Math.abs((shapes[0]?.instance?.area as number) + 60 - Math.PI * 50)).toBeLessThan(4);
    await expectSound(await run({ minArea: '1px', copies: 3 }, root), root);
  });

  test('takes the size of an image from its file if the document does not state it', async () => {
    const bare = (id: string) => ({ ...(item(id, square) as object), image: { path: `${id}.png` } });
    const root = await tree(document(bare('a'), bare('b')));
    const out = await run({ minArea: '1px' }, root);
    const stated = await run({ minArea: '1px' }, await tree(document(item('a', square), item('b', square))));
    const annotationsIn = (folder: string) => read(folder).items.map(({ annotations }) => annotations);
    expect(annotationsIn(out)).toEqual(annotationsIn(stated));
    expect(read(out).items[0]?.image).toEqual({ path: 'a.png' });
    await expectSound(out, root);
  });

  test('counts the annotations that are never pasted, by reason; they are kept', async () => {
    const odd = [
      { ...square, points: [] },
      { ...square, points: [1, 1, 2, 2] },
      { ...square, points: [30, 2, 40, 2, 40, 8] },
      { ...square, label_id: 7 },
      { id: 1, type: 'points', label_id: 0, points: [1, 1, 2] },
      { id: 1, type: 'bbox', label_id: 0, bbox: [1, 1, 2, 2] },
      { id: 1, type: 'rotated_bbox', label_id: 0, points: [5, 5, 4, 2, 30] },
    ];
    const root = await tree(document(item('a', square, ...odd), item('b', square)));
    const { documents } = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
    const unpasted = { box: 2, 'line or point': 1, 'too few points': 2, 'outside the image': 1, 'unknown label': 1 };
    expect(documents.get('train')).toMatchObject({ annotations: 9, unpasted });
    const { annotations } = read(await run({ minArea: '1px' }, root)).items[0] as DatumaroItem;
    for (const one of odd) expect(annotations).toContainEqual(one);
  });

  test('lists all wrong values at once, and leaves out their images with skipBad', async () => {
    const mask = { ...square, type: 'mask', rle: { counts: [3, 4, 193], size: [20, 10] } };
    const root = await tree(
      document(item('a', square), item('b', square), item('c', { ...square, label_id: '0' }, square, mask), item('d', mask)),
    );
    await expect(run({}, root)).rejects.toMatchObject({
      offenders: [
        expect.stringContaining("item 'c': annotations[0]: label_id"),
        expect.stringContaining("item 'c': annotations[2]: rle: the run lengths have the size 10×20, but the image is 20×10"),
        expect.stringContaining("item 'd': annotations[0]: rle"),
      ],
    });
    expect(read(await run({ skipBad: true, minArea: '1px' }, root)).items).toHaveLength(2);
  });

  test('may have an empty split beside others', async () => {
    const root = await tree(document(item('a', square), item('b', square)));
    await writeTree(root, { 'annotations/val.json': JSON.stringify(document()) });
    const out = await run({ minArea: '1px' }, root);
    expect(readFileSync(join(out, 'annotations/val.json'), 'utf8')).toBe(JSON.stringify(document()));
    await expectSound(out, root, 'train');
  });

  test('is checked by check, which lists undefined labels', async () => {
    const { differences } = await check({ in: await tree(document(item('a', square, { ...square, label_id: 7 }))) });
    expect(differences).toEqual([{ path, what: "item 'a': annotations[1] refers to label 7, which is not defined" }]);
  });

  test('is distinguished from a COCO document of the same name', async () => {
    const coco = { images: [{ id: 1, file_name: 'a.png', width: 20, height: 10 }], categories: [{ id: 1, name: 'cat' }] };
    const annotations = [{ id: 1, image_id: 1, category_id: 1, segmentation: [square.points] }];
    const layoutOf = async (root: string): Promise<string> =>
      (await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false })).layout;
    expect(await layoutOf(await tree({ ...coco, annotations }))).toBe('coco');
    expect(await layoutOf(await tree(document(item('a', square))))).toBe('datumaro');
    expect(await layoutOf(await tree(JSON.stringify({ info: {}, categories, items: [item('a', square)] }, undefined, 2)))).toBe('datumaro');
  });

  test.each([
    ['not a valid Datumaro document: the file is cut short', JSON.stringify(document(item('a', square))).slice(0, -9)],
    ['not a valid Datumaro document: items are missing', { ...document(), items: undefined }],
    ["the key 'items' occurs twice", JSON.stringify(document(item('a', square))).replace('{', '{"items":[],')],
    ['items is an object, not a list', { ...document(), items: {} }],
    ['items\\[0\\]: is null, not an object', document(null)],
    ['items\\[0\\]: id is the number 1, not text', document({ ...(item('a') as object), id: 1 })],
    ["item 'a': image is missing; export the data set with its media", document({ id: 'a', annotations: [] })],
    ["item 'a': image: path is missing", document({ id: 'a', annotations: [], image: {} })],
    [
      'item \'a\': image: size is the text "10x20", not a list of height and width',
      document({ ...(item('a') as object), image: { path: 'a.png', size: '10x20' } }),
    ],
    ["item 'a': annotations is an object, not a list", document({ ...(item('a') as object), annotations: {} })],
    ["item 'a': annotations\\[1\\]: is null, not an object", document(item('a', square, null))],
    ["item 'a': annotations\\[0\\]: type is missing", document(item('a', {}))],
    ['item \'a\': annotations\\[0\\]: label_id is the text "0", not an integer', document(item('a', { ...square, label_id: '0' }))],
    ['item \'a\': annotations\\[0\\]: group is the text "1", not an integer', document(item('a', { ...square, group: '1' }))],
    ["item 'a': annotations\\[0\\]: z_order is a list of 0, not an integer", document(item('a', { ...square, z_order: [] }))],
    ["item 'a': annotations\\[0\\]: bbox is a list of 3", document(item('a', { type: 'bbox', bbox: [1, 2, 3] }))],
    [
      'categories: labels\\[0\\]: name is the number 7, not text',
      { ...document(item('a', square)), categories: { label: { labels: [{ name: 7 }] } } },
    ],
    ['categories need a list of labels', { ...document(item('a', square)), categories: { label: { labels: 1 } } }],
    ["item '../c': file name '../c.png' points outside the folder of images", document(item('../c', square))],
    [
      "item 'a': annotations\\[0\\]: points is a list of 3, not a list of pairs of coordinates",
      document(item('a', { ...square, points: [1, 2, 3] })),
    ],
    [
      "item 'a': annotations\\[0\\]: points is a list of 6, not a list of pairs",
      document(item('a', { ...square, points: [1, 2, 3, 4, 1e9, 5] })),
    ],
    [
      "item 'a': annotations\\[1\\]: points is a list of 2, not a list of four coordinates",
      document(item('a', square, { ...square, type: 'ellipse', points: [1, 2] })),
    ],
    [
      "item 'a': annotations\\[0\\]: rle: the run lengths do not add up",
      document(item('a', { ...square, type: 'mask', rle: { counts: '0', size: [10, 20] } })),
    ],
    ["item 'a': annotations\\[0\\]: rle is missing", document(item('a', { ...square, type: 'mask' }))],
    [
      'image is 20×10, but its annotation is 21×10',
      document({ ...(item('a', square) as object), image: { path: 'a.png', size: [10, 21] } }),
    ],
    ['images/train/c.png: missing, but annotations/train.json lists it', document(item('a', square), item('c', square))],
  ])('is refused with the reason if it is invalid: %s', async (why, text) => {
    const error = await run({}, await tree(text)).then(
      () => undefined,
      (thrown: { code: string; message: string; offenders: string[] }) => thrown,
    );
    expect(error?.code).toBe('data');
    expect([error?.message, ...(error?.offenders ?? [])].join('\n')).toMatch(new RegExp(why));
  });
});
