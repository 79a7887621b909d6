import { readFileSync } from 'node:fs';
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openArchive } from '../../src/archives/open.ts';
import { readMask } from '../../src/codecs/masks.ts';
import type { Given, packOptions } from '../../src/options.ts';
import type { Image, Mask } from '../../src/types.ts';
import { augment } from '../../src/verbs/augment.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { type PackSummary, pack } from '../../src/verbs/pack.ts';
import { report } from '../../src/verbs/report.ts';
import { verify } from '../../src/verbs/verify.ts';
import { expectSound } from '../contract.ts';
import { drawBox, filled, imageOf, rgba, temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { readManifest } from '../manifest.ts';

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
      classes
        .filter(({ leftOut }) => !leftOut)
        .map(({ id, name: called, kind, instances, pixels }) => ({ id, called, kind, instances, pixels }));
    expect(counted(after)).toEqual(counted(before).filter(({ instances, pixels }) => instances + pixels > 0));
    expect([after.odd, after.leftBehind]).toEqual([[], []]);
  });

  test('classes of panoptic objects are stuff or things in an output too', async () => {
    const { out } = await packed(form, 'fixtures/panoptic');
    const augmented = newPath('augmented');
    await augment({ in: out, out: augmented, p: 1, seed: 1 });
    const kinds = async (data: string) =>
      new Map((await inspect({ in: data })).classes.flatMap(({ id, kind, leftOut }) => (leftOut ? [] : [[id, kind]])));
    const before = await kinds('fixtures/panoptic');
    expect(new Set(before.values())).toEqual(new Set(['thing', 'stuff']));
    for (const [id, kind] of await kinds(augmented)) expect([id, kind]).toEqual([id, before.get(id)]);
  });

  test('masks of colours are packed with their colours, wherever these were, and with ignored ids that differ from those of their names', async () => {
    const map = '70 70 70 building\n0 0 0 void\n64 0 128 car\n';
    const painted = (n: number): Image =>
      imageOf(20, 16, (x, y) => (x > 2 + n && x < 9 && y > 4 && y < 12 ? rgba(64, 0, 128) : y < 2 ? rgba(0, 0, 0) : rgba(70, 70, 70)));
    const masks = Object.fromEntries(
      [0, 1, 2].flatMap((n) => [
        [`images/${n}.png`, picture(n)],
        [`masks/${n}.png`, painted(n)],
      ]),
    );
    const [own, other] = [newPath('own'), newPath('other')];
    const pictures = Object.fromEntries([0, 1, 2].map((n) => [`images/${n}.png`, imageOf(20, 16, (x, y) => rgba(x, y, n))]));
    await writeTree(own, { ...masks, ...pictures, 'label_colors.txt': map });
    await writeTree(other, { ...masks, ...pictures });
    const colorMap = join(await writeTree(newPath('map'), { 'mine.txt': map }), 'mine.txt');
    for (const [data, options] of [
      [own, {}],
      [own, { ignore: [] }],
      [other, { colorMap }],
    ] as const) {
      const { out } = await packed(form, data, options);
      const { classes } = await inspect({ in: data, ...options });
      expect(classes.map(({ name }) => name).sort()).toEqual(['building', 'car', 'void']);
      expect((await inspect({ in: out })).classes).toEqual(classes);
      const [first, second, again] = [newPath('first'), newPath('second'), newPath('again')];
      await augment({ in: out, out: first, p: 1, seed: 1 });
      await augment({ in: first, out: second, p: 1, seed: 1 });
      await pack({ form, in: second, out: again });
      for (const one of [first, second, again])
        expect((await inspect({ in: one })).classes.map(({ id, name, leftOut }) => ({ id, name, leftOut }))).toEqual(
          classes.map(({ id, name, leftOut }) => ({ id, name, leftOut })),
        );
    }
  });

  test('masks of two classes keep their threshold, and ids that are not ignored stay so, also in outputs and without names', async () => {
    const two = (n: number): Mask => drawBox(drawBox(filled(width, height, 3), [5 + n, 5, 15, 13], 255), [20, 4, 26, 20], 131);
    const data = newPath('two');
    await writeTree(
      data,
      Object.fromEntries(
        [0, 1, 2].flatMap((n) => [
          [`images/${n}.png`, picture(n)],
          [`masks/${n}.png`, two(n)],
        ]),
      ),
    );
    for (const options of [{ threshold: 128 }, { ignore: [] }, { background: [3], ignore: [] }]) {
      const { out } = await packed(form, data, options);
      expect(Object.keys(await treeDigests(out))).not.toContain('id2label.json');
      const { classes } = await inspect({ in: data, ...options });
      expect(classes.filter(({ leftOut }) => !leftOut)).not.toEqual([]);
      expect((await inspect({ in: out })).classes).toEqual(classes);
      const [first, again] = [newPath('first'), newPath('again')];
      await augment({ in: out, out: first, p: 1, seed: 1 });
      await expectSound(first, out);
      await pack({ form, in: first, out: again });
      for (const one of [first, again])
        expect((await inspect({ in: one })).classes.map(({ id, leftOut }) => [id, leftOut])).toEqual(
          classes.map(({ id, leftOut }) => [id, leftOut]),
        );
    }
  });

  test.each(streetLayouts)('an instance of %s has the class of its mask after several runs', async (name) => {
    const { split, files } = streets[name];
    const [root, first, second, again, third] = ['street', 'first', 'second', 'again', 'third'].map(newPath) as [
      string,
      string,
      string,
      string,
      string,
    ];
    await writeTree(root, files());
    const { out } = await packed(form, root);
    await rm(join(out, 'id2label.json'), { force: true });
    const options = { split, instances: 'object', p: 1, seed: 3, truncated: 'keep', minArea: '4px', maxArea: 1 } as const;
    await augment({ ...options, in: out, out: first });
    await augment({ ...options, in: first, out: second });
    await pack({ form, in: second, out: again });
    await augment({ ...options, in: again, out: third });
    const perClass = name === 'cityscapes' ? 1000 : 256;
    const facts = async (data: string) => {
      const { objectIds, stuffClasses } = JSON.parse(readFileSync(join(data, 'manifest.json'), 'utf8')).layout;
      return { objectIds, stuffClasses };
    };
    expect((await facts(out)).objectIds).toMatchObject({ perClass });
    for (const data of [first, second, again, third]) expect(await facts(data)).toEqual(await facts(out));
    for (const data of [first, second, third]) {
      const { records } = await readManifest(join(data, 'manifest.json'));
      expect(records.some(({ status }) => status === 'augmented')).toBe(true);
      for (const { files: written } of records) {
        const [mask, objects] = await Promise.all(
          [written.mask, written.objects].map(async (file) => {
            const path = (file as { path: string }).path;
            return (await readMask(readFileSync(join(data, path)), path)).ids;
          }),
        );
        const wrong = [...(objects as Mask['ids'])].filter((id, i) => id >= perClass && Math.floor(id / perClass) !== mask?.[i]);
        expect(wrong).toEqual([]);
      }
    }
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
    expect((await inspect({ in: out })).leftBehind).toEqual([]);
    const again = await packed(form, out);
    expect((await treeDigests(again.out))['augment.json']).toBe(digests['augment.json']);
    expect(again.summary.filesLeft).toBe(0);
    expect(await treeDigests((await packed(form, data, { samplesPerFile: 2 })).out)).toEqual(digests);
    expect((await pack({ form, in: data, out, samplesPerFile: 2 })).reused).toBeGreaterThan(1);
    const [first = ''] = Object.keys(digests).filter((path) => /\.(tar|parquet)$/.test(path));
    await rm(join(out, first));
    await expect(pack({ form, in: data, out, samplesPerFile: 2 })).rejects.toMatchObject({ code: 'usage' });
    await expect(pack({ form, in: data, out, samplesPerFile: 3 })).rejects.toThrow(/samples-per-file was 2 and is now 3/);
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
