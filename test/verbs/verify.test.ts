import { readFileSync } from 'node:fs';
import { copyFile, cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { decodeMask, encodeMask } from '../../src/codecs/png-masks.ts';
import type { Manifest, ManifestRecord } from '../../src/output/manifest.ts';
import { readManifest } from '../../src/output/manifest-file.ts';
import { augment } from '../../src/verbs/augment.ts';
import { check } from '../../src/verbs/check.ts';
import { replay } from '../../src/verbs/replay.ts';
import { verify } from '../../src/verbs/verify.ts';
import { captureStreams, drawBox, filled, imageOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';

const folder = temporaryFolder();
const camvid = 'fixtures/camvid';
const voc = 'fixtures/voc';

const made = {
  camvid: augment({ in: camvid, out: join(folder, 'camvid'), p: 0.8, copies: 2, includeOriginals: true }),
  joined: augment({ in: camvid, out: join(folder, 'joined'), p: 1, join: '6px', minSourceArea: '64px', classes: ['car', 'pole'] }),
  objects: augment({ in: voc, out: join(folder, 'objects'), p: 1, instances: 'object', truncated: 'keep', allowSelf: true }),
  paper: augment({ in: voc, out: join(folder, 'paper'), preset: 'paper', p: 1, allowSelf: true, imageFormat: 'png' }),
  overhead: augment({ in: camvid, out: join(folder, 'overhead'), preset: 'overhead', p: 1, tone: 0.3, blend: 'antialias' }),
  styled: augment({
    in: voc,
    out: join(folder, 'styled'),
    preset: 'ssj',
    allowSelf: true,
    tone: 0.3,
    blend: 'antialias',
    imageFormat: 'png',
  }),
};
const inputs = { camvid, joined: camvid, objects: voc, paper: voc, overhead: camvid, styled: voc };
type Kind = keyof typeof made;

/** A copy of an output. */
async function outputOf(kind: Kind, name: string): Promise<{ out: string; manifest: Manifest; augmented: ManifestRecord }> {
  await made[kind];
  const out = join(folder, name);
  await cp(join(folder, kind), out, { recursive: true });
  const manifest = await readManifest(join(out, 'manifest.json'));
  return { out, manifest, augmented: manifest.records.find(({ status }) => status === 'augmented') as ManifestRecord };
}

describe('verify', () => {
  test.each(Object.keys(made) as Kind[])('finds nothing wrong in what augment has written, rendered anew or not: %s', async (kind) => {
    await made[kind];
    const out = join(folder, kind);
    expect((await verify({ out })).differences).toEqual([]);
    const { differences, rendered, samples } = await verify({ out, deep: true, in: inputs[kind] });
    expect(differences).toEqual([]);
    expect(rendered).toBe(samples);
    expect(await verify({ out, deep: true, in: inputs[kind], sample: 2 })).toMatchObject({ rendered: 2, differences: [] });
  });

  test('names what is missing, extra and changed; --deep the first pixel', async () => {
    const { out, augmented, manifest } = await outputOf('camvid', 'damaged');
    const { image, mask } = augmented.files as Record<'image' | 'mask', ManifestRecord['files']['image']>;
    const other = manifest.records.find(({ id }) => id !== augmented.id)?.files.image.path as string;
    await rm(join(out, other));
    await writeTree(out, { 'train/extra.txt': '' });
    const ids = decodeMask(await readFile(join(out, mask.path)), mask.path);
    ids.ids[5 * ids.width + 7] = (ids.ids[5 * ids.width + 7] as number) ^ 1;
    await writeFile(join(out, mask.path), await encodeMask(ids));
    await copyFile(join(camvid, 'train', '0001TP_007350.jpg'), join(out, image.path));
    const { differences } = await verify({ out });
    expect(differences).toEqual(
      [
        ...[image.path, mask.path].map((path) => ({ path, what: 'does not match its SHA-256 in the manifest' })),
        { path: other, what: 'is missing' },
        { path: 'train/extra.txt', what: 'is not listed in the manifest' },
      ].sort((a, b) => differences.findIndex(({ path }) => path === a.path) - differences.findIndex(({ path }) => path === b.path)),
    );
    const deep = await verify({ out, deep: true, in: camvid });
    expect(deep.differences).toContainEqual({
      path: mask.path,
      what: expect.stringMatching(/^first differs at pixel \(7, 5\): has value \d+, expected value \d+$/),
    });
    expect(deep.differences).toContainEqual({
      path: image.path,
      what: expect.stringMatching(/^first differs at pixel \(\d+, \d+\): has rgb\(/),
    });
  });

  test('does not believe a manifest whose digests are right', async () => {
    const { out, augmented } = await outputOf('objects', 'lying');
    const text = readFileSync(join(out, 'manifest.json'), 'utf8');
    const lie = async (from: RegExp, to: string): Promise<string[]> => {
      expect(text).toMatch(from);
      await writeFile(join(out, 'manifest.json'), text.replace(from, to));
      return (await verify({ out })).differences.map(({ what }) => what);
    };
    expect(await lie(/"pixels":\{"0":\[(\d+),\d+\]/, '"pixels":{"0":[$1,3]')).toEqual([
      expect.stringMatching(/^has \d+ pixels of class 0, but the manifest records 3$/),
    ]);
    expect(await lie(/"visible":\d+,"object":(\d+)/, '"visible":1,"object":$1')).toEqual([
      expect.stringMatching(/^has \d+ pixels of object \d+, but the manifest records 1$/),
    ]);
    expect(await lie(/"area":\d+/, '"area":1')).toEqual([expect.stringMatching(/has impossible pixel counts: area 1, /)]);
    const [first] = text.split('\n').filter((line) => line.startsWith('{"id"'));
    await writeFile(join(out, 'manifest.json'), text.replace(first as string, `${(first as string).replace(/,$/, '')},\n${first}`));
    expect((await verify({ out })).differences).toContainEqual({ path: expect.any(String), what: 'is listed twice in the manifest' });
    expect(augmented.files.objects).toBeDefined();
  });

  test('says of an incomplete run that it is', async () => {
    const { out } = await outputOf('camvid', 'incomplete');
    await rm(join(out, 'manifest.json'));
    await writeTree(out, { 'run.jsonl': '' });
    await expect(verify({ out })).rejects.toMatchObject({
      code: 'noInput',
      message: expect.stringMatching(/not complete; run its augment/),
    });
  });

  test('has exit codes for scripts', async () => {
    const { out } = await outputOf('camvid', 'scripts');
    const cli = async (...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
      const streams = captureStreams();
      return { code: await main(argv, streams), ...streams.text };
    };
    expect(await cli('verify', out)).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringMatching(/: 26 samples in 52 files match the manifest\n$/),
    });
    await writeTree(out, { 'x.txt': '' });
    expect(await cli('verify', out)).toMatchObject({ code: 1, stderr: 'x.txt: is not listed in the manifest\ncopypaste: 1 difference\n' });
    expect(JSON.parse((await cli('verify', out, '--json', '--quiet')).stdout).differences).toHaveLength(1);
    expect((await cli('verify', out, '--deep')).code).toBe(2);
    expect((await cli('verify')).code).toBe(2);
    expect((await cli('verify', camvid)).code).toBe(66);
  });
});

describe('replay', () => {
  test.each(Object.keys(made) as Kind[])('builds the same bytes from manifest and input alone: %s', async (kind) => {
    await made[kind];
    const out = join(folder, `${kind}-again`);
    await replay({ manifest: join(folder, kind, 'manifest.json'), in: inputs[kind], out });
    expect(await treeDigests(out)).toEqual(await treeDigests(join(folder, kind)));
    // Files that exist with the right content are kept.
    const { samples } = await replay({ manifest: join(folder, kind, 'manifest.json'), in: inputs[kind], out });
    expect(samples).toBeGreaterThan(0);
  });

  test('--only builds one sample', async () => {
    const { manifest, augmented } = await outputOf('camvid', 'only');
    const out = join(folder, 'only-again');
    await replay({ manifest: join(folder, 'camvid', 'manifest.json'), in: camvid, out, only: augmented.files.image.path });
    const { image, mask } = augmented.files as Record<'image' | 'mask', ManifestRecord['files']['image']>;
    expect(await treeDigests(out)).toEqual({ [image.path]: image.sha256, [mask.path]: mask.sha256 });
    expect(await replay({ manifest: join(folder, 'camvid', 'manifest.json'), in: camvid, out, only: augmented.id })).toEqual({
      samples: 3,
    });
    const unknown = replay({ manifest: join(folder, 'camvid', 'manifest.json'), in: camvid, out, only: 'x' });
    await expect(unknown).rejects.toMatchObject({ code: 'usage' });
    expect(manifest.records.length).toBe(26);
  });

  test('refuses a source of another split', async () => {
    const { manifest, augmented } = await outputOf('camvid', 'splits');
    const { id } = manifest.records.find(({ split }) => split === 'val') as ManifestRecord;
    const record = { ...augmented, source: id };
    const changed = { ...manifest, records: manifest.records.map((one) => (one === augmented ? record : one)) };
    const file = join(folder, 'splits', 'manifest.json');
    await writeFile(file, JSON.stringify(changed));
    await expect(replay({ manifest: file, in: camvid, out: join(folder, 'splits-out') })).rejects.toMatchObject({
      code: 'data',
      message: `${augmented.id}: ${id} is not in split 'train', but the manifest records it there; pass the data set that the output was made from`,
    });
    await expect(verify({ out: join(folder, 'splits'), deep: true, in: camvid })).rejects.toMatchObject({ code: 'data' });
  });

  test('refuses a manifest of another version of the schema', async () => {
    const { out, manifest } = await outputOf('camvid', 'old');
    const file = join(out, 'manifest.json');
    await writeFile(file, JSON.stringify({ ...manifest, schema: 2 }));
    const refused = { code: 'data', message: `${file}: is not a copypaste manifest: schema: version 2 is not supported, only version 3` };
    await expect(verify({ out })).rejects.toMatchObject(refused);
    await expect(replay({ manifest: file, in: camvid, out: join(folder, 'old-out') })).rejects.toMatchObject(refused);
  });

  test('names input that has changed by its digest, and output that is there and differs by its pixel', async () => {
    const { augmented } = await outputOf('camvid', 'changed');
    const manifest = join(folder, 'camvid', 'manifest.json');
    const input = join(folder, 'changed-input');
    await cp(camvid, input, { recursive: true });
    const { path } = augmented.inputs.mask as { path: string };
    const mask = decodeMask(await readFile(join(input, path)), path);
    await writeFile(join(input, path), await encodeMask(drawBox(mask, [0, 0, 3, 3], 2)));
    await expect(replay({ manifest, in: input, out: join(folder, 'changed-out') })).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(
        `^${path}: has changed: its SHA-256 is [0-9a-f]{64}, but the manifest has [0-9a-f]{64}; restore the original file$`,
      ),
    });
    await rm(join(input, path));
    await expect(replay({ manifest, in: input, out: join(folder, 'changed-out') })).rejects.toMatchObject({ code: 'data' });
    const out = join(folder, 'changed');
    const file = augmented.files.mask?.path as string;
    const there = decodeMask(await readFile(join(out, file)), file);
    there.ids[there.width + 2] = (there.ids[there.width + 2] as number) ^ 3;
    await writeFile(join(out, file), await encodeMask(there));
    await expect(replay({ manifest, in: camvid, out })).rejects.toMatchObject({
      code: 'differs',
      message: expect.stringMatching(/already exists and first differs at pixel \(2, 1\): has value/),
    });
  });
});

describe('check', () => {
  test('finds no contradiction in the fixtures, nor in what augment has made of them', async () => {
    for (const kind of Object.keys(made) as Kind[]) {
      await made[kind];
      expect((await check({ in: inputs[kind] })).differences).toEqual([]);
      expect((await check({ in: join(folder, kind) })).differences).toEqual([]);
    }
  });

  test('names objects of several classes or none, ids of no defined class, and files that do not decode', async () => {
    const mask = drawBox(drawBox(filled(9, 9, 0), [0, 0, 4, 4], 1), [4, 4, 9, 9], 30);
    const objects = drawBox(drawBox(filled(9, 9, 0), [0, 0, 9, 4], 1), [4, 4, 9, 9], 2);
    const root = await writeTree(join(folder, 'wrong'), {
      'JPEGImages/a.png': imageOf(9, 9, () => 7),
      'SegmentationClass/a.png': mask,
      'SegmentationObject/a.png': objects,
      'Annotations/a.xml': '<annotation><object><name>dog</name></object></annotation>',
      'JPEGImages/b.jpg': 'no image',
      'SegmentationClass/b.png': mask,
    });
    expect((await check({ in: root })).differences).toEqual([
      { path: 'JPEGImages/b.jpg', what: expect.stringMatching(/cannot decode this image/) },
      {
        path: 'SegmentationClass/a.png',
        what: 'has 25 pixels of id 30, which is not a defined class; add it to the class names, or pass --ignore',
      },
      { path: 'SegmentationObject/a.png', what: 'object 1 has 16 pixels of class 1, 20 pixels of class 0 (background or ignore)' },
    ]);
    const streams = captureStreams();
    expect(await main(['check', root], streams)).toBe(1);
    expect(streams.text.stderr).toMatch(/\ncopypaste: 3 differences\n$/);
    expect(await main(['check', camvid], captureStreams())).toBe(0);
  });
});

describe('what follows from other files too', () => {
  const picture = (seed: number) => imageOf(20, 10, (x, y) => 0xff000000 + seed * x + 256 * y);
  const colours = {
    byId: [
      [0, 0, 0],
      [200, 0, 0],
      [0, 0, 200],
    ] as const,
    channels: 3,
  } as const;
  const coloured = () => ({ ...drawBox(filled(20, 10, 0), [5, 3, 12, 8], 1), colours });

  const coded = writeTree(join(folder, 'coded'), {
    'images/a.png': picture(3),
    'images/b.png': picture(5),
    'masks/a.png': coloured(),
    'masks/b.png': coloured(),
    'label_colors.txt': '0 0 0 background\n200 0 0 car\n0 0 200 void\n',
  });

  test('replay carries a colour map over', async () => {
    const [out, again] = [join(folder, 'coded-out'), join(folder, 'coded-again')];
    await augment({ in: await coded, out, p: 1, minArea: '1px' });
    await replay({ manifest: join(out, 'manifest.json'), in: await coded, out: again });
    expect(await treeDigests(again)).toEqual(await treeDigests(out));
  });

  test('an ignore id that no colour stands for is refused', async () => {
    const padded = augment({ in: await coded, out: join(folder, 'padded'), p: 1, preset: 'paper', ignore: [255] });
    await expect(padded).rejects.toMatchObject({ code: 'usage' });
  });

  test('replay overwrites no manifest of another run', async () => {
    const { out } = await outputOf('camvid', 'another');
    await made.objects;
    const before = await treeDigests(out);
    const over = replay({ manifest: join(folder, 'objects', 'manifest.json'), in: voc, out });
    await expect(over).rejects.toMatchObject({ code: 'cannotCreate' });
    expect(await treeDigests(out)).toEqual(before);
  });

  test('verify --deep reads the input of samples that are unchanged too', async () => {
    const [root, out] = [join(folder, 'camvid-in'), join(folder, 'unchanged')];
    await cp(camvid, root, { recursive: true });
    await augment({ in: root, out, p: 0 });
    const [one, other] = (await readManifest(join(out, 'manifest.json'))).records as [ManifestRecord, ManifestRecord];
    await copyFile(join(camvid, other.inputs.image.path), join(root, one.inputs.image.path));
    await expect(verify({ out, deep: true, in: root })).rejects.toMatchObject({ code: 'data' });
  });
});
