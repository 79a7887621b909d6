import { readFileSync } from 'node:fs';
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openArchive } from '../../src/archives/open.ts';
import type { Given, packOptions } from '../../src/options.ts';
import { readManifest } from '../../src/output/manifest-file.ts';
import type { Image, Mask } from '../../src/types.ts';
import { augment } from '../../src/verbs/augment.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { type PackSummary, pack } from '../../src/verbs/pack.ts';
import { report } from '../../src/verbs/report.ts';
import { verify } from '../../src/verbs/verify.ts';
import { expectSound } from '../contract.ts';
import { drawBox, filled, imageOf, rgba, temporaryFolder, treeDigests, writeTree } from '../make.ts';

const folder = temporaryFolder();
let number = 0;
const newPath = (name: string): string => join(folder, `${name}${number++}`);

type Form = Given<typeof packOptions>['form'];

async function packed(
  form: Form,
  data: string,
  options: Partial<Given<typeof packOptions>> = {},
): Promise<{ out: string; summary: PackSummary }> {
  const out = newPath('packed');
  return { out, summary: await pack({ form, in: data, out, ...options }) };
}

/** Unpacks the archives of a folder into folders of their names, and keeps the other files. */
async function unpacked(root: string): Promise<string> {
  const out = newPath('folders');
  await cp(root, out, { recursive: true });
  for (const path of Object.keys(await treeDigests(root)).filter((file) => /\.(tar|parquet)$/.test(file))) {
    const bytes = readFileSync(join(root, path));
    const archive = await openArchive({ path, size: bytes.length, read: async (start, length) => bytes.subarray(start, start + length) });
    await rm(join(out, path));
    for (const name of archive.names) {
      await mkdir(join(out, path, name, '..'), { recursive: true });
      await writeFile(join(out, path, name), await archive.read(name));
    }
  }
  return out;
}

/** Digests of an output without its manifest, which names the sizes of the input's files. */
async function digestsOf(out: string): Promise<Record<string, string>> {
  const { 'manifest.json': _, ...files } = await treeDigests(out);
  return files;
}

const [width, height] = [40, 30];
const picture = (n: number): Image => imageOf(width, height, (x, y) => rgba(x * 6, y * 8, n * 90));
/** Two cars and a person on a road. */
const scene = (n: number): Mask =>
  drawBox(drawBox(drawBox(filled(width, height, 7), [5 + n, 5, 15 + n, 13], 26), [20, 15, 30, 22], 26), [5, 18, 9, 27], 24);
/** Instances of a scene, whose ids encode their classes; the road has none. */
const objectsOf = ({ ids }: Mask, perClass: number, road: number): Mask => ({
  width,
  height,
  ids: Uint16Array.from(ids, (id, i) => (id === 7 ? road : id * perClass + (id === 26 && i >= 14 * width ? 2 : 1))),
});

const streetLayouts = ['cityscapes', 'kitti', 'mapillary', 'mapillary-v2'] as const;
/** Data sets of streets with two samples in a split. @param folder around the samples of the split, such as `a/`. */
const streets: Record<(typeof streetLayouts)[number], { split: string; files: (folder?: string) => Parameters<typeof writeTree>[1] }> = {
  cityscapes: {
    split: 'train',
    files: (folder = '') =>
      Object.fromEntries(
        ['bonn/bonn_000000_000010', 'ulm/ulm_000000_000011'].flatMap((stem, n) => [
          [`leftImg8bit/train/${folder}${stem}_leftImg8bit.png`, picture(n)],
          [`gtFine/train/${folder}${stem}_gtFine_labelIds.png`, scene(n)],
          [`gtFine/train/${folder}${stem}_gtFine_instanceIds.png`, objectsOf(scene(n), 1000, 7)],
        ]),
      ),
  },
  kitti: {
    split: 'training',
    files: (folder = '') =>
      Object.fromEntries(
        ['000000_10', '000001_10'].flatMap((stem, n) => [
          [`training/image_2/${folder}${stem}.png`, picture(n)],
          [`training/semantic/${folder}${stem}.png`, scene(n)],
          [`training/instance/${folder}${stem}.png`, objectsOf(scene(n), 256, 7 * 256)],
        ]),
      ),
  },
  mapillary: {
    split: 'training',
    files: (folder = '') =>
      Object.fromEntries(
        ['a', 'b'].flatMap((stem, n) => [
          [`training/images/${folder}${stem}.png`, picture(n)],
          [`training/v1.2/labels/${folder}${stem}.png`, scene(n)],
          [`training/v1.2/instances/${folder}${stem}.png`, objectsOf(scene(n), 256, 7 * 256)],
        ]),
      ),
  },
  'mapillary-v2': {
    split: 'training',
    files: (folder = '') => ({
      'config_v2.0.json': JSON.stringify({
        labels: Array.from({ length: 30 }, (_, id) => ({ name: `class ${id}`, instances: id === 24 || id === 26 })),
      }),
      ...Object.fromEntries(
        ['a', 'b'].flatMap((stem, n) => [
          [`training/images/${folder}${stem}.png`, picture(n)],
          [`training/v2.0/labels/${folder}${stem}.png`, scene(n)],
          [`training/v2.0/instances/${folder}${stem}.png`, objectsOf(scene(n), 256, 7 * 256)],
        ]),
      ),
    }),
  },
};

describe.each(['webdataset', 'parquet'] as const)('pack %s', (form) => {
  test.each(['camvid', 'voc', 'coco', 'panoptic', 'labelme'])('%s has the same samples and objects in archives', async (name) => {
    const data = join('fixtures', name);
    const { out, summary } = await packed(form, data, { samplesPerFile: 2 });
    const [before, after] = [await inspect({ in: data }), await inspect({ in: out })];
    expect(summary.samples).toBe(Object.values(after.splits).reduce((sum, n) => sum + n, 0));
    expect(after.sizes).toEqual(before.sizes);
    const counted = ({ classes }: typeof before) =>
      classes.filter(({ leftOut }) => !leftOut).map(({ id, name: called, instances, pixels }) => ({ id, called, instances, pixels }));
    expect(counted(after)).toEqual(counted(before).filter(({ instances, pixels }) => instances + pixels > 0));
    expect(after.odd).toEqual([]);
  });

  test('archives are augmented as the folders with their files', async () => {
    const { out: root } = await packed(form, 'fixtures/camvid', { samplesPerFile: 3 });
    const [a, b] = [newPath('a'), newPath('b')];
    await augment({ in: root, out: a, p: 1, seed: 5 });
    await augment({ in: await unpacked(root), out: b, p: 1, seed: 5 });
    expect(await digestsOf(a)).toEqual(await digestsOf(b));
    await expectSound(a, root);
  });

  test('archives of objects are augmented as the folders with their files', async () => {
    const { out: root } = await packed(form, 'fixtures/coco');
    const [a, b] = [newPath('a'), newPath('b')];
    const options = { p: 1, seed: 2, allowSelf: true } as const;
    await augment({ in: root, out: a, ...options });
    await augment({ in: await unpacked(root), out: b, ...options });
    expect(await digestsOf(a)).toEqual(await digestsOf(b));
    await expectSound(a, root);
  });

  test.each(streetLayouts)('%s keeps its encoding of instances, and its classes of stuff', async (name) => {
    const { split, files } = streets[name];
    const [root, twin] = [newPath('street'), newPath('street')];
    await writeTree(root, files());
    const { out } = await packed(form, root);
    const archive = form === 'webdataset' ? `${split}-000000.tar` : `${split}-00000-of-00001.parquet`;
    if (form === 'parquet') await rename(join(out, 'data', archive), join(out, archive));
    // The names of samples decide on their plans.
    await writeTree(twin, files(`${archive}/`));
    for (const instances of ['object', 'component'] as const) {
      const made = async (options: { in: string; layout: 'archives' | typeof name; split: string }) => {
        const to = newPath('augmented');
        await augment({ ...options, out: to, instances, p: 1, seed: 3, copies: 2, truncated: 'keep', minArea: '4px', maxArea: 1 });
        const { records } = await readManifest(join(to, 'manifest.json'));
        return records.map(({ id, status, files: { image, mask, objects } }) => ({
          id,
          status,
          digests: [image, mask, objects].map((file) => file?.sha256),
        }));
      };
      const records = await made({ in: out, layout: 'archives', split });
      expect(records).toEqual(await made({ in: twin, layout: name, split }));
      expect(records.some(({ status }) => status === 'augmented')).toBe(true);
    }
  });

  test('an output is packed with its manifest, and again into the same bytes; a missing archive is made again', async () => {
    const data = newPath('aug');
    await augment({ in: 'fixtures/camvid', out: data, p: 1 });
    const { out } = await packed(form, data, { samplesPerFile: 2 });
    const digests = await treeDigests(out);
    expect(Object.keys(digests)).toContain('augment.json');
    expect(await treeDigests((await packed(form, data, { samplesPerFile: 2 })).out)).toEqual(digests);
    expect((await pack({ form, in: data, out, samplesPerFile: 2 })).reused).toBeGreaterThan(1);
    const [first = ''] = Object.keys(digests).filter((path) => /\.(tar|parquet)$/.test(path));
    await rm(join(out, first));
    await expect(pack({ form, in: data, out, samplesPerFile: 2 })).rejects.toMatchObject({ code: 'usage' });
    await expect(pack({ form, in: data, out, samplesPerFile: 3 })).rejects.toThrow(/samplesPerFile was 2 and is now 3/);
    await pack({ form, in: data, out, samplesPerFile: 2, overwrite: true });
    expect(await treeDigests(out)).toEqual(digests);
  });

  test('packed data are named as such where the manifest of an output is needed', async () => {
    const { out } = await packed(form, 'fixtures/camvid');
    const message = `${join(out, 'manifest.json')}: is the manifest of packed data; to check its digests, run the same pack again`;
    await expect(verify({ out })).rejects.toMatchObject({ code: 'data', message });
    await expect(report({ out, in: 'fixtures/camvid', page: newPath('page') })).rejects.toMatchObject({ code: 'data', message });
  });

  test('a run that is stopped keeps its complete archives', async () => {
    const out = newPath('stopped');
    const stop = new AbortController();
    let done = 0;
    const hooks = {
      stop: stop.signal,
      done: () => {
        if (++done === 3) stop.abort();
      },
    };
    const options = { form, in: 'fixtures/camvid', out, samplesPerFile: 2 } as const;
    await expect(pack(options, hooks)).rejects.toMatchObject({ code: 'interrupted' });
    const summary = await pack(options);
    expect(summary.reused).toBe(1);
    expect(await treeDigests(out)).toEqual(await treeDigests((await packed(form, 'fixtures/camvid', { samplesPerFile: 2 })).out));
  });
});
