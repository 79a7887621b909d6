import { describe, expect, test } from 'vitest';
import type { Tree } from '../../src/base/tree.ts';
import { imageNames, renamed } from '../../src/formats/image-names.ts';

/** Names of images in the matcher's tree of `files`. */
function matcher(...files: string[]) {
  const tree: Tree = {
    root: '',
    files,
    folders: new Set(),
    has: (file) => files.includes(file),
    unreadable: [],
    start: () => '',
    readStarts: async () => false,
  };
  return imageNames(tree);
}

describe('a name in a folder means', () => {
  test.each([
    ['the file of the same path', 'a.png', 'a.png'],
    ['one without ./', './a.png', 'a.png'],
    ['one without empty parts', 'sub//b.png', 'sub/b.png'],
    ['one with slashes for backslashes', 'sub\\b.png', 'sub/b.png'],
    ['one in another Unicode form', 'e\u0301.png', '\u00e9.png'],
    ['one whose extension has other letters', 'a.PNG', 'a.png'],
    ['one with characters for escapes', 'c%20d.png', 'c d.png'],
    ['one with a sign of percent', '5%20.png', '5%20.png'],
    ['none if its escapes lead out', '%2e%2e/train/a.png', undefined],
    ['none if it is an absolute path', '/a.png', undefined],
    ['none if it leads out', '../a.png', undefined],
    ['none if only the case of the stem differs', 'A.png', undefined],
    ['none if two files fit', 'two.Png', undefined],
  ])('%s', (_, name, file) => {
    const names = matcher(
      'train/a.png',
      'train/sub/b.png',
      'train/\u00e9.png',
      'train/two.png',
      'train/two.PNG',
      'train/c d.png',
      'train/5%20.png',
    );
    expect(names.in('train', name)).toBe(file && `train/${file}`);
  });
});

describe('the end of a name means', () => {
  test.each([
    ['C:\\data\\im\\a.png', 'images/im/a.png'],
    ['/home/x/b.jpg', 'images/b.JPG'],
    ['https://host/upload/c%20d.png?token=1', 'images/c d.png'],
    ['/data/local-files/?d=set/b.jpg', 'images/b.JPG'],
    ['../images/c d.png', 'images/c d.png'],
    ['/data/upload/3/0123abcd-c%20d.png', 'images/c d.png'],
    ['other/x/a.png', undefined],
    ['/nothing.png', undefined],
    ['', undefined],
  ])('%s: the only image that fits', (name, file) => {
    const names = matcher('images/im/a.png', 'images/un/a.png', 'images/b.JPG', 'images/c d.png', 'elsewhere/b.jpg', 'images/nothing.txt');
    expect(names.below('images', name, () => true)).toBe(file);
  });
});

test('an output gets the name of its input, with the changes of its path', () => {
  expect(renamed('./a.png', 'train/a.png', 'train/a.png')).toBe('./a.png');
  expect(renamed('sub/a.png', 'train/sub/a.png', 'train/sub/a_1.png')).toBe('sub/a_1.png');
  expect(renamed('C:\\x\\a.png', 'train/a.png', 'train/a_1.png')).toBe('C:\\x\\a_1.png');
  expect(renamed('/d/?d=a.png', 'a.png', 'a_1.png')).toBe('/d/?d=a_1.png');
});
