/** Small data sets of every format, with the file that is changed as a tree. Each has two images of 20×10 pixels, `a` and `b`. */
import { deflateSync } from 'node:zlib';
import { encodeMask } from '../../src/codecs/png-masks.ts';
import { encodeSegments } from '../../src/formats/coco/segments.ts';
import { brushOfSpans } from '../../src/masks/brush.ts';
import { countsOfSpans, packCounts } from '../../src/masks/run-lengths.ts';
import { spansOfPixels } from '../../src/masks/spans.ts';
import type { Box, Mask } from '../../src/types.ts';
import { drawBox, filled, imageOf, type writeTree } from '../make.ts';
import { childrenOf, jsonOf, linesOf, type Node, tokensOf, treeOf, xmlOf } from './trees.ts';

/** A data set, and the file of it that is changed. */
export interface FuzzedSet {
  readonly name: string;
  /** The other files. */
  readonly files: Parameters<typeof writeTree>[1];
  readonly file: string;
  readonly tree: Node;
  text(tree: Node): string;
  /** All files that a tree is written as, if it is not one text. */
  made?(tree: Node): FuzzedSet['files'];
}

const size = { width: 20, height: 10 };
const picture = imageOf(20, 10, (x, y) => 0xff000000 + 9 * x + 256 * y);
const images = (folder: string) => ({ [`${folder}a.png`]: picture, [`${folder}b.png`]: picture });
const cat: Box = [4, 2, 12, 8];
const dog: Box = [14, 2, 18, 6];
const corners = ([x0, y0, x1, y1]: Box): number[] => [x0, y0, x1, y0, x1, y1, x0, y1];
const pairs = (box: Box): number[][] => [0, 2, 4, 6].map((i) => corners(box).slice(i, i + 2));
const spans = (box: Box): Int32Array => spansOfPixels(box, () => true);
const counts = (box: Box): number[] => countsOfSpans(spans(box), size);
const json = (name: string, file: string, value: unknown, files: FuzzedSet['files'] = {}): FuzzedSet => {
  const folder = file.includes('/') ? file.slice(0, file.indexOf('/') + 1) : '';
  return {
    name,
    file,
    tree: treeOf(value),
    text: jsonOf,
    files: Object.keys(files).some((path) => /a\.png$/.test(path)) ? files : { ...images(folder), ...files },
  };
};

const cocoImages = ['a', 'b'].map((name, i) => ({ id: i + 1, file_name: `${name}.png`, ...size, license: 1 }));
const categories = [
  { id: 3, name: 'cat', isthing: 1 },
  { id: 5, name: 'dog', isthing: 1 },
];
const cocoAnnotation = (id: number, image_id: number, category_id: number, segmentation: unknown, iscrowd = 0) => ({
  ...{ id, image_id, category_id, segmentation, iscrowd, area: 12, bbox: [4, 2, 8, 6] },
});
const coco = (segmentations: readonly unknown[]) => ({
  licenses: [{ id: 1, name: 'CC', url: 'https://x' }],
  images: cocoImages,
  categories,
  annotations: [...segmentations.map((one, i) => cocoAnnotation(i + 1, 1, i % 2 ? 5 : 3, one)), cocoAnnotation(99, 2, 3, [corners(cat)])],
});

const segments = (boxes: readonly Box[]): Promise<Uint8Array> => {
  const ids = new Int32Array(200);
  for (const [n, [x0, y0, x1, y1]] of boxes.entries()) for (let y = y0; y < y1; y++) ids.fill(n + 7, 20 * y + x0, 20 * y + x1);
  return encodeSegments(ids, size);
};
const segment = (id: number, category_id: number) => ({ id, category_id, iscrowd: 0, area: 16, bbox: [4, 2, 8, 6] });

const packed = async (box: Box): Promise<string> => {
  const mask = drawBox(filled(box[2] - box[0], box[3] - box[1], 0), [0, 0, box[2] - box[0], box[3] - box[1]], 1);
  return deflateSync(await encodeMask({ ...mask, palette: Uint8Array.of(0, 0, 0, 255, 255, 255), alpha: Uint8Array.of(0) })).toString(
    'base64',
  );
};

const datumaroShape = (id: number, type: string, more: object) => ({
  id,
  type,
  attributes: {},
  group: id % 3,
  label_id: id % 2,
  z_order: 0,
  ...more,
});
const studioRegion = (type: string, value: object, n: number) => ({
  ...{ original_width: 20, original_height: 10, image_rotation: 0, id: `r${n}`, from_name: 'label', to_name: 'image', type, value },
});
const labelmeShape = (shape_type: string, points: unknown, more: object = {}) => ({
  label: 'cat',
  points,
  group_id: null,
  shape_type,
  flags: {},
  ...more,
});
const viaRegion = (shape_attributes: object) => ({ shape_attributes, region_attributes: { label: 'cat' } });
const viaPolygon = (box: Box) => ({
  name: 'polygon',
  all_points_x: pairs(box).map(([x]) => x),
  all_points_y: pairs(box).map(([, y]) => y),
});
const viaImage = (name: string, regions: readonly object[]) => ({ filename: `${name}.png`, size: 7, regions, file_attributes: {} });
const viaRegions = [
  viaPolygon(cat),
  { name: 'circle', cx: 15, cy: 4, r: 2 },
  { name: 'ellipse', cx: 15, cy: 4, rx: 2, ry: 3, theta: 0.5 },
  { name: 'rect', x: 1, y: 1, width: 3, height: 2 },
  { name: 'polyline', all_points_x: [1, 5], all_points_y: [1, 5] },
  { name: 'point', cx: 3, cy: 3 },
].map(viaRegion);
const samAnnotation = (id: number, box: Box) => ({
  ...{ bbox: [box[0], box[1], box[2] - box[0] - 1, box[3] - box[1] - 1], area: (box[2] - box[0]) * (box[3] - box[1]) },
  ...{
    segmentation: { size: [10, 20], counts: packCounts(counts(box)) },
    id,
    predicted_iou: 1,
    point_coords: [[5.5, 3.5]],
    crop_box: [0, 0, 20, 10],
  },
});
const sam = (name: string) => ({
  image: { image_id: 1, ...size, file_name: `${name}.png` },
  annotations: [samAnnotation(1, cat), samAnnotation(2, dog)],
});

const relative = (box: Box): number[] => corners(box).map((value, i) => value / (i % 2 === 0 ? 20 : 10));
const lines = (
  name: string,
  file: string,
  rows: readonly (readonly unknown[])[],
  files: FuzzedSet['files'],
  separator = ' ',
): FuzzedSet => ({
  ...{ name, file, tree: treeOf(rows), text: linesOf(separator), files },
});
const yoloLabels = { 'labels/train/a.txt': `0 ${relative(cat).join(' ')}\n`, 'labels/train/b.txt': `1 ${relative(dog).join(' ')}\n` };
const yoloFiles = (task: string, a: string, b: string) => ({
  ...images('images/train/'),
  'data.yaml': `names: [cat, dog]\ntask: ${task}\ntrain: images/train\n`,
  [a]: '',
  'labels/train/b.txt': b,
});

const mask = (id = 1): Mask => drawBox(filled(20, 10, 0), cat, id);
const maskFiles = (imageFolder: string, maskFolder: string) => ({
  ...images(imageFolder),
  [`${maskFolder}a.png`]: mask(),
  [`${maskFolder}b.png`]: mask(2),
});
/** A mask file, whose name, value and box are in a list. */
function maskFile([name = '', value = '', ...box]: readonly string[]): [path: string, mask: Mask] {
  const inside = (text: string, most: number): number => Math.min(Math.max(0, Math.trunc(Number(text)) || 0), most);
  const [x0 = '', y0 = '', x1 = '', y1 = ''] = box;
  const drawn = drawBox(filled(20, 10, 0), [inside(x0, 20), inside(y0, 10), inside(x1, 20), inside(y1, 10)], inside(value, 255));
  return [`masks/${name.replaceAll(/[/\0\ud800-\udfff]/g, '_').slice(0, 60)}.png`, drawn];
}
const colours = new Map([
  [0, [0, 0, 0]],
  [1, [128, 0, 0]],
  [2, [0, 128, 0]],
]);
/** Masks in colours. */
const painted = (imageFolder: string, maskFolder: string) => {
  const paint = (id: number) =>
    imageOf(20, 10, (x, y) => {
      const [r = 0, g = 0, b = 0] = colours.get(x >= cat[0] && x < cat[2] && y >= cat[1] && y < cat[3] ? id : 0) as number[];
      return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
    });
  return { ...images(imageFolder), [`${maskFolder}a.png`]: paint(1), [`${maskFolder}b.png`]: paint(2) };
};

const xmlShape = (tag: string, attributes: object) => [tag, { label: 'cat', z_order: '0', occluded: '0', ...attributes }];
const points = (box: Box): string =>
  pairs(box)
    .map((pair) => pair.join(','))
    .join(';');

const superviselyObject = (geometryType: string, classTitle: string, more: object) => ({
  id: 1,
  classId: 7,
  geometryType,
  classTitle,
  tags: [{ name: 't' }],
  ...more,
});
const exterior = pairs([4, 2, 11, 7]);
const supervisely = {
  description: '',
  tags: [],
  size: { height: 10, width: 20 },
  objects: [
    superviselyObject('polygon', 'cat', { points: { exterior, interior: [pairs([6, 3, 8, 5])] } }),
    superviselyObject('bitmap', 'dog', { bitmap: { data: await packed(dog), origin: [14, 2] } }),
    superviselyObject('polygon', 'cat', { instance: 'k', points: { exterior: pairs([1, 1, 3, 3]), interior: [] } }),
    superviselyObject('polygon', 'cat', { instance: 'k', points: { exterior: pairs([1, 5, 3, 8]), interior: [] } }),
    superviselyObject('rectangle', 'cat', {
      points: {
        exterior: [
          [1, 1],
          [4, 4],
        ],
        interior: [],
      },
    }),
    superviselyObject('line', 'cat', {
      points: {
        exterior: [
          [1, 1],
          [4, 4],
        ],
        interior: [],
      },
    }),
    superviselyObject('multipolygon', 'cat', { parts: [{ exterior: pairs([1, 1, 3, 3]) }, { exterior: pairs([5, 5, 7, 7]) }] }),
  ],
};
const superviselyMeta = {
  classes: [
    { title: 'cat', shape: 'polygon', color: '#FF0000' },
    { title: 'dog', shape: 'bitmap', color: '#00FF00' },
  ],
  tags: [],
};
const superviselyFiles = {
  ...images('ds0/img/'),
  'meta.json': JSON.stringify(superviselyMeta),
  'ds0/ann/b.png.json': JSON.stringify({ ...supervisely, objects: supervisely.objects.slice(0, 1) }),
};

/** All data sets. */
export const sets: readonly FuzzedSet[] = [
  json(
    'coco',
    'annotations/instances_train.json',
    coco([
      [corners(cat)],
      [corners(cat), corners(dog)],
      { size: [10, 20], counts: counts(dog) },
      { size: [10, 20], counts: packCounts(counts(dog)) },
      [[4, 2, 8, 6]],
    ]),
    images('train/'),
  ),
  json(
    'panoptic',
    'annotations/panoptic_train.json',
    {
      images: cocoImages,
      categories,
      annotations: [
        { image_id: 1, file_name: 'a.png', segments_info: [segment(7, 3), segment(8, 5)] },
        { image_id: 2, file_name: 'b.png', segments_info: [segment(7, 3)] },
      ],
    },
    {
      ...images('train/'),
      'annotations/panoptic_train/a.png': await segments([cat, dog]),
      'annotations/panoptic_train/b.png': await segments([cat]),
    },
  ),
  {
    name: 'cvat',
    file: 'annotations.xml',
    files: images('images/'),
    text: xmlOf,
    tree: treeOf([
      'annotations',
      {},
      ['meta', {}, ['task', {}, ['labels', {}, ['label', {}, ['name', {}, 'cat']], ['label', {}, ['name', {}, 'dog']]]]],
      [
        'image',
        { id: '0', name: 'a.png', width: '20', height: '10' },
        xmlShape('polygon', { points: points(cat), group_id: '1' }),
        xmlShape('box', { xtl: '1', ytl: '1', xbr: '5', ybr: '5', rotation: '10', group_id: '1' }),
        xmlShape('ellipse', { cx: '15', cy: '4', rx: '3', ry: '2', rotation: '30' }),
        xmlShape('mask', { rle: '2,3,1', left: '3', top: '4', width: '3', height: '2' }),
        xmlShape('polyline', { points: '1,1;5,5' }),
        xmlShape('points', { points: '1,1' }),
        ['tag', { label: 'cat' }, ['attribute', { name: 'x' }, '1']],
      ],
      ['image', { id: '1', name: 'b.png', width: '20', height: '10' }, xmlShape('polygon', { points: points(cat) })],
    ]),
  },
  json(
    'datumaro',
    'annotations/train.json',
    {
      dm_format_version: '1.0',
      categories: { label: { labels: [{ name: 'cat' }, { name: 'dog' }] } },
      items: [
        {
          id: 'a',
          annotations: [
            datumaroShape(0, 'polygon', { points: corners(cat) }),
            datumaroShape(1, 'mask', { rle: { size: [10, 20], counts: packCounts(counts(dog)) } }),
            datumaroShape(2, 'ellipse', { points: [13, 1, 18, 6] }),
            datumaroShape(3, 'bbox', { bbox: [1, 1, 4, 4] }),
            datumaroShape(4, 'polyline', { points: [1, 1, 5, 5] }),
            datumaroShape(5, 'label', {}),
          ],
          image: { path: 'a.png', size: [10, 20] },
        },
        { id: 'b', annotations: [datumaroShape(0, 'polygon', { points: corners(cat) })], image: { path: 'b.png', size: [10, 20] } },
      ],
    },
    images('images/train/'),
  ),
  json(
    'label-studio',
    'project-1.json',
    ['a', 'b'].map((name, i) => ({
      id: i + 1,
      annotations: [
        {
          id: 10 + i,
          completed_by: 1,
          was_cancelled: false,
          result: [
            studioRegion(
              'polygonlabels',
              { points: pairs(cat).map(([x = 0, y = 0]) => [5 * x, 10 * y]), closed: true, polygonlabels: ['cat'] },
              1,
            ),
            studioRegion('brushlabels', { format: 'rle', rle: brushOfSpans(spans(dog), size), brushlabels: ['dog'] }, 2),
            studioRegion('rectanglelabels', { x: 5, y: 10, width: 20, height: 20, rotation: 10, rectanglelabels: ['cat'] }, 3),
            studioRegion('ellipselabels', { x: 75, y: 40, radiusX: 10, radiusY: 20, rotation: 0, ellipselabels: ['dog'] }, 4),
            studioRegion('keypointlabels', { x: 75, y: 40, width: 1, keypointlabels: ['dog'] }, 5),
          ],
        },
      ],
      data: { image: `/data/upload/1/0a1b2c3d-${name}.png` },
      predictions: [],
    })),
    images('images/'),
  ),
  json('supervisely', 'ds0/ann/a.png.json', supervisely, superviselyFiles),
  json('supervisely meta', 'meta.json', superviselyMeta, { ...superviselyFiles, 'ds0/ann/a.png.json': JSON.stringify(supervisely) }),
  json(
    'labelme',
    'train/a.json',
    {
      shapes: [
        labelmeShape('polygon', pairs(cat), { group_id: 1 }),
        labelmeShape('polygon', pairs(dog), { group_id: 1 }),
        labelmeShape('rectangle', [
          [1, 1],
          [4, 4],
        ]),
        labelmeShape('circle', [
          [15, 4],
          [17, 4],
        ]),
        labelmeShape('line', [
          [1, 1],
          [4, 4],
        ]),
        labelmeShape('linestrip', [
          [1, 1],
          [4, 4],
          [9, 1],
        ]),
        labelmeShape('point', [[1, 1]]),
        labelmeShape(
          'mask',
          [
            [1, 1],
            [4, 4],
          ],
          { mask: Buffer.from(await encodeMask(filled(4, 4, 1))).toString('base64') },
        ),
        labelmeShape('rotation', pairs(dog), { direction: 0.5 }),
      ],
      imagePath: 'a.png',
      imageData: null,
      imageHeight: 10,
      imageWidth: 20,
    },
    {
      ...images('train/'),
      'train/b.json': JSON.stringify({
        shapes: [labelmeShape('polygon', pairs(cat))],
        imagePath: 'b.png',
        imageHeight: 10,
        imageWidth: 20,
      }),
    },
  ),
  json(
    'via',
    'train/via_region_data.json',
    { 'a.png7': viaImage('a', viaRegions), 'b.png7': viaImage('b', [viaRegion(viaPolygon(cat))]) },
    images('train/'),
  ),
  json(
    'via project',
    'train/via_project.json',
    {
      _via_settings: { ui: {}, core: {}, project: { name: 'p' } },
      _via_img_metadata: { 'a.png7': viaImage('a', viaRegions), 'b.png7': viaImage('b', [viaRegion(viaPolygon(cat))]) },
      _via_attributes: { region: { label: { type: 'dropdown', options: { cat: '', dog: '' } } }, file: {} },
      _via_data_format_version: '2.0.10',
      _via_image_id_list: ['a.png7', 'b.png7'],
    },
    images('train/'),
  ),
  json('segment-anything', 'train/a.json', sam('a'), { ...images('train/'), 'train/b.json': JSON.stringify(sam('b')) }),
  lines(
    'yolo',
    'labels/train/a.txt',
    [
      [0, ...relative(cat)],
      [1, ...relative(dog)],
      [0, ...relative(cat), 0.5, 0.5],
    ],
    yoloFiles('segment', 'labels/train/a.txt', `0 ${relative(cat).join(' ')} 0.5 0.5\n`),
  ),
  lines(
    'yolo boxes',
    'labels/train/a.txt',
    [
      [0, 0.5, 0.5, 0.2, 0.2],
      [1, 0.2, 0.3, 0.1, 0.1],
      [0, ...relative(cat), 0.5, 0.5],
    ],
    yoloFiles('segment', 'labels/train/a.txt', `0 ${relative(cat).join(' ')} 0.5 0.5\n`),
  ),
  lines(
    'yolo-obb',
    'labels/train/a.txt',
    [
      [0, ...relative(cat)],
      [1, ...relative(dog)],
    ],
    yoloFiles('obb', 'labels/train/a.txt', `0 ${relative(cat).join(' ')}\n`),
  ),
  json(
    'data.yaml',
    'data.yaml',
    { path: '.', train: 'images/train', val: ['images/train'], nc: 2, names: { 0: 'cat', 1: 'dog' }, task: 'segment', download: null },
    { ...images('images/train/'), ...yoloLabels },
  ),
  json(
    'data.yaml of masks',
    'data.yaml',
    { train: 'images/train', masks_dir: 'masks', names: ['cat', 'dog', 'bird'], nc: 3 },
    maskFiles('images/train/', 'masks/train/'),
  ),
  lines('list of images', 'train.txt', [['./images/train/a.png'], ['./images/train/b.png']], {
    ...images('images/train/'),
    ...yoloLabels,
    'data.yaml': 'names: [cat, dog]\ntrain: train.txt\n',
  }),
  {
    name: 'instance-files',
    file: 'masks/a_cat_1.png',
    files: images('images/'),
    tree: treeOf([
      ['a_cat_1', 255, 4, 2, 12, 8],
      ['a_dog_2', 255, 14, 2, 18, 6],
      ['b_cat_1', 1, 4, 2, 12, 8],
    ]),
    text: linesOf(),
    made: (tree) =>
      Object.fromEntries(
        childrenOf(tree)
          .slice(0, 50)
          .map((row) => maskFile(tokensOf(row))),
      ),
  },
  lines('list of samples', 'ImageSets/Segmentation/train.txt', [['a'], ['b']], maskFiles('JPEGImages/', 'SegmentationClass/')),
  lines(
    'list of pairs',
    'train.txt',
    [
      ['/x/train/a.png', '/x/trainannot/a.png'],
      ['/x/train/b.png', '/x/trainannot/b.png'],
    ],
    maskFiles('train/', 'trainannot/'),
  ),
  lines(
    'labelmap.txt',
    'labelmap.txt',
    [['background:0,0,0::'], ['cat:128,0,0::'], ['dog:0,128,0::']],
    painted('JPEGImages/', 'SegmentationClass/'),
    ',',
  ),
  lines(
    'label_colors.txt',
    'label_colors.txt',
    [
      [0, 0, 0, 'void'],
      [128, 0, 0, 'cat'],
      [0, 128, 0, 'dog'],
    ],
    painted('train/', 'trainannot/'),
  ),
  lines(
    'class_dict.csv',
    'class_dict.csv',
    [
      ['name', 'r', 'g', 'b'],
      ['void', 0, 0, 0],
      ['cat', 128, 0, 0],
      ['dog', 0, 128, 0],
    ],
    painted('images/', 'masks/'),
    ',',
  ),
  lines(
    '_classes.csv',
    'train/_classes.csv',
    [
      ['Pixel Value', 'Class'],
      [0, 'background'],
      [1, 'cat'],
      [2, 'dog'],
    ],
    { ...images('train/'), 'train/a_mask.png': mask(), 'train/b_mask.png': mask(2) },
    ',',
  ),
  json(
    'mapillary',
    'config.json',
    {
      labels: [0, 1, 2].map((id) => ({ name: `c--${id}`, readable: `c${id}`, color: [id, 0, 0], instances: true, evaluate: true })),
      version: '1.1',
    },
    {
      ...maskFiles('training/images/', 'training/labels/'),
      'training/instances/a.png': { ...mask(), ids: Uint16Array.from(mask().ids, (id) => 256 * id) },
      'training/instances/b.png': { ...mask(2), ids: Uint16Array.from(mask(2).ids, (id) => 256 * id) },
    },
  ),
];
