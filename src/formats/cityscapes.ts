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
export const cityscapesThings: readonly number[] = Array.from({ length: 10 }, (_, i) => 24 + i);

/** Colours by class id. */
export const cityscapesColours: Pick<View, 'values' | 'other'> = {
  values: Object.fromEntries(labels.map(([id, , , colour]) => [id, colour])),
  other: [0, 0, 0],
};

const trainIds: Readonly<Record<number, number>> = Object.fromEntries(
  labels.filter(([, , trainId]) => trainId !== 255).map(([id, , trainId]) => [id, trainId]),
);

/** Facts of the layout of Cityscapes. */
interface Cityscapes {
  readonly background: readonly number[];
  readonly ignore: readonly number[];
  readonly classNames: Readonly<Record<number, string>>;
  readonly stuff: readonly number[];
  readonly trainIds: Readonly<Record<number, number>>;
  readonly objectIds: ObjectIds;
  readonly views: readonly [View, View];
}

/** The layout of Cityscapes. Ids 0 to 6, Cityscapes' void classes, are ignored. */
export const cityscapes: Cityscapes = {
  background: [],
  ignore: [0, 1, 2, 3, 4, 5, 6, 255],
  classNames: Object.fromEntries(labels.map(([id, name]) => [id, name])),
  stuff: labels.map(([id]) => id).filter((id) => !cityscapesThings.includes(id)),
  trainIds,
  // An instance id is class · 1000 + number; for stuff it is the class id.
  objectIds: { perClass: 1000, bare: 'class', things: cityscapesThings },
  views: [
    { ending: '_gtFine_labelTrainIds', values: trainIds, other: 255 },
    { ending: '_gtFine_color', ...cityscapesColours },
  ],
};
