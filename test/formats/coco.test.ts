import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { main } from '../../src/cli/main.ts';
import { openDataset } from '../../src/dataset/open.ts';
import { type CocoAnnotation, coco as format } from '../../src/formats/coco/coco.ts';
import type { CocoImage as StatedImage } from '../../src/formats/coco/read.ts';
import { spansOfPolygons } from '../../src/masks/polygons.ts';
import { countsOfSpans, packCounts } from '../../src/masks/run-lengths.ts';
import { areaOfSpans } from '../../src/masks/spans.ts';
import type { augmentOptions, Given } from '../../src/options.ts';
import type { ShapeSet, Size } from '../../src/types.ts';
import { augment } from '../../src/verbs/augment.ts';
import { check } from '../../src/verbs/check.ts';
import { verify } from '../../src/verbs/verify.ts';
import { expectSound } from '../contract.ts';
import { captureStreams, imageOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { readManifest } from '../manifest.ts';

const folder = temporaryFolder();
const coco = 'fixtures/coco';
const path = 'annotations/instances_train.json';
let number = 0;

type CocoImage = StatedImage & Size;

interface Coco {
  images: CocoImage[];
  annotations: (CocoAnnotation & { copypaste?: { image_id: number; annotation_id: number; placement: number } })[];
  categories: { id: number; name: string }[];
  [key: string]: unknown;
}
/** A document with its lists sorted by id, since runs order them differently. */
function read(root: string): Coco {
  const document: Coco = JSON.parse(readFileSync(join(root, path), 'utf8'));
  for (const list of [document.images, document.annotations]) list.sort((a, b) => a.id - b.id);
  return document;
}

async function run(options: Partial<Given<typeof augmentOptions>> = {}, root = coco) {
  const out = join(folder, `out${number++}`);
  const summary = await augment({ in: root, out, p: 1, truncated: 'keep', ...options });
  return { out, summary };
}

/** Shapes of an image in a document. */
function shapesOf(image: CocoImage, annotations: readonly object[]): ShapeSet<unknown, CocoAnnotation> {
  const parts = [image, ...annotations].map((one) => JSON.stringify(one));
  return format.shapes({ parts, file: path, size: image, classNames: new Map() }) as ShapeSet<unknown, CocoAnnotation>;
}

/** A data set of a document with images. */
async function tree(
  document: object | string,
  images: Record<string, [number, number]> = { 'a.png': [20, 10], 'b.png': [20, 10] },
): Promise<string> {
  return writeTree(join(folder, `in${number++}`), {
    [path]: typeof document === 'string' ? document : JSON.stringify(document),
    ...Object.fromEntries(
      Object.entries(images).map(([name, [width, height]]) => [
        `train/${name}`,
        imageOf(width, height, (x, y) => 0xff000000 + 9 * x + 256 * y),
      ]),
    ),
  });
}

const images = [
  { id: 1, file_name: 'a.png', width: 20, height: 10 },
  { id: 2, file_name: 'b.png', width: 20, height: 10 },
];
const categories = [{ id: 3, name: 'cat' }];
const square = [[4, 2, 12, 2, 12, 8, 4, 8]];
const annotation = { id: 1, image_id: 1, category_id: 3, iscrowd: 0, segmentation: square, area: 48, bbox: [4, 2, 8, 6] };

describe('a COCO data set', () => {
  test('is written unchanged if nothing is pasted', async () => {
    const { out } = await run({ p: 0 });
    expect(read(out)).toEqual(read(coco));
    const [{ [path]: _, ...before }, { [path]: __, 'manifest.json': ___, ...after }] = await Promise.all([
      treeDigests(coco),
      treeDigests(out),
    ]);
    expect(after).toEqual(before);
  });

  test('keeps untouched annotations, removes covered pixels, and records the source of pasted annotations', async () => {
    const { out, summary } = await run();
    const [before, after] = [read(coco), read(out)];
    expect({ ...after, images: 0, annotations: 0 }).toEqual({ ...before, images: 0, annotations: 0 });
    expect(after.images).toEqual(before.images);
    const known = new Map(before.annotations.map((one) => [one.id, one]));
    const { records } = await readManifest(join(out, 'manifest.json'));
    const covered = new Map(
      records.flatMap((record) => (record.status === 'augmented' ? (record.covered ?? []).map((one) => [one.object, one] as const) : [])),
    );
    let pasted = 0;
    for (const one of after.annotations) {
      if (one.copypaste) {
        pasted++;
        const source = known.get(one.copypaste.annotation_id) as CocoAnnotation;
        expect(source).toMatchObject({ category_id: one.category_id, image_id: one.copypaste.image_id, iscrowd: 0 });
        expect(known.has(one.id)).toBe(false);
      } else if (!covered.has(one.id)) expect(one).toEqual(known.get(one.id));
      else expect(one.area).toBe(covered.get(one.id)?.after);
    }
    expect(pasted).toBeGreaterThan(2);
    expect(pasted).toBeLessThanOrEqual(summary.pasted);
    const gone = before.annotations.filter(({ id }) => !after.annotations.some((one) => one.id === id));
    expect(gone.map(({ id }) => id).sort()).toEqual(
      [...covered.values()]
        .filter(({ dropped }) => dropped)
        .map(({ object }) => object)
        .sort(),
    );
    expect((await check({ in: out })).differences).toEqual([]);
    // Disjoint annotations stay disjoint: pastes cover what is below them.
    for (const image of after.images) {
      const { shapes } = shapesOf(
        image,
        after.annotations.filter(({ image_id: id }) => id === image.id),
      );
      const masks = shapes.filter(({ id, own: one }) => one.copypaste || covered.has(id));
      const pixels = masks.reduce((sum, { instance }) => sum + (instance?.area ?? 0), 0);
      const plane = new Set<number>();
      for (const { instance } of masks) {
        const spans = instance?.spans ?? new Int32Array(0);
        for (let i = 0; i < spans.length; i += 3)
          for (let x = spans[i + 1] as number; x < (spans[i + 2] as number); x++) plane.add((spans[i] as number) * image.width + x);
      }
      expect(plane.size).toBe(pixels);
    }
  });

  test('has unique ids with several variants, can be verified and replayed, and is the same on every run', async () => {
    const options = { copies: 3, includeOriginals: true } as const;
    const { out } = await run(options);
    const { images: variants, annotations } = read(out);
    expect(new Set(variants.map(({ id }) => id)).size).toBe(8);
    expect(new Set(variants.map(({ file_name: name }) => name)).size).toBe(8);
    expect(new Set(annotations.map(({ id }) => id)).size).toBe(annotations.length);
    await expectSound(out, coco);
    expect(await treeDigests((await run({ ...options, jobs: 1 })).out)).toEqual(await treeDigests(out));
  });

  test('is continued where it was interrupted', async () => {
    const options = { in: coco, p: 1, truncated: 'keep', copies: 4, batchSize: 2 } as const;
    const [out, whole] = [join(folder, 'interrupted'), join(folder, 'whole')];
    const stop = new AbortController();
    let done = 0;
    const stopped = augment({ ...options, out }, { done: () => ++done === 4 && stop.abort(), stop: stop.signal } as never);
    await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
    // Damaged files are written again.
    const journal = readFileSync(join(out, 'run.jsonl'), 'utf8');
    const lines = journal.split('\n');
    expect(lines.filter((line) => line.startsWith('{"entry":')).length).toBeGreaterThan(2);
    const first = lines.findIndex((line) => line.startsWith('{"entry":'));
    writeFileSync(join(out, 'run.jsonl'), lines.map((line, n) => (n === first ? line.slice(0, -9) : line)).join('\n'));
    const { reused } = await augment({ ...options, out });
    expect(reused).toBeGreaterThan(1);
    expect(reused).toBeLessThan(lines.filter((line) => line.startsWith('{"entry":')).length);
    await augment({ ...options, out: whole });
    expect(await treeDigests(out)).toEqual(await treeDigests(whole));
  });

  test("can be jittered as whole scenes (the paper's form)", async () => {
    const { out } = await run({ preset: 'paper', copies: 2 });
    expect((await check({ in: out })).differences).toEqual([]);
    expect((await verify({ out, deep: true, in: coco })).differences).toEqual([]);
  });

  test('never copies a crowd, and keeps one down to its last pixel', async () => {
    const crowd = { ...annotation, iscrowd: 1, segmentation: { size: [10, 20], counts: [42, 6, 152] }, area: 6, bbox: [4, 2, 1, 6] };
    const root = await tree({ images, categories, annotations: [crowd, { ...annotation, id: 2, image_id: 2 }] });
    const { out } = await run({ minArea: '1px', maxTranslation: 0, scale: [0.9, 0.9], copies: 9 }, root);
    const { annotations } = read(out);
    expect(annotations.filter(({ copypaste }) => copypaste).every(({ copypaste }) => copypaste?.annotation_id === 2)).toBe(true);
    const crowds = annotations.filter(({ iscrowd }) => iscrowd === 1);
    expect(crowds.length).toBeGreaterThan(0);
    for (const { segmentation } of crowds) expect(segmentation).toMatchObject({ counts: expect.any(Array) });
  });

  test('keeps overlapping instances apart, and drops keypoints of covered instances', async () => {
    const below = {
      ...annotation,
      id: 2,
      segmentation: [[6, 2, 14, 2, 14, 8, 6, 8]],
      bbox: [6, 2, 8, 6],
      keypoints: [1, 2, 2],
      num_keypoints: 1,
    };
    const root = await tree({
      images,
      categories,
      annotations: [annotation, below, { ...annotation, id: 3, image_id: 2, keypoints: [1, 2, 2] }],
    });
    const { out } = await run({ minArea: '1px', maxTranslation: 0, copies: 5, includeOriginals: true }, root);
    for (const one of read(out).annotations)
      if (one.copypaste || !Array.isArray(one.segmentation)) expect(one).not.toHaveProperty('keypoints');
    const both = read(out).annotations.filter(({ image_id: id, copypaste }) => id === 1 && !copypaste);
    expect(both.map(({ area }) => area)).toEqual([48, 48]);
  });

  test('reports the number of annotations with only a box; --require-masks, or none with a mask, is an error', async () => {
    const { segmentation: _, ...box } = annotation;
    const root = await tree({
      images,
      categories,
      annotations: [{ ...box, id: 2 }, annotation, { ...annotation, id: 3, image_id: 2, keypoints: [1] }],
    });
    const streams = captureStreams();
    expect(
      await main(
        ['augment', '--in', root, '--out', join(folder, `box${number++}`), '-p', '1', '--min-area', '1px', '--truncated', 'keep'],
        streams,
      ),
    ).toBe(0);
    expect(streams.text.stderr).toMatch(/\n1 of 3 annotations is kept and never pasted: 1 box without a mask\n/);
    expect(streams.text.stderr).toMatch(/\n1 annotation has keypoints, which are dropped from pasted and covered annotations\n/);
    await expect(run({ requireMasks: true }, root)).rejects.toMatchObject({
      code: 'data',
      message: expect.stringContaining('1 of 3 annotations have no mask'),
    });
    await expect(run({}, await tree({ images, categories, annotations: [box] }))).rejects.toMatchObject({ code: 'data' });
  });

  test('has polygons on request if they keep all pixels', async () => {
    const { out } = await run({ polygons: true, copies: 4 });
    const before = new Map(read(coco).annotations.map((one) => [JSON.stringify(one.segmentation), one]));
    const changed = read(out).annotations.filter((one) => one.copypaste || !before.has(JSON.stringify(one.segmentation)));
    const [lists, runs] = [true, false].map((list) => changed.filter(({ segmentation }) => Array.isArray(segmentation) === list));
    expect([lists?.length, runs?.length]).toEqual([expect.any(Number), expect.any(Number)]);
    expect(lists?.length).toBeGreaterThan(runs?.length as number);
    expect(runs?.length).toBeGreaterThan(0);
    for (const { image_id: id, segmentation, area } of lists ?? []) {
      const image = read(out).images.find((one) => one.id === id) as CocoImage;
      expect(areaOfSpans(spansOfPolygons(segmentation as number[][], image))).toBe(area);
    }
    await expectSound(out, coco);
    for (const root of ['fixtures/panoptic', 'fixtures/yolo', 'fixtures/voc'])
      await expect(run({ polygons: true }, root)).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('--polygons') });
  });

  test('keeps the order of images, whatever the run', async () => {
    const many = Array.from({ length: 40 }, (_, n) => ({ ...images[0], id: (n * 7) % 40, file_name: `${(n * 3) % 40}.png` }));
    const own = many.map(({ id }) => ({ ...annotation, id: 100 - id, image_id: id }));
    const root = await tree(
      { images: many, annotations: own, categories },
      Object.fromEntries(many.map(({ file_name: name }) => [name, [20, 10]])),
    );
    const { out } = await run({ minArea: '1px', batchSize: 4, p: 0.5 }, root);
    const document: Coco = JSON.parse(readFileSync(join(out, path), 'utf8'));
    expect(document.images).toEqual(many);
    expect([...new Set(document.annotations.map(({ image_id: id }) => id))]).toEqual(many.map(({ id }) => id));
    await expectSound(out, root);
  });

  test('treats a segmentation of four numbers as a box', async () => {
    const boxed = { ...annotation, id: 2, segmentation: [[4, 2, 8, 6]] };
    const root = await tree({ images, categories, annotations: [annotation, boxed, { ...annotation, id: 3, image_id: 2 }] });
    const { documents } = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
    expect(documents.get('train')).toMatchObject({ annotations: 3, unpasted: { box: 1 } });
    const { out } = await run({ minArea: '1px' }, root);
    expect(read(out).annotations).toContainEqual(boxed);
  });

  test('is found by the names of documents, which name its splits', async () => {
    const document = JSON.stringify({ images, categories, annotations: [annotation] });
    const picture = imageOf(20, 10, () => 7);
    const found = async (files: Record<string, string | typeof picture>): Promise<unknown> => {
      const root = await writeTree(join(folder, `found${number++}`), files);
      const { layout, split, splits, samples, others } = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
      return { layout, split, splits, images: [...samples, ...others].map(({ image }) => image) };
    };
    expect(
      await found({
        'annotations/instances_train2017.json': document,
        'annotations/instances_val2017.json': document,
        'annotations/captions_train2017.json': '{}',
        ...Object.fromEntries(['train2017/a', 'train2017/b', 'val2017/a', 'val2017/b'].map((name) => [`${name}.png`, picture])),
      }),
    ).toEqual({
      layout: 'coco',
      split: 'train2017',
      splits: ['train2017', 'val2017'],
      images: ['train2017/a.png', 'train2017/b.png', 'val2017/a.png', 'val2017/b.png'],
    });
    expect(await found({ 'train/_annotations.coco.json': document, 'train/a.png': picture, 'train/b.png': picture })).toMatchObject({
      split: 'train',
    });
    expect(await found({ 'labels.json': document, 'data/a.png': picture, 'data/b.png': picture })).toMatchObject({
      split: '',
      images: ['data/a.png', 'data/b.png'],
    });
    // FiftyOne's export of two splits, and others.
    for (const [name, images] of [
      ['labels', 'data/'],
      ['annotations', 'images/'],
      ['coco', ''],
      ['', ''],
    ] as const) {
      const documentOf = (split: string): string => (name === '' ? `${split}.json` : `${split}/${name}.json`);
      const files = ['train', 'val'].flatMap((split) => [
        [documentOf(split), document],
        ...['a', 'b'].map((one) => [`${split}/${images}${one}.png`, picture]),
      ]);
      expect(await found(Object.fromEntries(files))).toEqual({
        layout: 'coco',
        split: 'train',
        splits: ['train', 'val'],
        images: ['train', 'val'].flatMap((split) => ['a', 'b'].map((one) => `${split}/${images}${one}.png`)),
      });
    }
    // Documents of common names beside those of COCO's names may be copies.
    for (const [own, copy] of [
      ['train/_annotations.coco.json', 'train/labels.json'],
      ['annotations/instances_train.json', 'train.json'],
    ] as const)
      expect(await found({ [own]: document, [copy]: document, 'train/a.png': picture, 'train/b.png': picture })).toMatchObject({
        split: 'train',
        images: ['train/a.png', 'train/b.png'],
      });
    // Keys of labelme inside of images are none of the document.
    const withKeys = JSON.stringify({
      images: images.map((image) => ({ imagePath: 'x', shapes: [], ...image })),
      categories,
      annotations: [],
    });
    expect(await found({ 'annotations.json': withKeys, 'images/a.png': picture, 'images/b.png': picture })).toMatchObject({
      layout: 'coco',
    });
    // Label Studio's COCO export.
    expect(await found({ 'result.json': document, 'images/a.png': picture, 'images/b.png': picture })).toMatchObject({
      split: '',
      images: ['images/a.png', 'images/b.png'],
    });
  });

  test('a missing image of another extension is named', async () => {
    const picture = imageOf(20, 10, () => 7);
    const text = JSON.stringify({
      images: [
        { ...images[0], file_name: 'a' },
        { ...images[1], file_name: 'b.jpg' },
      ],
      annotations: [],
      categories,
    });
    const root = await writeTree(join(folder, `near${number++}`), { 'annotations/x.json': text, 'x/a.png': picture, 'x/b.png': picture });
    await expect(openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false })).rejects.toMatchObject({
      offenders: ['a', 'b'].map((name) => expect.stringMatching(`add the file, or write the name of x/${name}\\.png$`)),
    });
  });

  test.each<[string, object | string]>([
    ['not a valid COCO document: the file is empty', ''],
    ['not a valid COCO document: the file is cut short', '{"images":[{"id":1'],
    ['the outermost value is not an object', '[1]'],
    ['not a valid COCO document: images are missing', { categories }],
    [
      "file name '../c.png' points outside the folder of images",
      { images: [{ ...images[0], file_name: '../c.png' }], annotations: [], categories },
    ],
    [
      "file name '/etc/passwd' points outside the folder of images",
      { images: [{ ...images[0], file_name: '/etc/passwd' }], annotations: [], categories },
    ],
    ["the key 'images' occurs twice", JSON.stringify({ images, annotations: [], categories }).replace('{', '{"images":[],')],
    ["the key 'info' occurs twice", JSON.stringify({ images, annotations: [], categories }).replace('{', '{"info":{},"info":{},')],
    ['image 1: the id occurs twice', { images: [images[0], { ...images[1], id: 1 }], annotations: [], categories }],
    ['annotation 1: the id occurs twice', { images, annotations: [annotation, annotation], categories }],
    ['annotation 1 refers to image 7, which is not defined', { images, annotations: [{ ...annotation, image_id: 7 }], categories }],
    ['annotations[0]: id is the text "x", not an integer from 0', { images, annotations: [{ ...annotation, id: 'x' }], categories }],
    [
      'annotation 1: the segmentation is not a list of polygons',
      { images, annotations: [{ ...annotation, segmentation: [['a']] }], categories },
    ],
    [
      'annotation 1: segmentation: the run lengths have the size 3×3, but the image is 20×10',
      { images, annotations: [{ ...annotation, segmentation: { size: [3, 3], counts: [9] } }], categories },
    ],
    [
      'annotation 1: segmentation: the run lengths do not add up to the pixels of the image',
      { images, annotations: [{ ...annotation, segmentation: { size: [10, 20], counts: '0' } }], categories },
    ],
    [
      'image is 20×10, but its annotation is 21×10',
      { images: [{ ...images[0], width: 21 }, images[1]], annotations: [annotation], categories },
    ],
    [
      'train/c.png: missing, but annotations/instances_train.json lists it',
      { images: [...images, { ...images[0], id: 9, file_name: 'c.png' }], annotations: [annotation], categories },
    ],
  ])('is refused with the reason if it is invalid: %s', async (why, document) => {
    const error = await run({}, await tree(document)).then(
      () => undefined,
      (thrown: { code: string; message: string; offenders: string[] }) => thrown,
    );
    expect(error?.code).toBe('data');
    expect([error?.message, ...(error?.offenders ?? [])].join('\n')).toContain(why);
  });
});

test('a polygon and the run lengths of its pixels give the same output', () => {
  const size = { width: 20, height: 10 };
  const spans = spansOfPolygons(square, size);
  expect(areaOfSpans(spans)).toBe(48);
  const segmentation = { size: [10, 20], counts: packCounts(countsOfSpans(spans, size)) };
  const { shapes } = shapesOf(images[0] as CocoImage, [{ ...annotation, segmentation }]);
  expect(shapes[0]?.instance?.spans).toEqual(spans);
});

describe('a COCO data set that is not as simple', () => {
  const document = { images, annotations: [annotation, { ...annotation, id: 2, image_id: 2 }], categories };

  test('may contain other lists, which stay unchanged', async () => {
    const others = { splits: ['train'], scores: [1, 2], constructor: ['a'] };
    const { out } = await run({ minArea: '1px' }, await tree({ ...document, ...others }));
    expect(read(out)).toMatchObject(others);
  });

  test('gives variants ids that nothing in the document has, also nothing that is left out', async () => {
    const left = [
      { ...annotation, id: 90, image_id: 9 },
      { ...annotation, id: 80, segmentation: [['a']] },
    ];
    const root = await tree({
      ...document,
      images: [...images, { ...images[0], id: 70, file_name: 7 }],
      annotations: [...document.annotations, ...left],
    });
    const { out } = await run({ p: 0, copies: 2, skipBad: true }, root);
    expect(read(out).images.map(({ id }) => id)).toEqual([1, 2, 71, 72]);
    expect(read(out).annotations.map(({ id }) => id)).toEqual([1, 2, 91, 92]);
  });

  test('finds its images if the first is missing', async () => {
    const root = await tree(document, { 'b.png': [20, 10] });
    const dataset = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: true });
    expect(dataset.samples.map(({ id }) => id)).toEqual(['train/b']);
  });

  test('accepts a folder of images with a trailing slash', async () => {
    const root = await writeTree(join(folder, `in${number++}`), {
      'x.json': JSON.stringify(document),
      'pics/a.png': imageOf(20, 10, () => 0xff000000),
      'pics/b.png': imageOf(20, 10, () => 0xff000000),
    });
    const given = { in: root, annotations: 'x.json', images: 'pics/', maskSuffix: '', onlySplit: false, skipBad: false };
    expect((await openDataset(given)).samples).toHaveLength(2);
  });

  test('never copies a crowd, however it is marked', async () => {
    const crowds = document.annotations.map((one) => ({ ...one, iscrowd: true }));
    const { summary } = await run({ minArea: '1px' }, await tree({ ...document, annotations: crowds }));
    expect(summary.pasted).toBe(0);
  });

  test('leaves out annotations with only a box if the scene is jittered', async () => {
    const { segmentation: _, ...box } = annotation;
    const root = await tree({ ...document, annotations: [...document.annotations, { ...box, id: 7 }] });
    const { out } = await run({ preset: 'ssj', seed: 1 }, root);
    const { records } = await readManifest(join(out, 'manifest.json'));
    expect(records.find(({ id }) => id === 'train/a')?.status).toBe('augmented');
    expect(read(out).annotations.some(({ id }) => id === 7)).toBe(false);
  });

  test('copies a split with only boxes', async () => {
    const root = await tree(document);
    const { segmentation: _, ...box } = annotation;
    await writeTree(root, {
      'annotations/instances_val.json': JSON.stringify({ images: [images[0]], annotations: [box], categories }),
      'val/a.png': imageOf(20, 10, () => 0xff000000),
    });
    expect((await run({ minArea: '1px' }, root)).summary.copied).toBe(1);
  });

  test('may have other files beside its documents; two documents of one split are refused', async () => {
    const root = await writeTree(await tree(document), { 'annotations/categories.json': '[]' });
    expect((await run({ minArea: '1px' }, root)).summary.samples).toBe(2);
    const text = JSON.stringify(document);
    const twice = await writeTree(join(folder, `in${number++}`), {
      'labels.json': text,
      'coco.json': text,
      'a.png': imageOf(20, 10, () => 0xff000000),
    });
    await expect(run({}, twice)).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('--annotations') });
  });

  test.each([{ background: [3] }, { ignore: [3] }, { maskSuffix: '_mask' }])('refuses options for masks: %j', async (given) => {
    await expect(run(given)).rejects.toMatchObject({ code: 'usage' });
  });

  test('has its document written again by verify --deep', async () => {
    const { out } = await run();
    const file = join(out, path);
    const text = readFileSync(file, 'utf8');
    const other = text.replace(/"copypaste":\{"image_id":(\d)/, '"copypaste":{"image_id":9$1');
    expect(other).not.toBe(text);
    writeFileSync(file, other);
    const manifest = readFileSync(join(out, 'manifest.json'), 'utf8');
    writeFileSync(join(out, 'manifest.json'), manifest.replaceAll(sha256(text), sha256(other)));
    expect((await verify({ out })).differences).toEqual([]);
    expect((await verify({ out, deep: true, in: coco })).differences).toMatchObject([{ path }]);
  });
});
