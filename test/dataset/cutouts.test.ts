import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listTree } from '../../src/base/tree.ts';
import { decodeImage, encodeImage } from '../../src/codecs/image.ts';
import { groupCutouts, openCutouts } from '../../src/dataset/cutouts.ts';
import { readCutouts } from '../../src/dataset/source-samples.ts';
import type { augmentOptions, Given } from '../../src/options.ts';
import type { AugmentedRecord, Manifest } from '../../src/output/manifest.ts';
import type { Image, Sample } from '../../src/types.ts';
import { augment } from '../../src/verbs/augment.ts';
import { preview } from '../../src/verbs/preview.ts';
import { replay } from '../../src/verbs/replay.ts';
import { verify } from '../../src/verbs/verify.ts';
import { expectSound } from '../contract.ts';
import { deepImageOf, filled, imageOf, rgba, temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { readManifest } from '../manifest.ts';

const folder = temporaryFolder();
let number = 0;
const newPath = (name: string): string => join(folder, `${name}${number++}`);

/** Writes images as PNGs with their own channels. */
async function writeCutouts(root: string, files: Record<string, Image>): Promise<string> {
  for (const [path, image] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), await encodeImage(image, 'png', 90));
  }
  return root;
}

const colour = (x: number, y: number, a = 255): number => rgba((9 * x + 40) & 255, (5 * y + 20) & 255, (7 * (x + y)) & 255, a);
/** A disc that touches all sides of its image. */
const isInDisc = (x: number, y: number): boolean => (x - 5.5) ** 2 + (y - 5.5) ** 2 < 36;
const disc = (shift = 0): Image => imageOf(12, 12, (x, y) => colour(x + shift, y, isInDisc(x, y) ? 255 : 0), 4);
const discs = (...paths: string[]): Record<string, Image> => Object.fromEntries(paths.map((path, n) => [path, disc(n)]));

const names = 'background\ncar\nperson\n';

/** Samples without instances, with names of classes. */
async function targets(count = 4): Promise<{ in: string; classNames: string }> {
  const files = Array.from({ length: count }, (_, n) => [
    [`images/t${n}.png`, imageOf(64, 48, (x, y) => rgba(x, y, 7 * n))] as const,
    [`masks/t${n}.png`, filled(64, 48, 0)] as const,
  ]).flat();
  const root = await writeTree(newPath('target'), Object.fromEntries(files));
  const classNames = newPath('names');
  writeFileSync(classNames, names);
  return { in: root, classNames };
}

type Options = Partial<Given<typeof augmentOptions>>;

async function run(
  sources: string,
  options: Options = {},
): Promise<{ out: string; manifest: Manifest; given: { in: string; classNames?: string | undefined } }> {
  const out = newPath('out');
  const given = { ...(await targets()), ...options };
  await augment({ p: 1, minArea: '1px', maxArea: 1, ...given, sources, out });
  return { out, given, manifest: await readManifest(join(out, 'manifest.json')) };
}

const augmentedOf = ({ records }: Manifest): AugmentedRecord[] =>
  records.filter((one): one is AugmentedRecord => one.status === 'augmented');
const classesOf = (manifest: Manifest): number[] => [
  ...new Set(augmentedOf(manifest).flatMap(({ placements }) => placements.map(({ classId }) => classId))),
];

/** A file for `--class-map`. */
function classMap(text: string): string {
  const path = newPath('classes');
  writeFileSync(path, text);
  return path;
}

describe('cut-outs of other tools', () => {
  test('have the class of the first folder on their path', async () => {
    // As syndatagenyolo keeps them, with a folder below.
    const sources = await writeCutouts(newPath('objects'), discs('car/a.png', 'car/more/b.png', 'Person/c.png', 'tree/d.PNG'));
    const { out, manifest, given } = await run(sources, { seed: 2 });
    expect(classesOf(manifest).sort()).toEqual([1, 2]);
    expect(manifest.sources).toMatchObject({ name: 'cutouts', folders: [{ images: 'Person' }, { images: 'car' }, { images: 'tree' }] });
    for (const { placements, sourceCutouts = [] } of augmentedOf(manifest)) {
      expect(sourceCutouts.map(({ path }) => path).sort()).toEqual(['Person/c.png', 'car/a.png', 'car/more/b.png']);
      for (const { instance, classId } of placements) expect(sourceCutouts[instance]?.path).toMatch(classId === 1 ? /^car/ : /^Person/);
    }
    await expectSound(out, given.in, undefined, sources, { classNames: given.classNames });
  });

  test('have the name of the folder itself if they lie directly in it', async () => {
    // As cap-augmentation keeps them.
    const sources = await writeCutouts(join(newPath('flat'), 'person'), discs('a.png', 'b.png'));
    const { out, manifest, given } = await run(sources);
    expect(classesOf(manifest)).toEqual([2]);
    // The name of the folder matters where the run is planned.
    const moved = join(await writeTree(newPath('moved'), { 'notes.txt': '' }), 'person');
    renameSync(sources, moved);
    await expectSound(out, given.in, undefined, moved, { classNames: given.classNames });
  });

  test('may be as large as their image, and are then pasted by the box of what they show', async () => {
    // As the masks of SAM are exported, one file per instance.
    const frame = (left: number) => imageOf(60, 40, (x, y) => colour(x, y, x >= left && x < left + 9 && y >= 5 && y < 12 ? 255 : 0), 4);
    const sources = await writeCutouts(newPath('sam'), { 'car/0.png': frame(3), 'car/1.png': frame(51) });
    const { manifest } = await run(sources);
    for (const { placements } of augmentedOf(manifest))
      for (const {
        sourceBox: [x0, y0, x1, y1],
      } of placements)
        expect([x1 - x0, y1 - y0]).toEqual([9, 7]);
  });

  test('are mapped by --class-map, and by a class id as the name of their folder if the classes have no names', async () => {
    const sources = await writeCutouts(newPath('mapped'), discs('sedan/a.png', '2/b.png'));
    const { manifest } = await run(sources, { classMap: classMap('sedan: car') });
    expect(classesOf(manifest)).toEqual([1]);
    const numbered = await run(sources, { classNames: undefined });
    expect(classesOf(numbered.manifest)).toEqual([2]);
    const unnamed = await writeCutouts(newPath('unnamed'), discs('sedan/a.png'));
    await expect(run(unnamed, { classNames: undefined })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('no class (sedan) is a class id'),
    });
    await expect(run(unnamed)).rejects.toMatchObject({ message: expect.stringContaining('no class (sedan) matches a class of --in') });
  });

  test('are the pixels whose alpha is at least half, with their own colour, whole and opaque', async () => {
    const parts = imageOf(12, 8, (x, y) => colour(x, y, x < 4 ? 128 : x < 8 ? 127 : y < 4 ? 200 : 0), 4);
    const sources = await writeCutouts(newPath('parts'), { 'car/a.png': parts });
    const { out, manifest } = await run(sources, { scale: [1, 1], flip: 0 });
    for (const { placements, files } of augmentedOf(manifest)) {
      const [
        {
          targetBox: [left, top],
          area,
          visible,
        } = { targetBox: [0, 0], area: 0, visible: 0 },
      ] = placements;
      expect(placements).toHaveLength(1);
      expect(visible).toBe(area);
      const path = join(out, files.image.path);
      const info = { channels: 3, depth: 8, icc: false, cmyk: false, upright: false } as const;
      const { pixels } = await decodeImage(readFileSync(path), { width: 64, height: 48 }, path, info);
      let seen = 0;
      for (let y = Math.max(0, top); y < Math.min(48, top + 8); y++) {
        for (let x = Math.max(0, left); x < Math.min(64, left + 12); x++) {
          const [u, v] = [x - left, y - top];
          if (!(u < 4 || (u >= 8 && v < 4))) continue;
          const word = colour(u, v);
          expect([...pixels.subarray(3 * (64 * y + x), 3 * (64 * y + x) + 3)]).toEqual([word & 255, (word >> 8) & 255, (word >> 16) & 255]);
          seen++;
        }
      }
      expect(seen).toBe(area);
    }
  });

  test('are pasted like instances that stand free in an image: outside a cut-out there is nothing', async () => {
    const image = imageOf(40, 40, (x, y) => colour(x - 14, y - 14));
    const mask = filled(40, 40, 0);
    for (let y = 0; y < 12; y++) for (let x = 0; x < 12; x++) if (isInDisc(x, y)) mask.ids[40 * (y + 14) + x + 14] = 1;
    const data = await writeTree(newPath('free'), { 'images/a.png': image, 'masks/a.png': mask });
    const sources = await writeCutouts(newPath('cut'), { 'car/a.png': disc() });
    const target = await targets(6);
    for (const options of [{ scale: [0.3, 3] }, { scale: [1, 4], blend: 'antialias' }, { turns: true, flip: undefined }] as const) {
      const [free, cut] = [newPath('free'), newPath('cut')];
      const given = { ...target, p: 1, minArea: '1px', maxArea: 1, copies: 3, ...options } as const;
      await augment({ ...given, sources: data, out: free });
      await augment({ ...given, sources, out: cut });
      const [one, other] = await Promise.all([free, cut].map(treeDigests));
      expect({ ...other, 'manifest.json': '' }).toEqual({ ...one, 'manifest.json': '' });
    }
  });

  test('may have 16 bits per channel, among others with 8', async () => {
    const deep = deepImageOf(12, 12, 4, (x, y, c) => (c === 3 ? (isInDisc(x, y) ? 0x8000 : 0x7fff) : 2000 * x + 99 * y + c));
    const sources = await writeCutouts(newPath('deep'), { 'car/a.png': deep, 'car/b.png': disc() });
    const { out, manifest, given } = await run(sources);
    expect(augmentedOf(manifest).flatMap(({ placements }) => placements.map(({ instance }) => instance))).toEqual(
      expect.arrayContaining([0, 1]),
    );
    await expectSound(out, given.in, undefined, sources, { classNames: given.classNames });
  });

  test('may lie in a folder that looks like a data set, if --sources-layout says so', async () => {
    const sources = await writeCutouts(newPath('alike'), discs('images/a.png', 'masks/a.png'));
    const map = classMap('images: car\nmasks: person');
    await expect(run(sources, { classMap: map })).rejects.toMatchObject({ code: expect.stringMatching(/usage|data/) });
    const { manifest } = await run(sources, { classMap: map, sourcesLayout: 'cutouts', seed: 1 });
    expect(classesOf(manifest).sort()).toEqual([1, 2]);
  });

  test('are drawn in a preview', async () => {
    const sources = await writeCutouts(newPath('preview'), discs('car/a.png'));
    const given = { ...(await targets()), sources, p: 1, minArea: '1px' } as const;
    expect(await preview({ ...given, out: join(newPath('sheet'), 'sheet.png'), rows: 2 })).toMatchObject({ rows: 2 });
  });
});

describe('groups of cut-outs', () => {
  const paths = Array.from({ length: 27 }, (_, n) => `${n % 3 === 0 ? 'person' : 'car'}/${n}.png`);

  test('have eight or nine each, in an order that is no order of names, and ids that follow from their paths', async () => {
    const root = await writeCutouts(newPath('groups'), discs(...paths));
    const opened = openCutouts(root, await listTree(root));
    const { samples } = groupCutouts(opened, () => true);
    expect(samples.map(({ cutouts }) => cutouts?.length)).toEqual([9, 9, 9]);
    expect(samples.flatMap(({ cutouts = [] }) => cutouts).sort()).toEqual([...paths].sort());
    for (const { cutouts = [] } of samples) expect(new Set(cutouts.map((path) => path.split('/')[0])).size).toBe(2);
    const reversed = { ...opened, samples: [...opened.samples].reverse() };
    expect(groupCutouts(reversed, () => true).samples).toEqual(samples);
    const cars = groupCutouts(opened, (id) => opened.classNames.get(id) === 'car').samples;
    expect(cars.map(({ cutouts }) => cutouts?.length)).toEqual([9, 9]);
    expect(groupCutouts(opened, () => false).samples).toEqual([]);
  });

  test('give a target several cut-outs, and keep a gap of a pixel around each', async () => {
    const root = await writeCutouts(newPath('several'), discs(...paths));
    const { manifest } = await run(root, { maxInstances: 6 });
    const counts = augmentedOf(manifest).map(({ placements }) => placements.length);
    expect(Math.max(...counts)).toBeGreaterThan(1);
    const set = groupCutouts(openCutouts(root, await listTree(root)), () => true);
    const [first] = set.samples;
    const { instances, mask } = await readCutouts(first as Sample, set, () => true);
    expect(mask).toMatchObject({ width: 14, height: 1 + 9 * 13 });
    expect(instances.map(({ box, truncated }) => [...box, truncated])).toEqual(
      instances.map((_, n) => [1, 1 + 13 * n, 13, 13 + 13 * n, false]),
    );
  });
});

describe('a folder of cut-outs is refused', () => {
  const flat = imageOf(9, 9, colour);
  const empty = imageOf(9, 9, (x, y) => colour(x, y, 127), 4);
  test.each<[string, Image | string, string]>([
    ['without alpha', flat, 'car/b.png: has no alpha'],
    ['that shows nothing', empty, 'car/b.png: shows nothing: its alpha is below half everywhere'],
    ['that is no PNG', 'GIF89a', 'car/b.png: is named .png but is not a PNG'],
    ['that is damaged', '', 'car/b.png: '],
  ])('a file %s, and with --skip-bad its group is left out', async (_, content, message) => {
    const sources = await writeCutouts(newPath('bad'), discs('car/a.png', 'car/b.png'));
    if (typeof content !== 'string') await writeCutouts(sources, { 'car/b.png': content });
    else if (content === '') writeFileSync(join(sources, 'car/b.png'), readFileSync(join(sources, 'car/b.png')).subarray(0, 90));
    else writeFileSync(join(sources, 'car/b.png'), content);
    await expect(run(sources)).rejects.toMatchObject({ code: 'data', message: expect.stringMatching(new RegExp(`^${message}`)) });
    const { skipped } = await augment({ ...(await targets()), sources, p: 1, skipBad: true, out: newPath('out') });
    expect(skipped.map(({ reason }) => reason)).toEqual([expect.stringContaining(message)]);
  });

  test.each<[string, Options, string]>([
    ['jittered scenes', { jitter: 'scene' }, '--jitter scene: the cut-outs of --sources have no place in an image'],
    ['a limited translation', { maxTranslation: 0.5 }, '--max-translation: the cut-outs of --sources have no place in an image'],
    ['a fraction of their image', { minSourceArea: 0.1 }, '--min-source-area: the cut-outs of --sources have no image'],
    ['a join of components', { join: '6px' }, '--join: does not apply'],
    ['a split', { sourcesSplit: 'train' }, '--sources-split: does not apply'],
  ])('%s', async (_, options, message) => {
    const sources = await writeCutouts(newPath('unfit'), discs('car/a.png'));
    await expect(run(sources, options)).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining(message) });
  });

  test('that holds no PNG with alpha, as any folder that is no data set', async () => {
    const sources = await writeCutouts(newPath('none'), { 'car/a.png': flat });
    await expect(run(sources)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('does not match any known layout'),
    });
  });
});

test('cut-outs are read when they are drawn, and all of them only for a balance', async () => {
  const sources = await writeCutouts(newPath('unread'), { 'car/a.png': imageOf(9, 9, colour), ...discs('car/b.png') });
  expect((await run(sources, { p: 0, sourcesLayout: 'cutouts' })).manifest.records).toHaveLength(4);
  expect((await run(sources, { p: 0, sourcesLayout: 'cutouts', place: 'prior' })).manifest.records).toHaveLength(4);
  await expect(run(sources, { p: 0, sourcesLayout: 'cutouts', balance: 'inverse' })).rejects.toMatchObject({ code: 'data' });
});

test('a run from cut-outs is rebuilt from those that it has read, whatever else lies in the folder; a changed or missing one is named', async () => {
  const sources = await writeCutouts(newPath('replayed'), discs('car/a.png', 'car/b.png', 'person/c.png'));
  const { out, given } = await run(sources);
  const more = newPath('more');
  cpSync(sources, more, { recursive: true });
  await writeCutouts(more, discs('aeroplane/x.png', 'car/0.png', 'z.png'));
  const again = { manifest: join(out, 'manifest.json'), in: given.in, sources: more };
  await replay({ ...again, out: newPath('again') });
  const deep = { out, deep: true, in: given.in, classNames: given.classNames } as const;
  expect((await verify({ ...deep, sources })).differences).toEqual([]);
  const { differences, unchecked } = await verify({ ...deep, sources: more });
  expect(differences[0]?.what).toMatch(/^sources\.folders\.0\.images is "car", but should be ""$/);
  expect(unchecked).toEqual([expect.stringMatching(/^planning was not checked, since the data set is not that of the manifest; /)]);
  await writeCutouts(more, { 'car/b.png': disc(77) });
  await expect(replay({ ...again, out: newPath('again') })).rejects.toMatchObject({
    code: 'data',
    message: expect.stringContaining('car/b.png: has changed'),
  });
  renameSync(join(more, 'car/b.png'), join(more, 'car/away.png'));
  await expect(verify({ ...deep, sources: more })).rejects.toMatchObject({
    message: expect.stringContaining('car/b.png: cannot be read'),
  });
});
