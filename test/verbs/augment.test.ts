import { readdirSync } from 'node:fs';
import { copyFile, cp, mkdir, readFile, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { getBackend, registerBackend, setBackend } from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { decodeImage, encodeImage, imageHeaderOf } from '../../src/codecs/image.ts';
import { extensions, type ImageFormat } from '../../src/codecs/image-names.ts';
import { jpegCoding } from '../../src/codecs/jpeg.ts';
import { decodeMask, encodeMask } from '../../src/codecs/png-masks.ts';
import { exitCodes } from '../../src/errors.ts';
import { findInstances } from '../../src/masks/instances.ts';
import type { augmentOptions, Given } from '../../src/options.ts';
import { type Manifest, type ManifestRecord, manifestSchema } from '../../src/output/manifest.ts';
import { pastesOf } from '../../src/render/render.ts';
import { augment } from '../../src/verbs/augment.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { preview } from '../../src/verbs/preview.ts';
import { replay } from '../../src/verbs/replay.ts';
import { verify } from '../../src/verbs/verify.ts';
import { deepImageOf, drawBox, filled, imageOf, rgba, temporaryFolder, treeDigests, wordsOf, writeTree } from '../make.ts';
import { ownedPlainly } from '../render/reference.ts';

const folder = temporaryFolder();
let number = 0;

type Options = Given<typeof augmentOptions>;
type Augmented = Extract<ManifestRecord, { status: 'augmented' }>;

async function run(options: Omit<Options, 'out'>) {
  const out = join(folder, `out${number++}`);
  const summary = await augment({ ...options, out });
  const manifest = manifestSchema.parse(JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8')));
  return { out, summary, manifest };
}

const camvid = 'fixtures/camvid';
/** Another folder with the samples of `camvid`. */
const camvidCopy = join(folder, 'camvid');
await cp(camvid, camvidCopy, { recursive: true });
const augmentedOf = (manifest: Manifest): Augmented[] => manifest.records.filter((record) => record.status === 'augmented');

/** Digests of all files except the manifest. */
async function dataDigests(out: string): Promise<Record<string, string>> {
  const { 'manifest.json': _, ...rest } = await treeDigests(out);
  return rest;
}

describe('augment', () => {
  test('gives the same bytes for any number of samples in flight and any order of folder entries', async () => {
    const reversed = join(folder, 'reversed');
    for (const split of ['train', 'trainannot', 'val', 'valannot']) {
      await mkdir(join(reversed, split), { recursive: true });
      for (const file of readdirSync(join(camvid, split)).sort().reverse())
        await copyFile(join(camvid, split, file), join(reversed, split, file));
    }
    const runs = await Promise.all([
      run({ in: camvid, p: 1, jobs: 1, batchSize: 3 }),
      run({ in: camvid, p: 1, jobs: 2, batchSize: 3 }),
      run({ in: camvid, p: 1, jobs: 8, batchSize: 3 }),
      run({ in: reversed, p: 1, batchSize: 3 }),
    ]);
    const digests = await Promise.all(runs.map(({ out }) => treeDigests(out)));
    for (const other of digests.slice(1)) expect(other).toEqual(digests[0]);
    const other = await run({ in: camvid, p: 1, seed: 1, batchSize: 3 });
    expect(await dataDigests(other.out)).not.toEqual(await dataDigests(runs[0]?.out as string));
  });

  test('gives golden digests of masks, which no codec touches', async () => {
    const { manifest } = await run({ in: camvid, p: 1 });
    const masks = augmentedOf(manifest).map(({ id, files }) => `${id} ${files.mask?.sha256}`);
    const { manifest: voc } = await run({ in: 'fixtures/voc', p: 1, instances: 'object' });
    const objects = augmentedOf(voc).map(({ id, files }) => `${id} ${files.mask?.sha256} ${files.objects?.sha256}`);
    await expect(`${[...masks, ...objects].sort().join('\n')}\n`).toMatchFileSnapshot('../golden/masks.txt');
  });

  test('-p 0 copies the input, byte for byte', async () => {
    const { out, summary } = await run({ in: camvid, p: 0 });
    expect(await dataDigests(out)).toEqual(await treeDigests(camvid));
    expect(summary).toMatchObject({ augmented: 0, unchanged: { 'not drawn': 8 }, copied: 2 });
  });

  test('-p 1 changes every sample that has a source, and leaves the input and the other split alone', async () => {
    const before = await treeDigests(camvid);
    const { out, summary, manifest } = await run({ in: camvid, p: 1 });
    expect(await treeDigests(camvid)).toEqual(before);
    expect(summary.augmented).toBe(8);
    const after = await dataDigests(out);
    expect(Object.keys(after)).toEqual(Object.keys(before));
    for (const [path, digest] of Object.entries(after)) {
      if (path.startsWith('val')) expect(digest).toBe(before[path]);
      else expect(digest).not.toBe(before[path]);
    }
    expect(augmentedOf(manifest).every(({ source }) => source.startsWith('train/'))).toBe(true);
  });

  test('the manifest names every file with its digest, and counts what the masks hold', async () => {
    const { out, manifest } = await run({ in: camvid, p: 0.6 });
    const digests = await dataDigests(out);
    const named = manifest.records
      .flatMap(({ files: { image, mask } }) => (mask ? [image, mask] : []))
      .map(({ path, sha256 }) => [path, sha256]);
    expect(Object.fromEntries(named)).toEqual(digests);
    for (const record of manifest.records) {
      for (const input of [record.inputs.image, record.inputs.mask])
        expect(sha256(await readFile(join(camvid, input?.path as string)))).toBe(input?.sha256);
    }
    for (const { id, placements, pixels, files } of augmentedOf(manifest)) {
      const mask = decodeMask(await readFile(join(out, files.mask?.path as string)), id);
      for (const [classId, [, after]] of Object.entries(pixels))
        expect(mask.ids.filter((one) => one === Number(classId)).length).toBe(after);
      for (const { area, visible, classId } of placements) {
        expect(area).toBeGreaterThanOrEqual(0.0005 * mask.ids.length);
        expect(visible).toBeLessThanOrEqual(area);
        expect(classId).not.toBe(11);
      }
    }
  });

  test('pixels outside pastes are the input, exactly, where the format is lossless', async () => {
    const noise = (seed: number) => imageOf(60, 40, (x, y) => rgba((x * 37 + y * seed) & 255, (x * y) & 255, seed));
    const masks = [1, 2, 3].map((id) => drawBox(drawBox(filled(60, 40, 0), [10 * id, 10, 10 * id + 8, 25], id), [0, 35, 60, 40], 255));
    const root = await writeTree(join(folder, 'lossless'), {
      ...Object.fromEntries([1, 2, 3].map((id) => [`images/${id}.png`, noise(id)])),
      ...Object.fromEntries([1, 2, 3].map((id) => [`masks/${id}.png`, masks[id - 1] as (typeof masks)[0]])),
    });
    const { out, manifest } = await run({ in: root, p: 1 });
    const size = { width: 60, height: 40 };
    for (const { id } of augmentedOf(manifest)) {
      const read = async (base: string) =>
        wordsOf(
          await decodeImage(await readFile(join(base, `images/${id}.png`)), size, id, {
            channels: 3,
            depth: 8,
            icc: false,
            cmyk: false,
            upright: true,
          }),
        );
      const [before, after] = [await read(root), await read(out)];
      const mask = decodeMask(await readFile(join(out, `masks/${id}.png`)), id).ids;
      const original = (masks[Number(id) - 1] as (typeof masks)[0]).ids;
      let changed = 0;
      for (let i = 0; i < before.length; i++) {
        // An id of another sample shows what was pasted.
        const pasted = ![0, 255, Number(id)].includes(mask[i] as number);
        if (pasted) changed++;
        else expect([after[i], mask[i]]).toEqual([before[i], original[i]]);
      }
      expect(changed).toBeGreaterThan(0);
    }
  });

  test.each([
    { in: camvid },
    { in: camvid, preset: 'overhead' },
    { in: 'fixtures/voc', instances: 'object', truncated: 'keep', allowSelf: true },
    { in: 'fixtures/voc', preset: 'paper', allowSelf: true },
    { in: 'fixtures/coco', truncated: 'keep', allowSelf: true },
    { in: 'fixtures/labelme', truncated: 'keep', allowSelf: true },
  ] as const)('tone and antialias change the images of pasted samples, and no annotation: %o', async (options) => {
    const given = { ...options, p: 1, seed: 2, minArea: '9px' } as const;
    const [plain, styled] = [await run(given), await run({ ...given, tone: 0.2, blend: 'antialias' })];
    const bare = ({ files: _, ...record }: Augmented) => ({ ...record, placements: record.placements.map(({ tone: _, ...one }) => one) });
    expect(augmentedOf(styled.manifest).map(bare)).toEqual(augmentedOf(plain.manifest).map(bare));
    const [before, after] = [await dataDigests(plain.out), await dataDigests(styled.out)];
    expect(Object.keys(after)).toEqual(Object.keys(before));
    const images = augmentedOf(styled.manifest).map(({ files }) => files.image.path);
    expect(images.length).toBeGreaterThan(0);
    expect(Object.keys(after).filter((path) => after[path] !== before[path])).toEqual(images.sort());
  });

  test('VOC: palettes survive, object ids stay unique, void stays, lists follow', async () => {
    const { out, manifest } = await run({ in: 'fixtures/voc', p: 1, instances: 'object', copies: 2, includeOriginals: true });
    for (const { id, files, placements, covered, inputs } of augmentedOf(manifest)) {
      const read = async (base: string, path = '') => decodeMask(await readFile(join(base, path)), id);
      for (const kind of ['mask', 'objects'] as const) {
        const [before, after] = [await read('fixtures/voc', inputs[kind]?.path), await read(out, files[kind]?.path)];
        expect(after.palette).toEqual(before.palette);
      }
      const [classes, objects] = [await read(out, files.mask?.path), await read(out, files.objects?.path)];
      const kept = placements.filter(({ visible }) => visible > 0);
      expect(new Set(kept.map(({ object }) => object)).size).toBe(kept.length);
      for (const { object, classId, visible } of kept) {
        expect(objects.ids.filter((one) => one === object).length).toBe(visible);
        expect(objects.ids.every((one, i) => one !== object || classes.ids[i] === classId)).toBe(true);
      }
      for (const { object, after, dropped } of covered ?? []) {
        expect(objects.ids.filter((one) => one === object).length).toBe(dropped ? 0 : after);
      }
    }
    const ids = ['2011_000003', '2011_000006', '2011_000025'];
    const list = await readFile(join(out, 'ImageSets/Segmentation/trainval.txt'), 'utf8');
    expect(list).toBe(ids.map((id) => `${id}\n${id}_aug1\n${id}_aug2\n`).join(''));
    expect(readdirSync(join(out, 'SegmentationObject'))).toHaveLength(9);
  });

  test('names variants before a mask suffix, and refuses names that collide', async () => {
    const box = drawBox(filled(40, 40, 0), [10, 10, 20, 20], 1);
    const root = await writeTree(join(folder, 'suffix'), {
      ...Object.fromEntries(
        ['a', 'b'].flatMap((id) => [
          [`${id}.png`, imageOf(40, 40, () => 7)],
          [`${id}_mask.png`, box],
        ]),
      ),
    });
    const options = { in: root, images: '.', masks: '.', maskSuffix: '_mask', copies: 2 };
    const { out } = await run(options);
    expect(readdirSync(out).sort()).toEqual([
      'a_aug1.png',
      'a_aug1_mask.png',
      'a_aug2.png',
      'a_aug2_mask.png',
      'b_aug1.png',
      'b_aug1_mask.png',
      'b_aug2.png',
      'b_aug2_mask.png',
      'manifest.json',
    ]);
    await writeTree(root, { 'a_aug1.png': imageOf(40, 40, () => 7), 'a_aug1_mask.png': box });
    await expect(run({ ...options, includeOriginals: true })).rejects.toMatchObject({
      code: 'data',
      offenders: [expect.stringContaining('a_aug1.png: both'), expect.stringContaining('a_aug1_mask.png')],
    });
  });

  test('pastes no stuff, unless it is kept or named', async () => {
    const stuff = [0, 1, 3, 4, 5, 7];
    const pasted = async (options: Parameters<typeof run>[0]) => {
      const classes = augmentedOf((await run(options)).manifest).flatMap(({ placements }) => placements.map(({ classId }) => classId));
      return { all: classes.length, stuff: classes.filter((id) => stuff.includes(id)).length };
    };
    const scenes = { in: camvid, p: 1, copies: 5, onlySplit: true };
    expect(await pasted(scenes)).toMatchObject({ stuff: 0 });
    const kept = await pasted({ ...scenes, stuff: 'keep' });
    expect(kept.stuff / kept.all).toBeGreaterThan(0.2);
    const roads = await pasted({ ...scenes, classes: ['road'], truncated: 'keep', maxArea: 1 });
    expect(roads.stuff).toBe(roads.all);
    expect(roads.all).toBeGreaterThan(0);
    expect((await pasted({ ...scenes, copies: 1, preset: 'composer', instances: 'component' })).stuff).toBeGreaterThan(0);
  });

  test('refuses a sample whose file the manifest would take the place of', async () => {
    const labels = {
      shapes: [
        {
          label: 'x',
          shape_type: 'rectangle',
          points: [
            [5, 5],
            [20, 20],
          ],
        },
      ],
      imageWidth: 40,
      imageHeight: 40,
    };
    const sample = (id: string) => ({ [`${id}.png`]: imageOf(40, 40, () => 7), [`${id}.json`]: JSON.stringify(labels) });
    const root = await writeTree(join(folder, 'own-name'), { ...sample('Manifest'), ...sample('other') });
    await expect(run({ in: root })).rejects.toMatchObject({ code: 'data', offenders: [expect.stringMatching(/^Manifest\.json: /)] });
    await expect(run({ in: root, copies: 2 })).resolves.toMatchObject({ summary: { samples: 4 } });
  });

  test.each(['composer', 'paper', 'ssj'] as const)('preset %s pastes, and keeps masks to known ids', async (preset) => {
    const { out, manifest } = await run({ in: camvid, p: 1, preset });
    const records = augmentedOf(manifest);
    expect(records.length).toBeGreaterThan(4);
    for (const { files, id, scenes } of records) {
      expect(scenes !== undefined).toBe(preset !== 'composer');
      const ids = new Set(decodeMask(await readFile(join(out, files.mask?.path as string)), id).ids);
      expect(Math.max(...ids)).toBeLessThanOrEqual(11);
    }
  });

  test('what is said wins over the preset', async () => {
    const { manifest } = await run({ in: camvid, p: 1, preset: 'composer', flip: 0, classes: ['car', '9'] });
    expect(manifest.options).toMatchObject({ flip: 0, maxArea: 0.5, instances: 'class' });
    const placements = augmentedOf(manifest).flatMap(({ placements }) => placements);
    expect(placements.every(({ flip, classId }) => !flip && [8, 9].includes(classId))).toBe(true);
  });

  test('encodes in another format where asked, and links unchanged files', async () => {
    const { out, manifest } = await run({ in: camvid, p: 0.5, imageFormat: 'webp', quality: 80, link: true });
    for (const { status, files, inputs } of manifest.records) {
      expect(files.image.path.endsWith(status === 'augmented' ? '.webp' : '.jpg')).toBe(true);
      if (status === 'unchanged')
        expect((await stat(join(out, files.image.path))).ino).toBe((await stat(join(camvid, inputs.image.path))).ino);
    }
  });

  test('writes each JPEG in its own quality and sampling, unless a quality is asked for, and records them', async () => {
    const tile = filled(60, 40, 0);
    const picture = sharp(
      await encodeImage(
        imageOf(60, 40, (x, y) => rgba(x * 4, (x * y) & 255, y * 6)),
        'png',
      ),
    );
    const root = await writeTree(join(folder, `jpegs${number++}`), {
      'images/a.jpg': await picture.clone().jpeg({ quality: 75, chromaSubsampling: '4:2:0' }).toBuffer(),
      'images/b.jpg': await picture.clone().jpeg({ quality: 90, chromaSubsampling: '4:4:4', progressive: true }).toBuffer(),
      'images/c.jpg': await picture.clone().toColourspace('b-w').jpeg({ quality: 50 }).toBuffer(),
      'images/d.png': await picture.clone().png().toBuffer(),
      ...Object.fromEntries(['a', 'b', 'c', 'd'].map((name, n) => [`masks/${name}.png`, drawBox(tile, [9, 9, 33, 29], n + 1)])),
    });
    const own = [
      [75, '4:2:0'],
      [90, '4:4:4'],
      [50, undefined],
    ];
    const none = [undefined, undefined];
    for (const [options, expected] of [
      [{}, [...own, none]],
      [{ imageFormat: 'jpeg' }, [...own, [95, '4:4:4']]],
      [{ imageFormat: 'webp' }, new Array(4).fill([95, undefined])],
      [{ quality: 80 }, [[80, '4:4:4'], [80, '4:4:4'], [80, undefined], none]],
    ] as const) {
      const { out, manifest } = await run({ in: root, p: 1, ...options });
      const byId = [...augmentedOf(manifest)].sort((one, other) => (one.id < other.id ? -1 : 1));
      expect(byId.map(({ files: { image } }) => [image.quality, image.sampling])).toEqual(expected);
      for (const { files, inputs } of augmentedOf(manifest)) {
        if (files.image.codec !== 'jpeg') continue;
        const { quality, sampling } = files.image;
        const coding = jpegCoding(await readFile(join(out, files.image.path)));
        expect(coding).toMatchObject({ quality, ...(sampling && { sampling }) });
        if (!('quality' in options)) expect(coding?.progressive).toBe(inputs.image.path.endsWith('b.jpg'));
      }
      expect((await verify({ out, in: root, deep: true })).differences).toEqual([]);
      const again = join(folder, `out${number++}`);
      await replay({ manifest: join(out, 'manifest.json'), in: root, out: again });
      expect(await treeDigests(again)).toEqual(await treeDigests(out));
    }
  });

  /** Three samples with one instance each; all pixels of an image have the sample's own value. */
  async function plain(name: string, image: (value: number) => Promise<Uint8Array>, values: readonly number[]): Promise<string> {
    const files = await Promise.all(values.map(async (value, n) => [`images/${n}.${name}`, await image(value)] as const));
    const masks = values.map((_, n) => [`masks/${n}.png`, drawBox(filled(60, 40, 0), [9, 9, 33, 29], n + 1)] as const);
    return writeTree(join(folder, `plain${number++}`), { ...Object.fromEntries(files), ...Object.fromEntries(masks) });
  }
  const deep = (format: 'png' | 'tiff') => (value: number) =>
    encodeImage(
      deepImageOf(60, 40, 3, () => value),
      format,
      95,
    );
  const flat = (format: ImageFormat) => (value: number) =>
    encodeImage(
      imageOf(60, 40, () => rgba(value, value, value)),
      format,
      95,
    );

  /** Values of pasted pixels, and of the other pixels, in augmented images, by sample. */
  async function valuesOf({ out, manifest }: { out: string; manifest: Manifest }): Promise<number[][]> {
    return Promise.all(
      augmentedOf(manifest).map(async ({ files }) => {
        const bytes = await readFile(join(out, files.image.path));
        const { stored, format } = await imageHeaderOf(bytes, files.image.path);
        const { pixels, bands, depth } = await decodeImage(bytes, stored, files.image.path, { ...format, upright: false });
        const mask = decodeMask(await readFile(join(out, files.mask?.path as string)), files.image.path);
        const own = Number(files.image.path.match(/\d/)?.[0]) + 1;
        const at = (pasted: boolean): number => mask.ids.findIndex((id) => id !== 0 && (id === own) !== pasted);
        const red = (i: number): number => pixels[bands * i] as number;
        return [depth, red(at(true)), red(at(false))];
      }),
    );
  }

  test('16 bits a channel stay 16 bits, and 8 and 16 bits are pasted into one another to the nearest value', async () => {
    for (const format of ['png', 'tiff'] as const) {
      const root = await plain(extensions[format][0], deep(format), [300, 300, 300]);
      for (const imageFormat of [undefined, 'png', 'tiff'] as const) {
        const done = await run({ in: root, p: 1, ...(imageFormat && { imageFormat }) });
        expect(await valuesOf(done)).toEqual(new Array(3).fill([16, 300, 300]));
        expect(augmentedOf(done.manifest).map(({ files }) => files.image.codec)).toEqual(new Array(3).fill(imageFormat ?? format));
        expect((await verify({ out: done.out, in: root, deep: true })).differences).toEqual([]);
      }
    }
    const bytes = [await deep('png')(1000), await flat('png')(200)];
    const mixed = await plain('png', async (n) => bytes[n] as Uint8Array, [0, 1]);
    // (1000 + 128) / 257 is 4.39, 200 · 257 is 51400.
    const done = await run({ in: mixed, p: 1 });
    expect((await valuesOf(done)).sort()).toEqual([
      [16, 51_400, 1000],
      [8, 4, 200],
    ]);
    expect((await verify({ out: done.out, in: mixed, deep: true })).differences).toEqual([]);
    const again = join(folder, `out${number++}`);
    await replay({ manifest: join(done.out, 'manifest.json'), in: mixed, out: again });
    expect(await treeDigests(again)).toEqual(await treeDigests(done.out));
    for (const imageFormat of ['jpeg', 'webp', 'avif'] as const)
      await expect(run({ in: mixed, imageFormat })).rejects.toThrow(
        `--image-format ${imageFormat}: images/0.png has 16 bits per channel, but ${imageFormat} holds 8; use png or tiff, or convert the images first`,
      );
    const { images } = await inspect({ in: mixed });
    expect(images).toEqual({ 'PNG 16-bit RGB': 1, 'PNG RGB': 1 });
    expect((await preview({ in: mixed, out: join(folder, 'deep.png'), p: 1 })).rows).toBe(2);
  });

  test('TIFF and AVIF come out as they went in, and a lossless WebP stays lossless', async () => {
    for (const format of ['tiff', 'avif', 'webp'] as const) {
      const lossless = async (value: number): Promise<Uint8Array> =>
        sharp(await flat('png')(value))
          .webp({ lossless: true })
          .toBuffer();
      const root = await plain(extensions[format][0], format === 'webp' ? lossless : flat(format), [50, 120, 200]);
      const done = await run({ in: root, p: 1 });
      const values = await valuesOf(done);
      expect(values).toHaveLength(3);
      for (const [depth, ...both] of values) {
        expect(depth).toBe(8);
        for (const value of both)
          expect(Math.min(...[50, 120, 200].map((one) => Math.abs(one - (value as number))))).toBeLessThanOrEqual(
            format === 'avif' ? 2 : 0,
          );
      }
      const serial = await run({ in: root, p: 1, jobs: 1 });
      expect(await treeDigests(serial.out)).toEqual(await treeDigests(done.out));
      if (format === 'webp')
        for (const { files } of augmentedOf(done.manifest))
          expect((await readFile(join(done.out, files.image.path))).subarray(12, 16).toString()).toBe('VP8L');
    }
  });

  test('a dry run plans the same and writes nothing', async () => {
    const plans: unknown[] = [];
    const out = join(folder, 'dry');
    const { expected, ...summary } = await augment(
      { in: camvid, out, dryRun: true, p: 1 },
      { done: (_, record) => record?.status === 'augmented' && plans.push(record.placements.map(({ targetBox }) => targetBox)) },
    );
    await expect(stat(out)).rejects.toThrow();
    const { manifest, summary: real } = await run({ in: camvid, p: 1 });
    expect(plans).toEqual(augmentedOf(manifest).map(({ placements }) => placements.map(({ targetBox }) => targetBox)));
    expect(summary).toEqual(real);
    expect(expected).toMatchObject({ samples: 10 });
  });

  test('with --skip-bad, of which every sample is left out while it is read, ends without an output', async () => {
    const masks = { 'masks/a.png': filled(24, 16, 3), 'masks/b.png': filled(24, 16, 3) };
    const picture = imageOf(24, 16, (x, y) => rgba(x, y, 0));
    const root = await writeTree(join(folder, `left-out${number++}`), { 'images/a.png': picture, 'images/b.png': picture, ...masks });
    for (const path of Object.keys(masks)) await truncate(join(root, path), (await stat(join(root, path))).size - 16);
    const out = join(folder, `out${number++}`);
    await expect(augment({ in: root, out, p: 1, skipBad: true })).rejects.toMatchObject({
      code: 'noInput',
      message: `${root}: nothing to augment: all of its samples (2) are bad`,
    });
    expect(readdirSync(out)).not.toContain('manifest.json');
  });

  test('a damaged file stops the run by name; --skip-bad leaves it out of plans and outputs', async () => {
    const root = join(folder, 'damaged');
    const bytes = await encodeMask(drawBox(filled(40, 40, 0), [10, 10, 20, 20], 1));
    await writeTree(
      root,
      Object.fromEntries(
        ['a', 'b', 'c', 'd'].flatMap((id) => [
          [`images/${id}.png`, imageOf(40, 40, () => 7)],
          [`masks/${id}.png`, bytes],
        ]),
      ),
    );
    await writeFile(join(root, 'masks/b.png'), bytes.subarray(0, bytes.length - 20));
    const image = await readFile(join(root, 'images/c.png'));
    await writeFile(join(root, 'images/c.png'), image.subarray(0, image.length - 20));
    await expect(run({ in: root, p: 1 })).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(/^(masks\/b|images\/c)\.png: /),
    });
    const { out, manifest, summary } = await run({ in: root, p: 1, skipBad: true });
    expect(summary.skipped.map(({ id }) => id)).toEqual(['b', 'c']);
    expect(manifest.skipped).toEqual(summary.skipped);
    expect(Object.keys(await dataDigests(out))).toEqual(['images/a.png', 'images/d.png', 'masks/a.png', 'masks/d.png']);
  });

  test('a damaged image, wherever it comes up, is one error and leaves no temporary file', async () => {
    for (const file of readdirSync(join(camvid, 'train'))) {
      const root = join(folder, `damaged-${file}`);
      await cp(camvid, root, { recursive: true });
      await truncate(join(root, 'train', file), 3000);
      const out = `${root}-out`;
      await expect(augment({ in: root, out, p: 1, jobs: 8 })).rejects.toMatchObject({
        code: 'data',
        message: expect.stringContaining(file),
      });
      expect(readdirSync(out, { recursive: true }).filter((name) => String(name).endsWith('.tmp'))).toEqual([]);
    }
  });

  test('an ignore id that a mask cannot hold is an error where it would be written', async () => {
    const given = { in: camvid, p: 1, ignore: [300] };
    await expect(run({ ...given, preset: 'paper' })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/^--ignore 300: /),
    });
    await expect(run({ in: 'fixtures/voc', p: 1, ignore: [300], skipBad: true })).rejects.toMatchObject({ code: 'usage' });
    expect((await run(given)).summary.augmented).toBe(8);
  });

  test('leaves the TensorFlow.js backend that was active active', async () => {
    registerBackend('mine', () => new MathBackendCPU());
    await setBackend('mine');
    await run({ in: camvid, p: 0.5 });
    expect(getBackend()).toBe('mine');
    await setBackend('cpu');
  });

  test('refuses an output that is not empty, or that is, holds or lies in the input', async () => {
    const full = await writeTree(join(folder, 'full'), { 'x.txt': 'x' });
    await expect(augment({ in: camvid, out: full })).rejects.toMatchObject({ code: 'cannotCreate' });
    await symlink(join(process.cwd(), camvid), join(folder, 'alias'));
    for (const out of [camvid, join(camvid, 'aug'), 'fixtures', join(folder, 'alias'), join(folder, 'alias', 'deeper', 'aug')]) {
      await expect(augment({ in: camvid, out })).rejects.toMatchObject({ code: 'usage' });
    }
    await expect(augment({ in: camvid, out: join(full, 'x.txt') })).rejects.toMatchObject({ code: 'cannotCreate' });
    expect(exitCodes.cannotCreate).toBe(73);
  });

  test('a run that fails leaves no temporary file', async () => {
    const root = join(folder, 'failing');
    await writeTree(root, {
      'images/a.png': imageOf(9, 9, () => 1),
      'masks/a.png': filled(9, 9, 1),
      'images/b.png': imageOf(9, 9, () => 1),
    });
    await writeTree(root, { 'masks/b.png': (await encodeMask(filled(9, 9, 2))).subarray(0, 60) });
    const out = join(folder, 'failed');
    await expect(augment({ in: root, out, p: 1 })).rejects.toMatchObject({ code: 'data' });
    expect(readdirSync(out, { recursive: true }).filter((name) => String(name).includes('.tmp'))).toEqual([]);
  });
});

describe('placement rules, judged by the files', () => {
  const rules = { pasteOn: ['road', 'pavement'], avoid: ['car', 'pedestrian', 'bicyclist'], maxCover: 0.2 };
  const [standsOn, avoided, stuff] = [
    [3, 4],
    [8, 9, 10],
    [0, 1, 3, 4, 5, 7],
  ];

  /** Pixels that each placement of a record owns, with the target's mask before and after. */
  async function pastesIn(out: string, root: string, record: Augmented) {
    const maskIn = async (folder: string, path: string) => decodeMask(await readFile(join(folder, path)), path);
    const fileOf = ({ mask }: { mask?: { path: string } | undefined }): string => mask?.path as string;
    const before = await maskIn(camvid, fileOf(record.inputs));
    const after = await maskIn(out, fileOf(record.files));
    const from = record.sourceInputs ?? {
      mask: { path: fileOf(record.inputs).replace(/[^/]+$/, `${record.source.split('/').pop()}.png`) },
    };
    const sourceMask = await maskIn(root, fileOf(from));
    const { instances } = findInstances(sourceMask, undefined, 'component', new Set([11]));
    const { id, source, placements, dropped } = record;
    const plan = { id, copy: 0, source, placements, dropped };
    const { pastes } = pastesOf(plan, { offset: 0, ...before }, { offset: 0, ...sourceMask }, instances, { blend: 'none' });
    return { before, after, owned: pastes.map((paste) => ownedPlainly(paste).map(([x, y]) => y * before.width + x)) };
  }

  async function breachesOf(out: string, root: string, record: Augmented) {
    const { before, after, owned } = await pastesIn(out, root, record);
    const { width, height, ids } = before;
    const all = new Set(owned.flat());
    const feet = owned.map((pixels) => {
      const bottom = Math.floor((pixels.at(-1) as number) / width);
      const row = pixels.filter((i) => Math.floor(i / width) === bottom);
      const foot = row[Math.floor((row.length - 1) / 2)] as number;
      return ids[bottom + 1 < height ? foot + width : foot] as number;
    });
    const lost = findInstances(before, undefined, 'component', new Set([11, ...stuff])).instances.map(({ spans, start, end, area }) => {
      let pixels = 0;
      for (let s = start; s < end; s += 3)
        for (let x = spans[s + 1] as number; x < (spans[s + 2] as number); x++) if (all.has((spans[s] as number) * width + x)) pixels++;
      return pixels / area;
    });
    expect([...ids.keys()].filter((i) => ids[i] !== after.ids[i] && !all.has(i))).toEqual([]);
    return {
      feet: feet.filter((id) => !standsOn.includes(id)).length,
      avoided: [...all].filter((i) => avoided.includes(ids[i] as number)).length,
      covered: lost.filter((fraction) => fraction > 0.2).length,
    };
  }

  test.each<[string, Partial<Options>]>([
    ['of its own', {}],
    ['of another data set', { sources: camvidCopy }],
  ])('hold in CamVid with instances %s: feet, avoided pixels, and what each instance loses', async (_, given) => {
    const breaches = async (seed: number, own: Partial<Options>) => {
      const { out, manifest } = await run({ in: camvid, p: 1, maxInstances: 'all', seed, ...given, ...own });
      return Promise.all(augmentedOf(manifest).map((record) => breachesOf(out, given.sources ?? camvid, record)));
    };
    const none = { feet: 0, avoided: 0, covered: 0 };
    for (const seed of [0, 1, 2]) for (const found of await breaches(seed, rules)) expect(found).toEqual(none);
    const free = await breaches(0, {});
    for (const name of ['feet', 'avoided', 'covered'] as const) expect(free.some((found) => found[name] > 0)).toBe(true);
  });

  test.each<[string, Omit<Options, 'out'>]>([
    ['COCO, whose annotations overlap', { in: 'fixtures/coco' }],
    ['VOC with object masks', { in: 'fixtures/voc', instances: 'object' }],
    ['COCO with instances of VOC', { in: 'fixtures/coco', sources: 'fixtures/voc' }],
  ])('hold for each existing instance by itself, as the manifest counts its pixels: %s', async (_, given) => {
    const losses = async (seed: number, more: Partial<Options>) => {
      const { manifest } = await run({ p: 1, maxInstances: 'all', truncated: 'keep', seed, ...given, ...more });
      return augmentedOf(manifest).flatMap(({ covered = [] }) => covered.map(({ before, after }) => (before - after) / before));
    };
    const seeds = [0, 1, 2, 3, 4, 5];
    const [held, free] = await Promise.all(
      [{ maxCover: 0.3 }, {}].map(async (own) => (await Promise.all(seeds.map((seed) => losses(seed, own)))).flat()),
    );
    expect(held?.filter((loss) => loss > 0.3)).toEqual([]);
    expect(held?.length).toBeGreaterThan(0);
    expect(free?.some((loss) => loss > 0.3)).toBe(true);
  });
});
