/**
 * Every option of every command, once. Flags, help, validation, API types and README's table are made from
 * these tables, which are plain data, so that `--help` loads nothing else.
 */
import { layoutNames } from './formats/layouts.ts';
import { type AreaLimit, backendNames, type MinVisible } from './types.ts';

/** What a value is, and its type once parsed. */
export interface Kinds {
  path: string;
  text: string;
  probability: number;
  fraction: number;
  'fraction or official': MinVisible;
  natural: number;
  count: number;
  'count or all': number | 'all';
  quality: number;
  bytes: number;
  area: AreaLimit;
  range: readonly [low: number, high: number];
  interval: readonly [low: number, high: number];
  ids: readonly number[];
  names: readonly (string | number)[];
  switch: boolean;
}

export interface Option {
  readonly flag: string;
  readonly description: string;
  readonly kind?: keyof Kinds;
  readonly choices?: readonly string[];
  readonly default?: unknown;
  readonly required?: true;
  /** The output's bytes do not follow from it, or follow from what the manifest says of the data set anyway. */
  readonly bytes?: false;
}

type OptionTable = Readonly<Record<string, Option>>;

type ValueOf<O extends Option> = O extends { choices: readonly (infer C)[] }
  ? C
  : O extends { kind: infer K extends keyof Kinds }
    ? Kinds[K]
    : never;

/** Options as a command receives them: all defaults filled in. */
export type Resolved<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends { default: unknown } | { required: true } | { kind: 'switch' }
    ? ValueOf<T[K]>
    : ValueOf<T[K]> | undefined;
};

/** Options as a caller gives them; flags' texts are accepted too. */
export type Given<T extends OptionTable> = {
  readonly [K in keyof T as T[K] extends { required: true } ? K : never]: ValueOf<T[K]>;
} & {
  readonly [K in keyof T as T[K] extends { required: true } ? never : K]?: ValueOf<T[K]> | undefined;
};

const reading = {
  in: { flag: '--in <dir>', kind: 'path', required: true, bytes: false, description: 'data set to read' },
  layout: {
    flag: '--layout <name>',
    choices: layoutNames,
    description: 'folder layout, where detection finds two',
  },
  images: { flag: '--images <dir>', kind: 'path', bytes: false, description: 'folder of images inside --in, with --masks' },
  masks: { flag: '--masks <dir>', kind: 'path', bytes: false, description: 'folder of masks inside --in, with --images' },
  annotations: {
    flag: '--annotations <file>',
    kind: 'path',
    bytes: false,
    description: "document of annotations inside --in (COCO, CVAT, Datumaro), with its images' folder in --images where it is not found",
  },
  requireMasks: {
    flag: '--require-masks',
    kind: 'switch',
    bytes: false,
    description: 'annotations that have boxes and no mask are an error',
  },
  maskSuffix: {
    flag: '--mask-suffix <text>',
    kind: 'text',
    default: '',
    description: "what a mask's name has after its image's, as _mask",
  },
  split: { flag: '--split <name>', kind: 'text', description: 'split to augment (train, or the only one); others pass through' },
  onlySplit: { flag: '--only-split', kind: 'switch', description: 'leave the other splits out' },
  skipBad: { flag: '--skip-bad', kind: 'switch', description: 'leave bad samples out instead of stopping; exit code 3' },
  instances: {
    flag: '--instances <kind>',
    choices: ['component', 'class', 'object'],
    default: 'component',
    description: "what an instance is: a connected component, all pixels of a class, or an object of the layout's instance masks",
  },
  background: { flag: '--background <ids>', kind: 'ids', description: 'ids that are no objects, or none (by layout: 0; CamVid none)' },
  ignore: { flag: '--ignore <ids>', kind: 'ids', description: 'ids of void pixels, or none (by layout: 255; CamVid 11)' },
  classes: { flag: '--classes <list>', kind: 'names', description: 'paste these classes only, by id or name' },
  excludeClasses: { flag: '--exclude-classes <list>', kind: 'names', description: 'never paste these classes' },
  colorMap: {
    flag: '--color-map <file>',
    kind: 'path',
    bytes: false,
    description: "what colours of masks stand for: 'r g b name', 'name:r,g,b::' or 'name,r,g,b' lines (by default one that --in has)",
  },
  classNames: {
    flag: '--class-names <file>',
    kind: 'path',
    bytes: false,
    description: 'names of the class ids: one a line from id 0, or "id name" lines',
  },
} as const satisfies OptionTable;

const planning = {
  preset: {
    flag: '--preset <name>',
    choices: ['default', 'composer', 'paper', 'ssj'],
    default: 'default',
    description: 'values for several options at once',
  },
  p: { flag: '-p <p>', kind: 'probability', default: 0.5, description: 'probability that a sample is pasted into' },
  seed: { flag: '--seed <n>', kind: 'natural', default: 0, description: 'every random choice follows from it' },
  maxInstances: {
    flag: '--max-instances <n>',
    kind: 'count or all',
    default: 5,
    description: 'most instances pasted into a sample, or all',
  },
  minArea: {
    flag: '--min-area <area>',
    kind: 'area',
    default: 0.0005,
    description: 'smallest pasted area: fraction of the image, or 25px',
  },
  maxArea: { flag: '--max-area <area>', kind: 'area', default: 0.25, description: 'largest pasted area: fraction of the image, or pixels' },
  scale: { flag: '--scale <lo,hi>', kind: 'range', default: [0.5, 2], description: 'uniform range of the scale' },
  flip: { flag: '--flip <p>', kind: 'probability', default: 0.5, description: 'probability of a horizontal flip' },
  maxTranslation: {
    flag: '--max-translation <f>',
    kind: 'fraction',
    default: 1,
    description: 'how far an instance may move, as a fraction of width and height; 1 is anywhere',
  },
  jitter: {
    flag: '--jitter <what>',
    choices: ['instance', 'scene'],
    default: 'instance',
    description: "what is jittered: each instance, or both whole scenes (the paper's form)",
  },
  truncated: {
    flag: '--truncated <what>',
    choices: ['skip', 'keep'],
    default: 'skip',
    description: "instances that touch their image's border, and so show a straight edge",
  },
  minVisible: {
    flag: '--min-visible <f>',
    kind: 'fraction or official',
    default: 0.05,
    description:
      "an existing instance that keeps less than this of its pixels is dropped; official: as the paper's code does, one whose box moves by more than 10 pixels and that keeps 300 or fewer",
  },
  targets: {
    flag: '--targets <which>',
    choices: ['all', 'annotated', 'background'],
    default: 'all',
    description: 'what is pasted into: samples with annotations, background images without any, or both',
  },
  backgroundRatio: {
    flag: '--background-ratio <p>',
    kind: 'probability',
    description: 'probability that a background image is pasted into (by default -p)',
  },
  batchSize: { flag: '--batch-size <n>', kind: 'count', default: 16, description: 'samples that sources are drawn among' },
  allowSelf: { flag: '--allow-self', kind: 'switch', description: 'a sample may be its own source' },
} as const satisfies OptionTable;

const sourcing = {
  sources: {
    flag: '--sources <dir>',
    kind: 'path',
    bytes: false,
    description: 'another data set, of any layout: instances are taken from all of it',
  },
  sourcesLayout: {
    flag: '--sources-layout <name>',
    choices: layoutNames,
    bytes: false,
    description: 'its folder layout, where detection finds two',
  },
  sourcesSplit: {
    flag: '--sources-split <name>',
    kind: 'text',
    bytes: false,
    description: 'its split to take instances from (train, or the only one)',
  },
  classMap: {
    flag: '--class-map <file>',
    kind: 'path',
    bytes: false,
    description: "YAML or JSON of the sources' classes, 'person: pedestrian', by name or id, null for none (by default equal names)",
  },
} as const satisfies OptionTable;

const running = {
  backend: {
    flag: '--backend <name>',
    choices: backendNames,
    default: 'cpu',
    bytes: false,
    description: 'rendering backend; the output is identical',
  },
  jobs: {
    flag: '-j, --jobs <n>',
    kind: 'count',
    bytes: false,
    description: 'samples in flight (by default four more than there are cores)',
  },
  memory: {
    flag: '--memory <size>',
    kind: 'bytes',
    bytes: false,
    description: 'pixels in flight, as 512MB or 4GB (by default half of what the process may use)',
  },
  quiet: { flag: '-q, --quiet', kind: 'switch', bytes: false, description: 'no progress and no summary' },
} as const satisfies OptionTable;

export const augmentOptions = {
  ...reading,
  out: {
    flag: '--out <dir>',
    kind: 'path',
    required: true,
    bytes: false,
    description: 'folder to write: new, empty, or of a run to continue',
  },
  ...planning,
  ...sourcing,
  copies: { flag: '--copies <k>', kind: 'count', default: 1, description: 'variants of each sample, named _aug1, _aug2, …' },
  includeOriginals: { flag: '--include-originals', kind: 'switch', description: 'write the unchanged samples too' },
  imageFormat: {
    flag: '--image-format <name>',
    choices: ['png', 'jpeg', 'webp', 'tiff', 'avif'],
    description: "format of pasted images (by default each input's own)",
  },
  quality: { flag: '--quality <n>', kind: 'quality', default: 95, description: 'quality of JPEG, WebP and AVIF' },
  polygons: {
    flag: '--polygons',
    kind: 'switch',
    description: 'pasted and changed annotations of documents are polygons where these lose no hole or part; else run lengths',
  },
  maskFiles: {
    flag: '--mask-files',
    kind: 'switch',
    description: "masks of classes and objects too, as labelme's converter to VOC has them, where annotations are shapes",
  },
  link: { flag: '--link', kind: 'switch', bytes: false, description: 'hard-link unchanged files instead of copying them' },
  overwrite: {
    flag: '--overwrite',
    kind: 'switch',
    bytes: false,
    description: 'take away what an earlier run has written to --out, and begin anew',
  },
  fallback: {
    flag: '--fallback',
    kind: 'switch',
    bytes: false,
    description: 'render on the CPU where --backend is not available or fails',
  },
  dryRun: { flag: '--dry-run', kind: 'switch', bytes: false, description: 'print the plan of each sample, and write nothing' },
  ...running,
  json: { flag: '--json', kind: 'switch', bytes: false, description: 'print the summary as one JSON object on standard output' },
} as const satisfies OptionTable;

export const previewOptions = {
  ...reading,
  out: { flag: '--out <file>', kind: 'path', required: true, description: 'picture to write: .png, .jpg or .webp' },
  rows: { flag: '-n, --rows <n>', kind: 'count', default: 12, description: 'samples to show' },
  ...planning,
  ...sourcing,
  ...running,
} as const satisfies OptionTable;

const { batchSize: _, minVisible: __, ...planningOfTensors } = planning;

/** Options of `copyPasteBatch`; there is no command line for them. */
export const batchOptions = {
  ...planningOfTensors,
  step: { flag: 'step', kind: 'natural', default: 0, description: 'number of the batch: another step draws anew' },
  instances: {
    ...reading.instances,
    choices: ['component', 'class'],
    description: 'what an instance is: a connected component, or all pixels of a class',
  },
  background: { ...reading.background, default: [0], description: 'ids that are no objects' },
  ignore: { ...reading.ignore, default: [255], description: 'ids of void pixels' },
  classes: { flag: 'classes', kind: 'ids', description: 'paste these ids only' },
  excludeClasses: { flag: 'excludeClasses', kind: 'ids', description: 'never paste these ids' },
  channelsFirst: { flag: 'channelsFirst', kind: 'switch', description: 'images are [N, C, H, W]' },
  range: { flag: 'range', kind: 'interval', default: [0, 255], description: 'what black and white are in float32 images' },
} as const satisfies OptionTable;

export const verifyOptions = {
  out: { flag: '<out>', kind: 'path', required: true, description: 'folder that augment has written' },
  deep: { flag: '--deep', kind: 'switch', description: 'render every sample anew from --in, and compare bytes' },
  in: { flag: '--in <dir>', kind: 'path', description: 'data set that it was made from, with --deep' },
  sources: { flag: '--sources <dir>', kind: 'path', description: 'the data set that instances were taken from, where --sources named one' },
  sample: { flag: '--sample <n>', kind: 'count', description: 'with --deep, only so many samples, spread evenly' },
  ...running,
  json: { flag: '--json', kind: 'switch', description: 'print the differences as one JSON object on standard output' },
} as const satisfies OptionTable;

export const replayOptions = {
  manifest: { flag: '<manifest>', kind: 'path', required: true, description: 'manifest.json of the output to build anew' },
  in: { flag: '--in <dir>', kind: 'path', required: true, description: 'data set that it was made from' },
  sources: { flag: '--sources <dir>', kind: 'path', description: 'the data set that instances were taken from, where --sources named one' },
  out: { flag: '--out <dir>', kind: 'path', required: true, description: 'folder to write' },
  only: { flag: '--only <id>', kind: 'text', description: 'only this sample, by its id or by the path of its image in the output' },
  ...running,
} as const satisfies OptionTable;

const { split: _split, onlySplit: _onlySplit, skipBad: _skipBad, instances, classes: _c, excludeClasses: _e, ...ofAnnotations } = reading;
const dataArgument = { flag: '<data>', kind: 'path', required: true, description: 'data set to read' } as const;

export const checkOptions = {
  ...ofAnnotations,
  in: dataArgument,
  onlySplit: { ...reading.onlySplit, description: 'only the split called train, or --split' },
  split: { ...reading.split, description: 'with --only-split, the split to check' },
  jobs: running.jobs,
  quiet: running.quiet,
  json: verifyOptions.json,
} as const satisfies OptionTable;

export const inspectOptions = {
  ...ofAnnotations,
  in: dataArgument,
  split: { ...reading.split, description: 'split that comes first, where none is called train' },
  instances,
  jobs: running.jobs,
  quiet: running.quiet,
  json: { flag: '--json', kind: 'switch', description: 'print what was found as one JSON object' },
} as const satisfies OptionTable;

export const doctorOptions = {
  backend: { flag: '--backend <name>', choices: backendNames, description: 'only this one, in this process' },
  json: { flag: '--json', kind: 'switch', description: 'print what was found as JSON' },
} as const satisfies OptionTable;

export type AugmentOptions = Resolved<typeof augmentOptions>;

type Planning = Partial<Resolved<typeof planning>> & { readonly instances?: AugmentOptions['instances'] };

/** Presets, over the defaults; what is said explicitly wins over both. */
export const presets: Readonly<Record<AugmentOptions['preset'], Planning>> = {
  default: {},
  // The reference implementation's numbers.
  composer: {
    maxInstances: 'all',
    minArea: 0.01,
    maxArea: 0.5,
    maxTranslation: 0.5,
    scale: [0.01, 0.99],
    flip: 0.9,
    instances: 'class',
    truncated: 'keep',
  },
  // Ghiasi et al., CVPR 2021, section 3: large-scale jittering of both scenes.
  paper: {
    p: 1,
    jitter: 'scene',
    scale: [0.1, 2],
    maxInstances: 'all',
    minArea: '1px',
    maxArea: 1,
    truncated: 'keep',
    minVisible: 'official',
  },
  // The same with standard-scale jittering.
  ssj: {
    p: 1,
    jitter: 'scene',
    scale: [0.8, 1.25],
    maxInstances: 'all',
    minArea: '1px',
    maxArea: 1,
    truncated: 'keep',
  },
};
