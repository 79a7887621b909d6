import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { augment } from '../../src/augment.ts';
import type { augmentOptions, Given } from '../../src/options.ts';
import { openDataset } from '../../src/read/dataset.ts';
import { shapesOfLabelme } from '../../src/read/labelme.ts';
import { readManifest } from '../../src/read/manifest.ts';
import { enableProdMode } from '../../src/render/render.ts';
import type { LabelmeDocument } from '../../src/types.ts';
import { expectSound } from '../contract.ts';
import { imageOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';

enableProdMode();
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

describe('a labelme data set', () => {
  test('is written as it was read where nothing is pasted', async () => {
    const { 'manifest.json': _, ...after } = await treeDigests(await run({ p: 0 }));
    expect(after).toEqual(await treeDigests(labelme));
  });

  test('has polygons that fill to the pixels of pasted and covered instances, and the others as they were', async () => {
    const out = await run({ copies: 3 });
    const size = { width: 500, height: 338 };
    const before = shapesOfLabelme(readFileSync(join(labelme, '2011_000003.json')), size, 'before', names);
    expect(before.shapes.map(({ parts, instance }) => [parts?.[0]?.label, parts?.length, instance !== undefined])).toEqual([
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
      const after = shapesOfLabelme(bytes, size, 'after', names).shapes;
      const covered = new Map(record.covered?.map((one) => [one.object, one]));
      const kept = before.shapes.filter(({ id }) => !covered.get(id)?.dropped);
      const pasted = record.placements.filter(({ visible }) => visible > 0);
      expect(after.map(({ instance }) => instance?.area)).toEqual([
        ...kept.map(({ id, instance }) => covered.get(id)?.after ?? instance?.area),
        ...pasted.map(({ visible }) => visible),
      ]);
      kept.forEach(({ id, parts }, i) => {
        if (!covered.has(id)) expect(after[i]?.parts).toEqual(parts);
      });
      expect(after.slice(kept.length).map(({ parts }) => parts?.[0]?.label)).toEqual(pasted.map(({ classId }) => names.get(classId)));
    }
    await expectSound(out, labelme);
  });

  test('has rectangles and circles, splits, and images without a file, which pass through', async () => {
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
    const { shapes } = shapesOfLabelme(readFileSync(join(root, 'train/a.json')), { width: 20, height: 10 }, 'a', classNames);
    expect(shapes[0]?.instance?.area).toBe(48);
    expect(Math.abs((shapes[1]?.instance?.area ?? 0) - Math.PI * 9)).toBeLessThan(4);
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

  test.each([
    ['it has no shapes', '{}'],
    ['it has no shapes', 'null'],
    ['not a labelme file', '{'],
    ['shapes\\[0\\] has no label and points', document([{ label: 'x' }])],
    ['shapes\\[0\\] has no label and points', document([{ ...square, points: [[1e300, 2]] }])],
    ['is of an image of 21×10, which is 20×10', document([square], { imageWidth: 21 })],
  ])('that is wrong is refused by name: %s', async (why, text) => {
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
