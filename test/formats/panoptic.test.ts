import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listTree } from '../../src/base/tree.ts';
import { encodePng } from '../../src/codecs/png.ts';
import { openDataset } from '../../src/dataset/open.ts';
import type { PanopticAnnotation } from '../../src/formats/coco/panoptic.ts';
import { decodeSegments, encodeSegments } from '../../src/formats/coco/segments.ts';
import { detectLayout } from '../../src/formats/detect.ts';
import type { augmentOptions, Given } from '../../src/options.ts';
import { augment } from '../../src/verbs/augment.ts';
import { expectSound } from '../contract.ts';
import { type FuzzedSet, sets } from '../fuzz/sets.ts';
import { imageOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { readManifest } from '../manifest.ts';

const folder = temporaryFolder();
const panoptic = 'fixtures/panoptic';
const path = 'annotations/panoptic_train.json';
let number = 0;

interface Panoptic {
  images: { id: number; file_name: string }[];
  annotations: PanopticAnnotation[];
  categories: { id: number; isthing: number }[];
}
function read(root: string): Panoptic {
  const document: Panoptic = JSON.parse(readFileSync(join(root, path), 'utf8'));
  document.images.sort((a, b) => a.id - b.id);
  document.annotations.sort((a, b) => a.image_id - b.image_id);
  return document;
}

async function run(options: Partial<Given<typeof augmentOptions>> = {}, root = panoptic): Promise<string> {
  const out = join(folder, `out${number++}`);
  await augment({ in: root, out, p: 1, ...options });
  return out;
}

/** Pixels of each id of an annotation's PNG. */
function pixelsOf(root: string, { file_name: name }: PanopticAnnotation): Map<number, number> {
  const file = join(root, 'annotations/panoptic_train', name);
  const pixels = new Map<number, number>();
  for (const id of decodeSegments(readFileSync(file), file).ids) pixels.set(id, (pixels.get(id) ?? 0) + 1);
  return pixels;
}

describe('a panoptic data set', () => {
  test('is found beside images/, although annotations/ with PNGs is also a folder of masks', async () => {
    const root = await writeTree(join(folder, `in${number++}`), {
      'images/train/a.png': imageOf(4, 4, () => 0xff000000),
      'annotations/panoptic_train.json': '{"images":[],"annotations":[],"categories":[]}',
      'annotations/panoptic_train/a.png': await encodeSegments(new Int32Array(16), { width: 4, height: 4 }),
    });
    expect((await detectLayout(await listTree(root), undefined)).layout.name).toBe('panoptic');
  });

  test('has an unlabelled image where an annotation refers to an undefined category, with --skip-bad', async () => {
    const { files, file, tree, text } = sets.find(({ name }) => name === 'panoptic') as FuzzedSet;
    const document = text(tree).replace(/("image_id":2,.*?"category_id":)3/, (_, before) => `${before}9`);
    const root = await writeTree(join(folder, `in${number++}`), { ...files, [file]: document });
    const out = await run({ skipBad: true, allowSelf: true, minArea: '1px', truncated: 'keep' }, root);
    const { images, annotations } = read(out);
    expect(images.map(({ file_name: name }) => name)).toEqual(['a.png', 'b.png']);
    expect(annotations.map(({ image_id: id }) => id)).toEqual([1]);
  });

  test('is found with a document, PNGs and images in folders of their own names', async () => {
    const root = await writeTree(join(folder, `in${number++}`), {
      'input_images/a.png': imageOf(4, 4, () => 0xff000000),
      'panoptic_examples.json': JSON.stringify({
        images: [{ id: 1, file_name: 'a.png', width: 4, height: 4 }],
        annotations: [{ image_id: 1, file_name: 'a.png', segments_info: [] }],
        categories: [{ id: 1, name: 'cat', isthing: 1 }],
      }),
      'panoptic_examples/a.png': await encodeSegments(new Int32Array(16), { width: 4, height: 4 }),
    });
    const { layout, samples } = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
    expect([layout, samples.map(({ image, mask }) => [image, mask])]).toEqual([
      'panoptic',
      [['input_images/a.png', 'panoptic_examples/a.png']],
    ]);
  });

  test('is written unchanged if nothing is pasted', async () => {
    const out = await run({ p: 0 });
    expect(read(out)).toEqual(read(panoptic));
    const [{ [path]: _, ...before }, { [path]: __, 'manifest.json': ___, ...after }] = await Promise.all([
      treeDigests(panoptic),
      treeDigests(out),
    ]);
    expect(after).toEqual(before);
  });

  test.each([{}, { preset: 'paper' }, { copies: 3, includeOriginals: true }] as const)(
    'has the pixels of its segments in its PNGs; things are pasted, stuff never: %j',
    async (options) => {
      const out = await run(options);
      const { categories, annotations, images } = read(out);
      const stuff = new Set(categories.filter(({ isthing }) => isthing === 0).map(({ id }) => id));
      let pasted = 0;
      for (const annotation of annotations) {
        const pixels = pixelsOf(out, annotation);
        pixels.delete(0);
        expect(new Map(annotation.segments_info.map(({ id, area }) => [id, area]))).toEqual(pixels);
        for (const { category_id: category, copypaste } of annotation.segments_info) {
          if (!copypaste) continue;
          pasted++;
          expect(stuff).not.toContain(category);
        }
        expect(images.find(({ id }) => id === annotation.image_id)?.file_name.replace('.jpg', '.png')).toBe(annotation.file_name);
      }
      const { records } = await readManifest(join(out, 'manifest.json'));
      const shown = records.flatMap((record) =>
        record.status === 'augmented' ? record.placements.filter(({ visible }) => visible > 0) : [],
      );
      expect(pasted).toBe(shown.length);
      expect(pasted).toBeGreaterThan(1);
      await expectSound(out, panoptic);
    },
  );

  test('may have an unannotated image, which stays unchanged', async () => {
    const names = ['a', 'b', 'none'];
    const segment = { id: 7, category_id: 1, iscrowd: 0, area: 48, bbox: [4, 2, 8, 6] };
    const ids = new Int32Array(200);
    for (let y = 2; y < 8; y++) ids.fill(7, 20 * y + 4, 20 * y + 12);
    const png = await encodeSegments(ids, { width: 20, height: 10 });
    const root = await writeTree(join(folder, `in${number++}`), {
      [path]: JSON.stringify({
        images: names.map((name, id) => ({ id, file_name: `${name}.png`, width: 20, height: 10 })),
        annotations: [0, 1].map((id) => ({ image_id: id, file_name: `${names[id]}.png`, segments_info: [segment] })),
        categories: [{ id: 1, name: 'cat', isthing: 1 }],
      }),
      ...Object.fromEntries(names.map((name) => [`train/${name}.png`, imageOf(20, 10, () => 0xff000007)])),
      'annotations/panoptic_train/a.png': png,
      'annotations/panoptic_train/b.png': png,
    });
    const out = await run({ truncated: 'keep', minArea: '1px', copies: 3 }, root);
    const { records } = await readManifest(join(out, 'manifest.json'));
    const augmented = records.filter(({ status }) => status === 'augmented').map(({ id }) => id);
    expect(new Set(augmented)).toEqual(new Set(['train/a', 'train/b']));
    expect(read(out).annotations.every(({ segments_info: segments }) => segments.length > 0)).toBe(true);
    await expectSound(out, root);
  });

  test('that contradicts its PNG is refused with the reason', async () => {
    const picture = imageOf(8, 6, () => 7);
    const ids = new Int32Array(48).fill(70000, 10, 20);
    const png = await encodeSegments(ids, { width: 8, height: 6 });
    expect(decodeSegments(png, 'x').ids).toEqual(ids);
    const document = (segments: object[]): string =>
      JSON.stringify({
        images: ['a', 'b'].map((name, id) => ({ id, file_name: `${name}.png`, width: 8, height: 6 })),
        annotations: ['a', 'b'].map((name, id) => ({ image_id: id, file_name: `${name}.png`, segments_info: segments })),
        categories: [{ id: 1, name: 'cat', isthing: 1 }],
      });
    const tree = (segments: object[], mask: Uint8Array = png): Promise<string> =>
      writeTree(join(folder, `in${number++}`), {
        [path]: document(segments),
        'train/a.png': picture,
        'train/b.png': picture,
        'annotations/panoptic_train/a.png': mask,
        'annotations/panoptic_train/b.png': mask,
      });
    const segment = { id: 70000, category_id: 1, iscrowd: 0, area: 10, bbox: [2, 1, 6, 2] };
    const given = { truncated: 'keep', minArea: '1px' } as const;
    await expect(run(given, await tree([{ ...segment, id: 5 }]))).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(/segment 5 has no pixels/),
    });
    await expect(run(given, await tree([segment, segment]))).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(/is listed twice/),
    });
    const grey = await encodePng({ width: 8, height: 6, depth: 8, channels: 1, data: new Uint8Array(48), filter: 'up' });
    await expect(run(given, await tree([segment], grey))).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(/not a panoptic PNG/),
    });
    await run(given, await tree([segment]));
  });
});
