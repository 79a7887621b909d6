import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { main } from '../../src/cli/main.ts';
import { decodeMask, encodeMask } from '../../src/codecs/png-masks.ts';
import type { Manifest, ManifestRecord } from '../../src/output/manifest.ts';
import { inputDigestOf } from '../../src/output/manifest-file.ts';
import { outputsOf } from '../../src/output/records.ts';
import { augment } from '../../src/verbs/augment.ts';
import { check } from '../../src/verbs/check.ts';
import { replay } from '../../src/verbs/replay.ts';
import { type Verification, verify } from '../../src/verbs/verify.ts';
import { captureStreams, drawBox, filled, imageOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { readManifest } from '../manifest.ts';

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
      message: `${out}: is the output of a run that is not complete, as its file run.jsonl shows; run its command again first`,
    });
    await rm(join(out, 'run.jsonl'));
    await writeTree(out, { 'shard-1-of-2.jsonl': '' });
    await expect(verify({ out })).rejects.toMatchObject({
      code: 'noInput',
      message: `${out}: is the output of a run that is not complete, as its file shard-1-of-2.jsonl shows; do the rest of its shards and merge them first`,
    });
    await writeTree(out, { 'shard-2-of-2.jsonl': '' });
    await expect(verify({ out })).rejects.toThrow(/shows; merge its shards first$/);
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
    expect(await cli('verify', out)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^not checked: .*\nx\.txt: is not listed in the manifest\ncopypaste: 1 difference\n$/),
    });
    expect(JSON.parse((await cli('verify', out, '--json', '--quiet')).stdout).differences).toHaveLength(1);
    expect((await cli('verify', out, '--deep')).code).toBe(2);
    expect((await cli('verify')).code).toBe(2);
    expect((await cli('verify', camvid)).code).toBe(66);
  });
});

describe('verify of a manifest that was altered together with its files', () => {
  const sets = { voc, coco: 'fixtures/coco', yolo: 'fixtures/yolo', labelme: 'fixtures/labelme', cvat: 'fixtures/cvat' };
  const outputs = new Map<string, Promise<unknown>>();
  /** Makes the output of a data set once. */
  const outputOf = (name: keyof typeof sets): Promise<unknown> => {
    const out = join(folder, `altered-${name}`);
    const making =
      outputs.get(name) ?? augment({ in: sets[name], out, p: 1, allowSelf: true, minArea: '1px', truncated: 'keep', copies: 2 });
    outputs.set(name, making);
    return making;
  };

  /** A copy of an output, whose manifest is changed. */
  async function alter(name: keyof typeof sets, change: (manifest: Manifest, out: string) => Promise<void>): Promise<string> {
    await outputOf(name);
    const out = join(folder, `altered-${name}-${number++}`);
    await cp(join(folder, `altered-${name}`), out, { recursive: true });
    const file = join(out, 'manifest.json');
    const manifest = JSON.parse(await readFile(file, 'utf8'));
    await change(manifest, out);
    await writeFile(file, JSON.stringify(manifest));
    return out;
  }
  let number = 0;

  /** What verify says without and with the input. */
  async function said(out: string, root: string): Promise<readonly [plain: string, deep: string]> {
    const text = ({ differences }: Verification): string => differences.map(({ path, what }) => `${path}: ${what}`).join('\n');
    const deep = await verify({ out, deep: true, in: root }).then(text, ({ message }: Error) => message);
    return [text(await verify({ out })), deep];
  }

  /** Takes all records and files of some samples away. */
  async function take(manifest: Manifest, out: string, isTaken: (record: ManifestRecord) => boolean): Promise<void> {
    const gone = manifest.records.filter(isTaken);
    for (const { path } of gone.flatMap((record) => outputsOf(record))) await rm(join(out, path));
    const records = manifest.records.filter((record) => !isTaken(record));
    const placements = records.flatMap((record) => (record.status === 'augmented' ? record.placements : []));
    Object.assign(manifest, { records, inputDigest: inputDigestOf(records) });
    for (const one of manifest.classes) one.pasted = placements.filter(({ classId }) => classId === one.id).length;
    manifest.classes = manifest.classes.filter(({ pasted, instances }) => pasted + instances > 0);
    const dropped = records.flatMap((record) => record.dropped ?? []).map(({ reason }) => reason);
    Object.assign(manifest.summary, {
      samples: records.filter(({ copy }) => copy !== undefined).length,
      augmented: records.filter(({ status }) => status === 'augmented').length,
      pasted: placements.length,
      dropped: Object.fromEntries([...new Set(dropped)].map((reason) => [reason, dropped.filter((one) => one === reason).length])),
    });
  }

  test('finds records that were taken away, with their files and from the totals', async () => {
    const one = await alter('voc', (manifest, out) => take(manifest, out, ({ id }) => id === manifest.records[0]?.id));
    const [plain, deep] = await said(one, voc);
    expect(plain).toMatch(/^manifest\.json: counts 10 input files, but its records and documents have 7$/);
    expect(deep).toMatch(/has no record of 2011_\d+, copy 0, which follows from the data set and the options/);
    const copy = await alter('voc', (manifest, out) => take(manifest, out, ({ copy }) => copy === 1));
    expect((await said(copy, voc))[0]).toMatch(/^(manifest\.json: has 1 records of 2011_\d+, which should have 2\n?){3}$/);
    const none = await alter('voc', (manifest, out) => take(manifest, out, () => true));
    expect((await said(none, voc))[0]).toMatch(/^manifest\.json: counts 10 input files/);
  });

  test('finds totals that are not those of the records', async () => {
    const out = await alter('voc', async ({ summary }) => {
      summary.pasted++;
    });
    expect((await said(out, voc))[0]).toMatch(/^manifest\.json: summary\.pasted is \d+, but should be \d+$/);
  });

  /** Replaces a file, and its digest in the manifest. */
  const replace = (name: keyof typeof sets, path: RegExp, to: (text: string) => string) =>
    alter(name, async (manifest, out) => {
      const files = [...manifest.documents, ...manifest.records.flatMap(({ files }) => (files.labels ? [files.labels] : []))];
      const file = files.find((one) => path.test(one.path)) as { path: string; sha256: string };
      const text = to(await readFile(join(out, file.path), 'utf8'));
      await writeFile(join(out, file.path), text);
      file.sha256 = sha256(text);
    });

  test.each<[keyof typeof sets, RegExp, (text: string) => string, RegExp]>([
    ['coco', /json$/, () => '{"images":[],"annotations":[],"categories":[]}', /instances_train\.json: (has no annotations of|.*nothing)/],
    [
      'coco',
      /json$/,
      (text) => JSON.stringify({ ...JSON.parse(text), annotations: [] }),
      /: has 0 pixels of class \d+, but the manifest records/,
    ],
    ['cvat', /xml$/, (text) => text.replaceAll(/<(polygon|mask).*?<\/\1>/gs, ''), /: has 0 pixels of class \d+, but the manifest records/],
    ['yolo', /labels\/train/, () => '', /: has 0 pixels of class \d+, but the manifest records/],
    [
      'labelme',
      /json$/,
      (text) => JSON.stringify({ ...JSON.parse(text), shapes: [] }),
      /: has 0 pixels of class \d+, but the manifest records/,
    ],
    ['labelme', /json$/, () => '', /json: /],
  ])('finds annotations that were taken out of %s (%s)', async (name, path, to, expected) => {
    expect((await said(await replace(name, path, to), sets[name]))[0]).toMatch(expected);
  });

  test.each([
    ['whose other copy was pasted into', { includeOriginals: true }, /: has 0 pixels of class \d+, but the manifest records \d+$/m],
    [
      'that was pasted from',
      { seed: 4, p: 0.5 },
      /: has 0 instances, but the manifest records a paste of its instance \d+, of class \d+$/m,
    ],
  ])('finds annotations that were taken out of an unchanged sample %s, and counts the others', async (which, options, expected) => {
    const out = join(folder, which.replaceAll(' ', '-'));
    await augment({ in: sets.coco, out, p: 1, truncated: 'keep', ...options });
    const file = join(out, 'manifest.json');
    const manifest: Manifest = JSON.parse(await readFile(file, 'utf8'));
    const unchanged = manifest.records.filter(({ status }) => status === 'unchanged').map(({ files }) => files.image.path);
    expect(unchanged.length).toBeGreaterThan(0);
    const [document] = manifest.documents as [{ path: string; sha256: string }];
    const content = JSON.parse(await readFile(join(out, document.path), 'utf8'));
    const { differences, unchecked } = await verify({ out });
    expect(differences).toEqual([]);
    expect(unchecked.some((one) => one.startsWith('the annotations of 1 unchanged sample'))).toBe(!('includeOriginals' in options));
    const emptied = content.images.filter((image: { file_name: string }) => unchanged.some((path) => path.endsWith(image.file_name)));
    const ids = emptied.map(({ id }: { id: number }) => id);
    content.annotations = content.annotations.filter((one: { image_id: number }) => !ids.includes(one.image_id));
    const text = JSON.stringify(content);
    await writeFile(join(out, document.path), text);
    document.sha256 = sha256(text);
    await writeFile(file, JSON.stringify(manifest));
    expect((await verify({ out })).differences.map(({ path, what }) => `${path}: ${what}`).join('\n')).toMatch(expected);
  });

  test('says of a manifest of another version that planning was not checked', async () => {
    const out = await alter('voc', async ({ tool }) => {
      tool.version = '0.0.1';
    });
    expect(await verify({ out, deep: true, in: voc })).toMatchObject({
      differences: [],
      unchecked: [
        expect.stringMatching(/^the manifest is of version 0\.0\.1, .*: planning was not checked, the plans in it were rendered$/),
      ],
    });
  });

  test('says what it could not check', async () => {
    await outputOf('voc');
    const out = join(folder, 'altered-voc');
    expect((await verify({ out })).unchecked).toEqual([expect.stringMatching(/pass --deep --in DIR$/)]);
    expect((await verify({ out, deep: true, in: voc })).unchecked).toEqual([]);
    expect((await verify({ out, deep: true, in: voc, sample: 2 })).unchecked).toEqual([
      '4 samples of 6, and the documents, were not made again',
    ]);
  });
});

describe.runIf(process.platform === 'linux')('a manifest from elsewhere', () => {
  const secret = join(folder, 'secret.txt');

  /** A copy of an output and its manifest, which is changed. */
  async function altered(name: string, change: (manifest: Manifest) => void): Promise<{ out: string; manifest: string }> {
    const { out } = await outputOf('objects', name);
    const file = join(out, 'manifest.json');
    const manifest = JSON.parse(await readFile(file, 'utf8'));
    change(manifest);
    await writeFile(file, JSON.stringify(manifest));
    return { out, manifest: file };
  }

  test.each<[string, (manifest: Manifest) => void, RegExp]>([
    ...(['classNames', 'colorMap', 'annotations', 'sources', 'classMap', 'out', 'in', 'link', 'overwrite'] as const).map(
      (name): [string, (manifest: Manifest) => void, RegExp] => [
        `options.${name}`,
        ({ options }) => Object.assign(options, { [name]: secret }),
        new RegExp(`options\\.${name} is no option that a manifest holds`),
      ],
    ),
    ['a file of options', ({ options }) => Object.assign(options, { scaleByClass: secret }), /--scale-by-class: expected/],
    ['shares of a file', ({ options }) => Object.assign(options, { balance: `target:${secret}` }), /--balance: expected/],
    ['an option of a later version', ({ options }) => Object.assign(options, { later: 1 }), /options\.later is no option/],
    ...(['images', 'masks', 'objects'] as const).flatMap((key): [string, (manifest: Manifest) => void, RegExp][] =>
      ['../..', '/etc', 'a/../../b', 'a\0b'].map((path) => [
        `layout.folders with ${key} ${JSON.stringify(path)}`,
        ({ layout }) => Object.assign(layout.folders[0] as object, { [key]: path }),
        /layout\.folders\.0\.\w+: leads out of the data set/,
      ]),
    ),
    [
      'a document',
      ({ layout }) => Object.assign(layout, { documents: [{ path: '../x', sha256: '0'.repeat(64) }] }),
      /leads out of its folder/,
    ],
  ])('names no file that is read or written: %s', async (_, change, message) => {
    await writeFile(secret, '0 secret\n');
    const { out, manifest } = await altered('hostile', change);
    const refused = { code: 'data', message: expect.stringMatching(message) };
    const again = join(folder, 'hostile-again');
    await expect(replay({ manifest, in: voc, out: again })).rejects.toMatchObject(refused);
    await expect(verify({ out, in: voc, deep: true })).rejects.toMatchObject(refused);
    expect(existsSync(again)).toBe(false);
  });

  test('is read only from a regular file', async () => {
    const pipe = join(folder, 'manifest-pipe');
    execFileSync('mkfifo', [pipe]);
    for (const manifest of [pipe, '/dev/zero', folder])
      await expect(replay({ manifest, in: voc, out: join(folder, 'none') })).rejects.toMatchObject({ code: 'noInput' });
  });

  test('is not followed to pipes, devices and links in the place of output files', async () => {
    const { out, manifest } = await outputOf('objects', 'places');
    const files = manifest.records.flatMap(outputsOf).map(({ path }) => join(out, path));
    const [pipe, zero, null_, link, folder_] = files as [string, string, string, string, string];
    for (const file of files.slice(0, 5)) await rm(file);
    execFileSync('mkfifo', [pipe]);
    await symlink('/dev/zero', zero);
    await symlink('/dev/null', null_);
    await symlink(join(folder, 'objects', link.slice(out.length + 1)), link);
    await mkdir(folder_);
    const named = (one: string): string => one.slice(out.length + 1);
    const expected = [
      { path: named(pipe), what: 'cannot be read: is not a regular file' },
      ...[zero, null_, link].map((one) => ({ path: named(one), what: 'cannot be read: is a symbolic link' })),
      { path: named(folder_), what: 'cannot be read: is not a regular file' },
    ];
    expect((await verify({ out })).differences).toEqual(expected);
    expect((await verify({ out, in: voc, deep: true })).differences).toEqual(expected);
    await expect(replay({ manifest: join(folder, 'objects', 'manifest.json'), in: voc, out })).rejects.toMatchObject({
      code: 'differs',
      message: expect.stringMatching(/already exists and cannot be read: is (not a regular file|a symbolic link); choose a new folder$/),
    });
    await expect(augment({ in: voc, out, p: 1, instances: 'object', truncated: 'keep', allowSelf: true })).rejects.toMatchObject({
      code: 'usage',
    });
  });

  test('is not followed into a folder of the output that is a link to another place', async () => {
    const { out } = await outputOf('objects', 'linked');
    await rm(join(out, 'JPEGImages'), { recursive: true });
    await symlink(join(process.cwd(), 'fixtures/voc/JPEGImages'), join(out, 'JPEGImages'));
    const { differences } = await verify({ out });
    expect(differences).toContainEqual({
      path: expect.stringMatching(/^JPEGImages\//),
      what: 'cannot be read: a symbolic link leads out of the output folder',
    });
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
        `^${path}: has changed: its SHA-256 is [0-9a-f]{64}, but was [0-9a-f]{64}; restore the original file$`,
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
