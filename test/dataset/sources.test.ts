import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import type { CocoAnnotation } from '../../src/formats/coco/coco.ts';
import type { LabelmeDocument } from '../../src/formats/labelme/read.ts';
import type { augmentOptions, Given } from '../../src/options.ts';
import type { Manifest, ManifestRecord } from '../../src/output/manifest.ts';
import { augment } from '../../src/verbs/augment.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { expectSound } from '../contract.ts';
import { captureStreams, drawBox, filled, imageOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { readManifest } from '../manifest.ts';

const folder = temporaryFolder();
let number = 0;
type Options = Partial<Given<typeof augmentOptions>>;

async function run(root: string, sources: string, options: Options = {}): Promise<{ out: string; manifest: Manifest }> {
  const out = join(folder, `out${number++}`);
  await augment({ in: root, out, sources, p: 1, truncated: 'keep', minArea: '20px', ...options });
  return { out, manifest: await readManifest(join(out, 'manifest.json')) };
}

type Augmented = Extract<ManifestRecord, { status: 'augmented' }>;
const augmented = ({ records }: Manifest): Augmented[] => records.filter((one): one is Augmented => one.status === 'augmented');

/** A file for `--class-map`. */
function classMap(text: string): string {
  const path = join(folder, `classes${number++}.yaml`);
  writeFileSync(path, text);
  return path;
}

const picture = imageOf(60, 40, (x, y) => 0xff000000 + 4 * x + 256 * y);
const boxed = (id: number) => drawBox(filled(60, 40, 0), [20, 10, 40, 30], id);

describe('a data set that takes instances from another', () => {
  /** Layouts with the names of their classes in the other layouts. */
  const sets = {
    camvid: { root: 'fixtures/camvid', map: 'pedestrian: person\nbicyclist: person\ncar: person' },
    voc: { root: 'fixtures/voc', map: 'cow: person\nhorse: person' },
    coco: { root: 'fixtures/coco', map: 'truck: person' },
    panoptic: { root: 'fixtures/panoptic', map: 'truck: person' },
    yolo: { root: 'fixtures/yolo', map: 'car: person\npedestrian: person\nbicyclist: person' },
    labelme: { root: 'fixtures/labelme', map: 'bottle: person' },
    cvat: { root: 'fixtures/cvat', map: 'bottle: person' },
    datumaro: { root: 'fixtures/datumaro', map: 'bottle: person' },
  };
  type Name = keyof typeof sets;
  /** Name of the class `person` in a layout. */
  const person: Record<Name, string> = {
    camvid: 'pedestrian',
    voc: 'person',
    coco: 'person',
    panoptic: 'person',
    yolo: 'pedestrian',
    labelme: 'person',
    cvat: 'person',
    datumaro: 'person',
  };
  const names = Object.keys(sets) as Name[];
  /** Each layout as target and as source of a layout of documents, and masks with masks: neither side depends on the other's layout. */
  const pairs: (readonly [target: Name, source: Name])[] = [
    ...names.filter((name) => name !== 'coco').flatMap((name) => [[name, 'coco'] as const, ['coco', name] as const]),
    ['camvid', 'voc'],
  ];

  test.each(pairs)('%s takes %s, and all that holds of outputs holds', async (target, source) => {
    const map = sets[source].map.replaceAll(': person', `: ${person[target]}`);
    const own =
      person[source] === person[target] || source === 'camvid' || source === 'yolo' ? '' : `\n${person[source]}: ${person[target]}`;
    const split = target === 'camvid' || target === 'yolo' ? 'train' : undefined;
    const files = { classMap: classMap(map + own) };
    const { out, manifest } = await run(sets[target].root, sets[source].root, files);
    const pasted = augmented(manifest);
    expect(pasted.length).toBeGreaterThan(0);
    for (const record of pasted) {
      expect(record.source).toMatch(/^sources:/);
      expect(record.licence?.name !== undefined).toBe(source === 'coco' || source === 'panoptic');
      expect(record.sourceInputs?.image.path).toContain(record.source.slice('sources:'.length).split('/').at(-1));
    }
    await expectSound(out, sets[target].root, split, sets[source].root, files);
  });
});

describe('classes of a source set', () => {
  let ids: string;
  beforeAll(async () => {
    const tree = { 'images/a.png': picture, 'masks/a.png': boxed(3), 'images/b.png': picture, 'masks/b.png': boxed(4) };
    ids = await writeTree(join(folder, 'ids'), tree);
  });

  test('are matched by id if names are unknown', async () => {
    const target = await writeTree(join(folder, 'target'), { 'images/t.png': picture, 'masks/t.png': filled(60, 40, 0) });
    const { manifest, out } = await run(target, ids, { seed: 3 });
    expect(manifest.sources?.classes).toEqual({ pairs: [], others: 'same' });
    for (const { placements } of augmented(manifest)) for (const { classId } of placements) expect([3, 4]).toContain(classId);
    await expectSound(out, target, undefined, ids);
  });

  test('are matched by name, whatever their ids', async () => {
    const { manifest } = await run('fixtures/camvid', 'fixtures/yolo');
    expect(manifest.sources?.classes.pairs.filter(([, ours]) => ours !== null).sort()).toEqual([
      [0, 8],
      [1, 9],
      [2, 10],
    ]);
  });

  test('are left out if the map says null, or the class is never pasted', async () => {
    const { manifest } = await run('fixtures/camvid', 'fixtures/yolo', { classMap: classMap('{car: null, 1: pedestrian, bicyclist: 11}') });
    expect([...(manifest.sources?.classes.pairs ?? [])].sort()).toEqual([
      [0, null],
      [1, 9],
      [11, null],
      [2, null],
    ]);
    for (const { placements } of augmented(manifest)) for (const { classId } of placements) expect(classId).toBe(9);
  });

  test.each([
    ['cat: pedestrian', 'no class cat; use one of car, pedestrian, bicyclist'],
    ['car: spaceship', '--in has no class spaceship; use one of sky'],
    ['car: [1, 2]', "not a map of classes; write lines such as 'person: pedestrian'"],
    ['- car', "not a map of classes; write lines such as 'person: pedestrian'"],
    ['{', '--class-map'],
  ])('are refused in one line if the map is %s', async (text, message) => {
    const streams = captureStreams();
    const args = ['augment', '--in', 'fixtures/camvid', '--out', join(folder, `out${number++}`)];
    expect(await main([...args, '--sources', 'fixtures/yolo', '--class-map', classMap(text)], streams)).toBeGreaterThan(1);
    expect(streams.text.stderr.trim().split('\n')).toHaveLength(1);
    expect(streams.text.stderr).toContain(message);
  });

  test('are never stuff of the sources, unless they are kept or named', async () => {
    const target = await writeTree(join(folder, 'street'), { 'images/t.png': picture, 'masks/t.png': filled(60, 40, 5) });
    const classNames = join(target, 'names.txt');
    writeFileSync(classNames, '1 car\n2 road\n3 sky\n');
    const pairs = async (options: Options) =>
      Object.fromEntries((await run(target, 'fixtures/camvid', { classNames, ...options })).manifest.sources?.classes.pairs ?? []);
    expect(await pairs({})).toMatchObject({ 0: null, 3: null, 8: 1 });
    expect(await pairs({ stuff: 'keep' })).toMatchObject({ 0: 3, 3: 2, 8: 1 });
    expect(await pairs({ classes: ['road'] })).toMatchObject({ 0: null, 3: 2, 8: 1 });
    writeFileSync(classNames, '2 road\n3 sky\n');
    await expect(pairs({})).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('--stuff keep') });
  });

  test('are never stuff of the target, unless it is named', async () => {
    const root = await writeTree(join(folder, 'scenes'), { 'img_dir/train/a.png': picture, 'ann_dir/train/a.png': boxed(1) });
    const classNames = join(root, 'names.txt');
    writeFileSync(classNames, '0 car\n1 road\n');
    const options = { sourcesLayout: 'mmsegmentation', classMap: classMap('{0: null, 1: road}') } as const;
    expect(augmented((await run('fixtures/camvid', root, options)).manifest)).toEqual([]);
    const { manifest } = await run('fixtures/camvid', root, { ...options, classes: ['road'] });
    expect(augmented(manifest).flatMap(({ placements }) => placements.map(({ classId }) => classId))).toContain(3);
  });

  test('are never background or ignore classes of the target', async () => {
    const sources = await writeTree(join(folder, 'zero'), {
      'img_dir/train/a.png': picture,
      'ann_dir/train/a.png': drawBox(filled(60, 40, 7), [20, 10, 40, 30], 0),
    });
    const target = await writeTree(join(folder, 'zeroed'), { 'images/t.png': picture, 'masks/t.png': filled(60, 40, 5) });
    const { manifest } = await run(target, sources, { copies: 20, maxArea: 1 });
    expect(manifest.sources?.classes).toEqual({ pairs: [[0, null]], others: 'same' });
    for (const { placements } of augmented(manifest)) for (const { classId } of placements) expect(classId).toBe(7);
  });

  test('are matched by id if either data set has no names', async () => {
    const { manifest } = await run(ids, 'fixtures/voc', { maxArea: 1 });
    const pasted = augmented(manifest).flatMap(({ placements }) => placements.map(({ classId }) => classId));
    expect(pasted.length).toBeGreaterThan(0);
    expect(manifest.sources?.classes.pairs).toContainEqual([15, 15]);
  });

  test('are never stuff of a panoptic target', async () => {
    const map = classMap('car: grass-merged\npedestrian: tree-merged\nbicyclist: null');
    await expect(run('fixtures/panoptic', 'fixtures/yolo', { classMap: map })).rejects.toThrow('--sources: no class (');
  });

  test('must have one class in common', async () => {
    await expect(run('fixtures/voc', 'fixtures/yolo', { classMap: classMap('car: null') })).rejects.toThrow(
      /no class \(car, pedestrian, bicyclist\) matches a class of --in \(background, aeroplane/,
    );
  });
});

describe('a source set', () => {
  test('is used as a whole: every sample with an instance, and no other', async () => {
    const files: Parameters<typeof writeTree>[1] = {};
    for (let i = 0; i < 40; i++) {
      files[`images/${i}.png`] = picture;
      files[`masks/${i}.png`] = i % 2 === 0 ? boxed(1) : filled(60, 40, 0);
    }
    const sources = await writeTree(join(folder, 'whole'), files);
    const target = await writeTree(join(folder, 'tiny'), { 'images/t.png': picture, 'masks/t.png': filled(60, 40, 0) });
    const { manifest } = await run(target, sources, { copies: 200 });
    const drawn = new Set(augmented(manifest).map(({ source }) => Number(source.split(':')[1])));
    expect([...drawn].every((n) => n % 2 === 0)).toBe(true);
    expect(drawn.size).toBe(20);
  });

  test('gives the same bytes with any number of samples in flight, and after an interruption', async () => {
    const options = { classMap: classMap('car: car'), copies: 3 };
    const [one, eight] = [
      await run('fixtures/camvid', 'fixtures/yolo', { ...options, jobs: 1 }),
      await run('fixtures/camvid', 'fixtures/yolo', { ...options, jobs: 8 }),
    ];
    expect(await treeDigests(eight.out)).toEqual(await treeDigests(one.out));
    const out = join(folder, `out${number++}`);
    const controller = new AbortController();
    const given = { in: 'fixtures/camvid', out, sources: 'fixtures/yolo', p: 1, truncated: 'keep', minArea: '20px', ...options } as const;
    const stopped = augment({ ...given, batchSize: 4 }, { done: () => controller.abort(), stop: controller.signal });
    await expect(stopped).rejects.toThrow();
    const summary = await augment({ ...given, batchSize: 4 });
    expect(summary.reused).toBeGreaterThan(0);
    const whole = await run('fixtures/camvid', 'fixtures/yolo', { ...options, batchSize: 4 });
    expect(await treeDigests(out)).toEqual(await treeDigests(whole.out));
  });

  test('is refused if it has changed, is missing, or contains the output', async () => {
    const sources = join(folder, 'changing');
    cpSync('fixtures/yolo', sources, { recursive: true });
    const { out, manifest } = await run('fixtures/camvid', sources);
    const streams = captureStreams();
    const verify = (...args: string[]): Promise<number> => main(['verify', out, '--deep', '--in', 'fixtures/camvid', ...args], streams);
    expect(await verify()).toBe(2);
    expect(streams.text.stderr).toContain('--sources is missing');
    expect(await verify('--sources', sources)).toBe(0);
    const { sourceInputs } = augmented(manifest)[0] as Augmented;
    const labels = sourceInputs?.labels?.path as string;
    writeFileSync(join(sources, labels), `${readFileSync(join(sources, labels), 'utf8')}\n`);
    expect(await verify('--sources', sources)).toBe(65);
    expect(streams.text.stderr).toContain(`${labels}: has changed`);
    await expect(augment({ in: 'fixtures/camvid', out, sources, p: 1, truncated: 'keep', minArea: '20px' })).rejects.toThrow('another run');
    await expect(augment({ in: 'fixtures/camvid', out: join(sources, 'out'), sources })).rejects.toThrow('overlaps with --sources');
    await expect(augment({ in: 'fixtures/camvid', out, classMap: 'x' })).rejects.toThrow('--class-map: needs --sources');
    await expect(augment({ in: 'fixtures/camvid', out, sources: './fixtures/camvid' })).rejects.toThrow('is the same folder as --in');
    await expect(augment({ in: 'fixtures/camvid', out, sources, allowSelf: true })).rejects.toThrow('--allow-self');
    await expect(augment({ in: 'fixtures/camvid', out, targets: 'annotated', backgroundRatio: 0.5 })).rejects.toThrow('--background-ratio');
    await expect(augment({ in: 'fixtures/camvid', out, sources: join(folder, 'none') })).rejects.toThrow(
      `none: no such directory; ${folder} has no folder none`,
    );
  });

  test('leaves out and lists bad samples with --skip-bad, and is refused otherwise', async () => {
    const sources = join(folder, 'bad');
    cpSync('fixtures/yolo', sources, { recursive: true });
    const images = readdirSync(join(sources, 'images/train'));
    for (const name of images.slice(1)) {
      const path = join(sources, 'images/train', name);
      writeFileSync(path, readFileSync(path).subarray(0, 2000));
    }
    await expect(run('fixtures/camvid', sources, { copies: 4 })).rejects.toThrow(/images\/train\/.*damaged|cannot be decoded|ends/);
    const { manifest } = await run('fixtures/camvid', sources, { copies: 4, skipBad: true });
    expect(manifest.skipped.map(({ id }) => id).sort()).toEqual(
      images.slice(1).map((name) => `sources:train/${name.replace(/\.\w+$/, '')}`),
    );
    expect(new Set(augmented(manifest).map(({ source }) => source)).size).toBe(1);
  });

  test('without instances is refused', async () => {
    const sources = await writeTree(join(folder, 'empty'), { 'images/a.png': picture, 'masks/a.png': filled(60, 40, 0) });
    const streams = captureStreams();
    const args = ['augment', '--in', 'fixtures/camvid', '--out', join(folder, `out${number++}`), '-p', '1'];
    expect(await main([...args, '--sources', sources], streams)).toBe(65);
    expect(streams.text.stderr).toContain('no instance in --sources is of a class that may be pasted');
  });

  test('is named in the annotations pasted from it', async () => {
    const { out } = await run('fixtures/coco', 'fixtures/labelme');
    const { annotations } = JSON.parse(readFileSync(join(out, 'annotations/instances_train.json'), 'utf8')) as {
      annotations: CocoAnnotation[];
    };
    const pasted = annotations.filter(({ copypaste }) => copypaste);
    expect(pasted.length).toBeGreaterThan(0);
    for (const { copypaste } of pasted) expect(copypaste).toMatchObject({ source: 'sources:2011_000003' });
    const labelme = await run('fixtures/labelme', 'fixtures/coco');
    const { shapes } = JSON.parse(readFileSync(join(labelme.out, '2011_000003.json'), 'utf8')) as LabelmeDocument;
    expect(shapes.at(-1)).toMatchObject({ label: 'person', shape_type: 'polygon' });
  });
});

describe('targets', () => {
  const labels = '0 0.2 0.2 0.6 0.2 0.6 0.7 0.2 0.7\n';
  let root: string;
  beforeAll(async () => {
    const files: Parameters<typeof writeTree>[1] = { 'data.yaml': 'names: [cat]\n' };
    for (let i = 0; i < 32; i++) {
      files[`images/train/${i}.png`] = picture;
      if (i % 4 === 0) files[`labels/train/${i}.txt`] = labels;
    }
    root = await writeTree(join(folder, 'background'), files);
  });
  const targets = async (options: Options) => {
    const out = join(folder, `out${number++}`);
    await augment({ in: root, out, p: 1, truncated: 'keep', batchSize: 32, ...options });
    const { records } = await readManifest(join(out, 'manifest.json'));
    const [background, annotated] = [false, true].map((wanted) => {
      const of = records.filter(({ id }) => (Number(id.split('/')[1]) % 4 === 0) === wanted);
      return { pasted: of.filter(({ status }) => status === 'augmented').length, all: of.length };
    });
    return { out, background, annotated, records };
  };

  test('are only background images with --targets background, and get new labels', async () => {
    const { out, background, annotated, records } = await targets({ targets: 'background' });
    expect([background, annotated]).toEqual([
      { pasted: 24, all: 24 },
      { pasted: 0, all: 8 },
    ]);
    expect(records.find(({ id }) => id === 'train/0')).toMatchObject({ reason: 'not a target' });
    expect(readdirSync(join(out, 'labels/train'))).toHaveLength(32);
    await expectSound(out, root, 'train');
  });

  test('are only annotated images with --targets annotated', async () => {
    expect(await targets({ targets: 'annotated' })).toMatchObject({ background: { pasted: 0 }, annotated: { pasted: 8 } });
  });

  test('include as many background images as --background-ratio states', async () => {
    expect(await targets({ backgroundRatio: 0 })).toMatchObject({ background: { pasted: 0 }, annotated: { pasted: 8 } });
    const { background, annotated } = await targets({ p: 0, backgroundRatio: 0.5, copies: 8 });
    expect(annotated?.pasted).toBe(0);
    const ratio = (background?.pasted ?? 0) / (background?.all ?? 1);
    expect(ratio).toBeGreaterThan(0.4);
    expect(ratio).toBeLessThan(0.6);
  });

  test('give an error if there are none', async () => {
    const streams = captureStreams();
    const args = ['augment', '--in', 'fixtures/camvid', '--out', join(folder, `out${number++}`), '-p', '1'];
    expect(await main([...args, '--targets', 'background'], streams)).toBe(65);
    expect(streams.text.stderr).toContain('every sample has annotations; change --targets');
  });
});

describe('options and folders without an effect are refused with the true cause:', () => {
  const refused = (options: Options & { in?: string }) =>
    expect(augment({ in: 'fixtures/camvid', out: join(folder, `out${number++}`), ...options }));

  test.each(['coco', 'panoptic', 'cvat', 'datumaro', 'yolo', 'labelme'])('--instances class with %s, also as sources', async (name) => {
    const why = `--instances class: does not apply to the ${name} layout, whose annotations are the instances; leave it out`;
    await refused({ in: `fixtures/${name}`, instances: 'class' }).rejects.toMatchObject({ code: 'usage', message: why });
    await expect(inspect({ in: `fixtures/${name}`, instances: 'class' })).rejects.toMatchObject({ code: 'usage', message: why });
    if (name === 'coco')
      await refused({ sources: 'fixtures/coco', classMap: classMap('person: pedestrian'), instances: 'class' }).rejects.toThrow(why);
  });

  test('--preset composer applies to annotations too, and says that they are the instances', async () => {
    const streams = captureStreams();
    await main(['augment', '--in', 'fixtures/coco', '--out', join(folder, 'composer'), '--preset', 'composer', '--dry-run'], streams);
    expect(streams.text.stderr).toContain('instances are the annotations; the whole classes of --preset composer apply to masks alone\n');
  });

  test('--sources without a file, an image or a layout', async () => {
    const empty = join(folder, 'without-files');
    mkdirSync(empty);
    await refused({ sources: empty }).rejects.toMatchObject({
      code: 'noInput',
      message: `--sources ${empty}: contains no files; pass a data set, a bank or a folder of cut-outs`,
    });
    const texts = await writeTree(join(folder, 'texts'), { 'a/b.txt': 'x' });
    await refused({ sources: texts }).rejects.toThrow('contains no images; pass a data set, a bank or a folder of cut-outs');
    const loose = await writeTree(join(folder, 'loose'), { 'some/b.png': picture });
    await refused({ sources: loose }).rejects.toThrow(`--sources ${loose}: does not match any known layout`);
  });
});
