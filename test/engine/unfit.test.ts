import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openSourced } from '../../src/dataset/sources.ts';
import { refuseUnfit } from '../../src/engine/unfit.ts';
import { type AugmentOptions, augmentOptions, type Given } from '../../src/options.ts';
import { resolveOptions } from '../../src/schema.ts';
import type { Sample } from '../../src/types.ts';
import { type FuzzedSet, sets } from '../fuzz/sets.ts';
import { temporaryFolder, writeTree } from '../make.ts';

const optionsOf = (given: Partial<Given<typeof augmentOptions>>): AugmentOptions =>
  resolveOptions(augmentOptions, { in: 'fixtures/camvid', out: 'nowhere', batchSize: 4, ...given });
const dataset = await openSourced(optionsOf({}));

test('ids of documents that new ones would pass 2^53 above are refused', async () => {
  const root = temporaryFolder();
  const document = JSON.parse(readFileSync('fixtures/coco/annotations/instances_train.json', 'utf8'));
  const refused = (kind: string, id: number) =>
    expect.objectContaining({
      code: 'data',
      message: expect.stringMatching(
        `^annotations/instances_train\\.json: ${kind} id ${id}: up to \\d+ new ids above it would not be exact`,
      ),
    });
  const openWith = async (change: (document: { images: { id: number }[]; annotations: { id: number; image_id: number }[] }) => void) => {
    cpSync('fixtures/coco', root, { recursive: true });
    const copy = structuredClone(document);
    change(copy);
    writeFileSync(join(root, 'annotations/instances_train.json'), JSON.stringify(copy));
    return openSourced(optionsOf({ in: root }));
  };
  const images = await openWith(({ images: [image], annotations }) => {
    if (!image) return;
    for (const one of annotations) if (one.image_id === image.id) one.image_id = Number.MAX_SAFE_INTEGER - 1;
    image.id = Number.MAX_SAFE_INTEGER - 1;
  });
  expect(() => refuseUnfit(images, optionsOf({ in: root }))).not.toThrow();
  expect(() => refuseUnfit(images, optionsOf({ in: root, copies: 2 }))).toThrow(refused('image', Number.MAX_SAFE_INTEGER - 1));
  const annotations = await openWith(({ annotations: [one] }) => {
    if (one) one.id = Number.MAX_SAFE_INTEGER - 20;
  });
  expect(() => refuseUnfit(annotations, optionsOf({ in: root, maxInstances: 1 }))).not.toThrow();
  expect(() => refuseUnfit(annotations, optionsOf({ in: root, maxInstances: 11 }))).toThrow(
    refused('annotation', Number.MAX_SAFE_INTEGER - 20),
  );
});

test.each([
  ['datumaro', '"id":2,'],
  ['datumaro', '"group":2'],
  ['datumaro', '"z_order":0'],
  ['cvat', 'group_id="1"'],
  ['cvat', 'z_order="0"'],
  ['label-studio', '"id":1,'],
  ['label-studio', '"id":10,'],
  ['segment-anything', '"id":1,'],
  ['labelme', '"group_id":1'],
])('numbers of %s files that new ones would pass 2^53 above are refused: %s', async (name, number) => {
  const { files, file, tree, text } = sets.find((one) => one.name === name) as FuzzedSet;
  const largest = number.replace(/\d+/, String(Number.MAX_SAFE_INTEGER - 1));
  const root = await writeTree(join(temporaryFolder(), name), { ...files, [file]: text(tree).replace(number, largest) });
  const options = optionsOf({ in: root, copies: 2 });
  const opened = await openSourced(options);
  expect(() => refuseUnfit(opened, options)).toThrow(
    expect.objectContaining({ code: 'data', message: expect.stringMatching(/^\S+( files)?: .* not be exact/) }),
  );
});

describe('options', () => {
  test.each<[string, Partial<Given<typeof augmentOptions>>]>([
    ['--background-ratio', { targets: 'annotated', backgroundRatio: 0.5 }],
    ['--classes', { classes: ['dog'] }],
    ['--paste-on', { pasteOn: ['road', 'lawn'] }],
    ['--avoid', { avoid: ['dog'] }],
    ['--scale-by-class', { scaleByClass: { dog: [1, 2] } }],
    ['--scale-by-class: class 8 occurs twice', { scaleByClass: { car: [1, 2], 8: [1, 2] } }],
    ['--jitter', { jitter: 'scene', ignore: [] }],
  ])('that do not fit the data set are refused: %s', async (flag, given) => {
    const options = optionsOf(given);
    const opened = given.ignore ? await openSourced(options) : dataset;
    expect(() => refuseUnfit(opened, options)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringMatching(`^${flag}`) }),
    );
    expect(() => refuseUnfit(dataset, optionsOf({}))).not.toThrow();
  });

  test('that join components are refused where instances are no components', async () => {
    const join = '6px' as const;
    const refused = (message: RegExp) => expect.objectContaining({ code: 'usage', message: expect.stringMatching(message) });
    expect(() => refuseUnfit(dataset, optionsOf({ join }))).not.toThrow();
    expect(() => refuseUnfit(dataset, optionsOf({ join, preset: 'composer' }))).toThrow(refused(/^--join: .* one class;/));
    const coco = await openSourced(optionsOf({ in: 'fixtures/coco' }));
    expect(() => refuseUnfit(coco, optionsOf({ join }))).toThrow(refused(/^--join: does not apply to the coco layout/));
    const taken = await openSourced(optionsOf({ sources: 'fixtures/yolo' }));
    expect(() => refuseUnfit(taken, optionsOf({ join }))).toThrow(refused(/^--join: does not apply to the yolo layout/));
    const given = await openSourced(optionsOf({ in: 'fixtures/yolo', sources: 'fixtures/camvid' }));
    expect(() => refuseUnfit(given, optionsOf({ join }))).not.toThrow();
    for (const wrong of ['0px', '6', '1.5px', '-1px', 'px']) expect(() => optionsOf({ join: wrong as '6px' })).toThrow(/^--join: expected/);
  });

  test('that write 16-bit images in a format of 8 bits are refused', () => {
    const sample = dataset.samples.at(0) as Sample;
    const deep = { ...dataset, samples: [{ ...sample, format: { ...sample.format, depth: 16 as const } }] };
    expect(() => refuseUnfit(deep, optionsOf({ imageFormat: 'jpeg' }))).toThrow(/^--image-format jpeg: .* 16 bits/);
    for (const imageFormat of ['png', 'tiff'] as const) expect(() => refuseUnfit(deep, optionsOf({ imageFormat }))).not.toThrow();
  });
});

describe('images longer than their format holds are refused by name', () => {
  const long = (image: string, width: number) => {
    const [first] = dataset.samples;
    return { ...dataset, samples: [...dataset.samples, { ...first, image, size: { width, height: 1 } }] } as typeof dataset;
  };

  test.each([
    ['jpeg', 65_500],
    ['webp', 16_383],
    ['avif', 16_384],
  ] as const)('%s', (format, most) => {
    expect(() => refuseUnfit(long('a.png', most), optionsOf({ imageFormat: format }))).not.toThrow();
    expect(() => refuseUnfit(long('a.png', most + 1), optionsOf({ imageFormat: format }))).toThrow(
      expect.objectContaining({
        code: 'usage',
        message: `--image-format ${format}: 1 image too large to be written; use png or tiff`,
        offenders: [`a.png: is ${most + 1}×1; ${format} holds ${most} pixels a side`],
      }),
    );
  });

  test('also in their own format', () => {
    expect(() => refuseUnfit(long('a.png', 70_000), optionsOf({}))).not.toThrow();
    expect(() => refuseUnfit(long('a.webp', 20_000), optionsOf({}))).toThrow(expect.objectContaining({ code: 'data' }));
  });
});

test.each<[string, Partial<Given<typeof augmentOptions>>]>([
  ['--min-area 0.6 is above --max-area 0.5', { minArea: 0.6, maxArea: 0.5 }],
  ['--min-area 200000px is above --max-area 1', { minArea: '200000px', maxArea: 1 }],
  ['--avoid names all classes of --paste-on', { pasteOn: ['road'], avoid: ['road', 'car'] }],
  ['--exclude-classes names all classes of --classes', { classes: ['car'], excludeClasses: ['car', 'tree'] }],
])('options that nothing satisfies together are refused: %s', (what, given) => {
  expect(() => refuseUnfit(dataset, optionsOf(given))).toThrow(`${what}, so nothing could be pasted`);
});
