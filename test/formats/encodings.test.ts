import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDataset } from '../../src/dataset/open.ts';
import { augment } from '../../src/verbs/augment.ts';
import { temporaryFolder } from '../make.ts';

const folder = temporaryFolder();

/** A file of each fixture that holds class names, and a name in it. */
const named: readonly { readonly data: string; readonly file: string; readonly name: string }[] = [
  { data: 'coco', file: 'annotations/instances_train.json', name: 'person' },
  { data: 'panoptic', file: 'annotations/panoptic_train.json', name: 'person' },
  { data: 'cvat', file: 'annotations.xml', name: 'person' },
  { data: 'datumaro', file: 'annotations/train.json', name: 'person' },
  { data: 'yolo', file: 'data.yaml', name: 'pedestrian' },
  { data: 'via', file: 'via_region_data.json', name: 'person' },
  { data: 'labelme', file: '2011_000003.json', name: 'person' },
];

/** A copy of a fixture in which a file has another name for a class, as bytes. */
async function renamed({ data, file, name }: (typeof named)[number], bytes: Uint8Array, declared = ''): Promise<string> {
  const root = join(folder, `${data} ${Buffer.from(bytes).toString('hex')}${declared}`);
  await cp(join('fixtures', data), root, { recursive: true });
  // One character per byte, so that no byte changes.
  const text = (await readFile(join(root, file), 'latin1')).replaceAll(name, Buffer.from(bytes).toString('latin1'));
  await writeFile(join(root, file), declared === '' ? text : text.replace(/encoding="[^"]*"/, `encoding="${declared}"`), 'latin1');
  return root;
}

const open = (root: string, encoding?: string) =>
  openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false, lookOnly: true, encoding });

describe.each(named)('the file of class names of $data', (one) => {
  test('is refused if a byte is not UTF-8', async () => {
    const root = await renamed(one, Buffer.from('Möwe', 'latin1'));
    const refused = await open(root).then(
      () => 'nothing',
      (error: Error & { offenders: string[] }) => [error.message, ...error.offenders].join('\n'),
    );
    expect(refused).toContain(`${one.file}: byte `);
    expect(refused).toContain('(0xF6) is not UTF-8; it looks like latin1; pass --encoding latin1, or convert the file to UTF-8');
  });

  test.each([
    ['latin1', Buffer.from('Möwe', 'latin1'), 'Möwe'],
    ['gbk', Buffer.from([0xc3, 0xa8, 0x81, 0x5c]), '猫乗'],
    ['utf-8', Buffer.from('Möwe 猫'), 'Möwe 猫'],
  ])('is read in %s, and written in UTF-8', async (encoding, bytes, name) => {
    const root = await renamed(one, bytes, one.file.endsWith('.xml') ? encoding : '');
    const { classNames } = await open(root, encoding);
    expect([...classNames.values()]).toContain(name);
    const out = `${root} out ${encoding}`;
    await augment({ in: root, out, encoding, p: 1, allowSelf: true, minArea: '1px', maxArea: 1, truncated: 'keep' });
    const again = await open(out, one.data === 'yolo' ? encoding : 'utf-8');
    expect([...again.classNames.values()]).toContain(name);
  });

  test('may begin with a byte order mark', async () => {
    const root = await renamed(one, Buffer.from(one.name));
    await writeFile(join(root, one.file), Buffer.concat([Buffer.from('\ufeff'), await readFile(join(root, one.file))]));
    expect([...(await open(root)).classNames.values()]).toContain(one.name);
  });
});
