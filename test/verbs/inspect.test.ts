import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { augment } from '../../src/verbs/augment.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { captureStreams, drawBox, filled, imageOf, temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();

describe('inspect', () => {
  test('counts samples, sizes, and what each class has', async () => {
    const { layout, splits, sizes, images, classes, odd, leftBehind } = await inspect({ in: 'fixtures/voc' });
    expect({ layout, splits, sizes, images }).toEqual({
      layout: 'voc',
      splits: { trainval: 3 },
      sizes: { '500×375': 2, '500×338': 1 },
      images: { 'JPEG RGB': 3 },
    });
    expect(classes.find(({ name }) => name === 'bus')).toEqual({
      id: 6,
      name: 'bus',
      leftOut: false,
      kind: 'thing',
      samples: 1,
      instances: 1,
      pixels: expect.any(Number),
    });
    expect(classes.reduce((sum, { pixels }) => sum + pixels, 0)).toBe(2 * 500 * 375 + 500 * 338);
    expect({ odd, leftBehind }).toEqual({ odd: [], leftBehind: ['class_names.txt'] });
    const objects = await inspect({ in: 'fixtures/voc', instances: 'object' });
    expect(objects.classes.find(({ name }) => name === 'sofa')?.instances).toBeLessThan(4);
  });

  test.each(['camvid', 'coco', 'cvat', 'datumaro', 'yolo'])('reads every layout: %s', async (name) => {
    const { layout, classes, odd } = await inspect({ in: `fixtures/${name}` });
    expect({ layout, odd }).toEqual({ layout: name, odd: [] });
    expect(classes.every(({ leftOut, instances, pixels }) => pixels > 0 && (leftOut || instances > 0))).toBe(true);
  });

  test('counts the instances that --join makes of components', async () => {
    const cars = async (join?: '6px') =>
      (await inspect({ in: 'fixtures/camvid', join })).classes.find(({ name }) => name === 'car')?.instances;
    expect([await cars(), await cars('6px')]).toEqual([60, 39]);
    await expect(inspect({ in: 'fixtures/coco', join: '6px' })).rejects.toMatchObject({ code: 'usage' });
    await expect(inspect({ in: 'fixtures/voc', join: '6px', instances: 'object' })).rejects.toMatchObject({ code: 'usage' });
  });

  test('shows what a manifest says of its output, and names a manifest of another tool', async () => {
    const out = join(folder, 'made');
    const { classes: made, pixels } = await augment({ in: 'fixtures/camvid', out, p: 1 });
    const { classes, augmented, leftBehind } = await inspect({ in: out });
    expect({ augmented, leftBehind }).toEqual({ augmented: { samples: 8, pixels }, leftBehind: [] });
    for (const { id, pasted, before, after } of made) expect(classes.find((row) => row.id === id)).toMatchObject({ pasted, before, after });
    const streams = captureStreams();
    expect(await main(['inspect', out], streams)).toBe(0);
    expect(streams.text.stdout).toMatch(/\nid +class +kind +samples +instances +pixels +pasted +before -> after\n/);
    expect(streams.text.stdout).toMatch(/\n *8 +car +thing +\d+ +\d+ +[\d.]+ % +\d+ +[\d.]+ -> [\d.]+ %\n/);
    expect(streams.text.stdout.split('\n').every((line) => line.length <= 80)).toBe(true);
    await writeTree(out, { 'manifest.json': '{"files": []}' });
    const foreign = await inspect({ in: out });
    expect(foreign.augmented).toBe(undefined);
    expect(foreign.odd).toEqual([{ path: 'manifest.json', what: expect.stringContaining('is not a copypaste manifest') }]);
  });

  test('tells stuff from things where a layout or a document knows them', async () => {
    const kinds = async (name: string) =>
      Object.fromEntries((await inspect({ in: `fixtures/${name}` })).classes.map(({ id, name, kind }) => [name ?? id, kind]));
    expect(await kinds('camvid')).toMatchObject({ sky: 'stuff', fence: 'stuff', pole: 'thing', car: 'thing' });
    expect(await kinds('panoptic')).toMatchObject({ 'grass-merged': 'stuff', horse: 'thing' });
    expect(new Set(Object.values(await kinds('coco')))).toEqual(new Set(['unknown']));
  });

  test('names possible problems: bad files, duplicate images, empty and unknown annotations', async () => {
    const picture = (n: number) => imageOf(9, 9, (x, y) => 0xff000000 + n + 7 * x * y);
    const root = await writeTree(join(folder, 'odd'), {
      'train/a.png': picture(1),
      'train/b.png': picture(2),
      'train/c.png': picture(3),
      'trainannot/a.png': drawBox(filled(9, 9, 11), [2, 2, 5, 5], 40),
      'trainannot/b.png': filled(9, 9, 11),
      'trainannot/c.png': filled(8, 9, 1),
      'valannot/d.png': drawBox(filled(9, 9, 11), [2, 2, 5, 5], 1),
      'val/d.png': '',
    });
    await copyFile(join(root, 'train', 'a.png'), join(root, 'val', 'd.png'));
    const { odd } = await inspect({ in: root });
    expect(odd).toEqual([
      { path: 'train/c.png', what: 'image is 9×9, but its mask is 8×9' },
      { path: 'trainannot/a.png', what: 'has ids that are not defined classes: 40' },
      { path: 'trainannot/b.png', what: 'train/b has no instance' },
      { path: 'val/d.png', what: 'is the same image as train/a.png, in split train' },
    ]);
    const streams = captureStreams();
    expect(await main(['inspect', root], streams)).toBe(0);
    expect(streams.text.stdout).toMatch(/^camvid layout: 3 samples: train 2, val 1\nsizes: 9×9 \(3\)\nimages: PNG RGB \(3\)\n\n/);
    expect(streams.text.stdout).toMatch(/\npossible problems: 4\n {2}train\/c\.png: image is 9×9, but its mask is 8×9\n/);
    const json = captureStreams();
    expect(await main(['inspect', root, '--json', '--quiet'], json)).toBe(0);
    expect(JSON.parse(json.text.stdout).odd).toEqual(odd);
  });
});
