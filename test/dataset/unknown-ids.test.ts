import { expect, test } from 'vitest';
import { openSourced } from '../../src/dataset/sources.ts';
import { refuseUnknownIds } from '../../src/dataset/unknown-ids.ts';
import { drawBox, filled, imageOf, temporaryFolder, writeTree } from '../make.ts';

const image = imageOf(20, 10, () => 7);
const root = await writeTree(temporaryFolder(), {
  'images/a.png': image,
  'masks/a.png': drawBox(filled(20, 10, 0), [2, 2, 9, 9], 1),
  'images/b.png': image,
  'masks/b.png': drawBox(filled(20, 10, 0), [2, 2, 9, 9], 7),
  'names.txt': 'background\ncat\n',
});
const open = (classNames?: string) =>
  openSourced({ in: root, maskSuffix: '', onlySplit: false, skipBad: false, allowSelf: false, classNames });
const named = await open(`${root}/names.txt`);

test.each(['classes', 'pasteOn', 'avoid'] as const)('%s may name an id without a name that a mask holds, and no other', async (option) => {
  await expect(refuseUnknownIds(named, { [option]: ['cat', '7'] })).resolves.toBeUndefined();
  await expect(refuseUnknownIds(named, { [option]: ['cat', '99'] })).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringMatching(/^--[a-z-]+: no class 99: it has no name, and no mask holds it; classes are background, cat$/),
  });
});

test('without names any id may be a class', async () => {
  await expect(refuseUnknownIds(await open(), { classes: ['99'] })).resolves.toBeUndefined();
});

test('the classes of documents all have names', async () => {
  const coco = await openSourced({ in: 'fixtures/coco', maskSuffix: '', onlySplit: false, skipBad: false, allowSelf: false });
  await expect(refuseUnknownIds(coco, { classes: ['99'] })).rejects.toThrow('no class 99');
});
