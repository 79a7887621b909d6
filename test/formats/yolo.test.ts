import { readFileSync, writeFileSync } from 'node:fs';
import { appendFile, cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { main } from '../../src/cli/main.ts';
import { openDataset } from '../../src/dataset/open.ts';
import { yolo as format } from '../../src/formats/yolo/yolo.ts';
import type { augmentOptions, Given } from '../../src/options.ts';
import { augment } from '../../src/verbs/augment.ts';
import { check } from '../../src/verbs/check.ts';
import { verify } from '../../src/verbs/verify.ts';
import { expectSound } from '../contract.ts';
import { captureStreams, imageOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { readManifest } from '../manifest.ts';

const folder = temporaryFolder();
const yolo = 'fixtures/yolo';
let number = 0;

async function run(options: Partial<Given<typeof augmentOptions>> = {}, root = yolo): Promise<string> {
  const out = join(folder, `out${number++}`);
  await augment({ in: root, out, p: 1, minArea: '20px', ...options });
  return out;
}

const picture = imageOf(20, 10, (x, y) => 0xff000000 + 9 * x + 256 * y);

describe('a YOLO data set', () => {
  test('is written unchanged if nothing is pasted, with data.yaml', async () => {
    const { 'manifest.json': _, ...after } = await treeDigests(await run({ p: 0 }));
    expect(after).toEqual(await treeDigests(yolo));
  });

  test('has lines with exactly the pixels of pasted and covered instances, and all others unchanged', async () => {
    const out = await run({ copies: 3 });
    const size = { width: 480, height: 360 };
    for (const record of (await readManifest(join(out, 'manifest.json'))).records) {
      if (record.status !== 'augmented') continue;
      const read = (root: string, path = ''): string => readFileSync(join(root, path), 'utf8');
      const shapesIn = async (text: string) => (await format.shapes({ parts: [text], size, file: 'a.txt', classNames: new Map() })).shapes;
      const after = await shapesIn(read(out, record.files.labels?.path));
      const before = await shapesIn(read(yolo, record.inputs.labels?.path));
      const pasted = record.placements.filter(({ visible }) => visible > 0);
      const covered = new Map(record.covered?.map((one) => [one.object, one]));
      const kept = before.filter(({ id }) => !covered.get(id)?.dropped);
      expect(after.length).toBe(kept.length + pasted.length);
      kept.forEach(({ id, own: line }, i) => {
        if (covered.has(id)) expect(after[i]?.instance?.area).toBe(covered.get(id)?.after);
        else expect(after[i]?.own).toBe(line);
      });
      expect(after.slice(kept.length).map(({ instance }) => instance?.area)).toEqual(pasted.map(({ visible }) => visible));
      expect(after.slice(kept.length).map(({ instance }) => instance?.classId)).toEqual(pasted.map(({ classId }) => classId));
    }
    await expectSound(out, yolo);
  });

  test('is found in all its forms, with class names; an image without labels is a background image', async () => {
    const found = async (files: Parameters<typeof writeTree>[1]) => {
      const root = await writeTree(join(folder, `found${number++}`), files);
      const { layout, splits, samples, classNames } = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
      return { root, found: { layout, splits, ids: samples.map(({ id }) => id), names: [...classNames] } };
    };
    const line = '0 0.2 0.2 0.6 0.2 0.6 0.8 0.2 0.8\n';
    const { root, found: roboflow } = await found({
      'data.yaml': 'names: [cat, dog]\n',
      'train/images/a.png': picture,
      'train/images/b.png': picture,
      'train/images/none.png': picture,
      'train/labels/a.txt': line,
      'train/labels/b.txt': line,
    });
    expect(roboflow).toEqual({
      layout: 'yolo',
      splits: ['train'],
      ids: ['train/a', 'train/b', 'train/none'],
      names: [
        [0, 'cat'],
        [1, 'dog'],
      ],
    });
    const out = await run({ truncated: 'keep', minArea: '1px' }, root);
    const { records } = await readManifest(join(out, 'manifest.json'));
    expect(records.map(({ id, status }) => [id, status]).sort()).toEqual([
      ['train/a', 'augmented'],
      ['train/b', 'augmented'],
      ['train/none', 'augmented'],
    ]);
    expect((await found({ 'images/a.png': picture, 'labels/a.txt': line })).found).toMatchObject({
      layout: 'yolo',
      splits: [],
      ids: ['a'],
    });
  });

  test.each([
    ['0 0.1 0.1 0.5', 'is neither a polygon'],
    ['-1 0 0 1 0 1 1', 'is neither a polygon'],
    ['cat 0 0 1 0 1 1', 'is neither a polygon'],
    ['0 0 0 1 0 1 1 0', 'is neither a polygon'],
    ['0 0 0 1 0 1 nan', 'is neither a polygon'],
    ['0.5 0 0 1 0 1 1', 'is neither a polygon'],
    ['0 0 0 1e12 0 1 1', 'has the coordinate 1000000000000,'],
    ['0 12 14 32 14 32 30', 'has the coordinate 12, but coordinates are fractions'],
    ['0 0.5 0.5 20 30', 'has the coordinate 20,'],
    ['0 -0.5 0.1 0.1 0.1 0.1 0.5', 'has the coordinate -0.5,'],
    ['3 0 0 1 0 1 1', 'has class 3, which has no name'],
  ])('with the line %j is refused with the file and line number, or left out with --skip-bad', async (line, what) => {
    const root = await writeTree(join(folder, `bad${number++}`), {
      'images/a.png': picture,
      'images/b.png': picture,
      'data.yaml': 'names: [cat]\n',
      'labels/a.txt': `\n${line}\n`,
      'labels/b.txt': '0 0 0 1 0 1 1\n',
    });
    const fault = expect.stringMatching(`^labels/a\\.txt: line 2 ${what}`);
    await expect(run({}, root)).rejects.toMatchObject({ code: 'data', offenders: [fault] });
    expect((await check({ in: root })).differences).toEqual([{ path: 'labels/a.txt', what: expect.stringContaining(what) }]);
    const { skipped, records } = await readManifest(join(await run({ skipBad: true }, root), 'manifest.json'));
    expect([skipped, records.map(({ id }) => id)]).toEqual([[{ id: 'a', reason: fault }], ['b']]);
  });

  test('keeps files of boxes after pasting, since Ultralytics refuses to mix boxes and outlines', async () => {
    const root = await writeTree(join(folder, `mixed${number++}`), {
      'images/a.png': picture,
      'images/b.png': picture,
      'labels/a.txt': '0 0.5 0.5 0.2 0.2\n',
      'labels/b.txt': '1 0.2 0.2 0.6 0.2 0.6 0.8 0.2 0.8\n',
    });
    const out = await run({ truncated: 'keep', minArea: '1px', scale: [1, 1], maxTranslation: 0 }, root);
    expect(readFileSync(join(out, 'labels', 'a.txt'), 'utf8')).toBe('0 0.5 0.5 0.2 0.2\n1 0.4 0.5 0.4 0.6\n');
    expect(await treeDigests(out)).toMatchObject({ 'labels/b.txt': (await treeDigests(root))['labels/b.txt'] });
    expect((await check({ in: out })).differences).toEqual([]);
    expect((await verify({ out, deep: true, in: root })).differences).toEqual([]);
    const [labels, manifest] = [join(out, 'labels', 'a.txt'), join(out, 'manifest.json')];
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(sha256(readFileSync(labels)), sha256(Buffer.of())));
    writeFileSync(labels, '');
    expect((await verify({ out })).differences).toEqual([
      { path: 'labels/a.txt', what: 'images/a.png: has 0 pixels of class 1, but the manifest records 48' },
    ]);
  });

  test.each([
    ['boxes', '', '0 0.5 0.5 0.2 0.2', 'labels/: all labels are boxes (YOLO detect), which cannot be pasted; add outlines (YOLO segment)'],
    ['poses', 'kpt_shape: [4, 2]', `0${' 0.5'.repeat(12)}`, "data.yaml: 'kpt_shape: [4, 2]' says that labels are boxes with key points"],
    ['poses', 'kpt_shape: [2, 3]', '0 0.5 0.5 0.2 0.2 0.5 0.5 2 0.4 0.4 1', "data.yaml: 'kpt_shape: [2, 3]' says that labels are boxes"],
    ['poses', '', '0 0.5 0.5 0.2 0.2 0.5 0.5 2 0.4 0.4 1', 'labels/: all labels are boxes with key points (YOLO pose)'],
    ['poses', 'kpt_shape: [3, 3]', `0${' 0.5'.repeat(12)} 2`, "data.yaml: 'kpt_shape: [3, 3]' says that labels are boxes with key"],
  ])('of %s alone is refused by its task: %j', async (_, yaml, line, message) => {
    const root = await writeTree(join(folder, `task${number++}`), {
      'data.yaml': `names: [cat]\n${yaml}\n`,
      'images/a.png': picture,
      'images/b.png': picture,
      'labels/a.txt': `${line}\n`,
      'labels/b.txt': `${line}\n`,
    });
    await expect(run({}, root)).rejects.toMatchObject({ code: 'data', message: expect.stringContaining(message) });
  });
});

test('--require-masks and --mask-suffix are refused if they have no effect', async () => {
  await expect(run({ requireMasks: true })).rejects.toMatchObject({ code: 'usage' });
  await expect(run({ maskSuffix: '_mask', copies: 2 })).rejects.toMatchObject({ code: 'usage' });
});

test('a run does not continue after data.yaml has changed', async () => {
  const root = join(folder, `in${number++}`);
  await cp(yolo, root, { recursive: true });
  const out = await run({}, root);
  await appendFile(join(root, 'data.yaml'), '# changed\n');
  await expect(augment({ in: root, out, p: 1, minArea: '20px' })).rejects.toMatchObject({ code: 'usage' });
});

describe('data.yaml', () => {
  const tree = async (yaml: string): Promise<string> =>
    writeTree(join(folder, `paths${number++}`), {
      'data.yaml': yaml,
      'images/train/a.png': picture,
      'labels/train/a.txt': '0 0.1 0.1 0.9 0.1 0.9 0.9\n',
      'images/val/b.png': picture,
      'labels/val/b.txt': '',
    });
  const said = async (yaml: string): Promise<{ text: string; stderr: string[] }> => {
    const root = await tree(yaml);
    const streams = captureStreams();
    const out = `${root}-out`;
    expect(
      await main(['augment', '--in', root, '--out', out, '-p', '1', '--allow-self', '--min-area', '1px', '--truncated', 'keep'], streams),
    ).toBe(0);
    expect(await readFile(join(root, 'data.yaml'), 'utf8')).toBe(yaml);
    await expectSound(out, root);
    const stderr = streams.text.stderr.split('\n').filter((line) => line.startsWith('data.yaml'));
    return { text: await readFile(join(out, 'data.yaml'), 'utf8'), stderr };
  };
  const rest = 'train: images/train # here\nval: ./images/val/\nnames: {0: cat}\n';

  test.each(['/data/cats', '../datasets/cats', 'cats', '"C:\\\\cats"'])(
    'with the path %s outside the output loses it if its splits are found beside it',
    async (path) => {
      expect(await said(`# cats\npath: ${path}  # root\n${rest}`)).toEqual({
        text: `# cats\n# path: ${path}  # root\n${rest}`,
        stderr: [expect.stringMatching(/^data\.yaml: 'path: .*cats' points outside the output; it is commented out there$/)],
      });
    },
  );

  test.each([rest, `train: ../images/train\nval: [images/val]\nnames: {0: cat}\n`, `train: images\nnames: {0: cat}\n`])(
    'without a path outside the output is unchanged: %j',
    async (text) => {
      expect(await said(text)).toEqual({ text, stderr: [] });
    },
  );

  test.each([
    ['train: /data/cats/images/train # here\nval: images/val\n', 'train: images/train # here\nval: images/val\n', 1],
    ['train: "C:\\\\cats\\\\images\\\\train"\nval: [/x/images/val]\n', 'train: images/train\nval: [images/val]\n', 1],
    ['path: /data\ntrain: cats/images/train\nval: images/val\n', '# path: /data\ntrain: images/train\nval: images/val\n', 2],
    ['path: images\ntrain: train\nval: /x/images/val\n', 'path: images\ntrain: train\nval: val\n', 1],
  ])('with paths of another machine gets paths to the output: %j', async (text, written, notes) => {
    const { text: after, stderr } = await said(`${text}names: {0: cat}\n`);
    expect([after, stderr.length]).toEqual([`${written}names: {0: cat}\n`, notes]);
  });

  test.each([
    ['{path: /data, train: images/train, names: {0: cat}}\n', 'path: /data'],
    ['train: train.txt\nnames: {0: cat}\n', 'train: train.txt'],
  ])('with other paths outside the output is kept unchanged, with a note: %j', async (text, what) => {
    expect(await said(text)).toEqual({
      text,
      stderr: [`data.yaml: '${what}' points outside the output, so training would read other data; correct it in the output`],
    });
  });
});

describe('oriented boxes', () => {
  const turned = '0 0.3 0.1 0.6 0.4 0.45 0.7 0.15 0.4';
  const upright = '1 0.6 0.6 0.8 0.6 0.8 0.8 0.6 0.8';
  const tree = (...lines: string[]): Promise<string> =>
    writeTree(join(folder, `obb${number++}`), {
      'data.yaml': 'names: [ship, plane]\n',
      'images/train/a.png': imageOf(40, 40, (x, y) => 0xff000000 + 5 * x + 256 * y),
      'images/train/b.png': imageOf(40, 40, (x, y) => 0xff000000 + 5 * y + 256 * x),
      'labels/train/a.txt': `${lines.join('\n')}\n`,
      'labels/train/b.txt': `${turned}\n`,
    });

  test('are found by their lines: four corners each, most of them parallelograms, some turned', async () => {
    const open = async (...lines: string[]) => {
      const { layout, notes } = await openDataset({ in: await tree(...lines), maskSuffix: '', onlySplit: false, skipBad: false });
      return [layout, notes.length];
    };
    expect(await open(turned, upright)).toEqual(['yolo-obb', 1]);
    expect(await open(upright, '0 0.1 0.1 0.9 0.2 0.5 0.5 0.2 0.9', '0 0.1 0.1 0.9 0.2 0.5 0.5 0.2 0.9')).toEqual(['yolo', 1]);
    expect(await open(turned, '1 0.1 0.1 0.5 0.1 0.5 0.5')).toEqual(['yolo', 0]);
    expect(await open(turned, '1 0.1 0.1 0.5 0.1')).toEqual(['yolo', 0]);
  });

  test('have eight numbers in every line of the output, inside the image, and untouched lines as they were', async () => {
    const root = await tree(turned, upright);
    const out = await run({ copies: 4, truncated: 'keep', minArea: '1px' }, root);
    const { records } = await readManifest(join(out, 'manifest.json'));
    let kept = 0;
    for (const { files, inputs, status, ...record } of records) {
      const lines = readFileSync(join(out, files.labels?.path as string), 'utf8')
        .trim()
        .split('\n');
      const before = readFileSync(join(root, inputs.labels?.path as string), 'utf8')
        .trim()
        .split('\n');
      for (const one of lines) {
        const [, ...values] = one.split(' ').map(Number);
        expect(values).toHaveLength(8);
        expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
      }
      const covered = 'covered' in record ? record.covered?.map(({ object }) => object) : [];
      const untouched = before.filter((_, n) => !covered?.includes(n));
      kept += untouched.length;
      expect(lines).toEqual(expect.arrayContaining(untouched));
      expect(status).toBe('augmented');
    }
    expect(kept).toBeGreaterThan(0);
    await expectSound(out, root);
  });

  test('are refused by line if --layout asks for them, and lines have another number of corners', async () => {
    const root = await tree(turned, '0 0.1 0.1 0.5 0.1 0.5 0.5');
    await expect(run({ layout: 'yolo-obb' }, root)).rejects.toMatchObject({
      offenders: [expect.stringMatching(/^labels\/train\/a\.txt: line 2 has no four corners/)],
    });
  });

  test('are read as outlines if --layout says so', async () => {
    const root = await tree(turned, upright);
    const out = await run({ layout: 'yolo', copies: 4, truncated: 'keep', minArea: '1px' }, root);
    const texts = (await readManifest(join(out, 'manifest.json'))).records.map(({ files }) =>
      readFileSync(join(out, files.labels?.path as string), 'utf8'),
    );
    expect(
      texts
        .join('')
        .split('\n')
        .some((one) => one.split(' ').length > 9),
    ).toBe(true);
  });
});
