/** Each kind of leaf of a manifest is altered once, and `verify --deep` notices it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { augment } from '../../src/verbs/augment.ts';
import { verify } from '../../src/verbs/verify.ts';
import { drawBox, filled, imageOf, temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();
const picture = (seed: number) => imageOf(32, 32, (x, y) => 0xff000000 + seed * x + 256 * y * seed);
const names = ['a', 'b', 'c'];

/** Data sets of three samples to augment, and one of another split. */
const sets = {
  masks: async (root: string) => {
    const palette = Uint8Array.from({ length: 768 }, (_, i) => i % 256);
    for (const [n, name] of [...names, 'd'].entries()) {
      const mask = { ...drawBox(drawBox(filled(32, 32, 0), [3 + n, 4, 12, 14], 1), [18, 16, 27, 29 - n], 2), palette };
      const objects = { ...drawBox(drawBox(filled(32, 32, 0), [3 + n, 4, 12, 14], 1), [18, 16, 27, 29 - n], 2), palette };
      await writeTree(root, {
        [`JPEGImages/${name}.png`]: picture(n + 3),
        [`SegmentationClass/${name}.png`]: mask,
        [`SegmentationObject/${name}.png`]: objects,
      });
    }
    await writeTree(root, {
      'ImageSets/Segmentation/train.txt': names.map((name) => `${name}\n`).join(''),
      'ImageSets/Segmentation/val.txt': 'd\n',
    });
  },
  coco: async (root: string) => {
    for (const [split, own] of [['train', names] as const, ['val', ['d']] as const]) {
      for (const [n, name] of own.entries()) await writeTree(root, { [`${split}/${name}.png`]: picture(n + 3) });
      const box = (x: number, y: number, w: number, h: number) => ({
        bbox: [x, y, w, h],
        area: w * h,
        segmentation: [[x, y, x + w, y, x + w, y + h, x, y + h]],
      });
      await writeTree(root, {
        [`annotations/instances_${split}.json`]: JSON.stringify({
          categories: [
            { id: 1, name: 'cat' },
            { id: 2, name: 'dog' },
          ],
          images: own.map((name, n) => ({ id: n + 1, file_name: `${name}.png`, width: 32, height: 32 })),
          annotations: own.flatMap((_, n) => [
            { id: 2 * n + 1, image_id: n + 1, category_id: 1, iscrowd: 0, ...box(3 + n, 4, 9, 10) },
            { id: 2 * n + 2, image_id: n + 1, category_id: 2, iscrowd: 0, ...box(18, 16, 9, 13 - n) },
          ]),
        }),
      });
    }
  },
  yolo: async (root: string) => {
    await writeTree(root, { 'data.yaml': 'train: images/train\nval: images/val\nnames: [cat, dog]\n' });
    for (const [split, own] of [['train', names] as const, ['val', ['d']] as const]) {
      for (const [n, name] of own.entries()) {
        const polygon = (x: number, y: number, w: number, h: number) =>
          [x, y, x + w, y, x + w, y + h, x, y + h].map((v) => v / 32).join(' ');
        await writeTree(root, {
          [`images/${split}/${name}.png`]: picture(n + 3),
          [`labels/${split}/${name}.txt`]: `0 ${polygon(3 + n, 4, 9, 10)}\n1 ${polygon(18, 16, 9, 13 - n)}\n`,
        });
      }
    }
  },
};

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Path = readonly (string | number)[];

/** Each leaf, list and optional key of a value, once for each kind: elements of a list are of one kind. */
function kindsOf(value: Json): Map<string, Path> {
  const kinds = new Map<string, Path>();
  const visit = (at: Json, path: Path, kind: string): void => {
    if (typeof at === 'object' && at !== null) {
      if (Array.isArray(at) && at.length > 0 && !kinds.has(`${kind} without its last element`))
        kinds.set(`${kind} without its last element`, path);
      for (const [key, child] of Object.entries(at))
        visit(child, [...path, Array.isArray(at) ? Number(key) : key], `${kind}${kind && '.'}${/^\d+$/.test(key) ? '*' : key}`);
    } else if (!kinds.has(kind)) kinds.set(kind, path);
  };
  visit(value, [], '');
  return kinds;
}

const enums = [
  ['augmented', 'unchanged'],
  ['original', 'not drawn', 'other split', 'no source', 'nothing fits'],
  ['png', 'jpeg', 'copy', 'text'],
];

/** Options whose next value would give the same output with so few samples and instances. */
const few: Readonly<Record<string, number>> = { maxInstances: 1, batchSize: 1 };

/** Another value of the same kind. */
function altered(value: Json, path: Path): Json {
  const smaller = path[0] === 'options' ? few[path[1] as string] : undefined;
  if (smaller !== undefined) return smaller;
  if (Array.isArray(value)) return value.slice(0, -1);
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  if (value === null) return 0;
  const text = value as string;
  const choices = enums.find((one) => one.includes(text));
  if (choices && path[0] === 'records') return choices.find((one) => one !== text) as string;
  if (/^[0-9a-f]{64}$/.test(text)) return (text.startsWith('0') ? '1' : '0') + text.slice(1);
  return `${text}x`;
}

function withAltered(value: Json, [key, ...rest]: Path, all: Path): Json {
  if (key === undefined) return altered(value, all);
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string | number, Json>;
  copy[key] = withAltered(copy[key] as Json, rest, all);
  return copy as Json;
}

/** Leaves that nothing but themselves tells. */
const exceptions: readonly (readonly [kind: RegExp, why: string])[] = [
  [/^tool\.version$/, 'the manifest of another version is rendered, and verify says that planning was not checked'],
  [/^options\.skipBad$/, 'no sample is bad, so that nothing is left out either way'],
  [/^codecs\./, 'another machine may have other encoders, which are compared by their files; verify names the difference'],
];

describe.each(Object.keys(sets) as (keyof typeof sets)[])('verify --deep of %s', (kind) => {
  const [root, out] = [join(folder, kind), join(folder, `${kind}-out`)];
  const made = sets[kind](root).then(() =>
    augment({
      in: root,
      out,
      p: 0.9,
      copies: 2,
      includeOriginals: true,
      minArea: '1px',
      imageFormat: kind === 'coco' ? 'jpeg' : undefined,
      instances: kind === 'masks' ? 'object' : 'component',
      balance: 'inverse',
      seed: 3,
    }),
  );

  test('notices each kind of leaf that is altered', async () => {
    const { pasted } = await made;
    expect(pasted).toBeGreaterThan(3);
    const file = join(out, 'manifest.json');
    const text = await readFile(file, 'utf8');
    const manifest: Json = JSON.parse(text);
    expect(await verify({ out, deep: true, in: root })).toMatchObject({ differences: [], unchecked: [] });
    const unnoticed: string[] = [];
    for (const [name, path] of kindsOf(manifest)) {
      await writeFile(file, JSON.stringify(withAltered(manifest, path, path)));
      const { differences } = await verify({ out, deep: true, in: root }).catch((error: unknown) => ({ differences: [error] }));
      const excepted = exceptions.some(([kind]) => kind.test(name));
      if (differences.length === 0 && !excepted) unnoticed.push(name);
    }
    await writeFile(file, text);
    expect(unnoticed).toEqual([]);
  }, 240_000);
});
