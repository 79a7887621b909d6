import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Sample } from '../../src/types.ts';
import { check } from '../../src/verbs/check.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { verify } from '../../src/verbs/verify.ts';
import { expectSound } from '../contract.ts';
import { imageOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { readManifest } from '../manifest.ts';
import { augmented, opened } from './format.ts';

const folder = temporaryFolder();
const name = 'via_region_data.json';
let number = 0;

interface Region {
  shape_attributes: { name: string; all_points_x?: number[]; all_points_y?: number[] };
  region_attributes: Record<string, unknown>;
}
interface Image {
  filename: string;
  size: number;
  regions: Region[];
}
const picture = imageOf(20, 10, (x, y) => 0xff000000 + 9 * x + 256 * y);
const polygon = (points: number[] = [4, 2, 12, 2, 12, 8, 4, 8]): object => ({
  name: 'polygon',
  all_points_x: points.filter((_, i) => i % 2 === 0),
  all_points_y: points.filter((_, i) => i % 2 === 1),
});
const region = (attributes: object = { label: 'cat' }, shape: object = polygon()): object => ({
  shape_attributes: shape,
  region_attributes: attributes,
});
const entry = (regions: unknown = [region()], file = 'a.png', rest: object = {}): Record<string, unknown> => ({
  [`${file}7`]: { filename: file, size: 7, regions, file_attributes: {}, ...rest },
});
const both = (regions?: unknown): object => ({ ...entry(regions), ...entry([region()], 'b.png') });
const tree = (document: object | string, file = name): Promise<string> =>
  writeTree(join(folder, `in${number++}`), {
    [file]: typeof document === 'string' ? document : JSON.stringify(document),
    'a.png': picture,
    'b.png': picture,
  });
const run = (root: string, options: Parameters<typeof augmented>[2] = {}): Promise<string> =>
  augmented(root, join(folder, `out${number++}`), options);
const textIn = (root: string, file = name): string => readFileSync(join(root, file), 'utf8');
const imagesIn = (root: string): Image[] => Object.values(JSON.parse(textIn(root)));

/** Area that the corners of a polygon enclose. */
function areaOf({ shape_attributes: { all_points_x: xs = [], all_points_y: ys = [] } }: Region): number {
  const next = (list: number[], n: number): number => list[(n + 1) % list.length] as number;
  return Math.abs(xs.reduce((sum, x, n) => sum + x * next(ys, n) - next(xs, n) * (ys[n] as number), 0)) / 2;
}

describe('a VIA data set', () => {
  test('is written unchanged if nothing is pasted', async () => {
    const root = await tree(
      `\ufeff{ "a.png7" :${JSON.stringify(entry()['a.png7'])} ,\n"b.png7":{"filename":"b.png","size":7,"regions":[]}}`,
    );
    const { 'manifest.json': _, [name]: text, ...after } = await treeDigests(await run(root, { p: 0 }));
    const { [name]: before, ...images } = await treeDigests(root);
    expect([after, text === undefined, before === undefined]).toEqual([images, false, false]);
  });

  test.each([
    ['list', (regions: object[]) => regions],
    ['object of VIA 1', (regions: object[]) => ({ ...regions })],
  ])('keeps other regions to the letter, and adds polygons with their source: regions in a %s', async (_, as) => {
    const kept = [
      region({ label: 'cat' }, { name: 'rect', x: 1, y: 1, width: 3, height: 3 }),
      region({ label: 'dog' }, { name: 'point', cx: 1, cy: 1 }),
      region({}, { name: 'polyline', all_points_x: [1, 2.5], all_points_y: [1, 2] }),
      region({ label: 'cat' }, {}),
    ];
    const root = await tree({ ...entry(as([region(), ...kept])), ...entry(as([region()]), 'b.png') });
    const out = await run(root, { copies: 6 });
    const { records } = await readManifest(join(out, 'manifest.json'));
    let covered = 0;
    for (const image of imagesIn(out)) {
      const record = records.find((one) => one.files.image.path === image.filename);
      if (record?.status !== 'augmented') continue;
      expect(Array.isArray(image.regions)).toBe(_ === 'list');
      const regions = Object.values(image.regions);
      const pasted = regions.filter((one) => 'copypaste' in one.region_attributes);
      const visible = record.placements.reduce((sum, one) => sum + one.visible, 0);
      expect(pasted.reduce((sum, one) => sum + areaOf(one), 0)).toBe(visible);
      expect(JSON.parse(pasted[0]?.region_attributes.copypaste as string)).toMatchObject({ region: 0, placement: 1 });
      expect(image.size).toBe(-1);
      const own = regions.filter((one) => one.shape_attributes.name === 'polygon' && !pasted.includes(one));
      const left = record.covered?.find(({ object }) => object === 0);
      expect(own.reduce((sum, one) => sum + areaOf(one), 0)).toBe(left ? (left.dropped ? 0 : left.after) : 48);
      if (left) covered++;
      if (image.filename.startsWith('a')) for (const one of kept) expect(JSON.stringify(image)).toContain(JSON.stringify(one));
      expect(Object.keys(JSON.parse(textIn(out)))).toContain(`${image.filename}-1`);
    }
    expect(covered).toBeGreaterThan(0);
    await expectSound(out, root);
  });

  test('has polygons, circles and rotated ellipses', async () => {
    const shapes = [
      polygon(),
      { name: 'circle', cx: 5, cy: 5, r: 3 },
      { name: 'ellipse', cx: 10, cy: 5, rx: 8, ry: 1.4 },
      { name: 'ellipse', cx: 10, cy: 5, rx: 4, ry: 1.4, theta: Math.PI / 2 },
    ];
    const root = await tree(both(shapes.map((shape) => region({ label: 'cat' }, shape))));
    const { layout, samples, documents } = await opened(root);
    expect([layout, documents.get('')?.annotations]).toEqual(['via', 5]);
    const { readAnnotations } = await import('../../src/dataset/annotations.ts');
    const { instances } = await readAnnotations(samples.at(0) as Sample, await opened(root), {
      instances: 'component',
      jitter: 'instance',
    });
    expect(instances.map(({ box }) => box)).toEqual([
      [4, 2, 12, 8],
      [2, 2, 8, 8],
      [2, 4, 18, 6],
      [9, 1, 11, 9],
    ]);
    expect(instances.map(({ area }, n) => Math.abs(area - ([48, 28.3, 35.2, 17.6][n] as number)) < 6)).toEqual([true, true, true, true]);
  });

  test('joins a part with its hole, and divides an object into its parts', async () => {
    const { drawn } = await import('../../src/formats/via/write.ts');
    const spans = Int32Array.from([0, 0, 3, 1, 0, 1, 1, 2, 3, 2, 0, 3, 2, 6, 8]);
    const regions = drawn(region() as never, spans) as unknown as Region[];
    expect(regions.map(areaOf)).toEqual([8, 2]);
    expect(regions.map(({ region_attributes }) => region_attributes)).toEqual([{ label: 'cat' }, { label: 'cat' }]);
  });

  test('may be a project, whose list of images follows its images', async () => {
    const project = (list: string) =>
      `{"_via_settings":{"ui":{"x":[1]}},"_via_img_metadata":${JSON.stringify(both())},"_via_attributes":{"region":{"label":{"type":"radio","options":{"dog":"","cat":"a cat"}}},"file":{}},"_via_data_format_version":"2.0.10","_via_image_id_list":${list}}`;
    const root = await tree(project('["b.png7", "a.png7"]'), 'via_project_1Jan2021.json');
    const { classNames } = await opened(root);
    expect([...classNames]).toEqual([
      [0, 'dog'],
      [1, 'cat'],
    ]);
    expect(textIn(await run(root, { p: 0 }), 'via_project_1Jan2021.json')).toBe(project('["b.png7", "a.png7"]'));
    const out = await run(root, { includeOriginals: true, copies: 2 });
    const written = JSON.parse(textIn(out, 'via_project_1Jan2021.json'));
    expect(written._via_image_id_list).toEqual(
      ['b', 'a'].flatMap((one) => [`${one}.png7`, ...['_aug1', '_aug2'].map((end) => `${one}${end}.png-1`)]),
    );
    expect(Object.keys(written._via_img_metadata).sort()).toEqual([...written._via_image_id_list].sort());
    await expectSound(out, root);
    const first = await tree(`{"_via_image_id_list":["a.png7","b.png7"],"_via_img_metadata":${JSON.stringify(both())}}`);
    expect(textIn(await run(first, { p: 0 }))).toBe(textIn(first));
    expect(JSON.parse(textIn(await run(first)))._via_image_id_list).toEqual(['a.png-1', 'b.png-1']);
  });

  test.each<[string, readonly object[], string | undefined, readonly string[], RegExp | undefined]>([
    ['the only attribute', [{ species: 'cat' }, { species: 'dog' }], undefined, ['cat', 'dog'], undefined],
    ['the attribute with a likely name', [{ note: 'x', Class: 'cat' }], undefined, ['cat'], /'Class', not of 'note'/],
    ['the attribute that is asked for', [{ name: 'x', label: 'cat' }], 'label', ['cat'], /not of 'name'/],
    ['the only ticked option', [{ kind: { cat: true, dog: false } }, { kind: { dog: true } }], undefined, ['cat', 'dog'], undefined],
    [
      'attributes that are equal in all regions',
      [
        { inseto: 'kudzu', insect: 'kudzu' },
        { inseto: 'bee', insect: 'bee' },
      ],
      undefined,
      ['bee', 'kudzu'],
      /'inseto', not of 'insect'/,
    ],
    ['a number', [{ class: 3 }], undefined, ['3'], undefined],
    [
      "no preset value of VIA's",
      [{ name: 'cat', type: 'unknown', image_quality: { good: true, frontal: true } }],
      undefined,
      ['cat'],
      /not of/,
    ],
    ['one class without attributes', [{}], undefined, ['object'], /regions have no attributes, so all are of one class, 'object'/],
    [
      'one class if an attribute only numbers regions',
      Array.from({ length: 9 }, (_, id) => ({ id: `${id}` })),
      undefined,
      ['object'],
      /no attribute of the regions \('id'\) holds a class/,
    ],
  ])('takes as class %s', async (_, attributes, classAttribute, names, note) => {
    const root = await tree(entry(attributes.map((one) => region(one))));
    const { classNames, notes } = await opened(root, { classAttribute });
    expect([...classNames.values()]).toEqual(names);
    if (note) expect(notes.join()).toMatch(note);
    else expect(notes).toEqual([]);
  });

  test('asks for the attribute of the class if several may hold it, and names those of the regions', async () => {
    const root = await tree(both([region({ name: 'x', label: 'cat' })]));
    await expect(opened(root)).rejects.toMatchObject({
      code: 'usage',
      message: `${name}: the class may be any of the region attributes 'name', 'label'; name it with --class-attribute`,
    });
    await expect(opened(root, { classAttribute: 'kind' })).rejects.toThrow(/no region has this attribute; they have 'name', 'label'/);
    await expect(opened('fixtures/coco', { classAttribute: 'kind' })).rejects.toThrow(
      '--class-attribute: does not apply to the coco layout',
    );
    const out = await run(root, { classAttribute: 'label' });
    expect((await check({ in: out, classAttribute: 'label' })).differences).toEqual([]);
    expect((await verify({ out, deep: true, in: root })).differences).toEqual([]);
  });

  test('asks for the attribute if equal values are not in the same regions', async () => {
    const root = await tree(entry([region({ a: 'x', b: 'x' }), region({ b: 'x' })]));
    await expect(opened(root)).rejects.toThrow(/may be any of the region attributes 'a', 'b'/);
  });

  test('is found by its regions if the names of images follow them', async () => {
    const regions = Array.from({ length: 99 }, () => region());
    const image = (file: string) => ({ [file]: { regions, filename: file, size: 7 } });
    expect((await opened(await tree({ ...image('a.png'), ...image('b.png') }, 'ours.json'))).layout).toBe('via');
  });

  test('counts the regions that are never pasted, by reason', async () => {
    const odd = [
      region({ label: 'cat' }, { name: 'rect', x: 1, y: 1, width: 3, height: 3 }),
      region({ label: 'cat' }, { name: 'point', cx: 1, cy: 1 }),
      region({ label: 'cat' }, polygon([1, 1, 2, 2])),
      region({ label: 'cat' }, polygon([-9, 1, -2, 2, -2, 5])),
      region({ label: '' }),
      { shape_attributes: polygon() },
    ];
    const root = await tree(both([region(), ...odd]));
    const { documents } = await opened(root);
    const unpasted = { box: 1, 'line or point': 1, 'too few points': 1, 'outside the image': 1, 'unknown label': 2 };
    expect(documents.get('')).toMatchObject({ annotations: 8, unpasted });
    expect((await inspect({ in: root })).unpasted).toMatchObject(unpasted);
  });

  test('takes the class of another data set into its attribute', async () => {
    const sources = await tree(both([region({ kind: 'cat' })]));
    const root = await tree(entry([region({ label: { cat: true } })]));
    const out = await run(root, { sources });
    const pasted = imagesIn(out).flatMap(({ regions }) => regions.filter((one) => 'copypaste' in one.region_attributes));
    expect(pasted.length).toBeGreaterThan(0);
    for (const one of pasted)
      expect(one.region_attributes).toMatchObject({ label: { cat: true }, copypaste: expect.stringMatching(/"source"/) });
    await expectSound(out, root, undefined, sources);
  });

  test('is found in folders of splits, and its standard name comes before others', async () => {
    const document = JSON.stringify(both());
    const root = await writeTree(join(folder, `in${number++}`), {
      ...Object.fromEntries(['train', 'val'].flatMap((split) => [`${split}/a.png`, `${split}/b.png`].map((file) => [file, picture]))),
      'train/via_region_data.json': document,
      'train/project.json': `{"_via_settings":{},"_via_img_metadata":${document},"_via_attributes":{}}`,
      'val/via_region_data.json': document,
    });
    const { layout, splits, samples, others, leftBehind } = await opened(root);
    expect([layout, splits, samples.length, others.length, leftBehind]).toEqual(['via', ['train', 'val'], 2, 2, ['train/project.json']]);
    const out = await run(root);
    expect(textIn(out, 'val/via_region_data.json')).toBe(document);
    await expectSound(out, root, 'train');
  });

  test.each(['annotations.json', 'labels.json', 'annotations/via_train.json', 'ours.json'])(
    'is not taken for another format: %s',
    async (file) => {
      expect((await opened(await tree(both(), file))).layout).toBe('via');
      expect((await opened(await tree(both(), file), { annotations: file })).layout).toBe('via');
    },
  );

  test('leaves out bad regions and images only with skipBad', async () => {
    const bad = region({ label: 'cat' }, { name: 'polygon', all_points_x: [1, 2, 3], all_points_y: [1, 2] });
    const root = await tree({ ...both([bad, region()]), ...entry([], 'c.png'), ...entry('x', 'd.png') });
    await expect(opened(root)).rejects.toMatchObject({ offenders: [expect.any(String), expect.any(String), expect.any(String)] });
    const { skipped } = await opened(root, { skipBad: true });
    expect(skipped.map(({ reason }) => reason).sort()).toEqual([
      'c.png: missing, but via_region_data.json lists it; add the file',
      `${name}: image 'a.png': regions[0]: shape_attributes: all_points_x has 3 numbers, but all_points_y has 2`,
      `${name}: image 'd.png7': regions is the text "x", not a list or an object`,
    ]);
    const out = await run(root, { skipBad: true, p: 0 });
    expect(JSON.parse(textIn(out))).toEqual(both([region()]));
  });

  test.each<[string, object | string]>([
    ['not a valid VIA document: the file is cut short', JSON.stringify(both()).slice(0, -9)],
    ["the key 'a.png7' occurs twice", JSON.stringify(both()).replace(/}$/, ',"a.png7":{}}')],
    ["the key 'a.png7' occurs twice", `{"_via_settings":{},"_via_img_metadata":${JSON.stringify(both()).replace(/}$/, ',"a.png7":{}}')}}`],
    ["image 'a.png7': filename is the number 1, not text", entry([], 'a.png', { filename: 1 })],
    ["image 'a.png7': size is a list of 0, not a number of bytes", entry([], 'a.png', { size: [] })],
    ["image 'a.png7': is not JSON", JSON.stringify(both()).replace('"size":7', '"size":NaN')],
    ["image 'a.png': regions\\[0\\]: is null, not an object", entry([null])],
    ['regions\\[0\\]: shape_attributes is missing', entry([{}])],
    ['regions\\[0\\]: region_attributes is the number 1, not an object', entry([{ shape_attributes: {}, region_attributes: 1 }])],
    ['shape_attributes: name is the text "star", not one of polygon, ', entry([region({}, { name: 'star' })])],
    ['shape_attributes: cx is the text "1", not a number near the image', entry([region({}, { name: 'circle', cx: '1', cy: 1, r: 1 })])],
    ['shape_attributes: all_points_x is a list of 3, not a list of numbers near', entry([region({}, polygon([1, 1, 1e9, 2, 3, 3]))])],
    ['_via_img_metadata is a list of 0, not an object', { _via_settings: {}, _via_img_metadata: [] }],
  ])('is refused with the reason if it is invalid: %s', async (why, document) => {
    const error = await opened(await tree(document)).then(
      () => undefined,
      (thrown: { code: string; message: string; offenders: string[] }) => thrown,
    );
    expect(error?.code).toBe('data');
    expect([error?.message, ...(error?.offenders ?? [])].join('\n')).toMatch(new RegExp(why));
  });
});
