import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { verify } from '../../../src/verbs/verify.ts';
import { expectSound } from '../../contract.ts';
import { imageOf, temporaryFolder, treeDigests, writeTree } from '../../make.ts';
import { readManifest } from '../../manifest.ts';
import { augmented, opened } from '../format.ts';

const folder = temporaryFolder();
let number = 0;
const picture = imageOf(20, 10, (x, y) => 0xff000000 + 9 * x + 256 * y);
const line = '0 0.2 0.2 0.6 0.2 0.6 0.8 0.3 0.9 0.2 0.8\n';

type Files = Parameters<typeof writeTree>[1];

/** An image with a label file of one object. */
const labelled = (image: string): Files => {
  const parts = image.split('/');
  const at = parts.lastIndexOf('images');
  return {
    [image]: picture,
    [parts
      .map((part, i) => (i === at ? 'labels' : part))
      .join('/')
      .replace(/\.\w+$/, '.txt')]: line,
  };
};
const all = (...images: string[]): Files => Object.assign({}, ...images.map(labelled));

const write = (files: Files): Promise<string> => writeTree(join(folder, `in${number++}`), files);

const run = (root: string, options: Parameters<typeof augmented>[2] = {}): Promise<string> =>
  augmented(root, join(folder, `out${number++}`), options);

const nested = ['images/train/cam1/a.png', 'images/train/cam2/a.png'];

/** Data sets, with the ids of the samples of the split `train` and of all others. */
const arrangements: Record<string, { files: Files; train: string[]; others: string[] }> = {
  'nested folders': { files: all(...nested, 'images/val/b.png'), train: ['train/cam1/a', 'train/cam2/a'], others: ['val/b'] },
  'nested folders of all splits': {
    files: all(...nested, 'images/val/cam1/b.png'),
    train: ['train/cam1/a', 'train/cam2/a'],
    others: ['val/cam1/b'],
  },
  'nested folders that data.yaml names, where val is the same': {
    files: { ...all(...nested, 'images/val/b.png'), 'data.yaml': 'names: [cat]\ntrain: images/train\nval: images/train\n' },
    train: ['train/cam1/a', 'train/cam2/a'],
    others: ['val/b'],
  },
  'a folder of another name': {
    files: {
      ...all('first/images/a.png', 'second/images/b.png'),
      'data.yaml': 'names: [cat]\ntrain: first/images\nval: ./second/images/\n',
    },
    train: ['train/a'],
    others: ['val/b'],
  },
  'a list of folders': {
    files: {
      ...all('one/images/a.png', 'two/images/a.png', 'three/images/b.png'),
      'data.yaml': 'names: [cat]\ntrain: [one/images, ../two/images]\nval: three/images\n',
    },
    train: ['train/one/images/a', 'train/two/images/a'],
    others: ['val/b'],
  },
  'labels beside images': {
    files: {
      'data.yaml': 'names: [cat]\ntrain: first\nval: second\n',
      'first/a.png': picture,
      'first/a.txt': line,
      'second/b.png': picture,
      'second/b.txt': line,
    },
    train: ['train/a'],
    others: ['val/b'],
  },
  'lists of images': {
    files: {
      ...all('images/a.png', 'images/b.png', 'images/c.png', 'images/d.png'),
      'data.yaml': 'path: .\nnames: [cat]\ntrain: train.txt\nval: val.txt\n',
      'train.txt': './images/a.png\n./images/b.png\n',
      'val.txt': './images/c.png\n',
    },
    train: ['train/a', 'train/b'],
    others: ['val/c'],
  },
  'lists of images and folders': {
    files: {
      ...all('images/a.png', 'images/x/b.png', 'more/images/c.png', 'images/x/d.png'),
      'data.yaml': 'names: [cat]\ntrain: [lists/train.txt, more/images]\nval: lists/val.txt\n',
      'lists/train.txt': 'images/a.png\nimages/x/b.png\n',
      'lists/val.txt': 'images/x/d.png\n',
    },
    train: ['train/images/a', 'train/images/x/b', 'train/more/images/c'],
    others: ['val/d'],
  },
  'lists of another machine': {
    files: {
      ...all('images/train/a.png', 'images/train/b.png', 'images/val/a.png'),
      'data.yaml': 'path: ./\nnames: [cat]\ntrain: train.txt\nval: val.txt\n',
      'train.txt': '\ufeffdata/images/train/a.png\r\nC:\\data\\images\\train\\b.PNG\r\n',
      'val.txt': '/home/me/images/val/a.png\n',
    },
    train: ['train/a', 'train/b'],
    others: ['val/a'],
  },
};

describe('splits of a YOLO data set', () => {
  test.each(Object.keys(arrangements))('are found: %s', async (name) => {
    const { files, train, others } = arrangements[name] as (typeof arrangements)[''];
    const root = await write(files);
    const dataset = await opened(root);
    expect([dataset.layout, dataset.split]).toEqual(['yolo', 'train']);
    expect(dataset.samples.map(({ id }) => id)).toEqual(train);
    expect(dataset.samples.every(({ labels }) => labels !== undefined)).toBe(true);
    expect(dataset.others.map(({ id }) => id)).toEqual(others);
    await expectSound(await run(root, { allowSelf: true }), root);
  });

  test('stay as they are, lists included, if nothing is pasted', async () => {
    for (const { files } of Object.values(arrangements)) {
      const root = await write(files);
      const { leftBehind } = await opened(root);
      const before = Object.entries(await treeDigests(root)).filter(([path]) => !leftBehind.includes(path));
      const { 'manifest.json': _, ...after } = await treeDigests(await run(root, { p: 0 }));
      const isText = ([path]: [string, string]): boolean =>
        !/^(data\.yaml|(train|val)\.txt)$/.test(path) || !files['train.txt']?.toString().includes('\r');
      expect(Object.entries(after).filter(isText)).toEqual(before.filter(isText));
    }
  });

  test('that are lists name all variants in the output, relative to the list where lines lead elsewhere', async () => {
    const { files } = arrangements['lists of another machine'] as (typeof arrangements)[''];
    const root = await write({ ...files, 'images/train/c.png': picture });
    const out = await run(root, { copies: 2, includeOriginals: true, imageFormat: 'tiff' });
    expect(readFileSync(join(out, 'train.txt'), 'utf8').split('\n')).toEqual([
      './images/train/a.png',
      './images/train/a_aug1.tif',
      './images/train/a_aug2.tif',
      './images/train/b.png',
      './images/train/b_aug1.tif',
      './images/train/b_aug2.tif',
      '',
    ]);
    expect(readFileSync(join(out, 'val.txt'), 'utf8')).toBe('./images/val/a.png\n');
    expect((await opened(out)).samples).toHaveLength(6);
    expect((await opened(root)).notes).toEqual([
      expect.stringMatching(/^train\.txt: 2 paths of another machine matched by their last parts, such as data\/images\/train\/a\.png; /),
      expect.stringMatching(/^val\.txt: 1 path /),
    ]);
    expect((await opened(out)).notes).toEqual([]);
    await expectSound(out, root);
  });

  test('that share some images stop the run with both places, unless --only-split leaves the others out', async () => {
    const lists = (train: string, val: string): Promise<string> =>
      write({
        ...all('images/a.png', 'images/b.png', 'images/c.png'),
        'data.yaml': 'names: [cat]\ntrain: train.txt\nval: val.txt\n',
        'train.txt': train,
        'val.txt': val,
      });
    const partial = await lists('images/a.png\nimages/b.png\n', 'images/b.png\nimages/c.png\n');
    await expect(opened(partial)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(
        /^split val \(val\.txt\) and split train \(train\.txt\) share 1 image, such as images\/b\.png.*--only-split/,
      ),
    });
    expect((await opened(partial, { lookOnly: true })).samples).toHaveLength(2);
    const out = await run(partial, { onlySplit: true });
    expect((await readManifest(join(out, 'manifest.json'))).records.map(({ id }) => id).sort()).toEqual(['train/a', 'train/b']);
    expect((await treeDigests(out))['val.txt']).toBeUndefined();

    const folders = await write({
      ...all('images/a.png', 'images/val/b.png'),
      'data.yaml': 'names: [cat]\ntrain: images\nval: images/val\n',
    });
    await expect(opened(folders)).rejects.toThrow('split val (images/val/) and split train (images/) share 1 image');
  });

  test('that hold the whole augmented split are augmented with it, which is said', async () => {
    const root = await write({
      ...all('images/a.png', 'images/b.png', 'images/c.png'),
      'data.yaml': 'names: [cat]\ntrain: train.txt\nval: val.txt\ntest: test.txt\n',
      'train.txt': 'images/a.png\nimages/b.png\n',
      'val.txt': 'images/b.png\nimages/a.png\n',
      'test.txt': './images/a.png\n./images/b.png\n./images/c.png\n',
    });
    const { samples, others, notes } = await opened(root);
    expect([samples.length, others.map(({ id }) => id)]).toEqual([2, ['test/c']]);
    expect(notes).toEqual([
      'split val (val.txt) holds all images of split train (train.txt), so it is augmented with it',
      'split test (test.txt) holds all images of split train (train.txt), so it is augmented with it',
    ]);
    const out = await run(root, { copies: 2 });
    expect(readFileSync(join(out, 'test.txt'), 'utf8').split('\n')).toEqual([
      './images/a_aug1.png',
      './images/a_aug2.png',
      './images/b_aug1.png',
      './images/b_aug2.png',
      './images/c.png',
      '',
    ]);
    await expectSound(out, root);
  });

  test('that name missing images are bad, line by line', async () => {
    const root = await write({
      ...all('images/a.png', 'images/b.png'),
      'data.yaml': 'names: [cat]\ntrain: train.txt\n',
      'train.txt': 'images/a.png\n# two more\nimages/x.png\nimages/b.png\n',
    });
    await expect(opened(root)).rejects.toMatchObject({
      offenders: ['train.txt: line 3 lists images/x.png, but there is no such image; add it, or remove the line'],
    });
    const out = await run(root, { skipBad: true });
    expect(readFileSync(join(out, 'train.txt'), 'utf8')).toBe('images/a.png\n# two more\nimages/b.png\n');
  });

  test('that are only copied may name missing images, which is said', async () => {
    const root = await write({
      ...all('images/a.png', 'images/b.png', 'images/c.png'),
      'data.yaml': 'names: [cat]\ntrain: train.txt\nval: val.txt\n',
      'train.txt': 'images/a.png\nimages/b.png\n',
      'val.txt': 'images/x.png\nimages/c.png\n',
    });
    expect((await opened(root)).notes).toEqual(['val.txt: 1 line without an image kept, such as images/x.png']);
    const out = await run(root);
    expect(readFileSync(join(out, 'val.txt'), 'utf8')).toBe('images/x.png\nimages/c.png\n');
    expect((await verify({ out, deep: true, in: root })).differences).toEqual([]);
  });
});

test('label files are paired with images across Unicode forms, which is said', async () => {
  const root = await write({ 'images/\u00e9.png': picture, 'labels/e\u0301.txt': line, ...labelled('images/b.png') });
  const { samples, notes } = await opened(root);
  expect(samples.map(({ labels }) => labels)).toEqual(['labels/b.txt', 'labels/e\u0301.txt']);
  expect(notes).toEqual([expect.stringMatching(/^1 label file differs from the image in Unicode form/)]);
});

test('label files that fit no image are named, and refused if no image has one', async () => {
  const some = await write({ ...all('images/a.png', 'images/b.png'), 'images/c.png': picture, 'labels/d.txt': line });
  expect((await opened(some)).notes).toEqual([
    '1 of 3 images has no label file and is a background image',
    '1 label file fits no image and is not copied, such as labels/d.txt; its name must be that of an image',
  ]);
  const none = await write({ 'images/a.png': picture, 'labels/a_mask.txt': line });
  await expect(opened(none)).rejects.toMatchObject({
    code: 'data',
    message: expect.stringMatching(/^labels\/a_mask\.txt: fits no image, as all label files; its name must be that of an image$/),
  });
});

test('classes.txt names the classes where no data.yaml does, and is no label file', async () => {
  const root = await write({ ...all('images/a.png', 'images/b.png'), 'labels/classes.txt': 'cat\ndog\n' });
  const { classNames, carried, samples } = await opened(root);
  expect([[...classNames.values()], carried, samples.length]).toEqual([['cat', 'dog'], ['labels/classes.txt'], 2]);
});

test('a YAML file of something else is no configuration', async () => {
  const other = { 'hyp.yaml': 'train:\n  epochs: 3\n', 'a.yaml': 'x: [' };
  expect((await opened(await write({ ...all('images/train/a.png'), ...other, 'set.yml': 'names: [cat]\n' }))).classNames.get(0)).toBe(
    'cat',
  );
  const masks = await write({ 'images/a.png': picture, 'masks/a.png': { width: 20, height: 10, ids: new Uint8Array(200) }, ...other });
  expect((await opened(masks)).layout).toBe('paired');
});

test.each([
  ['names: 5', /^data\.yaml: 'names' must be a list of names, or a map of names by id, but is 5; correct it$/],
  ['names: {a: cat}', /'names' must be a map of names by id/],
  ['names: {65536: cat}', /'names' must be a map of names by id from 0 to 65535/],
  ['names: [[cat]]', /'names' must be a list or map of texts/],
  ['names: [cat]\ntrain: 3', /'train' must be a path or a list of paths, but is 3/],
  ['names: [cat]\npath: [x]', /'path' must be a path/],
  ['names: [cat]\nkpt_shape: 17', /'kpt_shape' must be the number of key points/],
  ['names: [cat]\nlabel_mapping: [1]', /'label_mapping' must be a map of ids/],
  ['- cat', /must be a map of keys/],
  ['names: [cat', /not valid YAML/],
])('a data.yaml with the wrong kind of value is refused: %j', async (yaml, message) => {
  const root = await write({ ...all('images/a.png'), 'data.yaml': `${yaml}\n` });
  await expect(opened(root)).rejects.toMatchObject({ code: 'data', message: expect.stringMatching(message) });
});
