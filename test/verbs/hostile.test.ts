/** Strange or malicious names, folders and documents: each is either read correctly or refused by name. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { isBelow } from '../../src/base/paths.ts';
import { encodeMask } from '../../src/codecs/png-masks.ts';
import { openDataset } from '../../src/dataset/open.ts';
import { CopyPasteError, type ErrorCode } from '../../src/errors.ts';
import { openJournal } from '../../src/output/journal.ts';
import type { Manifest } from '../../src/output/manifest.ts';
import { augment } from '../../src/verbs/augment.ts';
import { check } from '../../src/verbs/check.ts';
import { replay } from '../../src/verbs/replay.ts';
import { verify } from '../../src/verbs/verify.ts';
import { type FuzzedSet, sets } from '../fuzz/sets.ts';
import { drawBox, filled, imageOf, pngOf, rgba, temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { readManifest } from '../manifest.ts';

const folder = temporaryFolder();
let number = 0;
const fresh = (name: string): string => join(folder, `${name}${number++}`);
const fuzz = Number(process.env.FUZZ ?? 1);
const longer = 30_000 * fuzz;

const image = imageOf(24, 20, (x, y) => rgba(9 * x, 8 * y, 3));
const mask = drawBox(filled(24, 20, 0), [6, 6, 14, 14], 1);
const pair = Promise.all([pngOf(image), encodeMask(mask)]);
const good = { 'images/a.png': image, 'masks/a.png': mask, 'images/b.png': image, 'masks/b.png': mask };

/** Two good samples, and one for each name. */
async function dataset(...names: (string | Buffer)[]): Promise<string> {
  const root = await writeTree(fresh('set'), good);
  const [picture, annotation] = await pair;
  for (const name of names) {
    const at = (kind: string): Buffer => Buffer.concat([Buffer.from(`${root}/${kind}/`), Buffer.from(name), Buffer.from('.png')]);
    await writeFile(at('images'), picture);
    await writeFile(at('masks'), annotation);
  }
  return root;
}

function makePipe(path: string): void {
  execFileSync('sh', ['-c', 'mkfifo "$0"', path]);
}

/** The error of work that must fail with a CopyPasteError. */
async function failure(work: Promise<unknown>): Promise<CopyPasteError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(CopyPasteError);
  return error as CopyPasteError;
}

const opened = (root: string) => openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
const offenders = async (root: string): Promise<readonly string[]> => (await failure(opened(root))).offenders;

describe('names', () => {
  test('of any characters come out as they went in', async () => {
    const names = [
      ...[
        'a b',
        'line\nbreak',
        'tab\t',
        '-rf',
        '--out',
        '"',
        "'",
        '`id`',
        '$(touch pwned)',
        'a;b',
        'a&b',
        'a|b',
        '*',
        '?',
        '[page=1]',
        'x[',
      ],
      ...['\\', 'C:x', 'CON', '%2e%2e', '%s%n', '#', 'a..', '~', '{}', 'é', '猫', '\u202egnp', '\u001b[31m', '\u0001', '__proto__'],
      ...['constructor', 'manifest.json', 'a.png', 'x'.repeat(247), '猫'.repeat(82)],
    ];
    const root = await dataset(...names);
    const out = fresh('out');
    const { augmented, samples, skipped } = await augment({ in: root, out, p: 1 });
    expect({ samples, skipped }).toEqual({ samples: names.length + 2, skipped: [] });
    expect(augmented).toBeGreaterThan(30);
    expect(readdirSync(join(out, 'images')).sort()).toEqual([...names, 'a', 'b'].map((name) => `${name}.png`).sort());
    expect(readdirSync(join(out, 'masks')).sort()).toEqual(readdirSync(join(out, 'images')).sort());
    expect((await verify({ out, in: root, deep: true })).differences).toEqual([]);
    expect((await check({ in: out })).differences).toEqual([]);
    expect(existsSync('pwned')).toBe(false);
  });

  test('that are one name in another form of Unicode are refused; those that differ in case are two', async () => {
    const [nfc, nfd] = ['NFC', 'NFD'].map((form) => 'é'.normalize(form)) as [string, string];
    expect(await offenders(await dataset(nfc, nfd))).toEqual([
      `images/${nfc}.png: has the same sample id as images/${nfd}.png; rename one of them`,
    ]);
    const mixed = await writeTree(fresh('mixed'), { ...good, [`images/${nfc}.png`]: image, [`masks/${nfd}.png`]: mask });
    expect(await offenders(mixed)).toEqual([
      `images/${nfc}.png: has no mask masks/${nfc}.png; add it, or pass --mask-suffix or --image-suffix`,
      `masks/${nfd}.png: has no image images/${nfd} (.png, .jpg, .webp, .tif, .avif or .bmp); add it, or remove the mask`,
    ]);
    expect((await opened(await dataset('A'))).samples.map(({ id }) => id)).toEqual(['A', 'a', 'b']);
  });

  test('that are not UTF-8 are refused, as files and as lists, and left behind as folders', async () => {
    const latin = Buffer.from('caf\xe9', 'latin1');
    const root = await dataset(latin);
    expect(await offenders(root)).toEqual(['masks/caf\ufffd.png: cannot be read: its name is not UTF-8; rename it']);
    const { skipped } = await augment({ in: root, out: fresh('out'), p: 1, skipBad: true });
    expect(skipped).toHaveLength(1);
    // U+FFFD itself, which stands for such a byte, is allowed in a name.
    expect((await opened(await dataset('caf\ufffd'))).samples).toHaveLength(3);
    const nested = await dataset();
    mkdirSync(Buffer.concat([Buffer.from(`${nested}/images/`), latin]));
    expect((await opened(nested)).leftBehind).toEqual(['images/caf\ufffd/']);
    const voc = await writeTree(fresh('voc'), {
      'JPEGImages/a.png': image,
      'SegmentationClass/a.png': mask,
      'ImageSets/Segmentation/a.txt': 'a',
    });
    writeFileSync(Buffer.concat([Buffer.from(`${voc}/ImageSets/Segmentation/`), latin, Buffer.from('.txt')]), 'a\n');
    expect(await failure(opened(voc))).toMatchObject({
      code: 'data',
      message: 'ImageSets/Segmentation/caf\ufffd.txt: cannot be read: its name is not UTF-8; rename it',
    });
  });

  test('that are as long as names can be leave room for a temporary name, and for a suffix none', async () => {
    const name = 'x'.repeat(251);
    const root = await dataset(name);
    expect((await augment({ in: root, out: fresh('out'), p: 1 })).augmented).toBe(3);
    const { code, message } = await failure(augment({ in: root, out: fresh('out'), p: 1, copies: 2 }));
    expect([code, message]).toEqual(['data', expect.stringMatching(/rename the samples/)]);
  });
});

describe('what is no file', () => {
  test('a pipe, a socket, a device and a link to nothing are left behind by name, and nothing waits for them', async () => {
    const root = await dataset();
    // The path of a socket must be short.
    const short = await mkdtemp(join(tmpdir(), 'c'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(short, 's'), resolve));
    for (const kind of ['images', 'masks']) {
      makePipe(join(root, kind, 'pipe.png'));
      await symlink('/dev/zero', join(root, kind, 'device.png'));
      await symlink(join(short, 's'), join(root, kind, 'socket.png'));
      await symlink('nowhere', join(root, kind, 'dangling.png'));
      await symlink('itself.png', join(root, kind, 'itself.png'));
    }
    try {
      const { augmented, leftBehind } = await augment({ in: root, out: fresh('out'), p: 1 });
      expect(augmented).toBe(2);
      expect(leftBehind).toEqual(
        ['images', 'masks'].flatMap((kind) => ['dangling', 'device', 'itself', 'pipe', 'socket'].map((name) => `${kind}/${name}.png`)),
      );
    } finally {
      await new Promise((resolve) => server.close(resolve));
      rmSync(short, { recursive: true });
    }
    rmSync(join(root, 'images/pipe.png'));
    await writeTree(root, { 'images/pipe.png': image });
    expect(await offenders(root)).toEqual(['images/pipe.png: has no mask masks/pipe.png; add it, or pass --mask-suffix or --image-suffix']);
  });

  test('a folder called x.png is a folder', async () => {
    const files = { 'images/x.png/c.png': image, 'masks/x.png/c.png': mask, 'images/empty.png/.keep': '' };
    const root = await writeTree(await dataset(), files);
    expect((await opened(root)).samples.map(({ id }) => id)).toEqual(['a', 'b', 'x.png/c']);
  });

  test('a link to a file elsewhere is followed, and the output holds a file of its own', async () => {
    const elsewhere = await writeTree(fresh('elsewhere'), { 'a.png': image, 'a.txt': 'no image' });
    const root = await writeTree(await dataset(), { 'masks/c.png': mask, 'masks/d.png': mask });
    await symlink(join(elsewhere, 'a.png'), join(root, 'images/c.png'));
    const out = fresh('out');
    await symlink(join(elsewhere, 'a.txt'), join(root, 'images/d.png'));
    expect(await offenders(root)).toEqual(['images/d.png: cannot decode this image: Input file contains unsupported image format']);
    expect((await augment({ in: root, out, p: 0, skipBad: true, link: true })).samples).toBe(3);
    const entries = readdirSync(join(out, 'images'), { withFileTypes: true });
    expect(entries.map((entry) => [entry.name, entry.isFile()])).toEqual(['a', 'b', 'c'].map((id) => [`${id}.png`, true]));
  });

  test('a data set that is made of links is augmented, checked and replayed like the files that they lead to', async () => {
    const real = await dataset();
    const root = fresh('links');
    mkdirSync(join(root, 'masks'), { recursive: true });
    symlinkSync(join(real, 'images'), join(root, 'images'));
    for (const name of readdirSync(join(real, 'masks'))) symlinkSync(join(real, 'masks', name), join(root, 'masks', name));
    const [one, other, again] = [fresh('out'), fresh('out'), fresh('out')];
    await augment({ in: real, out: one, p: 1, link: true });
    await augment({ in: root, out: other, p: 1, link: true });
    expect(await treeDigests(other)).toEqual(await treeDigests(one));
    expect((await verify({ out: other, deep: true, in: root })).differences).toEqual([]);
    await replay({ manifest: join(other, 'manifest.json'), in: root, out: again });
    expect(await treeDigests(again)).toEqual(await treeDigests(one));
  });

  test('folders that link to one another all at once are listed, in any order, without end', async () => {
    const root = await dataset();
    const maze = (order: number[]): void => {
      for (const i of order) mkdirSync(join(root, 'maze', `${i}`), { recursive: true });
      for (const i of order) for (const j of order) symlinkSync(`../${j}`, join(root, 'maze', `${i}`, `to${j}`));
      writeFileSync(join(root, 'maze', '3', 'x.txt'), '');
    };
    maze([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const { samples, leftBehind } = await opened(root);
    expect(samples).toHaveLength(2);
    expect(leftBehind).toContain('maze/3/x.txt');
    rmSync(join(root, 'maze'), { recursive: true });
    maze([7, 3, 9, 1, 5, 0, 8, 2, 6, 4]);
    expect((await opened(root)).leftBehind).toEqual(leftBehind);
  });
});

const reference = fresh('reference');
const written = augment({ in: 'fixtures/camvid', out: reference, p: 1 });

/** A valid manifest, for changes. */
async function manifestOf(): Promise<Manifest> {
  await written;
  return JSON.parse(await readFile(join(reference, 'manifest.json'), 'utf8'));
}

async function manifestFile(text: string | Uint8Array): Promise<string> {
  const path = fresh('manifest');
  await writeFile(path, text);
  return path;
}

type Change = (manifest: Manifest, first: Extract<Manifest['records'][0], { status: 'augmented' }>) => unknown;

/** The text of a manifest with a change. */
async function changed(change: Change): Promise<string> {
  const manifest = await manifestOf();
  const first = manifest.records.find(({ status }) => status === 'augmented');
  const text = change(manifest, first as Parameters<Change>[1]);
  return typeof text === 'string' ? text : JSON.stringify(manifest);
}

const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const huge = Number.MAX_SAFE_INTEGER;

describe('a manifest', () => {
  test.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['no JSON', '{"schema": 3,'],
    ['a megabyte of noise', Uint8Array.from({ length: 2 ** 20 }, (_, i) => Math.imul(i, 2_654_435_761) >>> 24)],
    ['a megabyte of spaces', ' '.repeat(2 ** 20)],
    ['another document', '{"name":"copypaste","version":"1.0.0"}'],
    ['null', 'null'],
    ['a number', '1e999'],
    ['brackets without end', '['.repeat(2 ** 20)],
    ['lists in lists', deep(2 ** 19)],
  ])('of %s is refused with one line', async (_, text) => {
    const { code, message } = await failure(readManifest(await manifestFile(text)));
    expect([code, message]).toEqual(['data', expect.stringMatching(/manifest\d+: is not a copypaste manifest: .+$/)]);
    expect(message.length).toBeLessThan(300);
  });

  test.each<[string, Change]>([
    ['a path that leaves its folder', (_, first) => Object.assign(first.files.image, { path: '../victim' })],
    ['a path that leaves it on a detour', (_, first) => Object.assign(first.files.image, { path: 'train/../../victim' })],
    ['an absolute path', (_, first) => Object.assign(first.inputs.mask as object, { path: '/etc/passwd' })],
    ['no path', (_, first) => Object.assign(first.files.mask as object, { path: '' })],
    ['a path with a zero byte', (_, first) => Object.assign(first.files.mask as object, { path: 'a\0b' })],
    ['a list that leaves its folder', (manifest) => Object.assign(manifest, { lists: [{ path: '../x', sha256: '0'.repeat(64) }] })],
    ['a prototype', (manifest) => JSON.stringify(manifest).replace('{', '{"__proto__":{"polluted":true},')],
    ["a record's prototype", (manifest) => JSON.stringify(manifest).replace('"order":1', '"__proto__":{"polluted":true},"order":1')],
    ['an infinite number', (manifest) => JSON.stringify(manifest).replace(/"scale":[\d.]+/, '"scale":1e999')],
    ['a negative count', (_, first) => Object.assign(first.placements[0] as object, { visible: -1 })],
    ['a fraction of a pixel', (_, first) => Object.assign(first.placements[0] as object, { sourceBox: [0.5, 0, 9, 9] })],
    ['a number past all integers', (manifest) => Object.assign(manifest, { seed: 2 ** 60 })],
    ['an id past 16 bits', (_, first) => Object.assign(first.placements[0] as object, { classId: 65536 })],
    ['a digest that is none', (manifest) => Object.assign(manifest, { inputDigest: 'X'.repeat(64) })],
    ['records that are an object', (manifest) => Object.assign(manifest, { records: { length: huge } })],
    ['a schema of the future', (manifest) => Object.assign(manifest, { schema: 99 })],
    ['options in options', (manifest) => JSON.stringify(manifest).replace('"options":{', `"options":{"x":${deep(50_000)},`)],
  ])('with %s is refused with one line', async (_, change) => {
    const path = await manifestFile(await changed(change));
    const { code, message } = await failure(readManifest(path));
    expect([code, message]).toEqual(['data', expect.stringMatching(/^[^\n]*: is not a copypaste manifest: [^\n]+$/)]);
    expect(await failure(replay({ in: 'fixtures/camvid', manifest: path, out: fresh('replay') }))).toMatchObject({ code: 'data' });
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test.each<[string, ErrorCode, Change]>([
    ['a box without end', 'data', (_, first) => Object.assign(first.placements[0] as object, { targetBox: [-huge, -huge, huge, huge] })],
    [
      'a box that is turned inside out',
      'differs',
      (_, first) => Object.assign(first.placements[0] as object, { targetBox: [99, 99, 9, 9] }),
    ],
    ['an empty box', 'differs', (_, first) => Object.assign(first.placements[0] as object, { targetBox: [9, 9, 9, 9] })],
    ['a box out of sight', 'data', (_, first) => Object.assign(first.placements[0] as object, { targetBox: [huge - 9, 0, huge, 9] })],
    [
      'a scene without end',
      'data',
      (_, first) => Object.assign(first, { scene: { targetBox: [-huge, 0, huge, 9], scale: 1, flip: false } }),
    ],
    ['thousands of placements', 'differs', (_, first) => Object.assign(first, { placements: Array(5000).fill(first.placements[0]) })],
    ['an instance that there is not', 'data', (_, first) => Object.assign(first.placements[0] as object, { instance: huge })],
    ['a source that there is not', 'data', (_, first) => Object.assign(first, { source: '__proto__' })],
    ['a sample that there is not', 'data', (_, first) => Object.assign(first, { id: '../../x' })],
    ['a layout that there is not', 'data', (manifest) => Object.assign(manifest.layout, { name: 'constructor' })],
    [
      'folders elsewhere',
      'data',
      (manifest) => manifest.layout.folders.map((one) => Object.assign(one, { images: '../../..', masks: '/' })),
    ],
    ['no folders', 'usage', (manifest) => Object.assign(manifest.layout, { folders: [] })],
    ['an option that there is not', 'data', (manifest) => Object.assign(manifest.options, { hasOwnProperty: 1 })],
    ['a preset that there is not', 'data', (manifest) => Object.assign(manifest.options, { preset: '__proto__' })],
    ['ignore ids that masks cannot hold', 'data', (manifest) => Object.assign(manifest.layout, { ignore: [65535] })],
    ['one file for image and mask', 'differs', (_, first) => Object.assign(first.files, { mask: first.files.image })],
  ])('with %s is not replayed, and says why', async (_, code, change) => {
    const out = fresh('replay');
    const manifest = await manifestFile(await changed(change));
    const error = await failure(replay({ in: 'fixtures/camvid', manifest, out }));
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(/^[^\n]+$/)]);
    expect(existsSync(join(out, 'manifest.json'))).toBe(false);
  });

  test('with ids that occur twice gives the same files', async () => {
    const text = await changed((manifest) => manifest.records.push(...manifest.records));
    const out = fresh('replay');
    await replay({ in: 'fixtures/camvid', manifest: await manifestFile(text), out });
    const { 'manifest.json': _, ...files } = await treeDigests(out);
    expect(files).toMatchObject(await treeDigests(reference).then(({ 'manifest.json': _, ...rest }) => rest));
  });
});

/** The journal of a stopped run, in its folder. */
async function stopped(): Promise<string> {
  const out = fresh('stopped');
  const stop = new AbortController();
  const run = augment({ in: 'fixtures/camvid', out, p: 1, batchSize: 2 }, { done: () => stop.abort(), stop: stop.signal });
  await expect(run).rejects.toMatchObject({ code: 'interrupted' });
  return out;
}

const journalText = stopped().then((out) => readFileSync(join(out, 'run.jsonl'), 'utf8'));

describe('a journal', () => {
  test.each<[string, string | Uint8Array]>([
    ['noise', Uint8Array.from({ length: 2 ** 20 }, (_, i) => Math.imul(i, 2_654_435_761) >>> 24)],
    ["another program's", '{"step":1,"loss":0.5}\n{"step":2,"loss":0.4}\n'],
    ['text', 'epoch 1\n'],
    ['a line', '\n'],
  ])('that is %s is somebody else’s: it is refused and stays as it is, also where --overwrite is said', async (_, text) => {
    const out = await writeTree(fresh('foreign'), { 'run.jsonl': text });
    for (const overwrite of [false, true]) {
      const error = await failure(augment({ in: 'fixtures/camvid', out, overwrite }));
      expect([error.code, error.message]).toEqual(['cannotCreate', expect.stringMatching(/run\.jsonl: is not a copypaste journal; .*$/)]);
    }
    expect(await treeDigests(out)).toEqual({ 'run.jsonl': sha256(text) });
  });

  test('that is a link or a pipe is refused, and what it leads to stays as it is', async () => {
    const elsewhere = await writeTree(fresh('elsewhere'), { 'run.jsonl': '', 'text.txt': 'precious' });
    for (const target of ['run.jsonl', 'text.txt', 'nothing']) {
      const out = await writeTree(fresh('linked'), {});
      await mkdir(out, { recursive: true });
      await symlink(join(elsewhere, target), join(out, 'run.jsonl'));
      expect((await failure(augment({ in: 'fixtures/camvid', out, overwrite: true }))).code).toBe('io');
    }
    expect(await treeDigests(elsewhere)).toEqual({ 'run.jsonl': sha256(''), 'text.txt': sha256('precious') });
    const out = fresh('piped');
    await mkdir(out);
    makePipe(join(out, 'run.jsonl'));
    expect((await failure(augment({ in: 'fixtures/camvid', out }))).code).toBe('cannotCreate');
  });

  test('with lines that are torn, strange or lead elsewhere is read without them', async () => {
    const text = await journalText;
    const [head = '', ...rest] = text.split('\n');
    const strange = [
      ...['', '{', 'null', '[]', '"begin"', '{"begin":1,"files":[]}', '{"begin":"x"}', '{"stopped":false}', deep(100_000)],
      ...['../x', '/x', 'a/../../x', '', 'a\0b'].map((path) => JSON.stringify({ begin: 'x', files: ['train/x.png', path] })),
      ...['__proto__', 'constructor'].map((key) => `{"${key}":{"files":["train/x.png"]},"begin":"x","files":["train/x.png"]}`),
      JSON.stringify({ poison: 'x', reason: 1 }),
      JSON.stringify({ end: '0.0', outcomes: [{ id: 'x', record: {} }], read: [] }),
      '\ufffd'.repeat(999),
      head.slice(0, 99),
    ];
    const path = await manifestFile([head, ...strange, ...rest].join('\n'));
    const [plain, odd] = await Promise.all([openJournal(await manifestFile(text)), openJournal(path)]);
    expect(odd.head).toEqual(plain.head);
    expect([[...(await odd.files())], [...odd.suspects], [...odd.poison]]).toEqual([
      [...(await plain.files())],
      [...plain.suspects],
      [...plain.poison],
    ]);
    await Promise.all([plain.close(), odd.close()]);
  });

  test(
    'whatever its bytes, gives files below the folder, or is refused',
    async () => {
      const text = Buffer.from(await journalText);
      const path = fresh('fuzzed');
      const edits = fc.array(fc.tuple(fc.nat(text.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('"{}[],:\n.0/-')))), {
        maxLength: 6,
      });
      await fc.assert(
        fc.asyncProperty(edits, fc.option(fc.nat(text.length)), async (bytes, cut) => {
          const made = Buffer.from(text);
          for (const [at, value] of bytes) made[at] = value;
          writeFileSync(path, cut === null ? made : made.subarray(0, cut));
          try {
            const journal = await openJournal(path);
            expect([...(await journal.files())].filter((file) => !isBelow(file))).toEqual([]);
            for (const batch of ['0.0', '0.1', 'x']) await journal.recall(batch);
            await journal.close();
          } catch (error) {
            expect(error).toMatchObject({ code: 'cannotCreate' });
          }
        }),
        { numRuns: 150 * fuzz },
      );
    },
    longer,
  );
});

describe('a mutated manifest', () => {
  /** Every position in a document. */
  function placesOf(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
    if (typeof value !== 'object' || value === null) return [path];
    return [path, ...Object.entries(value).flatMap(([key, inner]) => placesOf(inner, [...path, Array.isArray(value) ? Number(key) : key]))];
  }

  const anything = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>('../x', '/x', '', '__proto__', -1, 0.5, huge, 2 ** 53, -1e308, [], {}, null, true, 'a\0b'),
  );

  test(
    'is read, or refused with one line',
    async () => {
      const text = JSON.stringify(await manifestOf());
      const places = placesOf(JSON.parse(text)).filter((path) => path.length > 0);
      const path = fresh('fuzzed');
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(fc.nat(places.length - 1), anything), { minLength: 1, maxLength: 2 }), async (edits) => {
          const manifest = JSON.parse(text);
          for (const [n, value] of edits) {
            const place = places[n] as (string | number)[];
            const parent = place.slice(0, -1).reduce((at, key) => (typeof at === 'object' && at !== null ? at[key] : undefined), manifest);
            if (typeof parent === 'object' && parent !== null) parent[place.at(-1) as string] = value;
          }
          writeFileSync(path, JSON.stringify(manifest));
          try {
            const { records } = await readManifest(path);
            const files = records.flatMap(({ files, inputs }) => [...Object.values(files), ...Object.values(inputs)].flat());
            expect(files.filter((file) => file && !isBelow(file.path))).toEqual([]);
          } catch (error) {
            expect(error).toBeInstanceOf(CopyPasteError);
            expect([(error as CopyPasteError).code, (error as Error).message]).toEqual(['data', expect.stringMatching(/^[^\n]+$/)]);
          }
        }),
        { numRuns: 150 * fuzz },
      );
    },
    longer,
  );
});

describe('a COCO document', () => {
  const square = [6, 6, 14, 6, 14, 14, 6, 14];
  const document = () => ({
    images: [1, 2, 3].map((id): unknown => ({ id, file_name: `${id}.png`, width: 24, height: 20 })),
    annotations: [1, 2, 3].map((id): unknown => ({ id, image_id: id, category_id: 1, segmentation: [square] })),
    categories: [{ id: 1, name: 'x' }] as unknown[],
  });
  const cocoSet = (change: (doc: ReturnType<typeof document>) => unknown): Promise<string> => {
    const doc = document();
    const text = change(doc);
    const files = Object.fromEntries(['1.png', '2.png', '3.png', '3.gif'].map((name) => [`images/${name}`, image]));
    return writeTree(fresh('coco'), {
      ...files,
      'annotations/instances_train.json': typeof text === 'string' ? text : JSON.stringify(doc),
    });
  };
  const annotation = (more: object): unknown => ({ ...(document().annotations[0] as object), ...more });
  const picture = (more: object): unknown => ({ ...(document().images[0] as object), ...more });

  test.each<[string, (doc: ReturnType<typeof document>) => unknown]>([
    ['nothing', () => ''],
    ['zeros', () => '\0'.repeat(999)],
    ['brackets that only close', () => '}]'.repeat(999)],
    ['brackets that only open', () => '{"images":['.repeat(99_999)],
    ['no image', (doc) => Object.assign(doc, { images: [] })],
    ['an image that is null', (doc) => doc.images.unshift(null)],
    ['an image that is a number', (doc) => doc.images.unshift(7)],
    ['an annotation that is null', (doc) => doc.annotations.unshift(null)],
    ['a category that is null', (doc) => doc.categories.unshift(null)],
    ['a name that leaves the folder', (doc) => doc.images.splice(0, 1, picture({ file_name: '../x.png' }))],
    ['a name from the root', (doc) => doc.images.splice(0, 1, picture({ file_name: '/etc/passwd' }))],
    ['a size that is another', (doc) => doc.images.splice(0, 1, picture({ width: 50_000, height: 50_000 }))],
    ['a negative size', (doc) => doc.images.splice(0, 1, picture({ width: -24 }))],
    ['a format that is not read', (doc) => doc.images.splice(2, 1, picture({ id: 3, file_name: '3.gif' }))],
    ['one image twice', (doc) => doc.images.splice(1, 1, picture({ id: 2 }))],
    ['one id twice', (doc) => doc.images.push(picture({}))],
    ['a polygon past all pixels', (doc) => doc.annotations.splice(0, 1, annotation({ segmentation: [[0, 0, huge, 0, huge, 9]] }))],
    ['a polygon without end', (doc) => JSON.stringify(doc).replace('[[6,', '[[1e999,')],
    ['a polygon of text', (doc) => doc.annotations.splice(0, 1, annotation({ segmentation: 'x' }))],
    [
      'run lengths past all pixels',
      (doc) => doc.annotations.splice(0, 1, annotation({ segmentation: { size: [20, 24], counts: [huge] } })),
    ],
    ['run lengths that are none', (doc) => doc.annotations.splice(0, 1, annotation({ segmentation: { size: [20, 24], counts: '~~~' } }))],
  ])('with %s is refused with lines that name it or the image', async (_, change) => {
    const error = await failure(augment({ in: await cocoSet(change), out: fresh('out'), p: 1 }));
    expect(error.code).toBe('data');
    const lines = error.offenders.length > 0 ? error.offenders : [error.message];
    expect(lines).toEqual(lines.map(() => expect.stringMatching(/^(annotations\/instances_train\.json|images\/\d\.\w+): [^\n]+$/)));
  });
});

test.each([
  ['labelme', '"label":"cat"', '"label":7', ['shapes[0]: ', 'shapes[1]: ', 'and 3 more']],
  ['segment-anything', '"area":', '"area":"x","was":', ['annotations[0]: ', 'annotations[1]: ']],
  ['supervisely', '"classTitle":"cat"', '"classTitle":7', ['objects[0]: ', 'objects[2]: ']],
  ['yolo', ' 0.2 ', ' x ', ['line 1 ', 'line 2 ']],
  ['label-studio', '"original_width":20', '"original_width":"x"', ['result[0]: ', 'result[1]: ']],
  ['datumaro', '"z_order":0', '"z_order":"x"', ['annotations[0]: ', 'annotations[1]: ']],
  ['cvat', 'z_order="0"', 'z_order="x"', ['element 0: ', 'element 1: ']],
])('check names all faults of a file of %s', async (name, what, by, expected) => {
  const { files, file, tree, text } = sets.find((one) => one.name === name) as FuzzedSet;
  const root = await writeTree(fresh(name), { ...files, [file]: text(tree).replaceAll(what, by) });
  const said = (await check({ in: root })).differences.map(({ path, what }) => `${path}: ${what}`).join('\n');
  for (const one of expected) expect(said).toContain(one);
});

describe('a mutated document', () => {
  const parts = [
    '<',
    '>',
    '"',
    '&',
    '/',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '-',
    '1e999',
    '\0',
    '\ufffd',
    ' ',
    'null',
    '99999999999',
    '<!--',
    '<![CDATA[',
    '../',
  ];

  test.each([
    ['cvat', 'annotations.xml'],
    ['datumaro', 'annotations/train.json'],
    ['coco', 'annotations/instances_train.json'],
  ])(
    'of %s is read, or refused with lines',
    async (name, path) => {
      const root = fresh(name);
      await cp(join('fixtures', name), root, { recursive: true });
      const text = await readFile(join(root, path), 'utf8');
      const edit = fc.tuple(fc.nat(text.length), fc.nat(9), fc.constantFrom('', ...parts));
      await fc.assert(
        fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
          writeFileSync(
            join(root, path),
            edits.reduce((all, [at, length, put]) => all.slice(0, at) + put + all.slice(at + length), text),
          );
          try {
            const { differences } = await check({ in: root });
            for (const { path, what } of differences) expect(`${path} ${what}`).toMatch(/^[^\n]+$/);
          } catch (error) {
            expect(error).toBeInstanceOf(CopyPasteError);
            for (const line of [(error as Error).message, ...(error as CopyPasteError).offenders]) expect(line).toMatch(/^[^\n]+$/);
          }
        }),
        { numRuns: 60 * fuzz },
      );
    },
    longer,
  );
});

describe('--overwrite', () => {
  /** An output, and beside it a file that no run may change. */
  async function besideVictim(): Promise<{ out: string; victim: string; untouched: () => Promise<void> }> {
    await written;
    const parent = fresh('beside');
    const out = join(parent, 'out');
    await cp(reference, out, { recursive: true });
    const names = readdirSync(join(out, 'train')).map((name) => `train/${name}`);
    const victim = await writeTree(join(parent, 'victim'), Object.fromEntries([...names, 'v.txt'].map((name) => [name, 'precious'])));
    const before = await treeDigests(victim);
    return { out, victim, untouched: async () => expect(await treeDigests(victim)).toEqual(before) };
  }

  test('takes away nothing outside of its folder, wherever a journal’s lines lead', async () => {
    const { out, victim, untouched } = await besideVictim();
    symlinkSync('../victim', join(out, 'link'));
    const [head] = (await journalText).split('\n');
    const paths = [
      '../victim/v.txt',
      join(victim, 'v.txt'),
      'train/../../victim/v.txt',
      'link/v.txt',
      'link/../victim/v.txt',
      './link/v.txt',
    ];
    writeFileSync(join(out, 'run.jsonl'), `${head}\n`);
    for (const path of paths) appendFileSync(join(out, 'run.jsonl'), `${JSON.stringify({ begin: 'x', files: [path] })}\n`);
    await augment({ in: 'fixtures/camvid', out, p: 1, seed: 1, overwrite: true });
    await untouched();
    expect(readdirSync(out)).toContain('link');
  });

  test('takes away a link, not what it leads to', async () => {
    const { out, untouched } = await besideVictim();
    const [name = ''] = readdirSync(join(out, 'train'));
    rmSync(join(out, 'train', name));
    symlinkSync(`../../victim/train/${name}`, join(out, 'train', name));
    await augment({ in: 'fixtures/camvid', out, p: 1, seed: 1, overwrite: true });
    await untouched();
    expect((await verify({ out })).differences).toEqual([]);
  });

  test('a link that leads out of the folder is not written through', async () => {
    const { out, victim, untouched } = await besideVictim();
    rmSync(join(out, 'train'), { recursive: true });
    symlinkSync('../victim/train', join(out, 'train'));
    const error = await failure(augment({ in: 'fixtures/camvid', out, p: 1, seed: 1, overwrite: true }));
    expect([error.code, error.message]).toEqual([
      'cannotCreate',
      `${join(out, 'train')}: a symbolic link leads out of ${out}; remove the link`,
    ]);
    await untouched();
    expect(victim).toBeTruthy();
  });

  test('takes away nothing at all where a manifest’s paths lead elsewhere, or a folder is not of the run', async () => {
    const { out, untouched } = await besideVictim();
    const manifest = await manifestOf();
    const [first] = manifest.records;
    for (const path of ['../victim/v.txt', 'link/v.txt']) {
      Object.assign(first?.files.image as object, { path });
      if (path.startsWith('link')) symlinkSync('../victim', join(out, 'link'));
      writeFileSync(join(out, 'manifest.json'), JSON.stringify(manifest));
      const before = await treeDigests(out);
      expect((await failure(augment({ in: 'fixtures/camvid', out, p: 1, overwrite: true }))).code).toBe('cannotCreate');
      const { 'run.jsonl': _, ...after } = await treeDigests(out);
      expect(after).toEqual(before);
      await untouched();
      rmSync(join(out, 'run.jsonl'), { force: true });
    }
    for (const foreign of ['{"name":"an app"}', '', deep(99)]) {
      const mine = await writeTree(fresh('mine'), { 'manifest.json': foreign, 'train/x.png': 'x' });
      const before = await treeDigests(mine);
      expect((await failure(augment({ in: 'fixtures/camvid', out: mine, overwrite: true }))).code).toBe('cannotCreate');
      const { 'run.jsonl': _, ...after } = await treeDigests(mine);
      expect(after).toEqual(before);
    }
  });
});
