/** Time that reading takes, as input grows. */
import { writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { createSorter } from '../src/base/sorter.ts';
import type { Tree } from '../src/base/tree.ts';
import { parseYaml } from '../src/base/yaml.ts';
import { describeSummary } from '../src/cli/summary.ts';
import { decodeMask, encodeMask } from '../src/codecs/png-masks.ts';
import { byClassId, classIds, readClassNames } from '../src/dataset/classes.ts';
import { inChains } from '../src/engine/chains.ts';
import { CopyPasteError, messageOf } from '../src/errors.ts';
import { classFolders } from '../src/formats/bank.ts';
import { coco } from '../src/formats/coco/coco.ts';
import { panoptic } from '../src/formats/coco/panoptic.ts';
import { licenceOf } from '../src/formats/coco/read.ts';
import { cvat } from '../src/formats/cvat/cvat.ts';
import { datumaro } from '../src/formats/datumaro/datumaro.ts';
import { detectLayout } from '../src/formats/detect.ts';
import { openDocument, readSurroundings } from '../src/formats/documents.ts';
import type { DocumentFormat } from '../src/formats/format.ts';
import { readImageList } from '../src/formats/image-lists.ts';
import { imageNames } from '../src/formats/image-names.ts';
import { parseJson } from '../src/formats/json-text.ts';
import { labelme } from '../src/formats/labelme/labelme.ts';
import { supervisely } from '../src/formats/supervisely/supervisely.ts';
import { findYolo } from '../src/formats/yolo/find.ts';
import { linesOf } from '../src/formats/yolo/lines.ts';
import { yolo } from '../src/formats/yolo/yolo.ts';
import { spansOfPolygons } from '../src/masks/polygons.ts';
import { checkNames } from '../src/output/names.ts';
import type { ClassNames, Plan } from '../src/types.ts';
import { check } from '../src/verbs/check.ts';
import { type FuzzedSet, sets } from './fuzz/sets.ts';
import { withMany } from './fuzz/trees.ts';
import { temporaryFolder, writeTree } from './make.ts';

const folder = temporaryFolder();
let number = 0;
const size = { width: 64, height: 48 };

/** Makes an input of `n` parts, and returns the work that reads it. */
type Growing = (n: number) => (() => unknown) | Promise<() => unknown>;

/** Processor time of a function, in milliseconds. */
async function timeOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Time that says nothing about growth, in milliseconds: the collection of garbage takes as long. */
const noise = 40;

/** Tests that four times as much input takes at most six times as long; the best of at most six measurements counts. */
function grows(title: string, n: number, make: Growing): void {
  test(title, async () => {
    const [few, many] = [await make(n), await make(4 * n)];
    let [short, long] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let round = 0; round < 6 && (round === 0 || long > Math.max(noise, 6 * short)); round++) {
      short = Math.min(short, await timeOf(few));
      long = Math.min(long, await timeOf(many));
    }
    expect(long, `${n} parts: ${short} ms`).toBeLessThanOrEqual(Math.max(noise, 6 * short));
  });
}

const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));
const namesOf = (n: number): ClassNames => new Map(times(n, (i) => [i, `class ${i}`]));

function fileOf(text: string | Uint8Array): string {
  const path = join(folder, `${number++}.txt`);
  writeFileSync(path, text);
  return path;
}

/** A tree of files that do not exist. */
function treeOf(paths: readonly string[]): Tree {
  const files = [...paths].sort();
  const folders = new Set(files.flatMap((file) => file.split('/').map((_, n, parts) => parts.slice(0, n).join('/'))));
  const known = new Set(files);
  return { root: folder, files, folders, has: (file) => known.has(file), unreadable: [], start: () => '', readStarts: async () => false };
}

/** Opens a document of a format. */
function opened(format: DocumentFormat<never, never, never, never>, text: string): () => unknown {
  const path = fileOf(text);
  const folders = { split: '', images: '', masks: basename(path), objects: 'masks' };
  // A document may also be refused, but soon.
  return () => format.open(dirname(path), folders, 'utf-8', (what) => new CopyPasteError('data', what)).catch(() => {});
}

/** A corner far outside the image. */
const far = (i: number): number => ((i * 7919) % 2 ? -1 : 1) * (2 ** 20 - 1 - (i % 1000));
const triangle = [1, 1, 9, 1, 9, 9];
const cocoOf = (parts: Record<string, unknown>): string =>
  JSON.stringify({ images: [{ id: 1, file_name: 'a.png', ...size }], categories: [{ id: 1, name: 'cat' }], ...parts });
const annotation = (id: number, segmentation: unknown = [triangle]) => ({ id, image_id: 1, category_id: 1, segmentation });
const formats = { coco, panoptic, cvat, datumaro } as unknown as Record<string, DocumentFormat<never, never, never, never>>;

describe('check takes time in proportion to', () => {
  for (const [name, key] of [
    ['coco', 'annotations'],
    ['panoptic', 'segments_info'],
    ['datumaro', 'annotations'],
    ['label-studio', 'result'],
    ['supervisely', 'objects'],
    ['labelme', 'shapes'],
    ['via', 'regions'],
    ['segment-anything', 'annotations'],
  ] as const)
    grows(`${key} of ${name}`, 600, async (n) => {
      const { files, file, tree, text } = sets.find((one) => one.name === name) as FuzzedSet;
      const root = await writeTree(join(folder, `${name}-${n}`), { ...files, [file]: text(withMany(tree, key, n)) });
      return () => check({ in: root });
    });
});

describe('takes time in proportion to', () => {
  for (const [title, pathsOf] of [
    ['annotations beside a folder of images', (i) => [`images/${i}.png`, `annotations/${i}.json`]],
    ['folders of one image and its masks', (i) => [`s${i}/images/a.png`, `s${i}/masks/0.png`]],
    ['folders of one image', (i) => [`images/s${i}/a.png`, `labels/s${i}/a.png`]],
    ['archives', (i) => [`${i}.tar/a.png`, `${i}.tar/a.mask.png`]],
    ['data sets of a project', (i) => [`d${i}/img/a.png`, `d${i}/ann/a.png.json`]],
  ] as const satisfies readonly (readonly [string, (i: number) => string[]])[])
    grows(`the layout of ${title}`, 6000, (n) => {
      const tree = treeOf(times(n, pathsOf).flat());
      return () => detectLayout(tree, undefined).catch(() => {});
    });
  grows('files that belong to no sample', 20_000, (n) => {
    const leftBehind = times(n, (i) => `extra/${i}.txt`);
    const counts = { samples: 0, augmented: 0, unchanged: {}, pasted: 0, dropped: {}, skipped: [], pixels: 0, classes: [], copied: 0 };
    const summary = { ...counts, leftBehind, layout: 'paired', split: '', reused: 0 };
    return () => describeSummary(summary, { in: '', out: '', dryRun: true }, 1);
  });
  grows('a message of spaces', 50_000, (n) => {
    const error = new Error(`a${' '.repeat(n)}b`);
    return () => messageOf(error);
  });
  grows('a class name of dots', 50_000, (n) => {
    const names = new Map([[1, `a${'.'.repeat(n)}b`]]);
    return () => classFolders(names);
  });

  grows('paths that are sorted', 20_000, (n) => {
    const paths = times(n, (i) => `images/${(i * 7919) % n}.png`);
    return () => {
      const sorter = createSorter();
      for (const path of paths) sorter.add(path);
      let before = '';
      for (const path of sorter.sorted()) {
        if (path < before) throw new Error(path);
        before = path;
      }
    };
  });

  grows('names in a YAML file', 2000, (n) => {
    const text = `names:\n${times(n, (i) => `  ${i}: class ${i}\n`).join('')}`;
    return () => parseYaml(text);
  });
  grows('spaces in a YAML file', 50_000, (n) => {
    const text = `names:${' '.repeat(n)}[a,${' '.repeat(n)}b]\npath: a${' '.repeat(n)}b\n`;
    return () => parseYaml(text);
  });
  grows('names in a file of classes', 16_000, (n) => {
    const path = fileOf(times(n, (i) => `${i} class ${i}\n`).join(''));
    return () => readClassNames(path);
  });
  grows('classes that an option names', 5000, (n) => {
    const names = namesOf(n);
    const shares = Object.fromEntries(times(n, (i) => [`class ${i}`, 1]));
    return () => [classIds([...names.values()], names, '--classes'), byClassId(shares, names, '--class-weights')];
  });

  grows('copies whose names are checked', 20_000, (n) => {
    const sample = { id: 'a', split: '', image: 'images/a.png', mask: 'masks/a.png', endings: { image: '', mask: '', objects: '' } };
    const dataset = { samples: [sample], others: [], lists: new Map(), imageLists: new Map(), documents: new Map(), carried: [] };
    return () => checkNames(dataset as never, { copies: n, includeOriginals: true } as never);
  });

  grows('empty chunks of a mask', 30_000, async (n) => {
    const png = await encodeMask({ ids: new Uint8Array(16), width: 4, height: 4 });
    const chunk = Buffer.from('000000004944415435af061e', 'hex');
    const afterHeader = 33;
    const bytes = Buffer.concat([png.subarray(0, afterHeader), ...times(n, () => chunk), png.subarray(afterHeader)]);
    return () => decodeMask(bytes, 'm.png');
  });

  grows('edges outside the image', 500, (n) => {
    const polygon = times(2 * n, far);
    return () => spansOfPolygons([polygon], size);
  });
  grows('polygons', 2000, (n) => {
    const polygons = times(n, (i) => triangle.map((value) => value + (i % 30)));
    return () => spansOfPolygons(polygons, size);
  });

  grows('annotations of a COCO document', 4000, (n) =>
    opened(formats.coco as never, cocoOf({ annotations: times(n, (i) => annotation(i)) })),
  );
  grows('categories of a COCO document', 4000, (n) =>
    opened(formats.coco as never, cocoOf({ annotations: [], categories: times(n, (id) => ({ id, name: `class ${id}` })) })),
  );
  grows('keys of a COCO document', 4000, (n) => {
    const rest = times(n, (i) => ({ key: `key ${i}`, value: '1', element: false }));
    return async () => {
      const document = { own: { rest, largestId: 1, largestImage: 1, byId: [] } } as never;
      for await (const _ of coco.text(document, async function* () {}));
    };
  });
  grows('escapes in a COCO document that is no JSON', 10_000, (n) =>
    opened(formats.coco as never, `{"images":[],"annotations":[{"a":NaN,"b":"${'\\"'.repeat(n)}\\\n"}]}`.replace('\\\n', '\\q')),
  );
  grows('licences of a COCO document, for each image', 1000, (n) => {
    const rest = times(n, (id) => ({ key: 'licenses', value: JSON.stringify({ id, name: 'CC' }), element: true }));
    const document = { own: { rest, largestId: 1, largestImage: 1, byId: [] } } as never;
    return () => times(n, (id) => licenceOf({ id: 1, file_name: 'a', license: id }, document));
  });
  grows('categories of a panoptic document', 3000, (n) => {
    const categories = times(n, (id) => ({ id, name: `class ${id}`, isthing: 1 }));
    const infos = times(n, (i) => ({ id: i + 1, category_id: i, area: 1, bbox: [0, 0, 1, 1], iscrowd: 0 }));
    return opened(
      formats.panoptic as never,
      cocoOf({ categories, annotations: [{ image_id: 1, file_name: 'a.png', segments_info: infos }] }),
    );
  });
  grows('spaces between the items of a document', 20_000, (n) => {
    const path = fileOf(`{"items":[{}${' '.repeat(n)}x${' '.repeat(n)},{}]}`);
    const images = [{ places: [10, 2] }, { places: [14 + 2 * n, 2] }];
    return () => readSurroundings(dirname(path), basename(path), images, ',', 'utf-8');
  });
  const cvatImage = (i: number, inside = '', more = '') =>
    `<image id="${i}" name="a/${i}.png" width="64" height="48" ${more}>${inside}</image>`;
  grows('images of a CVAT document', 2000, (n) =>
    opened(
      formats.cvat as never,
      `<annotations>${times(n, (i) => cvatImage(i, '<polygon label="cat" points="1,1;9,1;9,9"/>')).join('')}</annotations>`,
    ),
  );
  grows('spaces in a CVAT document', 50_000, (n) =>
    opened(formats.cvat as never, `<annotations>${' '.repeat(n)}${cvatImage(0, ' '.repeat(n))}${' '.repeat(n)}</annotations>`),
  );
  grows('subsets of a CVAT document', 2000, (n) => {
    const path = fileOf(`<annotations>${times(n, (i) => cvatImage(i, '', `subset="s${i}"`)).join('')}</annotations>`);
    const tree = treeOf([basename(path), ...times(n, (i) => `images/s${i}/a/${i}.png`)]);
    return () => openDocument(folder, [{ split: '', images: 'images', masks: basename(path) }], tree, formats.cvat as never, 'utf-8');
  });
  grows('labels of a CVAT data set, for each image', 1000, (n) => {
    const classNames = namesOf(n);
    const text = cvatImage(1, '<polygon label="class 1" points="1,1;9,1;9,9"/>');
    return async () => {
      for (let i = 0; i < n; i++) await cvat.shapes({ parts: [text], file: 'a.xml', size, classNames } as never);
    };
  });
  grows('annotations of a Datumaro item', 2000, (n) => {
    const annotations = times(n, (i) => ({ id: i, type: 'polygon', label_id: 0, group: i % 7, z_order: i % 3, points: triangle }));
    const text = JSON.stringify({ id: 'a', image: { path: 'a.png', size: [48, 64] }, annotations });
    return () => datumaro.shapes({ parts: [text], file: 'a.json', size, classNames: namesOf(1) } as never);
  });
  grows('shapes of a labelme group', 4000, (n) => {
    const points = [
      [1, 1],
      [9, 1],
      [9, 9],
    ];
    const text = JSON.stringify({
      imagePath: 'a.png',
      shapes: times(n, () => ({ label: 'class 0', group_id: 1, shape_type: 'polygon', points })),
    });
    return () => labelme.shapes({ parts: [text], file: 'a.json', size, classNames: namesOf(1) } as never);
  });
  grows('objects of a Supervisely instance, and spaces before them', 5000, (n) => {
    const exterior = [
      [1, 1],
      [9, 1],
      [9, 9],
    ];
    const one = { classTitle: 'class 0', geometryType: 'polygon', instance: 'a', points: { exterior } };
    const objects = `${' '.repeat(10 * n)}${JSON.stringify(times(n, () => one))}`;
    const text = `{"size":{"width":64,"height":48},"objects":${objects}}`;
    return () => supervisely.shapes({ parts: [text], file: 'a.json', size, classNames: namesOf(1) } as never);
  });
  grows('circles of a labelme file, far outside the image', 100, (n) => {
    const shapes = times(n, (i) => ({
      label: 'class 0',
      shape_type: 'circle',
      points: [
        [far(i), 20],
        [20, 20],
      ],
    }));
    const text = JSON.stringify({ imagePath: 'a.png', shapes });
    return () => labelme.shapes({ parts: [text], file: 'a.json', size, classNames: namesOf(1) } as never);
  });
  grows('labels of a labelme data set, for each file', 1000, (n) => {
    const classNames = namesOf(n);
    const text = JSON.stringify({
      imagePath: 'a.png',
      shapes: [
        {
          label: 'class 1',
          shape_type: 'rectangle',
          points: [
            [1, 1],
            [5, 5],
          ],
        },
      ],
    });
    return () => times(n, () => labelme.shapes({ parts: [text], file: 'a.json', size, classNames } as never));
  });
  grows('members of a JSON object', 4000, (n) => {
    const text = JSON.stringify({
      list: times(n, (i) => ({ a: { b: i, c: [i] } })),
      ...Object.fromEntries(times(n, (i) => [`k${i}`, { i }])),
    });
    return () => parseJson(text);
  });
  grows('lines of a YOLO file, with corners far outside the image', 300, (n) => {
    const text = times(n, () => '0 9999 0.5 0.5 -9999 0.1 9999').join('\n');
    return () => {
      const lines = linesOf(text);
      return lines.map(({ values }) => spansOfPolygons([values.map((value) => value * 48)], size));
    };
  });
  grows('corners of a YOLO line', 4000, (n) => {
    const text = `0 ${times(2 * n, (i) => String((i % 97) / 97)).join('   ')}`;
    return () => yolo.shapes({ parts: [text], file: 'a.txt', size, classNames: namesOf(1) } as never);
  });
  grows('folders of a YOLO data set', 500, (n) => {
    const tree = treeOf(times(n, (i) => [`s${i}/images/${i}.png`, `s${i}/labels/${i}.txt`]).flat());
    return () => findYolo(tree, { encoding: 'utf-8', asked: true });
  });
  grows('lines of a list of images that share their name', 1000, (n) => {
    const path = fileOf(times(n, (i) => `/other/s${i}/image.png`).join('\n'));
    const tree = treeOf([basename(path), ...times(n, (i) => `images/s${i}/image.png`)]);
    return () => readImageList(tree, basename(path), 'utf-8');
  });
  grows('images that share their name', 2000, (n) => {
    const tree = treeOf(times(n, (i) => `images/s${i}/image.png`));
    return () => {
      const names = imageNames(tree);
      return times(n, (i) => names.below('images', `https://x/s${i}/image.png`, () => true));
    };
  });
});

test('plans of one batch may all paste from one sample', () => {
  const plans = times(130_000, (i) => ({ id: `${i}`, source: '0', placements: [{}] })) as unknown as Plan[];
  expect(inChains(plans)).toHaveLength(plans.length);
});

test('the memory of a sorter does not grow with its texts', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heldBy = (n: number): number => {
    collect();
    const before = process.memoryUsage().heapUsed;
    const sorter = createSorter();
    for (let i = 0; i < n; i++) sorter.add(`images/${(i * 7919) % n}.png\0${'0123456789abcdef'.repeat(4)}`);
    collect();
    const held = process.memoryUsage().heapUsed - before;
    expect(sorter.sorted().next().done).toBe(false);
    return held;
  };
  const [few, many] = [heldBy(30_000), heldBy(120_000)];
  expect(many, `${few} bytes for a quarter`).toBeLessThan(1.5 * few);
});
