import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { encodePng } from '../../src/codecs/png.ts';
import { decodeMask } from '../../src/codecs/png-masks.ts';
import { readAnnotations } from '../../src/dataset/annotations.ts';
import { readColourMap } from '../../src/dataset/colours.ts';
import { openDataset } from '../../src/dataset/open.ts';
import { cityscapes } from '../../src/formats/cityscapes.ts';
import { layoutNamed } from '../../src/formats/layouts.ts';
import type { augmentOptions, Given } from '../../src/options.ts';
import type { Image, Mask } from '../../src/types.ts';
import { augment } from '../../src/verbs/augment.ts';
import { verify } from '../../src/verbs/verify.ts';
import { expectSound } from '../contract.ts';
import { captureStreams, drawBox, filled, imageOf, rgba, temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { readManifest } from '../manifest.ts';
import { expectSameInShards } from '../shards.ts';

const folder = temporaryFolder();
let number = 0;

type Files = Parameters<typeof writeTree>[1];
const width = 40;
const height = 30;
const picture = (n: number) => imageOf(width, height, (x, y) => 0xff000000 + 65536 * n + 256 * x + y);
/** Two cars and a person on a road. */
const scene = (n: number): Mask =>
  drawBox(drawBox(drawBox(filled(width, height, 7), [5 + n, 5, 15 + n, 13], 26), [20, 15, 30, 22], 26), [5, 18, 9, 27], 24);
const wide = (ids: ArrayLike<number>): Mask => ({ width, height, ids: Uint16Array.from(ids) });

/** The instance mask of a scene: class · `per` + number, or the id of a class without instances. */
function objectsOf({ ids }: Mask, per: number, bare: (id: number) => number): Mask {
  return wide(Uint16Array.from(ids, (id, i) => (id < 24 ? bare(id) : id * per + (id === 26 && i >= 14 * width ? 2 : 1))));
}

const trainIdsOf = ({ ids }: Mask): Mask => ({ width, height, ids: Uint8Array.from(ids, (id) => cityscapes.trainIds[id] ?? 255) });

/** A scene in Cityscapes' colours. */
function coloursOf({ ids }: Mask): Image {
  const colour = cityscapes.views[1].values;
  return imageOf(width, height, (x, y) => {
    const [red, green, blue] = colour[ids[y * width + x] as number] as [number, number, number];
    return rgba(red, green, blue);
  });
}

const roboflowClasses = 'Pixel Value, Class\n0, background\n7, road\n24, person\n26, car';

const trees: Record<string, { files: Files; splits: string[]; id: string; options?: Partial<Given<typeof augmentOptions>> }> = {
  cityscapes: {
    files: Object.fromEntries(
      ['train/bonn', 'train/ulm', 'val/jena'].flatMap((place, n) => {
        const stem = `${place}/${place.split('/')[1]}_000000_00001${n}`;
        return [
          [`leftImg8bit/${stem}_leftImg8bit.png`, picture(n)],
          [`gtFine/${stem}_gtFine_labelIds.png`, scene(n)],
          [`gtFine/${stem}_gtFine_instanceIds.png`, objectsOf(scene(n), 1000, (id) => id)],
          [`gtFine/${stem}_gtFine_labelTrainIds.png`, trainIdsOf(scene(n))],
          [`gtFine/${stem}_gtFine_polygons.json`, '{}'],
        ];
      }),
    ),
    splits: ['train', 'val'],
    id: 'train/bonn/bonn_000000_000010',
    options: { instances: 'object' },
  },
  'cityscapes-train-ids': {
    files: Object.fromEntries(
      ['train/bonn/a', 'train/ulm/b', 'val/jena/c'].flatMap((stem, n) => [
        [`leftImg8bit/${stem}_leftImg8bit.png`, picture(n)],
        [`gtFine/${stem}_gtFine_labelTrainIds.png`, trainIdsOf(scene(n))],
      ]),
    ),
    splits: ['train', 'val'],
    id: 'train/bonn/a',
  },
  kitti: {
    files: Object.fromEntries(
      ['000000_10', '000001_10'].flatMap((stem, n) => [
        [`training/image_2/${stem}.png`, picture(n)],
        [`training/semantic/${stem}.png`, scene(n)],
        [`training/instance/${stem}.png`, objectsOf(scene(n), 256, (id) => id * 256)],
        [`training/semantic_rgb/${stem}.png`, coloursOf(scene(n))],
      ]),
    ),
    splits: ['training'],
    id: 'training/000000_10',
    options: { instances: 'object' },
  },
  ade20k: {
    files: Object.fromEntries(
      ['training/ADE_train_1', 'training/ADE_train_2', 'validation/ADE_val_1'].flatMap((stem, n) => [
        [`images/${stem}.jpg`, ''],
        [`annotations/${stem}.png`, scene(n)],
      ]),
    ),
    splits: ['training', 'validation'],
    id: 'training/ADE_train_1',
    options: { split: 'training' },
  },
  mmsegmentation: {
    files: Object.fromEntries(
      ['train/a', 'train/b', 'val/c'].flatMap((stem, n) => [
        [`img_dir/${stem}.png`, picture(n)],
        [`ann_dir/${stem}.png`, scene(n)],
      ]),
    ),
    splits: ['train', 'val'],
    id: 'train/a',
  },
  bdd100k: {
    files: Object.fromEntries(
      ['train/0a0a0b1a-7c39d841', 'train/0a0cc110-7f2fd481', 'val/7d06fefd-f7be05a6'].flatMap((stem, n) => [
        [`images/10k/${stem}.png`, picture(n)],
        [`labels/sem_seg/masks/${stem}.png`, trainIdsOf(scene(n))],
      ]),
    ),
    splits: ['train', 'val'],
    id: 'train/0a0a0b1a-7c39d841',
  },
  mapillary: {
    files: Object.fromEntries(
      ['training/a', 'training/b'].flatMap((stem, n) => {
        const [split, name] = stem.split('/');
        return [
          [`${split}/images/${name}.jpg`, ''],
          [`${split}/v1.2/labels/${name}.png`, scene(n)],
          [`${split}/v1.2/instances/${name}.png`, objectsOf(scene(n), 256, (id) => id * 256)],
        ];
      }),
    ),
    splits: ['training'],
    id: 'training/a',
    options: { instances: 'object', truncated: 'keep' },
  },
  roboflow: {
    files: Object.fromEntries([
      ...['train/a.rf.0f1', 'train/b.rf.2e3', 'valid/c.rf.4d5'].flatMap((stem, n) => [
        [`${stem}.png`, picture(n)],
        [`${stem}_mask.png`, scene(n)],
      ]),
      ...['train', 'valid'].map((split) => [`${split}/_classes.csv`, roboflowClasses]),
    ]),
    splits: ['train', 'valid'],
    id: 'train/a.rf.0f1',
  },
  paired: {
    files: Object.fromEntries(
      ['a', 'b'].flatMap((name, n) => [
        [`train/image/${name}.png`, picture(n)],
        [`train/label/${name}.png`, scene(n)],
      ]),
    ),
    splits: ['train'],
    id: 'train/a',
  },
};

async function make(name: string): Promise<string> {
  const { files } = trees[name] as (typeof trees)[string];
  const root = join(folder, `${name}${number++}`);
  for (const path of Object.keys(files)) {
    if (path.endsWith('.jpg')) {
      files[path] = await sharp(picture(path.length).pixels, { raw: { width, height, channels: 3 } })
        .jpeg()
        .toBuffer();
    }
  }
  return writeTree(root, files);
}

describe.each(Object.keys(trees))('the layout %s', (name) => {
  const { splits, id, options = {} } = trees[name] as (typeof trees)[string];

  test('is detected, with its splits and ids', async () => {
    const {
      layout,
      splits: found,
      samples,
    } = await openDataset({ in: await make(name), maskSuffix: '', onlySplit: false, skipBad: false, split: options.split });
    expect({ layout, found, id: samples.at(0)?.id }).toEqual({ layout: name, found: splits, id });
  });

  test('is written unchanged, and is consistent after pasting', async () => {
    const root = await make(name);
    const same = `${root}-same`;
    await augment({ in: root, out: same, ...options, p: 0 });
    // Polygons would not include the pastes, so they are left out.
    const withoutJson = async (tree: string): Promise<[string, string][]> =>
      Object.entries(await treeDigests(tree)).filter(([file]) => !file.endsWith('.json'));
    expect(await withoutJson(same)).toEqual(await withoutJson(root));
    const out = `${root}-pasted`;
    const summary = await augment({ in: root, out, ...options, p: 1, copies: 3, includeOriginals: true, minArea: '4px' });
    expect(summary.augmented).toBeGreaterThan(2);
    await expectSound(out, root, options.split);
  });

  test('is the same from any number of shards', async () => {
    const root = await make(name);
    const run = { ...options, p: 1, copies: 3, includeOriginals: true, batchSize: 2, minArea: '4px' } as const;
    await expectSameInShards({ in: root, ...run }, `${root}-out`, [1, 2, 3, 7, 64]);
  });
});

test("Cityscapes' other files are derived from the class mask, and pasted instances have ids of their class", async () => {
  const root = await make('cityscapes');
  const out = `${root}-out`;
  await augment({ in: root, out, instances: 'object', p: 1, minArea: '4px', copies: 2 });
  const { records } = await readManifest(join(out, 'manifest.json'));
  for (const record of records) {
    if (record.status !== 'augmented') continue;
    const read = async (path: string): Promise<Mask> => decodeMask(await readFile(join(out, path)), path);
    const [ids, objects, train] = (await Promise.all(
      [record.files.mask, record.files.objects, record.files.views?.[0]].map((file) => read(file?.path as string)),
    )) as [Mask, Mask, Mask];
    expect(record.files.mask?.path).toMatch(/_000000_00001\d_aug[12]_gtFine_labelIds\.png$/);
    expect(record.files.image.path).toMatch(/_000000_00001\d_aug[12]_leftImg8bit\.png$/);
    expect(train.ids).toEqual(trainIdsOf(ids).ids);
    objects.ids.forEach((object, i) => {
      const id = ids.ids[i] as number;
      if (object >= 1000) expect(Math.floor(object / 1000)).toBe(id);
      else expect(object).toBe(id);
    });
    for (const { object, classId } of record.placements) if (object !== undefined) expect(Math.floor(object / 1000)).toBe(classId);
  }
});

test("KITTI's colours are derived from the class mask, and keep their number of channels", async () => {
  const root = await make('kitti');
  // One of them has alpha.
  const file = 'training/semantic_rgb/000000_10.png';
  await writeFile(join(root, file), await sharp(join(root, file)).ensureAlpha().png().toBuffer());
  const out = `${root}-out`;
  const { leftBehind } = await augment({ in: root, out, instances: 'object', p: 1, minArea: '4px', copies: 2 });
  expect(leftBehind).toEqual([]);
  const { records } = await readManifest(join(out, 'manifest.json'));
  for (const { status, files, inputs } of records) {
    if (status !== 'augmented') continue;
    const view = files.views?.[0]?.path as string;
    expect(view).toMatch(/^training\/semantic_rgb\/00000\d_10_aug[12]\.png$/);
    const ids = decodeMask(await readFile(join(out, files.mask?.path as string)), 'ids');
    const { data, info } = await sharp(join(out, view)).raw().toBuffer({ resolveWithObject: true });
    expect(info.channels).toBe(inputs.mask?.path.includes('000000') ? 4 : 3);
    const colours = data.filter((_, i) => i % info.channels < 3);
    expect([...colours]).toEqual([...coloursOf(ids).pixels]);
  }
  await writeFile(join(root, file), await sharp(join(root, file)).resize(8, 8).png().toBuffer());
  await expect(augment({ in: root, out: `${root}-none` })).rejects.toMatchObject({
    offenders: [`${file}: is 8×8, but its mask is 40×30`],
  });
});

describe('Mapillary Vistas', () => {
  const labels = (last: string) => ({
    labels: Array.from({ length: 30 }, (_, id) => ({
      name: id === 26 ? 'object--vehicle--car' : id === 29 ? last : `class--${id}`,
      readable: `Class ${id}`,
      color: [id, id, id],
      instances: id === 24 || id === 26,
    })),
  });
  const both = async (): Promise<string> => {
    const root = await make('mapillary');
    const files = await Promise.all(
      ['labels', 'instances'].flatMap((kind) =>
        ['a', 'b'].map(async (name) => {
          return [`training/v2.0/${kind}/${name}.png`, await readFile(join(root, `training/v1.2/${kind}/${name}.png`))] as const;
        }),
      ),
    );
    return writeTree(root, {
      ...Object.fromEntries(files),
      'config_v1.2.json': JSON.stringify(labels('void--unlabeled')),
      'config_v2.0.json': JSON.stringify(labels('void--other')),
      'training/v1.2/panoptic/a.png': picture(0),
      'training/v1.2/panoptic/panoptic_2018.json': '{}',
      'training/v2.0/polygons/a.json': '{}',
      'training/v2.0/polygons/b.json': '{}',
    });
  };

  test('has two versions in one folder: one is chosen, and the other is left out with a warning', async () => {
    const root = await both();
    await expect(augment({ in: root, out: `${root}-out` })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(
        /^the data set matches 2 layouts: mapillary .* and mapillary-v2 .*; pass --layout mapillary or --layout mapillary-v2$/,
      ),
    });
    const streams = captureStreams();
    const out = `${root}-v2`;
    const flags = ['--layout', 'mapillary-v2', '--instances', 'object', '--truncated', 'keep', '-p', '1', '--min-area', '4px'];
    expect(await main(['augment', '--in', root, '--out', out, ...flags], streams)).toBe(0);
    expect(streams.text.stderr).toContain(
      '9 files not copied (not part of any sample, or out of date after pasting): config_v1.2.json, training/v1.2/instances/ (2), training/v1.2/labels/ (2), training/v1.2/panoptic/ (2), …',
    );
    await expectSound(out, root);
    expect(Object.keys(await treeDigests(out)).filter((file) => !file.includes('/'))).toEqual(['config_v2.0.json', 'manifest.json']);
  });

  test('has names, things and void in its configuration, which is copied', async () => {
    const root = await both();
    const read = async (layout: 'mapillary' | 'mapillary-v2') =>
      openDataset({ in: root, layout, maskSuffix: '', onlySplit: false, skipBad: false });
    const { classNames, objectIds, ignore, carried } = await read('mapillary');
    expect(classNames.get(26)).toBe('object--vehicle--car');
    expect(objectIds).toEqual({ perClass: 256, bare: 'product', things: [24, 26] });
    expect({ ignore: [...ignore], carried }).toEqual({ ignore: [29], carried: ['config_v1.2.json'] });
    expect([...(await read('mapillary-v2')).ignore]).toEqual([123]);
    const out = `${root}-out`;
    // Road is stuff: when pasted, it gets no instance id.
    await augment({ in: root, out, layout: 'mapillary', p: 1, truncated: 'keep', minArea: '4px', maxArea: 1, copies: 3, classes: [7] });
    const { records } = await readManifest(join(out, 'manifest.json'));
    const pasted = records.flatMap((record) => (record.status === 'augmented' ? record.placements : []));
    expect(pasted.length).toBeGreaterThan(0);
    for (const { object } of pasted) expect(object).toBeUndefined();
    await expectSound(out, root);
    expect(await readFile(join(out, 'config_v1.2.json'))).toEqual(await readFile(join(root, 'config_v1.2.json')));
  });

  test.each(['{', '{}', '{"labels": [{"readable": "x"}]}'])('an invalid configuration %s is refused', async (text) => {
    const root = await both();
    await writeFile(join(root, 'config_v1.2.json'), text);
    await expect(augment({ in: root, out: `${root}-out`, layout: 'mapillary' })).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(/^config_v1\.2\.json: not a configuration of Mapillary Vistas: /),
    });
  });
});

test('a jittered scene is padded with void in instance masks too, as the layout writes it', async () => {
  const root = await make('mapillary');
  const out = `${root}-out`;
  await augment({ in: root, out, preset: 'paper', scale: [0.3, 0.6], p: 1, copies: 2 });
  await expectSound(out, root);
});

describe('VOC in colours, as CVAT and Datumaro export it', () => {
  const names = ['person', 'background', 'bottle', 'ignored'];
  /** The colours of VOC's palette, some of them replaced. */
  const painted = async (path: string, replaced: Record<number, number[]> = {}): Promise<Uint8Array> => {
    const { width, height, ids, palette = [] } = decodeMask(await readFile(path), path);
    const data = new Uint8Array(3 * ids.length);
    ids.forEach((id, i) => {
      data.set(replaced[id] ?? palette.slice(3 * id, 3 * id + 3), 3 * i);
    });
    return encodePng({ width, height, depth: 8, channels: 3, data, filter: 'sub' });
  };
  const tree = async (replaced: Record<number, number[]> = {}, channels = 3): Promise<string> => {
    const stems = ['2011_000003', '2011_000006', '2011_000025'];
    const files: Record<string, Uint8Array | string> = {
      'ImageSets/Segmentation/train.txt': `${stems.join('\n')}\n`,
      'labelmap.txt': `# label:color_rgb:parts:actions\n${lines.join('\n')}\n`,
    };
    for (const stem of stems) {
      files[`JPEGImages/${stem}.jpg`] = await readFile(`fixtures/voc/JPEGImages/${stem}.jpg`);
      files[`SegmentationClass/${stem}.png`] = await painted(`fixtures/voc/SegmentationClass/${stem}.png`);
      const objects = await painted(`fixtures/voc/SegmentationObject/${stem}.png`, replaced);
      files[`SegmentationObject/${stem}.png`] = channels === 3 ? objects : await sharp(objects).ensureAlpha().png().toBuffer();
    }
    return writeTree(join(folder, `voc${number++}`), files);
  };
  // Background is not on the first line, so its class id is not 0, its id in instance masks.
  const lines = [
    `${names[0]}:192,128,128::`,
    `${names[1]}:0,0,0::`,
    `${names[2]}:128,0,128::`,
    `${names[3]}:224,224,192::`,
    'bus:0,128,128::',
    'car:128,128,128::',
    'chair:192,0,0::',
    'sofa:0,192,0::',
  ];

  test.each([
    ["VOC's colours", {}, 3],
    ['colours of its own, with alpha', { 1: [1, 2, 3], 2: [250, 10, 77] }, 4],
  ] as const)('with %s, has the instances of the mapped ids, and is written in colours again', async (_, replaced, channels) => {
    const root = await tree(replaced as unknown as Record<number, number[]>, channels);
    const same = `${root}-same`;
    await augment({ in: root, out: same, instances: 'object', p: 0 });
    const { 'manifest.json': _manifest, ...after } = await treeDigests(same);
    expect(after).toEqual(await treeDigests(root));
    const read = async (input: string): Promise<number[][]> => {
      const dataset = await openDataset({ in: input, maskSuffix: '', onlySplit: false, skipBad: false });
      const found = await Promise.all(
        dataset.samples.map((sample) => readAnnotations(sample, dataset, { instances: 'object', jitter: 'instance' })),
      );
      const classOf = (id: number): string => dataset.classNames.get(id) as string;
      return found.flatMap(({ instances }) => instances.map(({ classId, area, box }) => [classOf(classId) as never, area, ...box]));
    };
    expect(await read(root)).toEqual(await read('fixtures/voc'));
    const out = `${root}-out`;
    await augment({ in: root, out, instances: 'object', p: 1, copies: 4, truncated: 'keep', minVisible: 0.5, scale: [1, 3], maxArea: 1 });
    await expectSound(out, root);
    const { records } = await readManifest(join(out, 'manifest.json'));
    const pasted = records.flatMap((record) => (record.status === 'augmented' ? record.placements : []));
    expect(pasted.some(({ object }) => object !== undefined)).toBe(true);
    const dropped = records.flatMap((record) => (record.status === 'augmented' ? (record.covered ?? []) : [])).filter((one) => one.dropped);
    expect(dropped.length).toBeGreaterThan(0);
    for (const { files } of records) {
      const { channels: written } = await sharp(join(out, files.objects?.path as string)).metadata();
      expect(written).toBe(channels);
    }
    const scenes = `${root}-scenes`;
    await augment({ in: root, out: scenes, instances: 'object', preset: 'paper', p: 1 });
    await expectSound(scenes, root);
  });
});

describe('masks of colours', () => {
  const map = ['128 64 128\troad', '0 0 192\tcar', '64 64 0\tpedestrian', '0 0 0\tVoid'];
  const colours = map.map((line) => line.split(/\s/).slice(0, 3).map(Number));
  const idOf = new Map([
    [7, 0],
    [26, 1],
    [24, 2],
  ]);
  const coloured = (n: number): Promise<Uint8Array> => {
    const ids = drawBox({ ...scene(n), ids: Uint8Array.from(scene(n).ids, (id) => idOf.get(id) as number) }, [0, 0, 2, 2], 3).ids;
    const data = Uint8Array.from([...ids].flatMap((id) => colours[id] as number[]));
    return encodePng({ width, height, depth: 8, channels: 3, data, filter: 'sub' });
  };
  const tree = async (files: Files): Promise<string> =>
    writeTree(join(folder, `colours${number++}`), {
      'images/a.png': picture(0),
      'images/b.png': picture(1),
      'masks/a.png': await coloured(0),
      'masks/b.png': await coloured(1),
      ...files,
    });

  test('are read with the colour map of the data set, and written in its colours again', async () => {
    const root = await tree({ 'label_colors.txt': `${map.join('\n')}\n` });
    const { classNames, ignore, background, samples } = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
    expect([...classNames.values()]).toEqual(['road', 'car', 'pedestrian', 'Void']);
    expect({ ignore: [...ignore], background: [...background], samples: samples.length }).toEqual({
      ignore: [3],
      background: [],
      samples: 2,
    });
    const out = `${root}-out`;
    expect(await augment({ in: root, out, p: 1, classes: ['car'], minArea: '4px' })).toMatchObject({ augmented: 2 });
    const { data, info } = await sharp(join(out, 'masks', 'a.png'))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width, height, channels: 3 });
    const known = new Set(colours.map(String));
    for (let i = 0; i < data.length; i += 3) expect(known).toContain(String([...data.subarray(i, i + 3)]));
    expect((await verify({ out, deep: true, in: root })).differences).toEqual([]);
    expect((await verify({ out, deep: true, in: root })).rendered).toBe(2);
  });

  test('are refused without a colour map, or if a pixel has an unknown colour', async () => {
    const root = await tree({});
    await expect(augment({ in: root, out: `${root}-out` })).rejects.toMatchObject({
      code: 'data',
      offenders: expect.arrayContaining([
        'masks/a.png: mask stores colours, not class ids; map them with --color-map FILE, or convert it to ids',
      ]),
    });
    const file = join(
      await writeTree(join(folder, `map${number++}`), {
        'labelmap.txt': '# label:color_rgb:parts:actions\nroad:128,64,128::\ncar:0,0,192::\n',
      }),
      'labelmap.txt',
    );
    await expect(augment({ in: root, out: `${root}-out`, colorMap: file, p: 1 })).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(/^masks\/[ab]\.png: rgb\(0, 0, 0\) at pixel \(0, 0\) is not in the colour map; add it$/),
    });
  });

  test('need the colour map of the data set; masks of ids work with an unreadable one', async () => {
    // Datumaro writes such a map beside KITTI's ids.
    const wrong = { 'label_colors.txt': '0 0 0 unlabeled\n0 0 0 egovehicle\n128 64 128 road\n' };
    const root = await writeTree(await make('kitti'), wrong);
    const out = `${root}-out`;
    expect(await augment({ in: root, out, p: 1, minArea: '4px' })).toMatchObject({ augmented: 2, leftBehind: [] });
    await expectSound(out, root);
    await expect(augment({ in: await tree(wrong), out: `${root}-none` })).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(
        /label_colors\.txt: colour 0,0,0 of egovehicle also belongs to another class; give each class its own colour$/,
      ),
    });
  });

  test.each([
    ['name,r,g,b\nbackground,0,0,0\nwall,1,2,3\n', ['background', 'wall'], [0]],
    ['__background__:0,0,0::\nwall:1,2,3::\n', ['__background__', 'wall'], [0]],
    ['0 0 0 Unlabelled\r\n1 2 3 sign symbol\r\n', ['Unlabelled', 'sign symbol'], []],
  ])('a colour map may be written as %j', async (text, names, background) => {
    const root = await writeTree(join(folder, `map${number++}`), { 'map.txt': text });
    const read = await readColourMap(join(root, 'map.txt'));
    expect([...read.classNames.values()]).toEqual(names);
    expect(read.background).toEqual(background);
    expect(read.colours[1]).toEqual([1, 2, 3]);
  });

  test.each(['', 'what', '1 2 300 x\n', '1 2 3 x\n1 2 3 y\n'])('a colour map %j is refused', async (text) => {
    const root = await writeTree(join(folder, `map${number++}`), { 'map.txt': text });
    await expect(readColourMap(join(root, 'map.txt'))).rejects.toMatchObject({ code: 'data' });
  });
});

test.each([
  ['camvid', 5, ['pole', 'sign symbol', 'car', 'pedestrian', 'bicyclist']],
  ['cityscapes', 10, ['person', 'rider', 'car', 'truck', 'bus', 'caravan', 'trailer', 'train', 'motorcycle', 'bicycle']],
  ['cityscapes-train-ids', 8, ['person', 'rider', 'car', 'truck', 'bus', 'train', 'motorcycle', 'bicycle']],
  ['kitti', 10, ['person', 'bus', 'bicycle']],
  ['ade20k', 100, ['bed', 'person', 'fence', 'countertop', 'palm', 'airplane', 'food', 'flag']],
  ['voc', 20, ['aeroplane', 'diningtable', 'tvmonitor']],
])('%s has %i classes of things', (name, count, some) => {
  const { classNames = {}, stuff = [], background, ignore } = layoutNamed(name);
  const things = Object.keys(classNames).filter((id) => ![...stuff, ...background, ...ignore].includes(Number(id)));
  expect(things).toHaveLength(count);
  expect(things.map((id) => classNames[Number(id)])).toEqual(expect.arrayContaining(some));
  expect(stuff.every((id) => classNames[id] !== undefined)).toBe(true);
});
