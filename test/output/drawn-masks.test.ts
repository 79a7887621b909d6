import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decodeMask } from '../../src/codecs/png-masks.ts';
import { readAnnotations } from '../../src/dataset/annotations.ts';
import { openDataset } from '../../src/dataset/open.ts';
import { type LabelmeShape, spansOfShapes } from '../../src/formats/labelme/drawing.ts';
import { fillSpans } from '../../src/masks/spans.ts';
import { classNamesText, drawMasks } from '../../src/output/drawn-masks.ts';
import type { Mask } from '../../src/types.ts';
import { augment } from '../../src/verbs/augment.ts';
import { expectSound } from '../contract.ts';
import { instanceOf, rowsOf, temporaryFolder } from '../make.ts';
import { readManifest } from '../manifest.ts';

const folder = temporaryFolder();

/** Shapes of a labelme annotation; only labelme has shapes without a class here. */
const labelmeParts = (document: unknown, places: unknown): LabelmeShape[] =>
  (places as number[]).map((place) => (document as { shapes: LabelmeShape[] }).shapes[place] as LabelmeShape);

test.each(['yolo', 'coco', 'labelme'])('mask files beside %s annotations match them in every sample', async (name) => {
  const root = `fixtures/${name}`;
  const out = join(folder, name);
  await augment({ in: root, out, maskFiles: true, p: 0.7, copies: 2, truncated: 'keep', minArea: '20px', allowSelf: true });
  await expectSound(out, root);
  const { records } = await readManifest(join(out, 'manifest.json'));
  const dataset = await openDataset({ in: out, maskSuffix: '', onlySplit: false, skipBad: false });
  const names = (await readFile(join(out, 'class_names.txt'), 'utf8')).trimEnd().split('\n');
  const written = [...dataset.samples, ...dataset.others];
  expect(written.length).toBe(records.length);
  for (const sample of written) {
    const { drawn } = records.find(({ files }) => files.image.path === sample.image)?.files ?? {};
    const { shapes } = await readAnnotations(sample, dataset, { instances: 'component', jitter: 'instance' });
    const [classes, objects] = (await Promise.all(
      (drawn ?? []).map(async ({ path }) => decodeMask(await readFile(join(out, path)), path)),
    )) as [Mask, Mask];
    const expected = { classes: new Uint8Array(classes.ids.length), objects: new Uint8Array(classes.ids.length) };
    shapes?.shapes.forEach(({ instance, own }, i) => {
      const { spans = spansOfShapes(labelmeParts(shapes.own, own), classes), classId } = instance ?? {};
      const id = classId === undefined ? 255 : names.indexOf(dataset.classNames.get(classId) as string);
      fillSpans(spans, [0, 0, classes.width], expected.classes, id);
      fillSpans(spans, [0, 0, classes.width], expected.objects, id === 255 ? 0 : i + 1);
    });
    expect(Buffer.compare(classes.ids as Uint8Array, expected.classes)).toBe(0);
    expect(Buffer.compare(objects.ids as Uint8Array, expected.objects)).toBe(0);
  }
});

test('a mask with more ids than 8 bits hold has 16, and pixels without a class have the ignore id', () => {
  const names = new Map(Array.from({ length: 300 }, (_, id) => [id, `class ${id}`]));
  const shapes = [0, 299, 400].map((paint, x) => [{ ...instanceOf(paint, [x, 0, x + 1, 1]), paint, height: 0 }]);
  const [classes, objects] = drawMasks({ width: 4, height: 1 }, shapes, names);
  expect([...classes.ids]).toEqual([1, 300, 65535, 0]);
  expect({ wide: classes.ids instanceof Uint16Array, palette: classes.palette }).toEqual({ wide: true, palette: undefined });
  expect(rowsOf(objects)).toEqual(['12..']);
});

test('class names have one line each, whatever they contain', () => {
  const names = new Map([
    [1, 'a\nb'],
    [2, 'tab\tbell\u0007'],
    [0, 'é'],
  ]);
  expect(classNamesText(names)).toBe('_background_\né\na\\u000ab\ntab\\u0009bell\\u0007\n');
});
