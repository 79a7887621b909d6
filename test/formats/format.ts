/** The contract that every format of annotations keeps. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listTree } from '../../src/base/tree.ts';
import { readAnnotations } from '../../src/dataset/annotations.ts';
import { type Dataset, openDataset } from '../../src/dataset/open.ts';
import type { DatasetOptions } from '../../src/dataset/options.ts';
import { detectLayout } from '../../src/formats/detect.ts';
import { readEntry } from '../../src/formats/documents.ts';
import type { Format, PastedShapes } from '../../src/formats/format.ts';
import { type LayoutName, layoutNamed } from '../../src/formats/layouts.ts';
import type { augmentOptions, Given } from '../../src/options.ts';
import type { Box, Image, Instance, Mask, Sample, ShapeSet } from '../../src/types.ts';
import { augment } from '../../src/verbs/augment.ts';
import { imageOf, temporaryFolder, writeTree } from '../make.ts';
import { expectSameInShards } from '../shards.ts';

/** An image of every fixture, and its size. */
export const picture: Image = imageOf(20, 10, (x, y) => 0xff000000 + 9 * x + 256 * y);

/** Boxes of the instances in image `a` and `b` of every fixture. */
export const boxes = { a: { cat: [4, 2, 12, 8], dog: [14, 2, 16, 6] }, b: { cat: [2, 2, 10, 8] } } as const;

/** A data set of images `a` and `b`, written exactly as the format writes it. */
interface Fixture {
  readonly files: Parameters<typeof writeTree>[1];
  /** The file that holds the annotations of image `a`. */
  readonly annotations: string;
  /** Plants a contradiction to the classes or pixels in the text of the annotations; absent if these cannot hold any. */
  plant?(text: string): string | Mask;
  /** True if annotations cannot hold the source of a paste. */
  readonly bare?: true;
  /** Name of the only class, if the format has no classes. */
  readonly only?: string;
  /** True if nothing shows that files are in the format, so that the user has to name it. */
  readonly unseen?: true;
}

/** Opens a data set with its default options. */
export function opened(root: string, options: Partial<DatasetOptions> = {}): Promise<Dataset> {
  return openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false, ...options });
}

/** Augments every sample with instances of any size. @returns the output folder. */
export async function augmented(root: string, out: string, options: Partial<Given<typeof augmentOptions>> = {}): Promise<string> {
  await augment({ in: root, out, p: 1, minArea: '1px', truncated: 'keep', ...options });
  return out;
}

interface Opened {
  readonly root: string;
  readonly dataset: Dataset;
  readonly format: Format;
  /** Samples by the names of their images. */
  readonly samples: ReadonlyMap<string, Sample>;
}

/** Tests that a format keeps the contract. */
export function testFormat(layout: LayoutName, { files, annotations, plant, bare, only, unseen }: Fixture): void {
  const label = (name: string): string => only ?? name;
  const folder = temporaryFolder();
  let number = 0;

  const open = async (changed: Fixture['files'] = {}): Promise<Opened> => {
    const root = await writeTree(join(folder, `${number++}`), { ...files, ...changed });
    const dataset = await opened(root, unseen ? { layout } : {});
    const samples = new Map(dataset.samples.map((sample) => [(/([ab])\.png$/.exec(sample.image) as RegExpExecArray)[1] as string, sample]));
    return { root, dataset, format: (await layoutNamed(dataset.layout).format?.()) as Format, samples };
  };
  const shapesOf = async ({ dataset, samples }: Opened, name: string, classNames = dataset.classNames): Promise<ShapeSet> => {
    const read = await readAnnotations(
      samples.get(name) as Sample,
      { ...dataset, classNames },
      { instances: 'component', jitter: 'instance' },
    );
    return read.shapes as ShapeSet;
  };
  /** Annotation files after pasting into image `a`, or without pastes. */
  const written = async ({ root, dataset, format, samples }: Opened, pasted?: PastedShapes): Promise<Fixture['files']> => {
    const [{ own } = { own: dataset.ofLabels }] = dataset.documents.values();
    const options = { polygons: false, classNames: dataset.classNames, own };
    if (format.kind === 'labels')
      return pasted
        ? { [annotations]: await format.pasted(pasted, pasted.sample, options) }
        : { [annotations]: files[annotations] as string };
    if (format.kind === 'files') {
      const sample = samples.get('a') as Sample;
      const before = await shapesOf({ root, dataset, format, samples }, 'a');
      const plain = { sample, before, kept: before.shapes.map((shape) => ({ shape })), pasted: [] };
      const made = await format.pasted(pasted ?? plain, sample, options);
      const [stem = ''] = annotations.split('_');
      return Object.fromEntries(made.map(({ name, bytes }) => [`${stem}_${name}`, bytes]));
    }
    if (format.kind === 'masks') {
      const sample = samples.get('a') as Sample;
      const before = await shapesOf({ root, dataset, format, samples }, 'a');
      const plain = { sample, before, kept: before.shapes.map((shape) => ({ shape })), pasted: [] };
      return { [annotations]: (await format.pasted(pasted ?? plain, annotations)).bytes };
    }
    const [document] = dataset.documents.values();
    const entries = async function* () {
      for (const sample of samples.values()) {
        if (sample === pasted?.sample) yield format.pasted(pasted, sample, options);
        else yield format.plain(await readEntry(root, sample.entry as NonNullable<Sample['entry']>, 'utf-8'), sample, sample);
      }
    };
    let text = '';
    for await (const part of format.text(document as NonNullable<typeof document>, entries)) text += part;
    const png = pasted?.sample.mask !== undefined && (await format.mask?.(pasted));
    return { [annotations]: text, ...(png && { [pasted.sample.mask as string]: png }) };
  };
  const named = ({ dataset }: Opened, { shapes }: ShapeSet): string[] =>
    shapes.flatMap(({ instance }) => (instance ? [`${dataset.classNames.get(instance.classId)} ${instance.spans}`] : [])).sort();
  const expected = (instances: readonly (readonly [name: string, box: Box])[]): string[] =>
    instances.map(([name, box]) => `${label(name)} ${spansOf(box)}`).sort();

  describe(`the ${layout} format`, () => {
    test(unseen ? 'is found if it is named, and is not taken for another format' : 'is found by its files alone', async () => {
      const { root, dataset, samples } = await open();
      const found = await detectLayout(await listTree(root), undefined);
      expect([found.layout.name, dataset.layout]).toEqual([unseen ? 'paired' : layout, layout]);
      expect([...samples.keys()]).toEqual(['a', 'b']);
      expect([...dataset.classNames.values()].sort()).toEqual(only === undefined ? ['cat', 'dog'] : [only]);
    });

    test('has the pixels of its shapes', async () => {
      const opened = await open();
      expect(named(opened, await shapesOf(opened, 'a'))).toEqual(expected(Object.entries(boxes.a)));
      expect(named(opened, await shapesOf(opened, 'b'))).toEqual(expected(Object.entries(boxes.b)));
    });

    test('is written byte for byte if nothing is pasted, or pastes touch nothing', async () => {
      const opened = await open();
      const before = await shapesOf(opened, 'a');
      const text = await readFile(join(opened.root, annotations));
      expect(bytesOf((await written(opened))[annotations])).toEqual(text);
      const sample = opened.samples.get('a') as Sample;
      const untouched = { sample, before, kept: before.shapes.map((shape) => ({ shape })), pasted: [] };
      expect(bytesOf((await written(opened, untouched))[annotations])).toEqual(text);
    });

    test('has exactly the remaining and the pasted pixels when it is read again', async () => {
      const opened = await open();
      const [before, from] = [await shapesOf(opened, 'a'), await shapesOf(opened, 'b')];
      const ids = new Map([...opened.dataset.classNames].map(([id, name]) => [name, id]));
      const isCat = ({ instance }: { instance?: Instance }): boolean => String(instance?.box) === String(boxes.a.cat);
      const [left, own, foreign]: [Box, Box, Box] = [
        [4, 2, 8, 8],
        [17, 7, 19, 9],
        [0, 0, 2, 2],
      ];
      const [shape] = from.shapes as [ShapeSet['shapes'][0]];
      const licence = { id: 4, name: 'CC BY' };
      const pasted: PastedShapes = {
        sample: opened.samples.get('a') as Sample,
        before,
        kept: before.shapes.map((one) => ({ shape: one, ...(isCat(one) && { spans: spansOf(left) }) })),
        pasted: [
          {
            classId: ids.get(label('cat')) as number,
            spans: spansOf(own),
            source: 'b',
            instance: 0,
            placement: 1,
            origin: { own: from.own, shape },
          },
          { classId: ids.get(label('dog')) as number, spans: spansOf(foreign), source: 'sources:x', instance: 3, placement: 2, licence },
        ],
      };
      const after = await written(opened, pasted);
      const quoted = String(after[annotations]).replaceAll('&quot;', '"').replaceAll('\\"', '"').replace(/\s/g, '');
      expect(quoted.includes(JSON.stringify({ source: 'sources:x', instance: 3, placement: 2, licence }).replace(/\s/g, ''))).toBe(!bare);
      const again = await open(after);
      const all = [
        ['cat', left],
        ['dog', boxes.a.dog],
        ['cat', own],
        ['dog', foreign],
      ] as const;
      expect(named(again, await shapesOf(again, 'a'))).toEqual(expected(all));
      expect(named(again, await shapesOf(again, 'b'))).toEqual(named(opened, from));
      expect(again.format.contradictions(await shapesOf(again, 'a'), again.dataset.classNames)).toEqual([]);
    });

    test('is the same from any number of shards', async () => {
      const { root } = await open();
      const run = { p: 1, minArea: '1px', truncated: 'keep', copies: 3, includeOriginals: true, batchSize: 2 } as const;
      await expectSameInShards({ in: root, ...(unseen && { layout }), ...run }, `${root}-out`);
    });

    test(plant ? 'finds a contradiction that is planted, and none in a sound set' : 'finds no contradiction', async () => {
      const opened = await open();
      const { classNames } = opened.dataset;
      for (const name of ['a', 'b']) expect(opened.format.contradictions(await shapesOf(opened, name), classNames)).toEqual([]);
      if (!plant) return;
      const planted = plant(files[annotations] as string);
      expect(planted).not.toBe(files[annotations]);
      const wrong = await open({ [annotations]: planted });
      expect(wrong.format.contradictions(await shapesOf(wrong, 'a', classNames), classNames)).toHaveLength(1);
    });
  });
}

function bytesOf(content: Fixture['files'][string] | undefined): Buffer {
  return Buffer.from(content as string);
}

function spansOf(box: Box): Int32Array {
  const [x0, y0, x1, y1] = box;
  return Int32Array.from(Array.from({ length: y1 - y0 }, (_, n) => [y0 + n, x0, x1]).flat());
}
