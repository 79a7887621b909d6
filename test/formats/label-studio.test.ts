import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDataset } from '../../src/dataset/open.ts';
import { shapesOfTask } from '../../src/formats/label-studio/read.ts';
import type { Result, Task } from '../../src/formats/label-studio/tasks.ts';
import { brushOfSpans } from '../../src/masks/brush.ts';
import { spansOfPixels } from '../../src/masks/spans.ts';
import type { augmentOptions, Given } from '../../src/options.ts';
import { augment } from '../../src/verbs/augment.ts';
import { expectSound } from '../contract.ts';
import { imageOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { readManifest } from '../manifest.ts';

const folder = temporaryFolder();
const size = { width: 40, height: 20 };
const picture = imageOf(size.width, size.height, (x, y) => 0xff000000 + 5 * x + 256 * 9 * y);
let number = 0;

const at = (type: string, value: object, more: object = {}): object => ({
  ...{ original_width: 40, original_height: 20, image_rotation: 0, id: `r${number++}`, from_name: 'label', to_name: 'image' },
  ...{ type, value, origin: 'manual', ...more },
});
/** Points in pixels as percentages. */
const percent = (...points: number[][]): number[][] => points.map(([x = 0, y = 0]) => [x * 2.5, y * 5]);
const rectangle = (x0: number, y0: number, x1: number, y1: number): number[][] => percent([x0, y0], [x1, y0], [x1, y1], [x0, y1]);
const polygon = (label: string, points: number[][], more: object = {}): object =>
  at('polygonlabels', { points, closed: true, polygonlabels: [label] }, more);
const ring = spansOfPixels([20, 4, 28, 12], (x, y) => x < 22 || x > 25 || y < 6 || y > 9);
const brush = (label: string, spans = ring, more: object = {}): object =>
  at('brushlabels', { format: 'rle', rle: brushOfSpans(spans, size), brushlabels: [label] }, more);
const annotation = (id: number, result: object[], more: object = {}): object => ({
  id,
  completed_by: 1,
  result,
  was_cancelled: false,
  ...more,
});
const task = (id: number, image: string, annotations: object[], more: object = {}): object => ({
  id,
  annotations,
  data: { image },
  ...more,
});

const tree = (tasks: unknown, files: Parameters<typeof writeTree>[1] = {}): Promise<string> =>
  writeTree(join(folder, `in${number++}`), {
    'images/a.png': picture,
    'images/b.png': picture,
    'project-1.json': typeof tasks === 'string' ? tasks : JSON.stringify(tasks),
    ...files,
  });

async function run(root: string, options: Partial<Given<typeof augmentOptions>> = {}): Promise<string> {
  const out = join(folder, `out${number++}`);
  await augment({ in: root, out, p: 1, truncated: 'keep', minArea: '1px', maxArea: 1, ...options });
  return out;
}

const read = (root: string): Task[] => JSON.parse(readFileSync(join(root, 'project-1.json'), 'utf8'));
const open = (root: string, skipBad = false) => openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad });
const shapesIn = (one: unknown, names: string[]) =>
  shapesOfTask({ parts: [JSON.stringify(one)], file: 'x.json', size, classNames: new Map(names.map((name, id) => [id, name])) }).shapes;

describe('a Label Studio export', () => {
  test('has polygons, brushes, ellipses and turned rectangles; all else is kept, counted, and written to the letter', async () => {
    const others = [
      at('rectanglelabels', { x: 10, y: 10, width: 20, height: 20, rotation: 0, rectanglelabels: ['box'] }),
      at('keypointlabels', { x: 10, y: 10, width: 0.5, keypointlabels: ['box'] }),
      at('polygonlabels', { points: rectangle(30, 14, 36, 18), closed: false, polygonlabels: ['cat'] }),
      polygon('cat', percent([1, 1], [2, 2])),
      polygon('cat', rectangle(50, 1, 60, 9)),
      at('polygonlabels', { points: rectangle(1, 14, 4, 18), closed: true, polygonlabels: [] }),
      { id: 'c1', type: 'choices', value: { choices: ['day'] }, from_name: 'time', to_name: 'image' },
    ];
    const areas = [
      polygon('cat', rectangle(2, 2, 12, 8)),
      brush('ring'),
      at('ellipselabels', { x: 50, y: 80, radiusX: 10, radiusY: 10, rotation: 30, ellipselabels: ['disc'] }),
      at('rectanglelabels', { x: 80, y: 20, width: 10, height: 20, rotation: 90, rectanglelabels: ['cat'] }),
    ];
    const root = await tree([
      task(1, 'images/a.png', [annotation(7, [...areas, ...others])]),
      task(2, 'images/b.png', [annotation(8, areas)]),
    ]);
    const { classNames, documents, samples } = await open(root);
    expect([...classNames.values()]).toEqual(['box', 'cat', 'disc', 'ring']);
    expect(samples.map(({ id }) => id)).toEqual(['images/a', 'images/b']);
    const [document] = documents.values();
    expect(document).toMatchObject({
      annotations: 14,
      unpasted: { box: 1, 'line or point': 2, 'too few points': 1, 'outside the image': 1, 'unknown label': 1 },
    });
    const found = shapesIn(read(root)[0], [...classNames.values()]).map(({ instance }) => instance?.area);
    // A rectangle of 4 by 4 pixels turns about its first corner; the ellipse has the radii 4 and 2.
    expect([found[0], found[1], found[3]]).toEqual([60, 48, 16]);
    expect(Math.abs((found[2] ?? 0) - Math.PI * 8)).toBeLessThan(4);
    expect(found.slice(4)).toEqual([undefined, undefined, undefined, undefined, undefined, undefined]);
    const out = await run(root, { copies: 3 });
    for (const { data, annotations } of read(out)) {
      if (!String(data.image).includes('a_aug')) continue;
      for (const one of others) expect(annotations?.[0]?.result).toContainEqual(one);
    }
    await expectSound(out, root);
    const { 'manifest.json': _, ...after } = await treeDigests(await run(root, { p: 0 }));
    expect(after).toEqual(await treeDigests(root));
  });

  test('keeps the type of covered regions where it can, and gives pastes new ids, their labels and provenance', async () => {
    const covered = [polygon('wall', rectangle(0, 0, 40, 20), { id: 'wall' }), brush('ring', ring, { id: 'ring' })];
    const disc = at('ellipselabels', { x: 50, y: 50, radiusX: 40, radiusY: 40, rotation: 0, ellipselabels: ['disc'] }, { id: 'disc' });
    const root = await tree([
      task(1, 'images/a.png', [annotation(1, [...covered, disc])]),
      task(2, 'images/b.png', [annotation(2, [polygon('cat', rectangle(10, 4, 24, 14), { id: 'cat', meta: { text: ['x'] } })])]),
    ]);
    const out = await run(root, { classes: ['cat'], copies: 4, allowSelf: false, scale: [1, 1] });
    const types = new Set<string>();
    const tasks = read(out);
    for (const { data, annotations } of tasks.filter(({ data }) => String(data.image).includes('a_'))) {
      const [{ result = [] } = {}] = annotations ?? [];
      for (const { id, type, value } of result ?? [])
        if (id !== undefined && !id.startsWith('copypaste')) types.add(`${id} ${type} ${Object.keys(value ?? {})}`);
      const pasted = (result ?? []).filter(({ meta }) => meta?.copypaste !== undefined);
      expect([data.image, pasted.length]).toEqual([data.image, 1]);
      expect(pasted[0]).toMatchObject({
        ...{ id: 'copypaste-1', type: 'polygonlabels', value: { closed: true, polygonlabels: ['cat'] }, origin: 'manual' },
        meta: { text: ['x'], copypaste: { task: 2, result: 'cat', placement: 1 } },
      });
    }
    expect(types).toContain('wall polygonlabels points,closed,polygonlabels');
    expect(types).toContain('ring brushlabels format,rle,brushlabels');
    expect(types).toContain('disc polygonlabels points,closed,polygonlabels');
    expect(tasks.map(({ id }) => id)).toEqual([...new Set(tasks.map(({ id }) => id))]);
    const ids = tasks.flatMap(({ annotations }) => (annotations ?? []).map(({ id }) => id));
    expect(ids).toEqual([...new Set(ids)]);
    await expectSound(out, root);
    await expectSound(await run(out, { classes: ['cat'], allowSelf: false }), out);
  });

  test('takes the objects of the ground truth or the latest annotation, and updates all that are not cancelled', async () => {
    const whole = (id: string) => polygon('wall', rectangle(0, 0, 40, 20), { id });
    const cat = polygon('cat', rectangle(8, 4, 20, 16), { id: 'cat' });
    const root = await tree([
      task(
        1,
        'images/a.png',
        [
          annotation(1, [whole('first')], { created_at: '2024-01-02T00:00:00Z' }),
          annotation(2, [whole('second')], { created_at: '2024-01-01T00:00:00Z', ground_truth: true }),
          annotation(3, [whole('cancelled')], { was_cancelled: true }),
        ],
        { predictions: [{ id: 4, result: [whole('guess')] }] },
      ),
      task(2, 'images/b.png', [annotation(5, [cat])]),
    ]);
    const { documents } = await open(root);
    expect([...documents.values()][0]).toMatchObject({ annotations: 3, unpasted: { 'further annotation': 1 } });
    const shapes = shapesIn(read(root)[0], ['cat', 'wall']);
    expect(shapes.map(({ own, instance }) => [own.annotation, instance?.crowd ?? false])).toEqual([
      [0, true],
      [1, false],
    ]);
    const out = await run(root, { classes: ['cat'], allowSelf: false });
    const [before, after] = [read(root)[0], read(out)[0]];
    const lengths = after?.annotations?.map(({ result }) => result?.length);
    expect(lengths).toEqual([2, 2, 1]);
    for (const n of [0, 1]) expect(after?.annotations?.[n]?.result?.[0]).not.toEqual(before?.annotations?.[n]?.result?.[0]);
    expect(after?.annotations?.[2]).toEqual(before?.annotations?.[2]);
    expect(after?.predictions).toEqual(before?.predictions);
    await expectSound(out, root);
  });

  test('has regions whose label, text and choices are results of their own, and relations that go with them', async () => {
    const place = { points: rectangle(2, 2, 8, 8), closed: true };
    const parts = [
      at('polygon', place, { id: 'p', from_name: 'shape' }),
      at('labels', { ...place, labels: ['cat', 'animal'] }, { id: 'p' }),
      at('textarea', { ...place, text: ['tabby'] }, { id: 'p', from_name: 'note' }),
      { id: 'p', type: 'choices', value: { choices: ['good'] }, from_name: 'quality', to_name: 'image' },
      polygon('wall', rectangle(0, 0, 40, 20), { id: 'w' }),
      { type: 'relation', from_id: 'p', to_id: 'w', direction: 'right' },
    ];
    const root = await tree([
      task(1, 'images/a.png', [annotation(1, parts)]),
      task(2, 'images/b.png', [annotation(2, [polygon('lid', rectangle(0, 0, 40, 20))])]),
    ]);
    const shapes = shapesIn(read(root)[0], ['animal', 'cat', 'lid', 'wall']);
    expect(shapes.map(({ own, instance }) => [own.results, instance?.classId])).toEqual([
      [[0, 1, 2, 3], 1],
      [[4], 3],
    ]);
    const kept = new Set<string>();
    for (const { data, annotations } of read(await run(root, { classes: ['lid'], allowSelf: false, copies: 12 }))) {
      if (!String(data.image).includes('a_aug')) continue;
      const types = (annotations?.[0]?.result ?? []).filter(({ id }) => !id?.startsWith('copypaste')).map(({ type }) => type);
      kept.add(types.join(' '));
    }
    const whole = 'polygon labels textarea choices polygonlabels relation';
    expect([...kept].filter((types) => types !== whole)).toEqual(expect.arrayContaining(['polygonlabels']));
    for (const types of kept) expect([whole, 'polygonlabels', 'polygon labels textarea choices', '']).toContain(types);
    const copied = read(await run(root, { classes: ['cat'], allowSelf: false, scale: [1, 1] }))[1]?.annotations?.[0]?.result ?? [];
    expect(copied.slice(1).map(({ id, type }) => [id, type])).toEqual(
      ['polygon', 'labels', 'textarea', 'choices'].map((type) => ['copypaste-1', type]),
    );
    expect(copied[1]?.value?.points).toEqual(copied[2]?.value?.points);
  });

  test('gives several regions of one id their own shapes', () => {
    const twins = [polygon('cat', rectangle(2, 2, 8, 8), { id: 'x' }), polygon('cat', rectangle(20, 2, 28, 8), { id: 'x' })];
    expect(shapesIn(task(1, 'a.png', [annotation(1, twins)]), ['cat']).map(({ instance }) => instance?.area)).toEqual([36, 48]);
  });

  test.each([
    ['an uploaded file', '/data/upload/3/0123abcd-a.png'],
    ['a local file', '/data/local-files/?d=some/folder/a.png'],
    ['a bucket', 's3://bucket/folder/a.png'],
    ['a URL with a query', 'https://example.org/x/a.png?sig=a/b=c'],
    ['a path', 'images/a.png'],
  ])('finds and renames the image of %s', async (_, image) => {
    const root = await tree([task(1, image, [annotation(1, [polygon('cat', rectangle(2, 2, 12, 8))])])]);
    expect((await open(root)).samples.map((sample) => sample.image)).toEqual(['images/a.png']);
    const out = await run(root, { allowSelf: true, includeOriginals: true });
    expect((await open(out)).samples.map((sample) => sample.image)).toEqual(['images/a.png', 'images/a_aug1.png']);
    expect(read(out)[0]?.data.image).toBe(image);
  });

  test('gives variants ids that nothing in the document has: no cancelled annotation, no prediction, and no task that is left out', async () => {
    const damaged = task(50, 'images/none.png', [annotation(90, [polygon('cat', rectangle(2, 2, 12, 8), { type: 7 })])]);
    const one = task(
      1,
      'images/a.png',
      [annotation(7, [polygon('cat', rectangle(2, 2, 12, 8))]), annotation(80, [], { was_cancelled: true })],
      {
        predictions: [{ id: 70, task: 1 }, 71, null],
      },
    );
    const two = task(2, 'images/b.png', [annotation(8, [polygon('dog', rectangle(2, 2, 12, 8))])]);
    const out = await run(await tree([one, two, damaged, null]), { copies: 2, p: 0, skipBad: true });
    const written = read(out);
    expect(written.map(({ id }) => id)).toEqual([1, 51, 2, 52]);
    expect(written.map(({ annotations }) => annotations?.map(({ id }) => id))).toEqual([[7, 80], [91, 92], [8], [94]]);
    expect(written.map(({ predictions }) => predictions)).toEqual(
      [one, { predictions: [{ id: 93, task: 51 }, 71, null] }, {}, {}].map((each) => (each as Task).predictions),
    );
  });

  test('leaves images without an annotation unlabelled, also where all are cancelled', async () => {
    const cat = [polygon('cat', rectangle(2, 2, 12, 8))];
    const root = await tree(
      [
        task(1, 'images/a.png', [annotation(1, cat, { was_cancelled: true })]),
        task(2, 'images/b.png', [annotation(2, cat)]),
        task(3, 'images/c.png', []),
      ],
      { 'images/c.png': picture },
    );
    const { records } = await readManifest(join(await run(root), 'manifest.json'));
    expect(records.map(({ id, status }) => [id, status]).sort()).toEqual([
      ['images/a', 'unchanged'],
      ['images/b', 'unchanged'],
      ['images/c', 'unchanged'],
    ]);
  });

  test('is found by its content under any name, and splits by theirs', async () => {
    const one = (image: string) =>
      JSON.stringify([task(1, image, [annotation(1, [polygon('cat', rectangle(2, 2, 12, 8))])])], undefined, 2);
    const root = await writeTree(join(folder, `in${number++}`), {
      'train.json': one('train/a.png'),
      'val.json': one('val/a.png'),
      'train/a.png': picture,
      'val/a.png': picture,
    });
    const { layout, splits, samples, others } = await open(root);
    expect({ layout, splits, images: [...samples, ...others].map(({ image }) => image) }).toEqual({
      layout: 'label-studio',
      splits: ['train', 'val'],
      images: ['train/a.png', 'val/a.png'],
    });
    const named = await writeTree(join(folder, `in${number++}`), { 'annotations.json': one('a.png'), 'a.png': picture });
    expect((await open(named)).layout).toBe('label-studio');
  });

  test.each<[string, unknown]>([
    ['task 1: data is missing', { id: 1, annotations: [] }],
    ['tasks\\[0\\]: id is the text "1", not an integer', { id: '1', data: { image: 'a.png' }, annotations: [] }],
    ['task 1: data: no key names an image', task(1, 'a.png', [], { data: { text: 'hello' } })],
    ['task 1: data: left and right name images; keep one, or call it image', task(1, '', [], { data: { left: 'a.png', right: 'b.png' } })],
    ['task 1: annotations is an object, not a list', { id: 1, data: { image: 'a.png' }, annotations: {} }],
    [
      'annotations\\[0\\]: was_cancelled is the text "no", not true or false',
      task(1, 'a.png', [annotation(1, [], { was_cancelled: 'no' })]),
    ],
    ['result\\[0\\]: type is missing', task(1, 'a.png', [annotation(1, [{ value: {} }])])],
    [
      'result\\[0\\]: original_width is missing',
      task(1, 'a.png', [annotation(1, [polygon('cat', [[1, 2]], { original_width: undefined })])]),
    ],
    [
      'result\\[1\\]: original_width is the number 41, but 40 in the first region',
      task(1, 'a.png', [annotation(1, [polygon('cat', []), polygon('cat', [], { original_width: 41 })])]),
    ],
    [
      'image_rotation is the number 90; turn the image back',
      task(1, 'a.png', [annotation(1, [polygon('cat', [], { image_rotation: 90 })])]),
    ],
    ['value: points is a list of 1, not a list of points', task(1, 'a.png', [annotation(1, [polygon('cat', [[1, 2, 3]])])])],
    [
      'value: polygonlabels is the text "cat", not a list of names',
      task(1, 'a.png', [annotation(1, [at('polygonlabels', { points: [], polygonlabels: 'cat' })])]),
    ],
    [
      'value: format is the text "png", not the text \'rle\'',
      task(1, 'a.png', [annotation(1, [at('brushlabels', { format: 'png', rle: [] })])]),
    ],
    ['value: rle is a list of 1, not a list of bytes', task(1, 'a.png', [annotation(1, [at('brushlabels', { rle: [256] })])])],
    ['the type bitmasklabels is not read', task(1, 'a.png', [annotation(1, [at('bitmasklabels', {})])])],
  ])('is refused if %s; --skip-bad leaves the image out', async (what, bad) => {
    const root = await tree([bad, task(2, 'images/b.png', [annotation(2, [polygon('cat', rectangle(2, 2, 12, 8))])])]);
    const offenders = await open(root).then(
      () => [],
      (error: { offenders: string[] }) => error.offenders,
    );
    expect(offenders).toEqual([expect.stringMatching(`project-1.json: .*${what}`)]);
    expect((await open(root, true)).samples.map(({ id }) => id)).toEqual(['images/b']);
  });

  test('is refused if it is cut short, or a JSON-MIN export', async () => {
    await expect(open(await tree('[{"annotations": [], "data": {'))).rejects.toThrow(
      'not a valid Label Studio export: the file is cut short',
    );
    const minimal = [{ image: '/data/upload/1/a.png', id: 1, label: [], annotator: 1, annotation_id: 1 }];
    await expect(open(await tree(minimal))).rejects.toThrow(
      'JSON-MIN export, which leaves out the ids of regions; export the project as JSON',
    );
  });

  test('names the region whose run lengths are those of another image', async () => {
    const wrong = at('brushlabels', { format: 'rle', rle: brushOfSpans(ring, { width: 40, height: 30 }), brushlabels: ['x'] });
    const root = await tree([
      task(1, 'images/a.png', [annotation(1, [wrong])]),
      task(2, 'images/b.png', [annotation(2, [polygon('cat', rectangle(2, 2, 12, 8))])]),
    ]);
    await expect(run(root)).rejects.toThrow(/task 1: annotations\[0\]: result\[0\]: the run lengths hold 4800 values, not 3200/);
  });

  test('gives pastes from another data set the control that the document uses', async () => {
    const root = await tree([
      task(1, 'images/a.png', [
        annotation(1, [
          brush(
            'cat',
            spansOfPixels([1, 1, 4, 4], () => true),
            { from_name: 'tool' },
          ),
        ]),
      ]),
    ]);
    const sources = await tree([task(1, 'images/b.png', [annotation(1, [polygon('cat', rectangle(2, 2, 12, 8))])])]);
    const out = await run(root, { sources });
    const result = read(out)[0]?.annotations?.[0]?.result as Result[];
    expect(result.at(-1)).toMatchObject({
      ...{ id: 'copypaste-1', type: 'brushlabels', from_name: 'tool', to_name: 'image', original_width: 40, original_height: 20 },
      ...{ value: { format: 'rle', brushlabels: ['cat'] }, meta: { copypaste: { instance: 0, placement: 1 } } },
    });
    await expectSound(out, root, undefined, sources);
  });
});
