/** Boxes that belong to an object, in formats where they are elements of their own: the box and the object have one group and label. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readAnnotations } from '../../src/dataset/annotations.ts';
import { type Dataset, openDataset } from '../../src/dataset/open.ts';
import type { DocumentFormat, PastedShapes } from '../../src/formats/format.ts';
import { layoutNamed } from '../../src/formats/layouts.ts';
import type { Stacked } from '../../src/formats/stacks.ts';
import type { Box, Sample, Shaped, ShapeSet } from '../../src/types.ts';
import { temporaryFolder, writeTree } from '../make.ts';
import { picture } from './format.ts';

const folder = temporaryFolder();
let number = 0;

/** An element of an image, in no format; a turned box has pixels. */
interface Element {
  readonly kind: 'polygon' | 'box' | 'turned box';
  readonly at: Box;
  readonly label?: 'cat' | 'dog';
  readonly group?: number;
}

const corners = ([x0, y0, x1, y1]: Box): number[][] => [
  [x0, y0],
  [x1, y0],
  [x1, y1],
  [x0, y1],
];

/** The formats: how a set of images with elements is written, and how boxes and their groups are read from an entry. */
const formats = [
  {
    name: 'datumaro',
    turned: false,
    files(images: Readonly<Record<string, readonly Element[]>>) {
      const items = Object.entries(images).map(([id, elements]) => ({
        id,
        annotations: elements.map(({ kind, at, label = 'cat', group = 0 }, n) => ({
          id: n,
          type: kind === 'polygon' ? 'polygon' : 'bbox',
          attributes: { n },
          group,
          label_id: label === 'cat' ? 0 : 1,
          ...(kind === 'polygon' ? { points: corners(at).flat() } : { bbox: [at[0], at[1], at[2] - at[0], at[3] - at[1]] }),
          z_order: 0,
        })),
        image: { path: `${id}.png`, size: [10, 20] },
      }));
      const labels = ['cat', 'dog'].map((name) => ({ name, parent: '', attributes: [] }));
      const document = { dm_format_version: '1.0', infos: {}, categories: { label: { labels, attributes: [] } }, items };
      return { 'annotations/train.json': JSON.stringify(document), ...pictures(images, 'images/train') };
    },
    read(entry: unknown) {
      const { annotations } = JSON.parse(entry as string) as { annotations: { type: string; bbox?: number[]; group: number }[] };
      return annotations.map(({ type, bbox: [x = 0, y = 0, width = 0, height = 0] = [], group }) => {
        return type === 'bbox' ? [group, x, y, x + width, y + height] : [group];
      });
    },
  },
  {
    name: 'cvat',
    turned: true,
    files(images: Readonly<Record<string, readonly Element[]>>) {
      const text = ({ kind, at, label = 'cat', group = 0 }: Element): string => {
        const more = `label="${label}"${group > 0 ? ` group_id="${group}"` : ''} z_order="0"`;
        const rotation = kind === 'turned box' ? ' rotation="180"' : '';
        if (kind === 'polygon') return `<polygon ${more} points="${corners(at).join(';')}"/>`;
        return `<box ${more} xtl="${at[0]}" ytl="${at[1]}" xbr="${at[2]}" ybr="${at[3]}"${rotation}/>`;
      };
      const all = Object.entries(images).map(([name, elements], id) => {
        return `<image id="${id}" name="${name}.png" width="20" height="10">${elements.map(text).join('')}</image>`;
      });
      const labels = ['cat', 'dog'].map((name) => `<label><name>${name}</name></label>`).join('');
      const meta = `<meta><task><labels>${labels}</labels></task></meta>`;
      return { 'annotations.xml': `<annotations>${meta}${all.join('')}</annotations>`, ...pictures(images, 'images') };
    },
    read(entry: unknown) {
      const attribute = (tag: string, name: string): number => Number(new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? 0);
      return [...(entry as { rest: string }).rest.matchAll(/<(box|polygon|mask) [^>]*>/g)].map(([tag, kind]) => {
        const at = kind === 'box' ? ['xtl', 'ytl', 'xbr', 'ybr'] : [];
        return ['group_id', ...at].map((name) => attribute(tag, name));
      });
    },
  },
] as const;

function pictures(images: object, inside: string): Record<string, typeof picture> {
  return Object.fromEntries(Object.keys(images).map((name) => [`${inside}/${name}.png`, picture]));
}

interface Opened {
  readonly format: DocumentFormat;
  readonly dataset: Dataset;
  readonly sets: ReadonlyMap<string, ShapeSet<unknown, Stacked>>;
  readonly samples: ReadonlyMap<string, Sample>;
}

async function open(files: Parameters<typeof writeTree>[1]): Promise<Opened> {
  const root = await writeTree(join(folder, `${number++}`), files);
  const dataset = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
  const format = (await layoutNamed(dataset.layout).format?.()) as DocumentFormat;
  const nameOf = ({ image }: Sample): string => (/(\w)\.png$/.exec(image) as RegExpExecArray)[1] as string;
  const sets = dataset.samples.map(async (sample) => {
    const { shapes } = await readAnnotations(sample, dataset, { instances: 'component', jitter: 'instance' });
    return [nameOf(sample), shapes as ShapeSet<unknown, Stacked>] as const;
  });
  return { format, dataset, sets: new Map(await Promise.all(sets)), samples: new Map(dataset.samples.map((one) => [nameOf(one), one])) };
}

const spansOf = ([x0, y0, x1, y1]: Box): Int32Array => Int32Array.from(Array.from({ length: y1 - y0 }, (_, n) => [y0 + n, x0, x1]).flat());

describe.each(formats)('boxes of objects in a $name document', ({ files, read, turned }) => {
  /** Groups and boxes in image `a` after pasting, with the remaining pixels of its first shape; null drops the shape. */
  const written = async (
    images: Readonly<Record<string, readonly Element[]>>,
    remaining: Box | null | undefined,
    paste?: { readonly at: Box; readonly from?: string },
  ): Promise<(readonly number[])[]> => {
    const { format, dataset, sets, samples } = await open(files(images));
    const before = sets.get('a') as ShapeSet<unknown, Stacked>;
    const kept = before.shapes.flatMap((shape, n) => {
      if (n > 0 || remaining === undefined) return [{ shape }];
      return remaining === null ? [] : [{ shape, spans: spansOf(remaining) }];
    });
    const from = paste?.from === undefined ? undefined : (sets.get(paste.from) as ShapeSet);
    const origin = from && { own: from.own, shape: from.shapes[0] as Shaped };
    const source = { classId: 0, source: 'x', instance: 0, placement: 1, ...(origin && { origin }) };
    const sample = samples.get('a') as Sample;
    const pasted: PastedShapes = { sample, before, kept, pasted: paste ? [{ ...source, spans: spansOf(paste.at) }] : [] };
    return read(await format.pasted(pasted, { image: sample.image }, { polygons: false, classNames: dataset.classNames }));
  };
  const polygon: Element = { kind: 'polygon', at: [4, 2, 12, 8], group: 3 };
  const box: Element = { kind: 'box', at: [3.5, 2, 12, 8.5], group: 3 };
  const b = [{ ...polygon, group: 0 }];

  test.each([
    ['before', [box, polygon]],
    ['after', [polygon, box]],
  ])('follow their object, written %s it', async (_, a) => {
    const boxIn = async (remaining: Box | null | undefined) => (await written({ a, b }, remaining)).find(({ length }) => length > 1);
    expect(await boxIn(undefined)).toEqual([3, ...box.at]);
    expect(await boxIn([4, 3, 8, 8])).toEqual([3, 4, 3, 8, 8]);
    expect(await boxIn(null)).toBeUndefined();
  });

  test('follow their own part of an object of several parts', async () => {
    const parts: Element[] = [
      { kind: 'polygon', at: [0, 0, 4, 4], group: 1 },
      { kind: 'box', at: [0, 0, 4, 4], group: 1 },
      { kind: 'polygon', at: [8, 0, 12, 4], group: 1 },
      { kind: 'box', at: [8, 0, 12, 4], group: 1 },
      { kind: 'box', at: [16, 0, 18, 2], group: 1 },
    ];
    expect(await written({ a: parts, b }, [2, 0, 4, 4])).toEqual([[1], [1, 2, 0, 4, 4], [1, 16, 0, 18, 2]]);
    expect(await written({ a: parts, b }, [3, 1, 10, 3])).toEqual([[1], [1, 3, 1, 4, 3], [1, 8, 1, 10, 3], [1, 16, 0, 18, 2]]);
  });

  test('stay where they are if they belong to no object, or to another', async () => {
    const others: Element[] = [
      { kind: 'box', at: [1, 1, 3, 3] },
      { kind: 'box', at: [4, 2, 12, 8], label: 'dog', group: 3 },
    ];
    for (const remaining of [undefined, [4, 3, 8, 8], null] as const) {
      const boxes = (await written({ a: [polygon, ...others], b }, remaining)).filter(({ length }) => length > 1);
      expect(boxes).toEqual([
        [0, 1, 1, 3, 3],
        [3, 4, 2, 12, 8],
      ]);
    }
  });

  test('are given to pastes of objects that have them, in a new group', async () => {
    const at: Box = [14, 6, 18, 9];
    expect((await written({ a: b, b: [polygon, box] }, undefined, { at, from: 'b' })).slice(1)).toEqual([[1], [1, ...at]]);
    expect((await written({ a: [polygon, box], b }, undefined, { at, from: 'b' })).slice(2)).toEqual([[0]]);
    // Of another data set, only the objects of the image itself tell.
    expect((await written({ a: [polygon, box], b }, undefined, { at })).slice(2)).toEqual([[4], [4, ...at]]);
    expect((await written({ a: b, b: [polygon, box] }, undefined, { at })).slice(1)).toEqual([[0]]);
  });

  test('are not counted among the annotations without a mask', async () => {
    const { dataset } = await open(files({ a: [polygon, box], b: [...b, { kind: 'box', at: [1, 1, 3, 3] }] }));
    expect([...dataset.documents.values()]).toMatchObject([{ annotations: 3, unpasted: { box: 1 } }]);
  });

  if (turned)
    test('have pixels only if they are turned and alone in their group', async () => {
      const box: Element = { kind: 'turned box', at: [2, 1, 14, 9], group: 3 };
      const { sets } = await open(files({ a: [polygon, box], b: [box] }));
      expect([...sets.values()].map(({ shapes }) => shapes.map(({ instance }) => instance?.area))).toEqual([[48], [96]]);
      expect(await written({ a: [polygon, box], b }, [4, 3, 8, 8])).toEqual([[3], [3, 4, 3, 8, 8]]);
    });
});
