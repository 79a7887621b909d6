import { expect, test } from 'vitest';
import { encodeSegments } from '../../src/formats/coco/segments.ts';
import { layouts } from '../../src/formats/layouts.ts';
import { countsOfSpans, packCounts } from '../../src/masks/run-lengths.ts';
import type { Box, Mask } from '../../src/types.ts';
import { drawBox, filled } from '../make.ts';
import { boxes, picture, testFormat } from './format.ts';

const corners = ([x0, y0, x1, y1]: Box): number[] => [x0, y0, x1, y0, x1, y1, x0, y1];
const lines = (list: readonly object[]): string => list.map((one) => JSON.stringify(one)).join(',\n');
const tested: string[] = [];
const put: typeof testFormat = (layout, fixture) => {
  tested.push(layout);
  testFormat(layout, fixture);
};

const inFolder = (folder: string) => ({ [`${folder}/a.png`]: picture, [`${folder}/b.png`]: picture });
const imagesOfCoco = lines(['a', 'b'].map((name, i) => ({ id: i + 1, file_name: `${name}.png`, width: 20, height: 10 })));
const cocoText = (categories: string, annotations: readonly object[]): string =>
  `{"categories":[${categories}],\n"images":[\n${imagesOfCoco}\n],\n"annotations":[\n${lines(annotations)}\n]}\n`;
const annotationOf = (id: number, image: number, category: number, box: Box): object => ({
  ...{ id, image_id: image, category_id: category, iscrowd: 0, segmentation: [corners(box)] },
  bbox: [box[0], box[1], box[2] - box[0], box[3] - box[1]],
});
put('coco', {
  files: {
    ...inFolder('train'),
    'annotations/instances_train.json': cocoText(
      lines([
        { id: 3, name: 'cat' },
        { id: 5, name: 'dog' },
      ]),
      [annotationOf(1, 1, 3, boxes.a.cat), annotationOf(2, 1, 5, boxes.a.dog), annotationOf(3, 2, 3, boxes.b.cat)],
    ),
  },
  annotations: 'annotations/instances_train.json',
  plant: (text) => text.replace('"bbox":[14', '"bbox":[1'),
});

const planeOf = (segments: readonly (readonly [id: number, box: Box])[]): Promise<Uint8Array> => {
  const ids = new Int32Array(200);
  for (const [id, [x0, y0, x1, y1]] of segments) for (let y = y0; y < y1; y++) ids.fill(id, 20 * y + x0, 20 * y + x1);
  return encodeSegments(ids, { width: 20, height: 10 });
};
const segment = (id: number, category: number): object => ({ id, category_id: category, iscrowd: 0 });
put('panoptic', {
  files: {
    ...inFolder('train'),
    'annotations/panoptic_train/a.png': await planeOf([
      [7, boxes.a.cat],
      [8, boxes.a.dog],
    ]),
    'annotations/panoptic_train/b.png': await planeOf([[7, boxes.b.cat]]),
    'annotations/panoptic_train.json': cocoText(
      lines([
        { id: 3, name: 'cat', isthing: 1 },
        { id: 5, name: 'dog', isthing: 1 },
      ]),
      [
        { image_id: 1, file_name: 'a.png', segments_info: [segment(7, 3), segment(8, 5)] },
        { image_id: 2, file_name: 'b.png', segments_info: [segment(7, 3)] },
      ],
    ),
  },
  annotations: 'annotations/panoptic_train.json',
  plant: (text) => text.replace('"id":8', '"id":8,"area":1'),
});

const cvatPolygon = (label: string, [x0, y0, x1, y1]: Box): string =>
  `<polygon label="${label}" points="${x0},${y0};${x1},${y0};${x1},${y1};${x0},${y1}" z_order="0"></polygon>`;
put('cvat', {
  files: {
    ...inFolder('images'),
    'annotations.xml': `<annotations>
  <meta><task><labels><label><name>cat</name></label><label><name>dog</name></label></labels></task></meta>
  <image id="0" name="a.png" width="20" height="10">
    ${cvatPolygon('cat', boxes.a.cat)}
    <!-- a dog -->
    ${cvatPolygon('dog', boxes.a.dog)}
  </image>
  <image id="1" name="b.png" width="20" height="10">
    ${cvatPolygon('cat', boxes.b.cat)}
  </image>
</annotations>
`,
  },
  annotations: 'annotations.xml',
  plant: (text) => text.replace('label="dog"', 'label="bird"'),
});

const itemOf = (id: string, shapes: readonly (readonly [label: number, box: Box])[]): object => ({
  id,
  annotations: shapes.map(([label, box], n) => ({ id: n, type: 'polygon', group: 0, label_id: label, points: corners(box), z_order: 0 })),
  image: { path: `${id}.png`, size: [10, 20] },
});
put('datumaro', {
  files: {
    ...inFolder('images/train'),
    'annotations/train.json': JSON.stringify({
      dm_format_version: '1.0',
      categories: { label: { labels: [{ name: 'cat' }, { name: 'dog' }] } },
      items: [
        itemOf('a', [
          [0, boxes.a.cat],
          [1, boxes.a.dog],
        ]),
        itemOf('b', [[0, boxes.b.cat]]),
      ],
    }),
  },
  annotations: 'annotations/train.json',
  plant: (text) => text.replace('"label_id":1', '"label_id":9'),
});

const regionOf = (label: string, [x0, y0, x1, y1]: Box, n: number): object => ({
  original_width: 20,
  original_height: 10,
  image_rotation: 0,
  value: {
    points: [
      [x0, y0],
      [x1, y0],
      [x1, y1],
      [x0, y1],
    ].map(([x = 0, y = 0]) => [5 * x, 10 * y]),
    closed: true,
    polygonlabels: [label],
  },
  id: `r${n}`,
  from_name: 'label',
  to_name: 'image',
  type: 'polygonlabels',
  origin: 'manual',
});
const taskOf = (id: number, name: string, result: readonly object[]): object => ({
  id,
  annotations: [{ id: 10 + id, completed_by: 1, result, was_cancelled: false, ground_truth: false, task: id }],
  data: { image: `/data/upload/1/0a1b2c3d-${name}.png` },
  predictions: [],
});
put('label-studio', {
  files: {
    ...inFolder('images'),
    'project-1.json': JSON.stringify([
      taskOf(1, 'a', [regionOf('cat', boxes.a.cat, 1), regionOf('dog', boxes.a.dog, 2)]),
      taskOf(2, 'b', [regionOf('cat', boxes.b.cat, 3)]),
    ]),
  },
  annotations: 'project-1.json',
  plant: (text) => text.replace('["dog"]', '["bird"]'),
});

const objectOf = (classTitle: string, [x0, y0, x1, y1]: Box): object => ({
  classTitle,
  geometryType: 'polygon',
  tags: [],
  // Supervisely includes both edges of a polygon.
  points: {
    exterior: [
      [x0, y0],
      [x1 - 1, y0],
      [x1 - 1, y1 - 1],
      [x0, y1 - 1],
    ],
    interior: [],
  },
});
const superviselyText = (objects: readonly object[]): string =>
  JSON.stringify({ description: '', tags: [], size: { height: 10, width: 20 }, objects }, undefined, 4);
put('supervisely', {
  files: {
    ...inFolder('ds0/img'),
    'meta.json': JSON.stringify({ classes: ['cat', 'dog'].map((title) => ({ title, shape: 'polygon', color: '#FF0000' })), tags: [] }),
    'ds0/ann/a.png.json': superviselyText([objectOf('cat', boxes.a.cat), objectOf('dog', boxes.a.dog)]),
    'ds0/ann/b.png.json': superviselyText([objectOf('cat', boxes.b.cat)]),
  },
  annotations: 'ds0/ann/a.png.json',
  plant: (text) => JSON.stringify({ ...JSON.parse(text), objects: [objectOf('cat', boxes.a.cat), objectOf('dog', [30, 30, 40, 40])] }),
});

const lineOf = (classId: number, box: Box): string =>
  `${[classId, ...corners(box).map((value, i) => value / (i % 2 === 0 ? 20 : 10))].join(' ')}\n`;
for (const [layout, task] of [
  ['yolo', 'segment'],
  ['yolo-obb', 'obb'],
] as const)
  put(layout, {
    files: {
      ...inFolder('images/train'),
      'data.yaml': `names: [cat, dog]\ntask: ${task}\n`,
      'labels/train/a.txt': lineOf(0, boxes.a.cat) + lineOf(1, boxes.a.dog),
      'labels/train/b.txt': lineOf(0, boxes.b.cat),
    },
    annotations: 'labels/train/a.txt',
    plant: (text) => text.replace(/^1 \S+/m, '1 -0.005'),
    bare: true,
  });

/** labelme includes both edges of a polygon. */
const labelmeShape = (label: string, [x0, y0, x1, y1]: Box): object => ({
  label,
  points: [
    [x0, y0],
    [x1 - 1, y0],
    [x1 - 1, y1 - 1],
    [x0, y1 - 1],
  ],
  group_id: null,
  shape_type: 'polygon',
});
const labelmeText = (name: string, shapes: readonly object[]): string =>
  `${JSON.stringify({ shapes, imagePath: `${name}.png`, imageData: null, imageHeight: 10, imageWidth: 20 }, undefined, 2)}\n`;
put('labelme', {
  files: {
    ...inFolder('train'),
    'train/a.json': labelmeText('a', [labelmeShape('cat', boxes.a.cat), labelmeShape('dog', boxes.a.dog)]),
    'train/b.json': labelmeText('b', [labelmeShape('cat', boxes.b.cat)]),
  },
  annotations: 'train/a.json',
  plant: (text) =>
    JSON.stringify({ ...JSON.parse(text), shapes: [labelmeShape('cat', [30, 30, 40, 40]), labelmeShape('dog', boxes.a.dog)] }),
});

const maskFileOf = (box: Box): Mask => drawBox(filled(20, 10, 0), box, 255);
put('instance-files', {
  files: {
    ...inFolder('images'),
    'masks/a_cat_1.png': maskFileOf(boxes.a.cat),
    'masks/a_dog_2.png': maskFileOf(boxes.a.dog),
    'masks/b_cat_1.png': maskFileOf(boxes.b.cat),
  },
  annotations: 'masks/a_cat_1.png',
  plant: () => filled(20, 10, 0),
  bare: true,
});

put('instance-ids', {
  files: {
    ...inFolder('images'),
    'masks/a.png': drawBox(drawBox(filled(20, 10, 0), boxes.a.cat, 3), boxes.a.dog, 7),
    'masks/b.png': drawBox(filled(20, 10, 0), boxes.b.cat, 1),
  },
  annotations: 'masks/a.png',
  bare: true,
  only: 'object',
  unseen: true,
});

const viaRegion = (label: string, box: Box): object => {
  const points = corners(box);
  const shape_attributes = {
    name: 'polygon',
    all_points_x: points.filter((_, i) => i % 2 === 0),
    all_points_y: points.filter((_, i) => i % 2 === 1),
  };
  return { shape_attributes, region_attributes: { label } };
};
const viaImage = (name: string, regions: readonly object[]): string =>
  `  "${name}.png${name.charCodeAt(0)}" : ${JSON.stringify({ filename: `${name}.png`, size: name.charCodeAt(0), regions, file_attributes: {} })}`;
put('via', {
  files: {
    ...inFolder('train'),
    'train/via_region_data.json': `{\n${[
      viaImage('a', [viaRegion('cat', boxes.a.cat), viaRegion('dog', boxes.a.dog)]),
      viaImage('b', [viaRegion('cat', boxes.b.cat)]),
    ].join(',\n')}\n}\n`,
  },
  annotations: 'train/via_region_data.json',
  plant: (text) => text.replace('"label":"dog"', '"label":"bird"'),
});

const samAnnotation = (id: number, [x0, y0, x1, y1]: Box): object => {
  const spans = Int32Array.from(Array.from({ length: y1 - y0 }, (_, n) => [y0 + n, x0, x1]).flat());
  const counts = packCounts(countsOfSpans(spans, picture));
  return { bbox: [x0, y0, x1 - x0 - 1, y1 - y0 - 1], area: (x1 - x0) * (y1 - y0), segmentation: { size: [10, 20], counts }, id };
};
const samText = (name: string, annotations: readonly object[]): string =>
  `{"image": {"image_id": 1, "width": 20, "height": 10, "file_name": "${name}.png"}, "annotations": [${lines(annotations)}]}\n`;
put('segment-anything', {
  files: {
    ...inFolder('train'),
    'train/a.json': samText('a', [samAnnotation(1, boxes.a.cat), samAnnotation(2, boxes.a.dog)]),
    'train/b.json': samText('b', [samAnnotation(1, boxes.b.cat)]),
  },
  annotations: 'train/a.json',
  plant: (text) => text.replace('"area":48', '"area":47'),
  only: 'object',
});

const ofClass = (category: string, id: number, box: Box): object => ({
  ...samAnnotation(id, box),
  category_id: category === 'cat' ? 3 : 7,
  category,
});
put('archives-objects', {
  files: {
    ...inFolder('train-000000.tar'),
    'train-000000.tar/a.json': samText('a', [ofClass('cat', 1, boxes.a.cat), ofClass('dog', 2, boxes.a.dog)]),
    'train-000000.tar/b.json': samText('b', [ofClass('cat', 1, boxes.b.cat)]),
  },
  annotations: 'train-000000.tar/a.json',
  plant: (text) => text.replace('"area":48', '"area":47'),
});

test('every format is tested against the contract', () => {
  expect(tested.sort()).toEqual(layouts.flatMap(({ name, format }) => (format ? [name] : [])).sort());
});
