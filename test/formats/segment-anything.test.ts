import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { SamAnnotation, SamDocument } from '../../src/formats/segment-anything/read.ts';
import { countsOfSpans, packCounts, spansOfRle } from '../../src/masks/run-lengths.ts';
import { areaOfSpans, boxOfSpans } from '../../src/masks/spans.ts';
import type { Box } from '../../src/types.ts';
import { check } from '../../src/verbs/check.ts';
import { expectSound } from '../contract.ts';
import { imageOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { readManifest } from '../manifest.ts';
import { augmented, opened } from './format.ts';

const folder = temporaryFolder();
const size = { width: 20, height: 10 };
const picture = imageOf(20, 10, (x, y) => 0xff000000 + 9 * x + 256 * y);
let number = 0;

const spansOf = ([x0, y0, x1, y1]: Box): Int32Array => Int32Array.from(Array.from({ length: y1 - y0 }, (_, n) => [y0 + n, x0, x1]).flat());
/** JSON text of an annotation, spelled as Python does. */
const annotation = (id: number, box: Box, rest = ''): string => {
  const [x0, y0, x1, y1] = box;
  const counts = JSON.stringify(packCounts(countsOfSpans(spansOf(box), size)));
  return `{"bbox": [${x0}.0, ${y0}.0, ${x1 - x0 - 1}.0, ${y1 - y0 - 1}.0], "area": ${(x1 - x0) * (y1 - y0)}, "segmentation": {"size": [10, 20], "counts": ${counts}}, "predicted_iou": 1.0, "point_coords": [[${x0}.5, ${y0}.5]], "crop_box": [0, 0, 20, 10], "id": ${id}, "stability_score": 0.97${rest}}`;
};
/** An object, and a part of it. */
const nested = [annotation(523353737, [4, 2, 12, 8]), annotation(523353738, [5, 3, 8, 6])];
const textOf = (name: string, annotations: readonly string[] = nested, image = '"width": 20, "height": 10'): string =>
  `{"image": {"image_id": 7, ${image}, "file_name": "${name}.png"}, "annotations": [${annotations.join(', ')}]}`;
const tree = (a: string = textOf('sa_1')): Promise<string> =>
  writeTree(join(folder, `in${number++}`), { 'sa_1.png': picture, 'sa_1.json': a, 'sa_2.png': picture, 'sa_2.json': textOf('sa_2') });
const run = (root: string, options: Parameters<typeof augmented>[2] = {}): Promise<string> =>
  augmented(root, join(folder, `out${number++}`), options);
const read = (root: string, file: string): SamDocument => JSON.parse(readFileSync(join(root, file), 'utf8'));
const pixelsOf = ({ segmentation }: SamAnnotation): Int32Array => spansOfRle(segmentation.counts, size) as Int32Array;

describe('a data set of Segment Anything', () => {
  test('is written unchanged if nothing is pasted, except for the names of variants', async () => {
    const root = await tree();
    const { 'manifest.json': _, ...after } = await treeDigests(await run(root, { p: 0 }));
    expect(after).toEqual(await treeDigests(root));
    const out = await run(root, { p: 0, copies: 2 });
    expect(readFileSync(join(out, 'sa_1_aug2.json'), 'utf8')).toBe(textOf('sa_1_aug2'));
  });

  test('names the image of a variant where the name counts: not elsewhere, and in the last of two keys', async () => {
    const of = (name: string): string =>
      `${textOf('first').slice(0, -1)}, "image": {"of": {"file_name": "x"}, "file_name": null, "file_name" : "${name}.png"}}`;
    const out = await run(await tree(of('sa_1')), { p: 0, copies: 2 });
    expect(readFileSync(join(out, 'sa_1_aug2.json'), 'utf8')).toBe(of('sa_1_aug2'));
  });

  test('keeps other masks to the letter, recomputes covered ones, and adds pastes with ids of their own', async () => {
    const root = await tree();
    const out = await run(root, { copies: 6 });
    let [covered, kept] = [0, 0];
    for (const record of (await readManifest(join(out, 'manifest.json'))).records) {
      if (record.status !== 'augmented') continue;
      const { path } = record.files.labels as { path: string };
      const { image, annotations } = read(out, path);
      expect(image).toEqual({ image_id: 7, width: 20, height: 10, file_name: record.files.image.path });
      const pasted = annotations.filter((one) => one.copypaste);
      expect(pasted.map((one) => areaOfSpans(pixelsOf(one)))).toEqual(
        record.placements.flatMap(({ visible }) => (visible > 0 ? [visible] : [])),
      );
      expect(new Set(annotations.map(({ id }) => id)).size).toBe(annotations.length);
      for (const one of pasted)
        expect(one).toMatchObject({
          crop_box: [0, 0, 20, 10],
          predicted_iou: 1,
          copypaste: { image_id: 7, placement: expect.any(Number) },
        });
      for (const one of annotations) {
        const spans = pixelsOf(one);
        const [x0, y0, x1, y1] = boxOfSpans(spans);
        expect([one.area, one.bbox]).toEqual([areaOfSpans(spans), [x0, y0, x1 - x0 - 1, y1 - y0 - 1]]);
        const points = one.point_coords as number[][];
        expect(
          points.every(([x = 0, y = 0]) =>
            spans.some((row, i) => i % 3 === 0 && row === Math.floor(y) && (spans[i + 1] as number) <= x && x < (spans[i + 2] as number)),
          ),
        ).toBe(true);
      }
      const text = readFileSync(join(out, path), 'utf8');
      const changed = new Set(record.covered?.map(({ object }) => object));
      covered += changed.size;
      for (const [n, one] of nested.entries()) if (!changed.has(n)) kept += Number(text.includes(one));
      expect(nested.filter((one, n) => !changed.has(n) && !text.includes(one))).toEqual([]);
    }
    expect(Math.min(covered, kept)).toBeGreaterThan(0);
    await expectSound(out, root);
  });

  test('keeps lists of run lengths and boxes of full width in their form', async () => {
    const counts = countsOfSpans(spansOf([4, 2, 12, 8]), size);
    const own = `{"segmentation": {"size": [10, 20], "counts": [${counts}]}, "bbox": [4, 2, 8, 6]}`;
    const root = await tree(textOf('sa_1', [own]));
    const { annotations } = read(await run(root, { copies: 4, includeOriginals: true }), 'sa_1_aug1.json');
    const changed = annotations.filter(({ segmentation }) => Array.isArray(segmentation.counts));
    for (const one of changed) {
      const [x0, y0, x1, y1] = boxOfSpans(pixelsOf(one));
      expect(one.bbox).toEqual([x0, y0, x1 - x0, y1 - y0]);
    }
    expect(changed.length).toBeGreaterThan(0);
  });

  test('gives pastes of another data set the source that they come from', async () => {
    const root = await tree();
    const out = await run(root, { sources: await tree() });
    const pasted = read(out, 'sa_1.json').annotations.filter((one) => one.copypaste);
    expect(pasted[0]?.copypaste).toMatchObject({ source: expect.stringContaining('sources:'), placement: 1 });
  });

  test('is found beside images, in folders of splits, and in annotations/ beside images/; labelme files are not taken for it', async () => {
    const shape = {
      label: 'cat',
      points: [
        [4, 2],
        [12, 2],
        [12, 8],
      ],
      shape_type: 'polygon',
    };
    const labelme = JSON.stringify({ shapes: [shape], imagePath: 'sa_1.png', imageData: null });
    const layoutOf = async (files: Parameters<typeof writeTree>[1]) => {
      const { layout, splits, samples } = await opened(await writeTree(join(folder, `in${number++}`), files));
      return [layout, splits, samples.length];
    };
    expect(await layoutOf({ 'sa_0/sa_1.png': picture, 'sa_0/sa_1.json': textOf('sa_1') })).toEqual(['segment-anything', [], 1]);
    expect(
      await layoutOf({
        'train/sa_1.png': picture,
        'train/sa_1.json': textOf('sa_1'),
        'val/sa_2.png': picture,
        'val/sa_2.json': textOf('sa_2'),
      }),
    ).toEqual(['segment-anything', ['train', 'val'], 1]);
    expect(await layoutOf({ 'images/sa_1.png': picture, 'annotations/sa_1.json': textOf('sa_1') })).toEqual(['segment-anything', [], 1]);
    expect(await layoutOf({ 'sa_1.png': picture, 'sa_1.json': labelme })).toEqual(['labelme', [], 1]);
  });

  test('counts masks without a pixel, and check finds wrong areas and boxes', async () => {
    const empty = '{"segmentation": {"size": [10, 20], "counts": [200]}}';
    const wrong = annotation(3, [4, 2, 12, 8]).replace('"area": 48', '"area": 40').replace('[4.0', '[0.0');
    const root = await tree(textOf('sa_1', [...nested, empty, wrong]));
    const { counts, classNames } = await opened(root);
    expect(counts).toMatchObject({ annotations: 6, unpasted: { 'no area': 1 } });
    expect([...classNames]).toEqual([[0, 'object']]);
    expect((await check({ in: root })).differences.map(({ what }) => what)).toEqual([
      'annotations[2] has no pixels',
      'annotations[3] states the box [0,2,7,5], but its mask has the box [4,2,8,6]',
      'annotations[3] states the area 40, but its mask has 48 pixels',
    ]);
  });

  test('leaves out an image with a bad file only with skipBad', async () => {
    const root = await tree(textOf('sa_1', [nested[0]?.replace('"counts": "', '"counts": "0') as string]));
    const what =
      'not a valid file of Segment Anything: annotations[0]: segmentation: the run lengths do not add up to the pixels of the image';
    await expect(opened(root)).rejects.toMatchObject({ offenders: [`sa_1.json: ${what}`] });
    expect((await opened(root, { skipBad: true })).samples.map(({ id }) => id)).toEqual(['sa_2']);
  });

  test.each([
    ['.* in JSON at position', textOf('sa_1').slice(0, -3)],
    ['annotations is missing', '{"image": {"image_id": 7}}'],
    ['image: width is the text "20", not a positive integer', textOf('sa_1', nested, '"width": "20", "height": 10')],
    ['annotations\\[0\\]: segmentation is missing', textOf('sa_1', ['{"id": 1}'])],
    ['annotations\\[0\\]: segmentation is a list of 1, not an object', textOf('sa_1', ['{"segmentation": [[1, 2, 3, 4, 5, 6]]}'])],
    [
      'segmentation: the run lengths have the size 10×20, but the image is 20×10',
      textOf('sa_1', [nested[0]?.replace('[10, 20]', '[20, 10]') as string]),
    ],
    ['annotations\\[0\\]: id is the text "7", not an integer', textOf('sa_1', [nested[0]?.replace('523353737', '"7"') as string])],
    [
      'annotations\\[0\\]: bbox is a list of 2, not a list of four numbers',
      textOf('sa_1', [nested[0]?.replace('[4.0, 2.0, 7.0, 5.0]', '[1, 2]') as string]),
    ],
    [
      'annotations\\[0\\]: point_coords is a list of 1, not a list of points',
      textOf('sa_1', [nested[0]?.replace('[[4.5, 2.5]]', '[4]') as string]),
    ],
    ['states an image of 21×10, but its image is 20×10', textOf('sa_1', [], '"width": 21, "height": 10')],
  ])('is refused with the reason if it is invalid: %s', async (why, text) => {
    const error = await run(await tree(text)).then(
      () => undefined,
      (thrown: { code: string; message: string; offenders: string[] }) => thrown,
    );
    expect(error?.code).toBe('data');
    expect([error?.message, ...(error?.offenders ?? [])].join('\n')).toMatch(new RegExp(`sa_1\\.json: .*${why}`));
  });
});
