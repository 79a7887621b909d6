import type { ObjectIds, View } from '../types.ts';

/** The labels of Cityscapes (Cordts et al., CVPR 2016): id, name, id for training, colour. */
const labels: readonly (readonly [id: number, name: string, trainId: number, colour: readonly [number, number, number]])[] = [
  [0, 'unlabeled', 255, [0, 0, 0]],
  [1, 'ego vehicle', 255, [0, 0, 0]],
  [2, 'rectification border', 255, [0, 0, 0]],
  [3, 'out of roi', 255, [0, 0, 0]],
  [4, 'static', 255, [0, 0, 0]],
  [5, 'dynamic', 255, [111, 74, 0]],
  [6, 'ground', 255, [81, 0, 81]],
  [7, 'road', 0, [128, 64, 128]],
  [8, 'sidewalk', 1, [244, 35, 232]],
  [9, 'parking', 255, [250, 170, 160]],
  [10, 'rail track', 255, [230, 150, 140]],
  [11, 'building', 2, [70, 70, 70]],
  [12, 'wall', 3, [102, 102, 156]],
  [13, 'fence', 4, [190, 153, 153]],
  [14, 'guard rail', 255, [180, 165, 180]],
  [15, 'bridge', 255, [150, 100, 100]],
  [16, 'tunnel', 255, [150, 120, 90]],
  [17, 'pole', 5, [153, 153, 153]],
  [18, 'polegroup', 255, [153, 153, 153]],
  [19, 'traffic light', 6, [250, 170, 30]],
  [20, 'traffic sign', 7, [220, 220, 0]],
  [21, 'vegetation', 8, [107, 142, 35]],
  [22, 'terrain', 9, [152, 251, 152]],
  [23, 'sky', 10, [70, 130, 180]],
  [24, 'person', 11, [220, 20, 60]],
  [25, 'rider', 12, [255, 0, 0]],
  [26, 'car', 13, [0, 0, 142]],
  [27, 'truck', 14, [0, 0, 70]],
  [28, 'bus', 15, [0, 60, 100]],
  [29, 'caravan', 255, [0, 0, 90]],
  [30, 'trailer', 255, [0, 0, 110]],
  [31, 'train', 16, [0, 80, 100]],
  [32, 'motorcycle', 17, [0, 0, 230]],
  [33, 'bicycle', 18, [119, 11, 32]],
];

/** Ids of classes with instances; all others are stuff. */
const things = Array.from({ length: 10 }, (_, i) => 24 + i);

const trainIds: Readonly<Record<number, number>> = Object.fromEntries(
  labels.filter(([, , trainId]) => trainId !== 255).map(([id, , trainId]) => [id, trainId]),
);

const colours = { values: Object.fromEntries(labels.map(([id, , , colour]) => [id, colour])), other: [0, 0, 0] } as const;

/** The layout of Cityscapes. Ids 0 to 6, Cityscapes' void classes, are ignored. */
export const cityscapes = {
  background: [] as readonly number[],
  ignore: [0, 1, 2, 3, 4, 5, 6, 255] as readonly number[],
  classNames: Object.fromEntries(labels.map(([id, name]) => [id, name])) as Readonly<Record<number, string>>,
  trainIds,
  // An instance id is class · 1000 + number; for stuff it is the class id.
  objectIds: { perClass: 1000, bare: 'class', things } satisfies ObjectIds as ObjectIds,
  views: [
    { ending: '_gtFine_labelTrainIds', values: trainIds, other: 255 },
    { ending: '_gtFine_color', ...colours },
  ] satisfies readonly [View, View] as readonly [View, View],
} as const;

/** Instance ids of KITTI's semantic benchmark: class · 256 + number, from 1. Class ids are those of Cityscapes. */
export const kittiObjects: ObjectIds = { perClass: 256, bare: 'product', things };

export const kittiViews: readonly View[] = [{ ending: '', folder: 'semantic_rgb', ...colours }];

/** First names of the classes of ADE20K's scene parsing challenge (Zhou et al., CVPR 2017), from id 0. */
export const ade20kNames =
  'other, wall, building, sky, floor, tree, ceiling, road, bed, windowpane, grass, cabinet, sidewalk, person, earth, door, table, mountain, plant, curtain, chair, car, water, painting, sofa, shelf, house, sea, mirror, rug, field, armchair, seat, fence, desk, rock, wardrobe, lamp, bathtub, railing, cushion, base, box, column, signboard, chest of drawers, counter, sand, sink, skyscraper, fireplace, refrigerator, grandstand, path, stairs, runway, case, pool table, pillow, screen door, stairway, river, bridge, bookcase, blind, coffee table, toilet, flower, book, hill, bench, countertop, stove, palm, kitchen island, computer, swivel chair, boat, bar, arcade machine, hovel, bus, towel, light, truck, tower, chandelier, awning, streetlight, booth, television receiver, airplane, dirt track, apparel, pole, land, bannister, escalator, ottoman, bottle, buffet, poster, stage, van, ship, fountain, conveyer belt, canopy, washer, plaything, swimming pool, stool, barrel, basket, waterfall, tent, bag, minibike, cradle, oven, ball, food, step, tank, trade name, microwave, pot, animal, bicycle, lake, dishwasher, screen, blanket, sculpture, hood, sconce, vase, traffic light, tray, ashcan, fan, pier, crt screen, plate, monitor, bulletin board, shower, radiator, glass, clock, flag';
