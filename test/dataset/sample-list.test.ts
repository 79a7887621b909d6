import { expect, test } from 'vitest';
import type { Paired } from '../../src/dataset/paired.ts';
import { sampleList, samplesOf, unique } from '../../src/dataset/sample-list.ts';
import type { Sample } from '../../src/types.ts';

const view = { ending: '_ids', values: { 1: 7 }, other: 0 };
const endings = { image: '', mask: '', objects: '' };

/** More samples than a list keeps as they are. */
const count = 70_000;

function sampleOf(n: number): Sample {
  const name = String(n).padStart(6, '0');
  return {
    size: { width: 10 + (n % 2), height: 10 },
    format: { upright: true, channels: 3, depth: 8, icc: false, cmyk: false },
    id: name,
    split: n % 5 === 0 ? 'val' : 'train',
    image: `images/${name}.png`,
    ...(n % 3 === 0 ? { mask: `masks/${name}.png`, views: [{ path: `ids/${name}.png`, view, alpha: n % 2 === 0 }] } : {}),
    ...(n % 3 === 1 ? { entry: { document: 'a.json', places: [n, 10] } } : {}),
    ...(n % 3 === 2 ? { shapeFiles: { stem: `masks/${name}`, infix: '_', names: ['cat_1.png'] } } : {}),
    endings: n % 2 === 0 ? endings : { ...endings, mask: '.jpg' },
  };
}

test('packed samples are as they were, in the order of their keys, and share what is equal', () => {
  const list = sampleList();
  for (let n = 0; n < count; n++) list.push(sampleOf(n));
  let n = 0;
  for (const sample of list) {
    if (n % 97 === 0) expect(JSON.stringify(sample)).toBe(JSON.stringify(sampleOf(n)));
    n++;
  }
  expect(n).toBe(count);
  const [one, other] = [list.at(0) as Sample, list.at(6) as Sample];
  expect(one.views?.[0]?.view).toBe(view);
  expect(other).toEqual(sampleOf(6));
  expect([one.size === other.size, one.format === other.format]).toEqual([true, true]);
});

test('samples that pass a test are listed, or are the same list', () => {
  const list = sampleList();
  for (let n = 0; n < count; n++) list.push(sampleOf(n));
  expect(samplesOf(list, () => true)).toBe(list);
  const val = samplesOf(list, ({ split }) => split === 'val');
  expect([val.length, val.at(1)?.id, val.at(13_999)?.id]).toEqual([count / 5, '000005', '069995']);
});

test('samples are sorted by id, and a second one of an id is bad', () => {
  const paired = (id: string, image: string): Paired => ({ id, split: '', image, endings });
  const sorted = sampleList<Paired>();
  for (const id of ['a', 'a b', 'b']) sorted.push(paired(id, `${id}.png`));
  const bad = new Map();
  expect(unique(sorted, bad)).toBe(sorted);
  const found = [paired('b', 'b.png'), paired('a b', 'a b.png'), paired('a', 'a.png'), paired('b', 'b.jpg')];
  expect([...unique(found, bad)].map(({ image }) => image)).toEqual(['a.png', 'a b.png', 'b.png']);
  expect([...bad.values()]).toEqual([{ path: 'b.jpg', what: 'has the same sample id as b.png; rename one of them', split: '' }]);
});
