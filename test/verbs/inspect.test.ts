import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { inspectionSchema } from '../../src/engine/inspection.ts';
import { augment } from '../../src/verbs/augment.ts';
import { extract } from '../../src/verbs/extract.ts';
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
      pastable: 0,
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

  test('finds what its schema says, in every layout, an output, a bank, and a comparison', async () => {
    const [out, bank] = [join(folder, 'described'), join(folder, 'bank')];
    await augment({ in: 'fixtures/camvid', out, p: 1 });
    await extract({ in: 'fixtures/camvid', out: bank });
    const layouts = ['camvid', 'coco', 'cvat', 'datumaro', 'labelme', 'panoptic', 'via', 'voc', 'yolo'];
    for (const place of [...layouts.map((name) => `fixtures/${name}`), out, bank]) {
      const found = await inspect({ in: place });
      expect(inspectionSchema.parse(JSON.parse(JSON.stringify(found))), place).toEqual(found);
      const compared = await inspect({ in: place, other: 'fixtures/voc' });
      expect(inspectionSchema.parse(JSON.parse(JSON.stringify(compared))), place).toEqual(compared);
    }
  });

  test('counts the instances that --join makes of components', async () => {
    const cars = async (join?: '6px') => {
      const { classes, others } = await inspect({ in: 'fixtures/camvid', join });
      return [...classes, ...(others?.classes ?? [])].reduce((sum, { name, instances }) => sum + (name === 'car' ? instances : 0), 0);
    };
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

  test('counts what can be pasted apart from all else, by reason, and the augmented split apart from the others', async () => {
    const { split, annotations, pastable, unpasted, classes, others } = await inspect({ in: 'fixtures/camvid' });
    expect({ split, annotations, pastable, unpasted }).toEqual({
      split: 'train',
      annotations: 707,
      pastable: 196,
      unpasted: { 'class of stuff': 407, 'cut off': 18, 'too small': 86 },
    });
    expect(classes.reduce((sum, row) => sum + (row.leftOut ? 0 : row.instances), 0)).toBe(annotations);
    expect(classes.reduce((sum, row) => sum + row.pastable, 0)).toBe(pastable);
    expect(others).toMatchObject({ annotations: 135, pastable: 36, unpasted: { 'class of stuff': 82, 'cut off': 1, 'too small': 16 } });
    const of = async (name: string) => (await inspect({ in: `fixtures/${name}` })).unpasted;
    expect(await of('coco')).toEqual({ 'crowd of run lengths': 3, 'cut off': 3 });
    expect(await of('panoptic')).toEqual({ crowd: 3, stuff: 7, 'cut off': 3 });
    expect(await of('cvat')).toEqual({ box: 1, 'line or point': 2, 'cut off': 5 });
    expect(await of('labelme')).toEqual({ "labelled '__ignore__'": 1, 'cut off': 1 });
    expect((await inspect({ in: 'fixtures/coco', crowd: 'objects' })).unpasted).toEqual({ 'cut off': 4 });
    const streams = captureStreams();
    await main(['inspect', 'fixtures/camvid'], streams);
    expect(streams.text.stdout).toContain(
      '\nusable as pastes by default: 196 of 707; not used:\n  407 of a class of stuff (--stuff keep)\n  18 cut off',
    );
    expect(streams.text.stdout).toContain('\nother splits (val):\n');
  });

  test('and check say why all samples of a set are bad, and print the notes of augment', async () => {
    const picture = imageOf(9, 9, (x, y) => 0xff000000 + 7 * x * y);
    const label = JSON.stringify({ shapes: 1 });
    const box = '<box label="a" xtl="1"/>';
    const item = { id: 'a', image: { path: 'a.png' }, annotations: [{}] };
    const image = { id: 1, file_name: 'a.png', width: 'x', height: 9 };
    const sets: [string, Parameters<typeof writeTree>[1]][] = [
      ['image is 9×9, but its mask is 8×9', { 'images/a.png': picture, 'masks/a.png': filled(8, 9, 1) }],
      ['not a valid labelme file', { 'a.png': picture, 'a.json': label }],
      [
        'a box needs xtl',
        {
          'a.png': picture,
          'annotations.xml': `<annotations><image id="1" name="a.png" width="9" height="9">${box}</image></annotations>`,
        },
      ],
      ['type is missing', { 'images/train/a.png': picture, 'annotations/train.json': JSON.stringify({ categories: {}, items: [item] }) }],
      [
        'width is the text "x"',
        {
          'train/a.png': picture,
          'annotations/instances_train.json': JSON.stringify({ images: [image], annotations: [], categories: [] }),
        },
      ],
      ['line 1 is neither a polygon', { 'images/train/a.png': picture, 'labels/train/a.txt': '0 1 x\n', 'data.yaml': 'names: [a]\n' }],
    ];
    for (const [n, [why, files]] of sets.entries()) {
      const root = await writeTree(join(folder, `all-bad${n}`), files);
      const [looked, checked] = [captureStreams(), captureStreams()];
      expect(await main(['inspect', root], looked)).toBe(0);
      expect(looked.text.stdout).toContain('possible problems: 1\n');
      expect(looked.text.stdout).toContain(why);
      expect(await main(['check', root], checked)).toBe(1);
      expect(checked.text.stderr).toContain(why);
    }
    const noted = captureStreams();
    await main(['check', 'fixtures/coco'], noted);
    expect(noted.text.stderr).toContain('3 of 43 annotations are kept and never pasted: 3 crowds (iscrowd 1) with run lengths\n');
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

test('a layout of objects is shown without the id that its pixels without an object have in the program', async () => {
  for (const argv of [
    ['inspect', 'fixtures/labelme'],
    ['inspect', 'fixtures/labelme', 'fixtures/coco'],
    ['init', 'fixtures/labelme', '--print'],
  ]) {
    const streams = captureStreams();
    expect(await main(argv, streams)).toBe(0);
    expect(streams.text.stdout).toMatch(/unlabelled/);
    expect(streams.text.stdout).not.toMatch(/65535|no split/);
  }
});
