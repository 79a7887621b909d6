import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { main } from '../../../src/cli/main.ts';
import { openDataset } from '../../../src/dataset/open.ts';
import { augment } from '../../../src/verbs/augment.ts';
import { check } from '../../../src/verbs/check.ts';
import { expectSound } from '../../contract.ts';
import { captureStreams, imageOf, temporaryFolder, writeTree } from '../../make.ts';

const folder = temporaryFolder();
const path = 'annotations/instances_train.json';
const images = [
  { id: 1, file_name: 'a.png', width: 20, height: 10 },
  { id: 2, file_name: 'b.png', width: 20, height: 10 },
];
const categories = [{ id: 3, name: 'cat' }];
const square = [[4, 2, 12, 2, 12, 8, 4, 8]];
const annotation = { id: 1, image_id: 1, category_id: 3, iscrowd: 0, segmentation: square, area: 48, bbox: [4, 2, 8, 6] };
const second = { ...annotation, id: 2, image_id: 2 };
const picture = imageOf(20, 10, (x, y) => 0xff000000 + 9 * x + 256 * y);
let number = 0;

type Document = Record<string, unknown>;

function tree(document: Document | string, files: Record<string, unknown> = {}, pictures = ['train/a.png', 'train/b.png']) {
  const text =
    typeof document === 'string' ? document : JSON.stringify({ images, categories, annotations: [annotation, second], ...document });
  const named = Object.fromEntries(pictures.map((name) => [name, picture]));
  return writeTree(join(folder, `in${number++}`), { [path]: text, ...named, ...files } as Parameters<typeof writeTree>[1]);
}

const open = (root: string, skipBad = false) => openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad });

/** Lines of the error that opening a data set throws. */
async function linesOf(root: string): Promise<string> {
  const error = await open(root).then(
    () => undefined,
    (thrown: { code: string; message: string; offenders: string[] }) => thrown,
  );
  expect(error?.code).toBe('data');
  return [error?.message, ...(error?.offenders ?? [])].join('\n');
}

describe('a list of another type is refused:', () => {
  test.each<[string, Document]>([
    ['annotations is the number 1, not a list of objects', { annotations: 1 }],
    ['annotations contains the number 1, which is not an object', { annotations: { 1: 1 } }],
    ["annotation 1: its key in annotations is '7', not its id; correct it", { annotations: { 7: annotation } }],
    ['annotations is null, not a list of objects', { annotations: null }],
    ["image 1: its key in images is 'a', not its id; correct it", { images: { a: images[0] } }],
    ['categories is the text "cat", not a list of objects', { categories: 'cat' }],
    ['annotations contains a list of 1, which is not an object', { annotations: [[annotation]] }],
    ['categories[0]: id is the text "3", not an integer from 0', { categories: [{ id: '3', name: 'cat' }] }],
    ['categories[0]: name is the number 7, not text', { categories: [{ id: 3, name: 7 }] }],
    ['category id 3 is both cat and dog', { categories: [...categories, { id: 3, name: 'dog' }] }],
  ])('%s', async (why, document) => {
    expect(await linesOf(await tree(document))).toContain(why);
  });
});

test('images and annotations that are objects by id, as in LIVECell, are written in the same form', async () => {
  const document = { images: { 1: images[0], 2: images[1] }, annotations: { 1: annotation, 2: second }, categories };
  const root = await tree(JSON.stringify(document));
  const written = async (p: number): Promise<typeof document> => {
    const out = join(folder, `out${number++}`);
    await augment({ in: root, out, p, copies: 2, truncated: 'keep', minArea: '1px' });
    await expectSound(out, root, 'train');
    return JSON.parse(readFileSync(join(out, path), 'utf8'));
  };
  const same = await written(0);
  expect(same.annotations['1']).toEqual({ ...annotation, image_id: 1 });
  expect(Object.keys(same.images)).toEqual(['1', '2', '3', '4']);
  const { annotations } = await written(1);
  const all = Object.entries(annotations) as [string, { id: number; copypaste?: object }][];
  expect(all.filter(([, { copypaste }]) => copypaste)).toHaveLength(4);
  for (const [key, { id }] of all) expect(key).toBe(String(id));
});

test('images and annotations may be empty objects', async () => {
  const { notes } = await open(await tree({}, { 'annotations/instances_val.json': '{"images": {}, "annotations": {}}' }));
  expect(notes).toEqual([]);
});

test('an annotation or image that is nested too deeply is named', async () => {
  const deep = `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`;
  const nested = (value: object): string => JSON.stringify({ ...value, attributes: 0 }).replace('"attributes":0', `"attributes":${deep}`);
  const text = `{"images":[${JSON.stringify(images[0])},${nested(images[1] as object)}],"categories":${JSON.stringify(categories)},"annotations":[${nested(annotation)}]}`;
  const lines = await linesOf(await tree(text));
  expect(lines).toContain('annotation 1: lists and objects are nested more than 100 deep');
  expect(lines).toContain('image 2: lists and objects are nested more than 100 deep');
});

describe('a fault of one annotation or image is named, and left out on request:', () => {
  const bad = (change: object): object => ({ ...annotation, id: 9, ...change });
  test.each<[string, Document | string]>([
    ['annotation 9: iscrowd is the text "0", not 0 or 1', { annotations: [annotation, second, bad({ iscrowd: '0' })] }],
    ['annotation 9: area is the text "48", not a number', { annotations: [annotation, second, bad({ area: '48' })] }],
    ['annotation 9: bbox is a list of 4, not a list of four numbers', { annotations: [annotation, second, bad({ bbox: ['4', 2, 8, 6] })] }],
    ['annotation 9: bbox is an object, not a list of four', { annotations: [annotation, second, bad({ bbox: { x: 4 } })] }],
    ['annotation 9: keypoints is the text "1,2"', { annotations: [annotation, second, bad({ keypoints: '1,2' })] }],
    ['annotation 9: category_id is missing', { annotations: [annotation, second, bad({ category_id: undefined })] }],
    ['annotations[2]: id is the text "9"', { annotations: [annotation, second, bad({ id: '9' })] }],
    [
      'list of points',
      {
        annotations: [
          annotation,
          second,
          bad({
            segmentation: [
              [4, 2],
              [12, 2],
              [12, 8],
            ],
          }),
        ],
      },
    ],
    [
      'a polygon is a list of points',
      {
        annotations: [
          annotation,
          second,
          bad({
            segmentation: [
              [
                [4, 2],
                [12, 2],
                [12, 8],
              ],
            ],
          }),
        ],
      },
    ],
    ['is a list of numbers, not of polygons', { annotations: [annotation, second, bad({ segmentation: square[0] })] }],
    ['segmentation is the text "x"', { annotations: [annotation, second, bad({ segmentation: 'x' })] }],
    ['a polygon has 7 numbers', { annotations: [annotation, second, bad({ segmentation: [[1, 2, 3, 4, 5, 6, 7]] })] }],
    ['counts is the number 5, not text', { annotations: [annotation, second, bad({ segmentation: { size: [10, 20], counts: 5 } })] }],
    ['annotation 2: the id occurs twice', { annotations: [annotation, second, bad({ id: 2 })] }],
    ['annotation 2: the id occurs 3 times', { annotations: [annotation, second, bad({ id: 2 }), bad({ id: 2 })] }],
    ['annotation 9 refers to image 7, which is not defined', { annotations: [annotation, second, bad({ image_id: 7 })] }],
    ['annotation 9 refers to category 8, which is not defined', { annotations: [annotation, second, bad({ category_id: 8 })] }],
    [
      'annotation 9: contains NaN',
      JSON.stringify({ images, categories, annotations: [annotation, second, bad({ area: 48.5 })] }).replace('48.5', 'NaN'),
    ],
    ['image 8: width is the text "20", not a positive integer', { images: [...images, { ...images[0], id: 8, width: '20' }] }],
    ['image 2: the id occurs twice', { images: [...images, { ...images[1], file_name: 'c.png' }] }],
    ['image 8: file_name is missing', { images: [...images, { id: 8 }], annotations: [annotation, second, bad({ image_id: 8 })] }],
  ])('%s', async (why, document) => {
    const root = await tree(document);
    expect(await linesOf(root)).toContain(`${path}: `);
    expect(await linesOf(root)).toContain(why);
    const { samples, skipped, documents } = await open(root, true);
    expect(samples.map(({ id }) => id)).toEqual(['train/a', 'train/b']);
    expect(skipped.map(({ reason }) => reason)).toEqual([expect.stringContaining(why)]);
    expect(documents.get('train')?.annotations).toBe(2);
    const out = join(folder, `out${number++}`);
    await augment({ in: root, out, p: 1, truncated: 'keep', minArea: '1px', skipBad: true });
    const written = JSON.parse(readFileSync(join(out, path), 'utf8'));
    expect(written.annotations.filter((one: { copypaste?: unknown }) => !one.copypaste).map(({ id }: { id: number }) => id)).toEqual(
      expect.arrayContaining([1, 2].filter((id) => written.annotations.some((one: { id: number }) => one.id === id))),
    );
    expect(written.images).toHaveLength(2);
    expect(written.annotations.some(({ id }: { id: unknown }) => id === 9)).toBe(false);
    expect((await check({ in: root })).differences).toContainEqual({ path, what: expect.stringContaining(why) });
  });

  test('all faults are listed at once', async () => {
    const lines = await linesOf(await tree({ annotations: [annotation, annotation, { ...second, iscrowd: '0' }] }));
    expect(lines).toMatch(/^2 faults in annotations; correct them, or pass --skip-bad to leave them out\n.*occurs twice.*\n.*iscrowd/);
  });

  test('NaN outside annotations is kept to the letter', async () => {
    const text = JSON.stringify({ info: { score: 7.25 }, images, categories, annotations: [annotation, second] }).replace('7.25', 'NaN');
    const out = join(folder, `out${number++}`);
    await augment({ in: await tree(text), out, p: 1, truncated: 'keep', minArea: '1px' });
    expect(readFileSync(join(out, path), 'utf8')).toContain('"info":{"score":NaN}');
  });
});

describe('a split that is only copied', () => {
  const val = 'annotations/instances_val.json';
  test.each<[string, string]>([
    [
      'with a fault is copied to the letter, with a note',
      JSON.stringify({ images: [{ ...images[0], width: 'x' }], categories, annotations: [] }),
    ],
    ['with a missing image too', JSON.stringify({ images: [images[1]], categories, annotations: [] })],
    ['without an image is empty', JSON.stringify({ images: [], categories, annotations: [] })],
  ])('%s', async (title, text) => {
    const root = await tree({}, { [val]: text, 'val/a.png': picture });
    const { notes, samples } = await open(root);
    expect(samples).toHaveLength(2);
    expect(notes).toEqual(
      title.includes('empty') ? [] : [expect.stringMatching(/^split val, which is only copied, has 1 fault, such as /)],
    );
    const out = join(folder, `out${number++}`);
    await augment({ in: root, out, p: 1, truncated: 'keep', minArea: '1px' });
    expect(readFileSync(join(out, val), 'utf8')).toBe(text);
  });
});

describe('annotations that cannot be pasted', () => {
  test('are counted by reason', async () => {
    const of = (id: number, change: object): object => ({ ...annotation, id, ...change });
    const annotations = [
      annotation,
      second,
      of(3, { segmentation: undefined }),
      of(4, { segmentation: [] }),
      of(5, { segmentation: [[4, 2, 8, 6]] }),
      of(6, { segmentation: [[]] }),
      of(7, { segmentation: [[1, 2]] }),
      of(8, { segmentation: [[5, 5, 5, 5, 5, 5]] }),
      of(9, { segmentation: [[2, 2, 9, 9, 16, 16]] }),
      of(10, { segmentation: { size: [10, 20], counts: [200] } }),
      of(11, { segmentation: [[30, 2, 40, 2, 40, 8]] }),
      of(12, { segmentation: [[-9, 2, -4, 2, -4, 8]] }),
      of(13, { iscrowd: 1 }),
      of(14, { iscrowd: true, segmentation: { size: [10, 20], counts: [42, 6, 152] } }),
    ];
    for (const order of [
      { images, annotations },
      { images: undefined, annotations, pictures: 1 },
    ]) {
      const text = JSON.stringify({ ...order, ...(order.images ? {} : { images }), categories });
      expect((await open(await tree(text))).documents.get('train')).toMatchObject({
        annotations: 14,
        unpasted: { box: 3, 'too few points': 2, 'no area': 3, 'outside the image': 2, crowd: 1, 'crowd of run lengths': 1 },
      });
    }
  });

  const crowds = [annotation, second].map((one) => ({
    ...one,
    iscrowd: 1,
    segmentation: { size: [10, 20], counts: [42, 6, 4, 6, 142] },
    area: 12,
    bbox: [4, 2, 2, 6],
  }));
  const run = async (annotations: readonly object[], ...flags: string[]) => {
    const streams = captureStreams();
    const root = await tree({ annotations });
    const out = join(folder, `out${number++}`);
    const given = ['augment', '--in', root, '--out', out, '-p', '1', '--min-area', '1px', '--truncated', 'keep', ...flags];
    const code = await main(given, streams);
    return { code, text: streams.text.stderr, written: JSON.parse(readFileSync(join(out, path), 'utf8')) };
  };

  test('are named if there are no others, with the remedy', async () => {
    const { code, text } = await run(crowds);
    expect(code).toBe(65);
    expect(text).toContain('no annotation can be pasted: 2 crowds (iscrowd 1) with run lengths; if iscrowd 1 only marks run lengths');
    expect(text).not.toContain('for samples without a source');
    expect((await run([{ ...annotation, iscrowd: 1 }])).text).toContain(
      'no annotation can be pasted: 1 crowd (iscrowd 1); set iscrowd to 0',
    );
  });

  test('are pasted if crowds of run lengths are objects', async () => {
    const { code, written } = await run(crowds, '--crowd', 'objects');
    expect(code).toBe(0);
    const pasted = written.annotations.filter((one: { copypaste?: unknown }) => one.copypaste);
    expect(pasted.length).toBeGreaterThan(0);
    for (const one of pasted) expect(one.iscrowd).toBe(0);
  });
});

describe('names of images', () => {
  test.each([
    ['./a.png', 'train/a.png'],
    ['C:\\sets\\train\\a.png', 'train/a.png'],
    ['https://host/x/a.png', 'train/a.png'],
    ['a.PNG', 'train/a.png'],
  ])('%s is matched, said once, and kept', async (name, file) => {
    const named = [{ ...images[0], file_name: name }, images[1]];
    const root = await tree({ images: named });
    const { samples, notes } = await open(root);
    expect(samples.map(({ image }) => image)).toEqual([file, 'train/b.png']);
    expect(notes).toEqual([expect.stringContaining('1 of 2 file names is not the path of an image')]);
    const out = join(folder, `out${number++}`);
    await augment({ in: root, out, p: 1, truncated: 'keep', minArea: '1px' });
    expect(JSON.parse(readFileSync(join(out, path), 'utf8')).images).toEqual(named);
  });

  test('that differ in their extension are two samples; one file of two images is refused', async () => {
    const root = await tree({ images: [images[0], { ...images[1], file_name: 'a.jpg' }] }, {}, ['train/a.png', 'train/a.jpg']);
    expect((await open(root)).samples.map(({ id }) => id)).toEqual(['train/a.jpg', 'train/a.png']);
    const twice = await tree({ images: [...images, { ...images[0], id: 5 }] });
    expect(await linesOf(twice)).toContain(`train/a.png: is the file of two images in ${path}; keep one of them`);
  });

  test('need no size beside them', async () => {
    const bare = images.map(({ width: _, height: __, ...image }) => image);
    const root = await tree({ images: bare });
    const out = join(folder, `out${number++}`);
    const { pasted } = await augment({ in: root, out, p: 1, truncated: 'keep', minArea: '1px' });
    expect(pasted).toBeGreaterThan(0);
    expect(JSON.parse(readFileSync(join(out, path), 'utf8')).images).toEqual(bare);
  });
});

test('a box of the corners of a polygon is no contradiction', async () => {
  const corners = [[-4, 2, 3, 3, 12, 2, 12, 8, 4, 8, 4, 7.9]];
  const box = (bbox: number[]) => check1({ annotations: [{ ...annotation, segmentation: corners, bbox }, second] });
  const check1 = async (document: Document) => (await check({ in: await tree(document) })).differences;
  expect(await box([-4, 2, 16, 6])).toEqual([]);
  expect(await box([0, 2, 12, 6])).toEqual([]);
  expect(await box([9, 2, 3, 6])).toHaveLength(1);
});

test('an area of run lengths that differs from their pixels is a contradiction, but for a crowd', async () => {
  const runs = { ...annotation, segmentation: { size: [10, 20], counts: [42, 6, 152] }, bbox: [4, 2, 1, 6], area: 7 };
  const found = async (one: object) => (await check({ in: await tree({ annotations: [one, second] }) })).differences;
  expect(await found(runs)).toHaveLength(1);
  expect(await found({ ...runs, iscrowd: 1 })).toEqual([]);
});
