import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeMask, encodeMask } from '../../src/codecs/png-masks.ts';
import { openDataset } from '../../src/dataset/open.ts';
import { describeUnpasted } from '../../src/dataset/unpasted.ts';
import { type LabelmeShape, spansOfShapes } from '../../src/formats/labelme/drawing.ts';
import { type LabelmeDocument, shapesOfLabelme } from '../../src/formats/labelme/read.ts';
import { fillSpans } from '../../src/masks/spans.ts';
import type { augmentOptions, Given } from '../../src/options.ts';
import type { ClassNames, Instance, Size } from '../../src/types.ts';
import { augment } from '../../src/verbs/augment.ts';
import { verify } from '../../src/verbs/verify.ts';
import { expectSound } from '../contract.ts';
import { imageOf, maskOf, rowsOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { readManifest } from '../manifest.ts';

const folder = temporaryFolder();
const labelme = 'fixtures/labelme';
const names = new Map([
  [0, 'bottle'],
  [1, 'person'],
]);
let number = 0;

async function run(options: Partial<Given<typeof augmentOptions>> = {}, root = labelme): Promise<string> {
  const out = join(folder, `out${number++}`);
  await augment({ in: root, out, p: 1, allowSelf: true, truncated: 'keep', ...options });
  return out;
}

const picture = imageOf(20, 10, (x, y) => 0xff000000 + 9 * x + 256 * y);
const square = {
  label: 'cat',
  points: [
    [4, 2],
    [12, 2],
    [12, 8],
    [4, 8],
  ],
  group_id: null,
  shape_type: 'polygon',
  flags: {},
};
const document = (shapes: object[], rest: object = {}): string =>
  JSON.stringify({ version: '5.0.0', flags: {}, shapes, imagePath: 'a.png', imageData: 'AAAA', imageHeight: 10, imageWidth: 20, ...rest });

/** Shapes of a labelme file, with their parts. */
function shapesIn(
  text: Buffer,
  size: Size,
  classNames: ClassNames,
): { readonly id: number; readonly instance?: Instance; readonly parts: readonly LabelmeShape[] }[] {
  const { own, shapes } = shapesOfLabelme({ parts: [text.toString()], size, file: 'a.json', classNames });
  return shapes.map((shape) => ({ ...shape, parts: shape.own.map((place) => own.shapes[place] as LabelmeShape) }));
}

describe('a labelme data set', () => {
  test('is written unchanged if nothing is pasted', async () => {
    const { 'manifest.json': _, ...after } = await treeDigests(await run({ p: 0 }));
    expect(after).toEqual(await treeDigests(labelme));
  });

  test('has polygons with exactly the pixels of pasted and covered instances, and all others unchanged', async () => {
    const out = await run({ copies: 3 });
    const size = { width: 500, height: 338 };
    const before = shapesIn(readFileSync(join(labelme, '2011_000003.json')), size, names);
    expect(before.map(({ parts, instance }) => [parts[0]?.label, parts.length, instance !== undefined])).toEqual([
      ['person', 1, true],
      ['person', 2, true],
      ['bottle', 1, true],
      ['__ignore__', 1, false],
    ]);
    for (const record of (await readManifest(join(out, 'manifest.json'))).records) {
      if (record.status !== 'augmented') continue;
      const bytes = readFileSync(join(out, record.files.labels?.path as string));
      const written: LabelmeDocument & { imageData: unknown } = JSON.parse(bytes.toString());
      expect(written).toMatchObject({ version: '4.0.0', imagePath: record.files.image.path, imageData: null, imageWidth: 500 });
      const after = shapesIn(bytes, size, names);
      const covered = new Map(record.covered?.map((one) => [one.object, one]));
      const kept = before.filter(({ id }) => !covered.get(id)?.dropped);
      const pasted = record.placements.filter(({ visible }) => visible > 0);
      expect(after.map(({ instance }) => instance?.area)).toEqual([
        ...kept.map(({ id, instance }) => covered.get(id)?.after ?? instance?.area),
        ...pasted.map(({ visible }) => visible),
      ]);
      kept.forEach(({ id, parts }, i) => {
        if (!covered.has(id)) expect(after[i]?.parts).toEqual(parts);
      });
      expect(after.slice(kept.length).map(({ parts }) => parts[0]?.label)).toEqual(pasted.map(({ classId }) => names.get(classId)));
    }
    await expectSound(out, labelme);
  });

  test('names the image of a variant where the name counts: not in a shape, and in the last of two keys', async () => {
    const own = { ...square, flags: { imagePath: 'of a flag.png' } };
    const text = document([own]).replace('"imagePath":"a.png"', '"imagePath":"x/y.png", "imagePath" : "dir/a.png"');
    const untouched = { ...square, label: 'dog' };
    const root = await writeTree(join(folder, `named${number++}`), {
      'a.png': picture,
      'a.json': text,
      'b.png': picture,
      'b.json': document([untouched], { imagePath: null }),
    });
    const out = await run({ p: 0, copies: 2 }, root);
    expect(readFileSync(join(out, 'a_aug2.json'), 'utf8')).toBe(text.replace('dir/a.png', 'dir/a_aug2.png'));
    expect(readFileSync(join(out, 'b_aug2.json'), 'utf8')).toBe(document([untouched], { imagePath: null }));
    const pasted = await run({ minArea: '1px' }, root);
    for (const [file, imagePath] of [
      ['a.json', 'dir/a.png'],
      ['b.json', 'b.png'],
    ] as const) {
      const written = readFileSync(join(pasted, file), 'utf8');
      expect(written).toContain('"copypaste"');
      expect(JSON.parse(written)).toMatchObject({ imagePath });
    }
  });

  test('has rectangles and circles, splits, and images without a file, which are copied', async () => {
    const root = await writeTree(join(folder, `shapes${number++}`), {
      'train/a.png': picture,
      'train/a.json': document([
        {
          ...square,
          shape_type: 'rectangle',
          points: [
            [4, 2],
            [12, 8],
          ],
        },
        {
          ...square,
          label: 'dog',
          shape_type: 'circle',
          points: [
            [10, 5],
            [13, 5],
          ],
        },
        {
          ...square,
          label: 'line',
          shape_type: 'line',
          points: [
            [1, 1],
            [2, 2],
          ],
        },
      ]),
      'train/none.png': picture,
      'val/b.png': picture,
      'val/b.json': document([square]),
    });
    const { layout, splits, samples, classNames } = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
    expect({ layout, splits, names: [...classNames.values()] }).toEqual({
      layout: 'labelme',
      splits: ['train', 'val'],
      names: ['cat', 'dog', 'line'],
    });
    const shapes = shapesIn(readFileSync(join(root, 'train/a.json')), { width: 20, height: 10 }, classNames);
    // labelme includes both edges.
    expect(shapes[0]?.instance?.area).toBe(63);
    expect(Math.abs((shapes[1]?.instance?.area ?? 0) - Math.PI * 3.5 ** 2)).toBeLessThan(4);
    expect(shapes[2]?.instance).toBeUndefined();
    expect(samples.map(({ id, labels }) => [id, labels])).toEqual([
      ['train/a', 'train/a.json'],
      ['train/none', undefined],
    ]);
    const out = await run({ minArea: '1px' }, root);
    const { records } = await readManifest(join(out, 'manifest.json'));
    expect(records.map(({ id, status }) => [id, status]).sort()).toEqual([
      ['train/a', 'augmented'],
      ['train/none', 'unchanged'],
      ['val/b', 'unchanged'],
    ]);
  });

  test('has mask shapes, also for a shape with a hole after pasting, and groups of parts', async () => {
    const mask = Buffer.from(await encodeMask(maskOf('11111', '1...1', '11111'))).toString('base64');
    const at = (points: number[][], rest: object = {}): object => ({ ...square, points, mask: null, ...rest });
    const box = (x: number, y: number, width: number, height: number): number[][] => [
      [x, y],
      [x + width - 1, y],
      [x + width - 1, y + height - 1],
      [x, y + height - 1],
    ];
    const root = await writeTree(join(folder, `masks${number++}`), {
      'a.png': imageOf(60, 40, (x, y) => 0xff000000 + x + 256 * y),
      'a.json': document(
        [
          at(
            [
              [10, 10],
              [14, 12],
            ],
            { label: 'ring', shape_type: 'mask', mask },
          ),
          at(box(2, 2, 50, 30), { label: 'wall' }),
          at(box(30, 34, 4, 4), { label: 'pair', group_id: 7 }),
          at(box(40, 34, 3, 3), { label: 'pair', group_id: 7 }),
        ],
        { imageWidth: 60, imageHeight: 40 },
      ),
    });
    const size = { width: 60, height: 40 };
    const names = new Map(['pair', 'ring', 'wall'].map((name, id) => [id, name]));
    const before = shapesIn(readFileSync(join(root, 'a.json')), size, names);
    expect(before.map(({ instance }) => instance?.area)).toEqual([12, 1500, 25]);
    const out = await run({ copies: 20, classes: ['ring', 'pair'], minArea: '1px', maxArea: 1 }, root);
    const types = new Set<string>();
    for (const record of (await readManifest(join(out, 'manifest.json'))).records) {
      if (record.status !== 'augmented') continue;
      const text = readFileSync(join(out, record.files.labels?.path as string));
      const { shapes } = JSON.parse(text.toString()) as LabelmeDocument;
      for (const shape of shapes) {
        types.add(`${shape.shape_type} ${shape.label}`);
        expect(typeof shape.mask === 'string').toBe(shape.shape_type === 'mask');
      }
      const after = shapesIn(text, size, names);
      const covered = new Map(record.covered?.map((one) => [one.object, one]));
      const kept = before.filter(({ id }) => !covered.get(id)?.dropped);
      expect(after.map(({ instance }) => instance?.area)).toEqual([
        ...kept.map(({ id, instance }) => covered.get(id)?.after ?? instance?.area),
        ...record.placements.filter(({ visible }) => visible > 0).map(({ visible }) => visible),
      ]);
    }
    expect([...types].sort()).toEqual(['mask pair', 'mask ring', 'mask wall', 'polygon pair', 'polygon ring', 'polygon wall']);
    await expectSound(out, root);
  });

  test('has rectangles of four corners, turned rectangles and quadrilaterals, as X-AnyLabeling writes them', () => {
    const text = (shape: object): Buffer => Buffer.from(document([{ ...square, ...shape }]));
    const areaOf = (shape: object): number | undefined =>
      shapesIn(text(shape), { width: 20, height: 10 }, new Map([[0, 'cat']]))[0]?.instance?.area;
    const two = [square.points[0], square.points[2]];
    for (const type of ['polygon', 'rectangle', 'rotation', 'quadrilateral', 'oriented_rectangle'])
      expect([type, areaOf({ shape_type: type })]).toEqual([type, areaOf({ shape_type: 'rectangle', points: two })]);
    expect(areaOf({ shape_type: 'cuboid' })).toBeUndefined();
  });

  test('may begin with a byte order mark, and state no size', async () => {
    const { imageWidth: _, imageHeight: __, ...rest } = JSON.parse(document([square]));
    const root = await writeTree(join(folder, `marked${number++}`), { 'a.png': picture, 'a.json': `\ufeff${JSON.stringify(rest)}` });
    const { samples } = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
    expect(samples.map(({ labels }) => labels)).toEqual(['a.json']);
  });

  test('counts the shapes that are never pasted, by reason; they are kept', async () => {
    const at = (shape_type: string, ...points: number[][]) => ({ ...square, shape_type, points });
    const odd = [
      at('polygon'),
      at('polygon', [5, 5]),
      at('polygon', [5, 5], [6, 6]),
      at('circle', [5, 5]),
      at('circle', [5, 5], [5, 5]),
      at('linestrip', [5, 5], [6, 6]),
      at('point', [5, 5]),
      at('rectangle', [30, 5], [40, 8]),
      { ...square, label: '__ignore__' },
    ];
    const root = await writeTree(join(folder, `odd${number++}`), {
      'a.png': picture,
      'a.json': document([square, ...odd]),
      'b.png': picture,
      'b.json': document([
        {
          ...square,
          points: [
            [0, 0],
            [19, 0],
            [19, 9],
            [0, 9],
          ],
        },
      ]),
    });
    const { counts } = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
    expect(counts?.annotations).toBe(11);
    expect(describeUnpasted(counts?.unpasted ?? {})).toBe(
      "4 with a wrong number of points, 1 without a pixel, 1 outside the image, 1 labelled '__ignore__', 1 of type 'linestrip', 1 of type 'point'",
    );
    const out = await run({ minArea: '1px', allowSelf: false, maxArea: 1, truncated: 'keep' }, root);
    const record = (await readManifest(join(out, 'manifest.json'))).records.find(({ id }) => id === 'a');
    const { shapes } = JSON.parse(readFileSync(join(out, record?.files.labels?.path as string), 'utf8')) as LabelmeDocument;
    expect(record?.status).toBe('augmented');
    for (const shape of odd) expect(shapes).toContainEqual(shape);
  });

  test('keeps a line that shares the group of a polygon', () => {
    const line = { ...square, group_id: 1, shape_type: 'line', points: square.points.slice(0, 2) };
    const text = Buffer.from(document([{ ...square, group_id: 1 }, line]));
    expect(shapesIn(text, { width: 20, height: 10 }, new Map([[0, 'cat']])).map(({ parts }) => parts.length)).toEqual([1, 1]);
  });

  test('names the image of each variant, also without pastes', async () => {
    const out = await run({ p: 0.5, copies: 4 });
    const { records } = await readManifest(join(out, 'manifest.json'));
    expect(new Set(records.map(({ status }) => status)).size).toBe(2);
    for (const { files } of records) {
      const written = JSON.parse(readFileSync(join(out, files.labels?.path as string), 'utf8'));
      expect(written.imagePath).toBe(files.image.path);
    }
    await expectSound(out, labelme);
  });

  test('has mask files of every sample on request, drawn from its shapes', async () => {
    const root = await writeTree(join(folder, `drawn${number++}`), {
      'train/a.png': picture,
      'train/a.json': document([
        square,
        {
          ...square,
          label: '__ignore__',
          points: [
            [14, 4],
            [18, 4],
            [18, 8],
          ],
        },
      ]),
      'train/b.png': picture,
      'val/c.png': picture,
      'val/c.json': document([
        { ...square, label: '_background_' },
        {
          ...square,
          label: 'dog',
          points: [
            [5, 3],
            [7, 3],
            [7, 5],
            [5, 5],
          ],
        },
      ]),
    });
    const out = await run({ maskFiles: true, minArea: '1px', copies: 3, includeOriginals: true }, root);
    expect(readFileSync(join(out, 'class_names.txt'), 'utf8')).toBe('_background_\ncat\ndog\n');
    const { records } = await readManifest(join(out, 'manifest.json'));
    const size = { width: 20, height: 10 };
    const names = new Map([
      [0, 'cat'],
      [1, 'dog'],
    ]);
    for (const { files } of records) {
      const stem = files.image.path.replace(/\.png$/, '');
      expect(files.drawn?.map(({ path }) => path)).toEqual([`SegmentationClassPNG/${stem}.png`, `SegmentationObjectPNG/${stem}.png`]);
      const [classes, objects] = (files.drawn ?? []).map(({ path }) => decodeMask(readFileSync(join(out, path)), path));
      expect(classes?.palette?.subarray(0, 6)).toEqual(Uint8Array.of(0, 0, 0, 128, 0, 0));
      const expected = { classes: new Uint8Array(200), objects: new Uint8Array(200) };
      const shapes = files.labels ? shapesIn(readFileSync(join(out, files.labels.path)), size, names) : [];
      shapes.forEach(({ instance, parts }, i) => {
        const void_ = parts[0]?.label === '__ignore__';
        fillSpans(spansOfShapes(parts, size), [0, 0, 20], expected.classes, void_ ? 255 : instance ? instance.classId + 1 : 0);
        fillSpans(spansOfShapes(parts, size), [0, 0, 20], expected.objects, void_ ? 0 : i + 1);
      });
      expect({ classes: classes?.ids, objects: objects?.ids }).toEqual(expected);
    }
    expect(new Set(records.map(({ status }) => status)).size).toBe(2);
    expect((await openDataset({ in: out, maskSuffix: '', onlySplit: false, skipBad: false })).samples.length).toBe(8);
    await expectSound(out, root);
    await writeFile(join(out, records[0]?.files.drawn?.[0]?.path as string), 'x');
    expect((await verify({ out })).differences.length).toBe(1);
  });

  test('keeps the order of shapes, in which later ones cover earlier ones, also within a divided group', async () => {
    const box = (label: string, x: number, group: number | null = null) => ({
      ...square,
      label,
      shape_type: 'rectangle',
      group_id: group,
      points: [
        [x, 2],
        [x + 5, 5],
      ],
    });
    const root = await writeTree(join(folder, `order${number++}`), {
      'a.png': picture,
      'a.json': document([box('a', 0, 1), box('b', 4), box('a', 8, 1), box('c', 14)]),
      'b.png': picture,
      'b.json': document([
        {
          ...square,
          label: 'd',
          points: [
            [18, 8],
            [19, 8],
            [19, 9],
            [18, 9],
          ],
        },
      ]),
    });
    const out = await run({ maskFiles: true, copies: 12, allowSelf: false, classes: ['d'], minArea: '1px', scale: [1, 1] }, root);
    let whole = 0;
    for (const record of (await readManifest(join(out, 'manifest.json'))).records) {
      const { id, files } = record;
      if (id !== 'a' || record.status !== 'augmented') continue;
      const { shapes } = JSON.parse(readFileSync(join(out, files.labels?.path as string), 'utf8')) as LabelmeDocument;
      if ((record.covered ?? []).length > 0) continue;
      whole++;
      expect(shapes.map(({ label }) => label)).toEqual(['a', 'b', 'a', 'c', 'd']);
      const path = files.drawn?.[0]?.path as string;
      const { ids } = decodeMask(readFileSync(join(out, path)), path);
      // The first a, b, the second a, c.
      expect(rowsOf({ width: 20, height: 1, ids: ids.subarray(60, 80) })).toEqual(['11112222111111333333']);
    }
    expect(whole).toBeGreaterThan(0);
    await expectSound(out, root);
  });

  test('with masks, or without class names, gets no mask files', async () => {
    await expect(augment({ in: 'fixtures/voc', out: join(folder, 'none'), maskFiles: true })).rejects.toMatchObject({
      code: 'usage',
      message: '--mask-files: the voc layout has masks of its own; leave the option out',
    });
  });

  test.each([
    ['not a valid labelme file: shapes are missing', '{}'],
    [
      "shape 'cat': the mask is not a PNG",
      document([
        {
          ...square,
          shape_type: 'mask',
          points: [
            [1, 1],
            [2, 2],
          ],
          mask: 'no',
        },
      ]),
    ],
    ['not a valid labelme file: shapes are missing', 'null'],
    ['not a valid labelme file', '{'],
    ['not a valid labelme file: shapes is an object, not a list', '{"shapes": {}}'],
    ['shapes\\[0\\]: is null, not an object', '{"shapes": [null]}'],
    ['shapes\\[0\\]: label is the number 0, not text', document([{ ...square, label: 0 }])],
    ['shapes\\[1\\]: points is missing', document([square, { label: 'x' }])],
    ['shapes\\[0\\]: points is an object, not a list', document([{ ...square, points: {} }])],
    [
      'shapes\\[0\\]: points\\[1\\] is a list of 3, not \\[x, y\\]',
      document([
        {
          ...square,
          points: [
            [1, 2],
            [1, 2, 3],
          ],
        },
      ]),
    ],
    ['shapes\\[0\\]: points\\[0\\] contains the text "1", not a number', document([{ ...square, points: [['1', 2]] }])],
    [
      'shapes\\[0\\]: points\\[0\\] contains the number 1e\\+300, which is far outside the image',
      document([{ ...square, points: [[1e300, 2]] }]),
    ],
    ['shapes\\[0\\]: shape_type is the number 1, not text', document([{ ...square, shape_type: 1 }])],
    ['shapes\\[0\\]: group_id is a list of 1, not an integer or text', document([{ ...square, group_id: [1] }])],
    ['shapes\\[0\\]: mask is the number 1, not text', document([{ ...square, mask: 1 }])],
    ['imagePath is the number 1, not text', document([square], { imagePath: 1 })],
    ['imageWidth is the text "20", not a positive integer', document([square], { imageWidth: '20' })],
    ['imageHeight is the number -1, not a positive integer', document([square], { imageHeight: -1 })],
    ['states an image of 21×10, but its image is 20×10', document([square], { imageWidth: 21 })],
  ])('is refused with the reason if it is invalid: %s', async (why, text) => {
    const root = await writeTree(join(folder, `bad${number++}`), {
      'a.png': picture,
      'a.json': text,
      'b.png': picture,
      'b.json': document([square]),
    });
    const error = await run({}, root).then(
      () => undefined,
      (thrown: { code: string; message: string; offenders: string[] }) => thrown,
    );
    expect(error?.code).toBe('data');
    expect([error?.message, ...(error?.offenders ?? [])].join('\n')).toMatch(new RegExp(`a\\.json: .*${why}`));
  });
});
