/**
 * Every option of every command, defined once. Flags, help, validation, API types and the tables of docs/ are made from
 * these tables. They are plain data, so that `--help` loads nothing else.
 */
import { cutoutsLayout } from './formats/bank.ts';
import { layoutNames } from './formats/layouts.ts';
import { backendNames } from './render/backends.ts';
import type { MinVisible } from './render/visibility.ts';
import { type JobFileName, jobFiles } from './schedulers/job-files.ts';
import { listing, schedulers } from './schedulers/schedulers.ts';
import { type AreaLimit, type Balancing, configName } from './types.ts';

/** Kinds of values, each with the type of its parsed value. */
export interface Kinds {
  path: string;
  /** A path inside the data set. */
  'path inside': string;
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
  pixels: `${number}px`;
  range: readonly [low: number, high: number];
  interval: readonly [low: number, high: number];
  quantiles: readonly [low: number, high: number];
  ids: readonly number[];
  names: readonly (string | number)[];
  /** Lines of a file, which `engine/option-files.ts` reads if its path is given. */
  list: readonly string[];
  encoding: string;
  ranges: Ranges;
  /** Ranges as in a YAML or JSON file, which `engine/option-files.ts` reads if its path is given. */
  'file of ranges': Ranges;
  weights: Readonly<Record<string, number>>;
  balance: Balancing;
  sweeps: readonly string[];
  switch: boolean;
}

/** Ranges by class name or id. */
type Ranges = Readonly<Record<string, readonly [low: number, high: number]>>;

/** Headings of options, in the order of help. */
export const groups = ['Input', 'What is pasted', 'Where it is pasted', 'How it is pasted', 'Output', 'Run'] as const;

export interface Option {
  readonly flag: string;
  readonly description: string;
  readonly kind?: keyof Kinds;
  readonly choices?: readonly string[];
  readonly default?: unknown;
  readonly required?: true;
  /** Switch beside which a required option may be left out; its value is then empty. */
  readonly unless?: string;
  /** False if no output byte depends on the option, except through facts of the data set that the manifest records anyway. */
  readonly bytes?: false;
  /** False if only the command line sets the option, since it concerns a single call. */
  readonly config?: false;
  /** Heading under which help lists the option. */
  readonly group?: (typeof groups)[number];
  /** Name under which a command takes the value without its flag too. */
  readonly argument?: string;
  /** False if the option has no effect beside `--jitter scene`, and is refused there. */
  readonly scene?: false;
  /** Options without effect beside it, which may not be given then. */
  readonly replaces?: readonly string[];
  /** Values of other options beside which it is refused. */
  readonly notWith?: Readonly<Record<string, unknown>>;
}

type OptionTable = Readonly<Record<string, Option>>;

type ValueOf<O extends Option> = O extends { choices: readonly (infer C)[] }
  ? C
  : O extends { kind: infer K extends keyof Kinds }
    ? Kinds[K]
    : never;

/** Options as a command receives them, with all defaults filled in. */
export type Resolved<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends { default: unknown } | { required: true } | { kind: 'switch' }
    ? ValueOf<T[K]>
    : ValueOf<T[K]> | undefined;
};

/** Options as a caller gives them; strings as on a command line are accepted too. */
export type Given<T extends OptionTable> = {
  readonly [K in keyof T as T[K] extends { required: true } ? K : never]: ValueOf<T[K]>;
} & {
  readonly [K in keyof T as T[K] extends { required: true } ? never : K]?:
    | ValueOf<T[K]>
    | (T[K] extends { kind: 'file of ranges' | 'list' } ? string : never)
    | undefined;
};

const reading = {
  in: { flag: '--in <dir>', argument: 'data', group: 'Input', kind: 'path', required: true, bytes: false, description: 'data set to read' },
  layout: {
    flag: '--layout <name>',
    group: 'Input',
    choices: layoutNames,
    description: 'folder layout; needed if more than one matches',
  },
  images: {
    flag: '--images <dir>',
    group: 'Input',
    kind: 'path inside',
    bytes: false,
    description: 'folder of images inside --in, with --masks',
  },
  masks: {
    flag: '--masks <dir>',
    group: 'Input',
    kind: 'path inside',
    bytes: false,
    description: 'folder of masks inside --in, with --images',
  },
  encoding: {
    flag: '--encoding <label>',
    group: 'Input',
    kind: 'encoding',
    default: 'utf-8',
    description: 'encoding of annotations, class names and other texts, such as latin1 or gbk',
  },
  annotations: {
    flag: '--annotations <file>',
    group: 'Input',
    kind: 'path inside',
    bytes: false,
    description:
      'annotation document inside --in (COCO, CVAT, Datumaro, VIA); if its images are not found, name their folder with --images',
  },
  classAttribute: {
    flag: '--class-attribute <name>',
    group: 'Input',
    kind: 'text',
    description: 'region attribute that holds the class (VIA); needed if more than one may',
  },
  requireMasks: {
    flag: '--require-masks',
    group: 'Input',
    kind: 'switch',
    bytes: false,
    description: 'fail if an annotation has a box but no mask',
  },
  maskSuffix: {
    flag: '--mask-suffix <text>',
    group: 'Input',
    kind: 'text',
    default: '',
    description: 'what the name of a mask has after that of its image, such as _mask',
  },
  imageSuffix: {
    flag: '--image-suffix <text>',
    group: 'Input',
    kind: 'text',
    default: '',
    description: 'what the name of an image has after that of its sample, such as _sat; with --mask-suffix',
  },
  threshold: {
    flag: '--threshold <n>',
    group: 'Input',
    kind: 'count',
    description: 'read masks as two classes: 1 from this value on, such as 128, and 0 below it',
  },
  split: {
    flag: '--split <name>',
    group: 'Input',
    kind: 'text',
    description: 'split to augment (by default train, or the only one); other splits are copied unchanged',
  },
  list: {
    flag: '--list <file>',
    group: 'Input',
    kind: 'list',
    bytes: false,
    config: false,
    description:
      'file of sample ids or paths of images, or - for standard input: these samples are the data set, and all others are left out',
  },
  onlySplit: { flag: '--only-split', group: 'Input', kind: 'switch', description: 'leave out the other splits' },
  skipBad: {
    flag: '--skip-bad',
    group: 'Input',
    kind: 'switch',
    description: 'leave out bad samples instead of stopping; the exit code is then 3',
  },
  crowd: {
    flag: '--crowd <mode>',
    group: 'Input',
    choices: ['skip', 'objects'],
    default: 'skip',
    description:
      'COCO: never paste annotations with iscrowd 1; or take those with run lengths for objects, since CVAT and Datumaro export masks so',
  },
  instances: {
    flag: '--instances <kind>',
    group: 'What is pasted',
    choices: ['component', 'class', 'object'],
    default: 'component',
    description: "definition of an instance: a connected component, all pixels of a class, or an object of the layout's instance masks",
  },
  join: {
    flag: '--join <pixels>',
    group: 'What is pasted',
    kind: 'pixels',
    description:
      'make one instance of components of a class with at most this many pixels between them, such as 6px; for class masks, with --instances component',
  },
  background: {
    flag: '--background <ids>',
    group: 'Input',
    kind: 'ids',
    description: 'ids of the background, or none (by default those of the layout)',
  },
  ignore: {
    flag: '--ignore <ids>',
    group: 'Input',
    kind: 'ids',
    description: 'ids of pixels to ignore, or none (by default those of the layout)',
  },
  classes: { flag: '--classes <list>', group: 'What is pasted', kind: 'names', description: 'paste only these classes, by id or name' },
  excludeClasses: { flag: '--exclude-classes <list>', group: 'What is pasted', kind: 'names', description: 'never paste these classes' },
  colorMap: {
    flag: '--color-map <file>',
    group: 'Input',
    kind: 'path',
    bytes: false,
    description:
      "file that gives each mask colour a class, in lines 'r g b name', 'name:r,g,b::' or 'name,r,g,b' (by default a colour map found in --in)",
  },
  classNames: {
    flag: '--class-names <file>',
    group: 'Input',
    kind: 'path',
    bytes: false,
    description: 'names of the class ids: one per line from id 0, or lines "id name"',
  },
} as const satisfies OptionTable;

/** Options that plans and pixels depend on, beside those of reading. */
export const planning = {
  preset: {
    flag: '--preset <name>',
    group: 'How it is pasted',
    choices: ['default', 'composer', 'paper', 'ssj', 'overhead', 'placed'],
    default: 'default',
    description: 'set of values for several options',
  },
  p: {
    flag: '-p <p>',
    group: 'Where it is pasted',
    kind: 'probability',
    default: 0.5,
    description: 'probability of pasting into a sample',
  },
  seed: { flag: '--seed <n>', group: 'How it is pasted', kind: 'natural', default: 0, description: 'seed of every random choice' },
  maxInstances: {
    flag: '--max-instances <n>',
    group: 'What is pasted',
    kind: 'count or all',
    default: 5,
    description: 'maximum number of instances to paste into a sample, or all',
  },
  minSourceArea: {
    flag: '--min-source-area <area>',
    group: 'What is pasted',
    kind: 'area',
    default: '1px',
    description: 'smallest area of an instance in its own image, as a fraction of that image, or in pixels such as 64px',
  },
  minArea: {
    flag: '--min-area <area>',
    group: 'Where it is pasted',
    kind: 'area',
    default: 0.0005,
    description: 'smallest area of a paste, as a fraction of the image, or in pixels such as 25px',
  },
  maxArea: {
    flag: '--max-area <area>',
    group: 'Where it is pasted',
    kind: 'area',
    default: 0.25,
    description: 'largest area of a paste, as a fraction of the image, or in pixels',
  },
  scale: {
    flag: '--scale <lo,hi>',
    group: 'How it is pasted',
    kind: 'range',
    default: [0.5, 2],
    description: 'range of the scale, drawn uniformly',
  },
  scaleByClass: {
    flag: '--scale-by-class <file>',
    group: 'How it is pasted',
    kind: 'file of ranges',
    scene: false,
    description:
      "YAML or JSON file with ranges of the scale for some classes, by name or id, in lines 'car: [0.5, 1.5]' (others use --scale)",
  },
  flip: {
    flag: '--flip <p>',
    group: 'How it is pasted',
    kind: 'probability',
    default: 0.5,
    description: 'probability of a horizontal flip',
  },
  turns: {
    flag: '--turns',
    group: 'How it is pasted',
    kind: 'switch',
    scene: false,
    replaces: ['flip'],
    notWith: { place: 'prior' },
    description:
      'turn and mirror each instance at random, in eight orientations, instead of --flip; for images without an upright direction',
  },
  maxTranslation: {
    flag: '--max-translation <f>',
    group: 'Where it is pasted',
    kind: 'fraction',
    default: 1,
    description: 'maximum translation, as a fraction of width and height; with 1 an instance may land anywhere',
  },
  pasteOn: {
    flag: '--paste-on <list>',
    group: 'Where it is pasted',
    kind: 'names',
    scene: false,
    description: 'classes that a paste may stand on: the class of the pixel below the middle of its lowest row',
  },
  avoid: {
    flag: '--avoid <list>',
    group: 'Where it is pasted',
    kind: 'names',
    scene: false,
    description: 'classes that no paste may cover',
  },
  maxCover: {
    flag: '--max-cover <f>',
    group: 'Where it is pasted',
    kind: 'fraction',
    scene: false,
    description: 'largest fraction of an existing instance that all pastes together may cover; a paste that covers more is drawn again',
  },
  place: {
    flag: '--place <where>',
    group: 'Where it is pasted',
    choices: ['anywhere', 'prior'],
    default: 'anywhere',
    scene: false,
    replaces: ['maxTranslation'],
    description:
      'where instances land: anywhere; or, by a prior measured from the masks, where their class stands in the data set, and as large as it is there',
  },
  placeBand: {
    flag: '--place-band <lo,hi>',
    group: 'Where it is pasted',
    kind: 'quantiles',
    default: [0.1, 0.9],
    scene: false,
    notWith: { place: 'anywhere' },
    description: 'with --place prior: heights are drawn between these quantiles of the heights of the class in that row of the image',
  },
  jitter: {
    flag: '--jitter <what>',
    group: 'How it is pasted',
    choices: ['instance', 'scene'],
    default: 'instance',
    replaces: ['maxTranslation'],
    description: 'scale and move each instance, or both scenes as a whole, as in the paper',
  },
  tone: {
    flag: '--tone <f>',
    group: 'How it is pasted',
    kind: 'fraction',
    default: 0,
    description: 'change contrast and brightness of each pasted colour channel at random, by up to this fraction',
  },
  blend: {
    flag: '--blend <how>',
    group: 'How it is pasted',
    choices: ['none', 'antialias'],
    default: 'none',
    description: 'blending of the edges of pasted instances with the image; masks are the same either way',
  },
  truncated: {
    flag: '--truncated <what>',
    group: 'What is pasted',
    choices: ['skip', 'keep'],
    default: 'skip',
    description: 'what to do with instances that the border of their image cuts off',
  },
  stuff: {
    flag: '--stuff <what>',
    group: 'What is pasted',
    choices: ['skip', 'keep'],
    default: 'skip',
    description:
      'what to do with stuff, such as sky or road, where the layout says what is stuff; classes that --classes names are always pasted, and stuff of COCO panoptic never',
  },
  minVisible: {
    flag: '--min-visible <f>',
    group: 'Where it is pasted',
    kind: 'fraction or official',
    default: 0.05,
    description:
      "smallest fraction of an existing instance that must stay visible; with less it is dropped. official is the rule of the paper's code: it is dropped if its box moves by more than 10 pixels and 300 pixels or fewer are left",
  },
  balance: {
    flag: '--balance <how>',
    group: 'What is pasted',
    kind: 'balance',
    description:
      'balance of the classes: inverse (equally many pasted instances of each class), rfs or rfs:T (repeat factors of LVIS, with the threshold T or 0.001), or target:FILE (shares in a YAML or JSON file)',
  },
  classWeights: {
    flag: '--class-weights <list>',
    group: 'What is pasted',
    kind: 'weights',
    replaces: ['balance'],
    description: 'weight of an instance of each class, such as car=1,bicyclist=8; other classes have 1, and a class with 0 is never pasted',
  },
  targets: {
    flag: '--targets <which>',
    group: 'Where it is pasted',
    choices: ['all', 'annotated', 'background'],
    default: 'all',
    description: 'samples to paste into: all, those with annotations, or background images, which have none',
  },
  backgroundRatio: {
    flag: '--background-ratio <p>',
    group: 'Where it is pasted',
    kind: 'probability',
    description: 'probability of pasting into a background image (by default -p)',
  },
  batchSize: {
    flag: '--batch-size <n>',
    group: 'What is pasted',
    kind: 'count',
    default: 16,
    description: 'batch size; sources come from the same batch',
  },
  allowSelf: { flag: '--allow-self', group: 'What is pasted', kind: 'switch', description: 'allow a sample to be its own source' },
} as const satisfies OptionTable;

const sourcing = {
  sources: {
    flag: '--sources <dir>',
    group: 'What is pasted',
    kind: 'path',
    bytes: false,
    description: 'another data set, of any layout, or a bank of objects, to take instances from',
  },
  sourcesLayout: {
    flag: '--sources-layout <name>',
    group: 'What is pasted',
    choices: [...layoutNames, cutoutsLayout],
    bytes: false,
    description: 'folder layout of --sources; needed if more than one matches, or if a folder of cut-outs looks like a data set',
  },
  sourcesSplit: {
    flag: '--sources-split <name>',
    group: 'What is pasted',
    kind: 'text',
    bytes: false,
    description: 'split of --sources (by default train, or the only one)',
  },
  classMap: {
    flag: '--class-map <file>',
    group: 'What is pasted',
    kind: 'path',
    bytes: false,
    description:
      "YAML or JSON file that maps classes of --sources, by name or id, in lines 'person: pedestrian', or 'boat: null' to leave a class out (by default classes with equal names)",
  },
} as const satisfies OptionTable;

const running = {
  backend: {
    flag: '--backend <name>',
    group: 'Run',
    choices: backendNames,
    default: 'cpu',
    bytes: false,
    description: 'rendering backend; the output is identical',
  },
  jobs: {
    flag: '-j, --jobs <n>',
    group: 'Run',
    kind: 'count',
    bytes: false,
    description: 'samples processed at the same time (by default the number of cores plus four)',
  },
  memory: {
    flag: '--memory <size>',
    group: 'Run',
    kind: 'bytes',
    bytes: false,
    description: 'memory for pixels, such as 512MB or 4GB (by default half of what the process may use)',
  },
  progress: {
    flag: '--progress <how>',
    group: 'Run',
    choices: ['auto', 'json', 'none'],
    config: false,
    bytes: false,
    description:
      'progress on standard error: a line on a terminal, else one every ten seconds (auto, the default); a line of JSON every second; or none',
  },
  quiet: {
    flag: '-q, --quiet',
    group: 'Run',
    kind: 'switch',
    config: false,
    bytes: false,
    description: 'print no summary, and no progress unless --progress asks for it',
  },
} as const satisfies OptionTable;

const outFolder = {
  flag: '--out <dir>',
  group: 'Output',
  kind: 'path',
  required: true,
  bytes: false,
  description: 'output folder: new, empty, or with a run to continue',
} as const satisfies Option;

export const augmentOptions = {
  ...reading,
  out: { ...outFolder, unless: 'dryRun' },
  ...planning,
  ...sourcing,
  copies: {
    flag: '--copies <k>',
    group: 'Output',
    kind: 'count',
    default: 1,
    description: 'variants of each sample, named _aug1, _aug2, …',
  },
  includeOriginals: { flag: '--include-originals', group: 'Output', kind: 'switch', description: 'also write the unchanged samples' },
  imageFormat: {
    flag: '--image-format <name>',
    group: 'Output',
    choices: ['png', 'jpeg', 'webp', 'tiff', 'avif', 'bmp'],
    description: 'format of augmented images (by default that of each input)',
  },
  quality: {
    flag: '--quality <n>',
    group: 'Output',
    kind: 'quality',
    description: 'quality of JPEG, WebP and AVIF images (by default that of each JPEG input, else 95)',
  },
  polygons: {
    flag: '--polygons',
    group: 'Output',
    kind: 'switch',
    description: 'write pasted and changed annotations as polygons, or as run lengths where polygons would lose a hole or a part',
  },
  maskFiles: {
    flag: '--mask-files',
    group: 'Output',
    kind: 'switch',
    description: "for layouts of objects: also write class and object masks, as labelme's converter to VOC does",
  },
  link: { flag: '--link', group: 'Output', kind: 'switch', bytes: false, description: 'hard-link unchanged files instead of copying them' },
  overwrite: {
    flag: '--overwrite',
    group: 'Output',
    kind: 'switch',
    config: false,
    bytes: false,
    description: 'delete what an earlier run wrote to --out, and start over',
  },
  rescan: {
    flag: '--rescan',
    group: 'Output',
    kind: 'switch',
    config: false,
    bytes: false,
    description: 'if the run is complete, read every file again to compare it, even if its size and times have not changed',
  },
  fallback: {
    flag: '--fallback',
    group: 'Run',
    kind: 'switch',
    bytes: false,
    description: 'render on the CPU if --backend is not available or fails',
  },
  dryRun: {
    flag: '--dry-run',
    group: 'Run',
    kind: 'switch',
    config: false,
    bytes: false,
    description: 'write nothing; print the plan of each sample and the expected size of the output; needs no --out',
  },
  ...running,
  json: {
    flag: '--json',
    group: 'Run',
    kind: 'switch',
    config: false,
    bytes: false,
    description: 'print the summary as one JSON object on standard output',
  },
  jsonLines: {
    flag: '--json-lines',
    group: 'Run',
    kind: 'switch',
    bytes: false,
    config: false,
    notWith: { json: true },
    description: 'print the record of each finished sample on standard output, one JSON object a line, as in manifest.json',
  },
} as const satisfies OptionTable;

export const previewOptions = {
  ...reading,
  split: { ...reading.split, description: 'split to draw samples of (by default train, or the only one)' },
  out: {
    flag: '--out <file>',
    group: 'Output',
    kind: 'path',
    config: false,
    required: true,
    description: 'picture to write: a .png, .jpg or .webp file',
  },
  rows: { flag: '-n, --rows <n>', group: 'Output', kind: 'count', default: 12, description: 'number of samples to show' },
  withClass: {
    flag: '--with-class <class>',
    group: 'Output',
    config: false,
    kind: 'text',
    description: 'show samples that got an instance of this class, by id or name',
  },
  sweep: {
    flag: '--sweep <option=values>',
    group: 'Output',
    config: false,
    kind: 'sweeps',
    description:
      "draw the same samples once with each value of an option, such as 'scale=0.5,1|1,2' or 'preset=default|placed'; given twice, with each pair of values",
  },
  show: {
    flag: '--show <how>',
    group: 'Output',
    config: false,
    choices: ['auto', 'kitty', 'iterm', 'sixel', 'blocks', 'none'],
    default: 'auto',
    description:
      'show the picture in the terminal: as an image of its kind, in coloured blocks, or not at all; auto shows it if standard output is a terminal with graphics or 24-bit colour',
  },
  ...planning,
  ...sourcing,
  copies: { ...augmentOptions.copies, description: 'variants of each sample: they change no picture, but count for --balance' },
  includeOriginals: { ...augmentOptions.includeOriginals, description: 'count the unchanged samples for --balance; it changes no picture' },
  ...running,
} as const satisfies OptionTable;

// A batch is too small to measure a prior.
const { batchSize: _, stuff: __, balance: ___, place: ____, placeBand: _____, ...planningOfTensors } = planning;

/** Options of `copyPasteBatch`, which has no command line. */
export const batchOptions = {
  ...planningOfTensors,
  preset: { ...planning.preset, choices: ['default', 'composer', 'paper', 'ssj', 'overhead'] },
  step: { flag: 'step', kind: 'natural', default: 0, description: 'number of the batch; each step draws different random numbers' },
  instances: {
    ...reading.instances,
    choices: ['component', 'class'],
    description: 'definition of an instance without objects: a connected component, or all pixels of a class',
  },
  join: reading.join,
  background: { ...reading.background, default: [0], description: 'background ids' },
  ignore: { ...reading.ignore, default: [255], description: 'ignore ids' },
  classes: { flag: 'classes', kind: 'ids', description: 'paste only these class ids' },
  excludeClasses: { flag: 'excludeClasses', kind: 'ids', description: 'never paste these class ids' },
  scaleByClass: { ...planning.scaleByClass, kind: 'ranges', description: 'ranges of the scale by class id (others use scale)' },
  pasteOn: { ...planning.pasteOn, kind: 'ids' },
  avoid: { ...planning.avoid, kind: 'ids' },
  classWeights: {
    ...planning.classWeights,
    description: 'relative weight of an instance of each class id; 1 for others, and 0 never pastes a class',
  },
  channelsFirst: { flag: 'channelsFirst', kind: 'switch', description: 'images are [N, C, H, W]' },
  range: {
    flag: 'range',
    kind: 'interval',
    default: [0, 255],
    description: 'values of black and white in float32 images; images from 0 to 1 are refused without it',
  },
} as const satisfies OptionTable;

/** Options of `augment` that name files which a manifest does not hold. */
const filesOfRun = { colorMap: reading.colorMap, classNames: reading.classNames } as const satisfies OptionTable;

export const verifyOptions = {
  out: { flag: '<out>', kind: 'path', required: true, description: 'output folder of augment' },
  deep: { flag: '--deep', kind: 'switch', description: 'plan anew from --in, render every sample again, and compare plans and bytes' },
  in: { flag: '--in <dir>', kind: 'path', description: 'data set that the output was made from, with --deep' },
  sources: { flag: '--sources <dir>', kind: 'path', description: 'data set that instances were taken from, if augment had --sources' },
  sample: { flag: '--sample <n>', kind: 'count', description: 'with --deep, number of samples to render, spread evenly' },
  ...filesOfRun,
  classMap: sourcing.classMap,
  ...running,
  json: {
    flag: '--json',
    group: 'Run',
    kind: 'switch',
    config: false,
    description: 'print the differences as one JSON object on standard output',
  },
} as const satisfies OptionTable;

export const reportOptions = {
  out: verifyOptions.out,
  in: {
    flag: '--in <dir>',
    kind: 'path',
    description: 'data set that the output was made from, to show each sample before and after, and where its instances are',
  },
  page: { flag: '-o, --page <file>', kind: 'path', default: 'report.html', description: 'page to write' },
  samples: { flag: '-n, --samples <n>', kind: 'count', default: 48, description: 'largest number of samples to show in pictures' },
  jobs: running.jobs,
  progress: running.progress,
  quiet: running.quiet,
  json: { flag: '--json', kind: 'switch', description: 'print the numbers of the page as one JSON object on standard output' },
} as const satisfies OptionTable;

export const replayOptions = {
  manifest: { flag: '<manifest>', kind: 'path', required: true, description: 'manifest.json of the output to rebuild' },
  in: { flag: '--in <dir>', kind: 'path', required: true, description: 'data set that the output was made from' },
  sources: { flag: '--sources <dir>', kind: 'path', description: 'data set that instances were taken from, if augment had --sources' },
  out: { flag: '--out <dir>', kind: 'path', required: true, description: 'output folder' },
  ...filesOfRun,
  only: { flag: '--only <id>', kind: 'text', description: 'rebuild only this sample, by its id or by the path of its image in the output' },
  ...running,
} as const satisfies OptionTable;

const { onlySplit: _extracts, ...ofSources } = reading;

export const extractOptions = {
  ...ofSources,
  stuff: planning.stuff,
  minSourceArea: planning.minSourceArea,
  classes: { ...reading.classes, description: 'extract only these classes, by id or name' },
  excludeClasses: { ...reading.excludeClasses, description: 'never extract these classes' },
  split: { ...reading.split, description: 'split to extract from (by default train, or the only one)' },
  out: { ...augmentOptions.out, config: false, description: 'folder of the bank: new, empty, or with a bank to continue' },
  overwrite: augmentOptions.overwrite,
  rescan: augmentOptions.rescan,
  jobs: running.jobs,
  memory: running.memory,
  progress: running.progress,
  quiet: running.quiet,
  json: augmentOptions.json,
} as const satisfies OptionTable;

export type ExtractOptions = Resolved<typeof extractOptions>;

const {
  split: _split,
  onlySplit: _onlySplit,
  skipBad: _skipBad,
  instances,
  join,
  classes: _c,
  excludeClasses: _e,
  ...ofAnnotations
} = reading;

export const checkOptions = {
  ...ofAnnotations,
  onlySplit: { ...reading.onlySplit, description: 'check only the split called train, or --split' },
  split: { ...reading.split, description: 'split to check, with --only-split' },
  jobs: running.jobs,
  progress: running.progress,
  quiet: running.quiet,
  json: verifyOptions.json,
} as const satisfies OptionTable;

/** Forms of archives that `pack` writes. */
const packForms = ['webdataset', 'parquet'] as const;

export const packOptions = {
  form: { flag: '<form>', choices: packForms, required: true, config: false, description: 'form of the archives' },
  ...ofAnnotations,
  onlySplit: { ...reading.onlySplit, config: false, description: 'pack only the split called train, or --split' },
  split: { ...reading.split, config: false, description: 'split to pack, with --only-split' },
  skipBad: reading.skipBad,
  out: { ...outFolder, config: false, description: 'folder of the archives: new, empty, or with a run to continue' },
  samplesPerFile: {
    flag: '--samples-per-file <n>',
    group: 'Output',
    kind: 'count',
    default: 1000,
    config: false,
    description: 'samples in an archive; the last of a split has fewer',
  },
  overwrite: augmentOptions.overwrite,
  rescan: augmentOptions.rescan,
  progress: running.progress,
  quiet: running.quiet,
  json: augmentOptions.json,
} as const satisfies OptionTable;

export type PackOptions = Resolved<typeof packOptions>;

export const inspectOptions = {
  ...ofAnnotations,
  other: {
    flag: '<other>',
    group: 'Input',
    kind: 'path',
    config: false,
    description: 'second data set, whose classes are compared with those of the first',
  },
  split: { ...reading.split, description: 'split to list first (default train)' },
  instances,
  join,
  jobs: running.jobs,
  progress: running.progress,
  quiet: running.quiet,
  json: { flag: '--json', group: 'Run', kind: 'switch', config: false, description: 'print the findings as one JSON object' },
} as const satisfies OptionTable;

const { json: _json, other: _other, ...ofInspection } = inspectOptions;

export const initOptions = {
  ...ofInspection,
  out: { flag: '--out <file>', group: 'Output', kind: 'path', default: configName, description: 'file to write, which must not exist' },
  print: { flag: '--print', group: 'Output', kind: 'switch', description: 'print the configuration on standard output instead' },
} as const satisfies OptionTable;

/** Flags of the commands that read a configuration, beside their options. */
export const configFlags = {
  config: {
    flag: '--config <file>',
    group: 'Run',
    kind: 'path',
    description:
      'options to start from: a configuration, or the manifest.json of a run (by default copypaste.yaml here or in the data set)',
  },
  noConfig: { flag: '--no-config', group: 'Run', kind: 'switch', description: 'read no configuration' },
  printConfig: {
    flag: '--print-config',
    group: 'Run',
    kind: 'switch',
    description: 'print the options in effect, with their origins, as a configuration, and do nothing else',
  },
} as const satisfies OptionTable;

/** Options of all commands that read a configuration; each takes those that it has. */
export const configured: OptionTable = { ...ofInspection, ...checkOptions, ...extractOptions, ...previewOptions, ...augmentOptions };

/** Key of an option in a configuration: the long name of its flag, or `p`. */
export function keyOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export const doctorOptions = {
  backend: { flag: '--backend <name>', choices: backendNames, description: 'test only this backend, in this process' },
  json: { flag: '--json', kind: 'switch', description: 'print the findings as JSON' },
} as const satisfies OptionTable;

export const completionOptions = {
  shell: { flag: '<shell>', choices: ['bash', 'zsh', 'fish'], required: true, description: 'shell that reads the script' },
} as const satisfies OptionTable;

const { link, overwrite, rescan: _rescan, fallback, dryRun: _dryRun, jsonLines: _jsonLines, backend, json, ...ofPlan } = augmentOptions;

export const planOptions = {
  ...ofPlan,
  skipBad: { ...reading.skipBad, description: 'leave out bad samples instead of stopping; the exit code of merge is then 3' },
  shards: { flag: '--shards <n>', kind: 'count', required: true, config: false, description: 'number of shards that the work is cut into' },
  fast: {
    flag: '--fast',
    kind: 'switch',
    config: false,
    description: 'list the sizes and times of files instead of their digests, so that no file is read for them',
  },
  measure: {
    flag: '--measure <which>',
    kind: 'text',
    config: false,
    description:
      'measure only a part of the samples, such as 3/64, and print what --join needs of it; slurm/64 reads the index of the task from a scheduler',
  },
  join: {
    flag: '--join <file>',
    kind: 'path',
    config: false,
    description: 'file of all parts that --measure has printed, one after another: take the measures from it, and read no samples for them',
  },
} as const satisfies OptionTable;

/** Flags with which `augment` does a shard. */
export const shardFlags = {
  run: {
    flag: '--run <file>',
    group: 'Run',
    kind: 'path',
    bytes: false,
    config: false,
    description: 'run file of plan, which has all other options: do one of its shards',
  },
  shard: {
    flag: '--shard <which>',
    group: 'Run',
    kind: 'text',
    bytes: false,
    config: false,
    description: `number of the shard, from 1, and of all shards, such as 3/512; or the scheduler whose index of the task is read (${Object.keys(schedulers).join(', ')})`,
  },
} as const satisfies OptionTable;

/** Options of `augment` with a run file. */
export const shardOptions = {
  run: { ...shardFlags.run, required: true },
  shard: { ...shardFlags.shard, required: true },
  in: { flag: '--in <dir>', kind: 'path', description: 'data set, if it is not where it was when the run was planned' },
  out: { flag: '--out <dir>', kind: 'path', description: 'output folder, if it is not the planned one' },
  sources: { flag: '--sources <dir>', kind: 'path', description: 'data set of the sources, if it is not where it was' },
  link,
  fallback,
  ...running,
  json,
} as const satisfies OptionTable;

const { run, in: dataOfRun, out: outputOfRun, sources: sourcesOfRun } = shardOptions;

export const mergeOptions = {
  run: { ...run, description: 'run file of plan' },
  in: dataOfRun,
  out: outputOfRun,
  sources: sourcesOfRun,
  quiet: running.quiet,
  json,
} as const satisfies OptionTable;

export const statusOptions = {
  run: mergeOptions.run,
  out: outputOfRun,
  missing: {
    flag: '--missing <scheduler>',
    choices: [...listing, 'parallel'],
    description: 'print only the shards that are not done, as indices of an array such as 3,5-7, or one on a line for GNU parallel',
  },
  largest: {
    flag: '--largest <n>',
    kind: 'count',
    description:
      'largest index of an array, with --missing (by default 1000); indices of further arrays follow on further lines, with the number for --shard slurm+N',
  },
  json: { flag: '--json', kind: 'switch', description: 'print the numbers of the shards as one JSON object' },
} as const satisfies OptionTable;

export const jobfileOptions = {
  scheduler: {
    flag: '<scheduler>',
    choices: Object.keys(jobFiles) as JobFileName[],
    required: true,
    description: 'scheduler of the jobs',
  },
  run: mergeOptions.run,
} as const satisfies OptionTable;

export type AugmentOptions = Resolved<typeof augmentOptions>;

export type PreviewOptions = Resolved<typeof previewOptions>;

type Planning = Partial<Resolved<typeof planning>> & { readonly instances?: AugmentOptions['instances'] };

/** A set of values for several options. They override the defaults, and options that are given override both. */
interface Preset {
  /** Sentence of when to use it. */
  readonly when: string;
  readonly values: Planning;
}

/** All presets, by name. */
export const presets: Readonly<Record<AugmentOptions['preset'], Preset>> = {
  default: { when: 'for data of any kind: instances land anywhere in the image', values: {} },
  // The reference implementation's numbers.
  composer: {
    when: 'to repeat results of MosaicML Composer',
    values: {
      maxInstances: 'all',
      minArea: 0.01,
      maxArea: 0.5,
      maxTranslation: 0.5,
      scale: [0.01, 0.99],
      flip: 0.9,
      instances: 'class',
      truncated: 'keep',
      stuff: 'keep',
    },
  },
  // Ghiasi et al., CVPR 2021, section 3: large-scale jittering of both scenes.
  paper: {
    when: 'to repeat the paper: source and target are jittered as whole scenes, with the large scale range (0.1–2.0)',
    values: {
      p: 1,
      jitter: 'scene',
      scale: [0.1, 2],
      maxInstances: 'all',
      minArea: '1px',
      maxArea: 1,
      truncated: 'keep',
      minVisible: 'official',
    },
  },
  ssj: {
    when: 'like paper, with the standard scale range (0.8–1.25), for short training',
    values: {
      p: 1,
      jitter: 'scene',
      scale: [0.8, 1.25],
      maxInstances: 'all',
      minArea: '1px',
      maxArea: 1,
      truncated: 'keep',
    },
  },
  overhead: {
    when: 'for images without an upright direction, such as aerial, satellite and microscope images: instances are turned',
    values: { turns: true },
  },
  placed: {
    when: 'for scenes with a fixed up and down, such as streets: things land where their class stands in the data set, as large as it is there, and each class equally often',
    values: { place: 'prior', stuff: 'skip', balance: 'inverse' },
  },
};
