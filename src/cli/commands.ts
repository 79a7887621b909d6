import {
  augmentOptions,
  checkOptions,
  completionOptions,
  configFlags,
  doctorOptions,
  extractOptions,
  initOptions,
  inspectOptions,
  jobfileOptions,
  mergeOptions,
  type Option,
  packOptions,
  planOptions,
  previewOptions,
  replayOptions,
  reportOptions,
  shardFlags,
  statusOptions,
  verifyOptions,
} from '../options.ts';

/** A command, as help, completions and the man page describe it. */
export interface CommandRow {
  readonly name: string;
  readonly description: string;
  readonly options: Readonly<Record<string, Option>>;
  /** Names of the options that short help shows, and help shows first; all if absent. */
  readonly first?: readonly string[];
  readonly examples: readonly Example[];
}

/** A command line, with its purpose. */
export interface Example {
  readonly line: string;
  readonly purpose: string;
}

/** All commands, in the order of help. */
export const commands = [
  {
    name: 'augment',
    description: 'write an augmented data set in the same layout, with manifest.json',
    options: { ...augmentOptions, ...shardFlags, ...configFlags },
    first: ['in', 'out', 'p', 'preset', 'maxInstances', 'classes', 'sources', 'copies', 'seed', 'dryRun'],
    examples: [
      { line: 'copypaste augment data --out aug', purpose: 'paste into half of the samples of the training split' },
      {
        line: 'copypaste augment data --out aug -p 1 --copies 3 --classes car,person',
        purpose: 'three variants of each sample, of two classes',
      },
      {
        line: 'copypaste augment data --out aug --preset placed --sources more',
        purpose: 'instances of another data set, where their class stands',
      },
    ],
  },
  {
    name: 'plan',
    description: 'print a run file, from which many machines make one output, shard by shard',
    options: { ...planOptions, ...configFlags },
    first: ['in', 'out', 'shards', 'fast', 'p', 'preset', 'classes', 'sources', 'copies', 'seed'],
    examples: [{ line: 'copypaste plan data --out aug --shards 512 > set.run', purpose: 'the run file of 512 shards' }],
  },
  {
    name: 'jobfile',
    description: 'print a file of jobs for a scheduler: one for each shard of a run, and the merge',
    options: jobfileOptions,
    examples: [{ line: 'copypaste jobfile slurm --run set.run > set.slurm', purpose: 'a file to edit; bash set.slurm submits it' }],
  },
  {
    name: 'status',
    description: 'show which shards of a run are done; the exit code is 3 if some are missing',
    options: statusOptions,
    examples: [
      { line: 'copypaste status --run set.run', purpose: 'how many shards are done, and which are missing' },
      { line: 'copypaste status --run set.run --missing slurm', purpose: 'the missing shards for sbatch --array' },
    ],
  },
  {
    name: 'merge',
    description: 'write the annotation documents and manifest.json of a run whose shards are done',
    options: mergeOptions,
    examples: [{ line: 'copypaste merge --run set.run', purpose: 'the complete output' }],
  },
  {
    name: 'extract',
    description: 'write the instances of a data set as cut-outs, a bank of objects for --sources',
    options: { ...extractOptions, ...configFlags },
    first: ['in', 'out', 'classes', 'excludeClasses', 'instances', 'minSourceArea', 'stuff', 'layout', 'split', 'json'],
    examples: [{ line: 'copypaste extract data --out bank', purpose: 'a bank that augment and preview take with --sources bank' }],
  },
  {
    name: 'pack',
    description: 'pack a data set, such as an output of augment, into tars of WebDataset or Parquet files of Hugging Face',
    options: { ...packOptions, ...configFlags },
    first: ['form', 'in', 'out', 'samplesPerFile', 'layout', 'split', 'onlySplit', 'maskSuffix', 'overwrite', 'json'],
    examples: [
      { line: 'copypaste pack webdataset aug --out packed', purpose: 'train-000000.tar and so on, of 1000 samples each' },
      { line: 'copypaste pack parquet aug --out packed', purpose: "a folder that load_dataset('parquet', data_dir='packed/data') reads" },
    ],
  },
  {
    name: 'preview',
    description: 'draw a contact sheet: originals, augmented images, and masks with outlines of pastes',
    options: { ...previewOptions, ...configFlags },
    first: ['in', 'out', 'rows', 'p', 'preset', 'maxInstances', 'classes', 'sources', 'seed', 'split'],
    examples: [{ line: 'copypaste preview data --out sheet.png -p 1', purpose: 'a picture of the first twelve samples' }],
  },
  {
    name: 'init',
    description: 'look at a data set, and write a configuration with comments: classes, presets and options to choose from',
    options: initOptions,
    first: ['in', 'out', 'print', 'layout', 'split', 'instances', 'background', 'ignore', 'classNames', 'annotations'],
    examples: [
      { line: 'copypaste init data', purpose: 'copypaste.yaml, which the other commands then read in this folder' },
      { line: 'copypaste init data --print', purpose: 'the same on standard output' },
    ],
  },
  {
    name: 'inspect',
    description: 'describe a data set: layout, splits, sizes, classes and possible problems; or compare the classes of two',
    options: { ...inspectOptions, ...configFlags },
    first: ['in', 'other', 'layout', 'split', 'instances', 'background', 'ignore', 'classNames', 'annotations', 'json'],
    examples: [
      { line: 'copypaste inspect data', purpose: 'what copypaste finds in the data set' },
      { line: 'copypaste inspect data aug', purpose: 'the classes of two data sets side by side' },
    ],
  },
  {
    name: 'verify',
    description: 'compare an output with its manifest; with --deep, also render its samples again and compare them',
    options: verifyOptions,
    examples: [
      { line: 'copypaste verify aug', purpose: 'find files that are missing, damaged or changed' },
      { line: 'copypaste verify aug --deep --in data', purpose: 'plan and render everything again, and compare' },
    ],
  },
  {
    name: 'report',
    description: 'write a page that shows what augment did: samples before and after, classes, places, sizes',
    options: { ...reportOptions, ...configFlags },
    examples: [{ line: 'copypaste report aug --in data', purpose: 'report.html, with pictures' }],
  },
  {
    name: 'replay',
    description: 'rebuild an output from its manifest and input, byte for byte',
    options: replayOptions,
    examples: [{ line: 'copypaste replay aug/manifest.json --in data --out again', purpose: 'the same bytes again' }],
  },
  {
    name: 'check',
    description: 'find contradictions in the annotations of any data set',
    options: { ...checkOptions, ...configFlags },
    first: ['in', 'layout', 'split', 'onlySplit', 'background', 'ignore', 'classNames', 'annotations', 'jobs', 'json'],
    examples: [{ line: 'copypaste check data', purpose: 'exit code 1 if a file contradicts another' }],
  },
  {
    name: 'doctor',
    description: 'test each backend on this machine, and show what to install for those that are not available',
    options: doctorOptions,
    examples: [{ line: 'copypaste doctor', purpose: 'which backends this machine has' }],
  },
  {
    name: 'completion',
    description: 'print a script that completes commands, options and files in a shell',
    options: completionOptions,
    examples: [
      { line: 'source <(copypaste completion bash)', purpose: 'in ~/.bashrc; zsh likewise in ~/.zshrc' },
      { line: 'copypaste completion fish | source', purpose: 'in ~/.config/fish/config.fish' },
    ],
  },
] as const satisfies readonly CommandRow[];

export type CommandName = (typeof commands)[number]['name'];

/** Examples of the program. */
export const examples: readonly Example[] = [
  { line: 'copypaste inspect data', purpose: 'what is in a data set' },
  { line: 'copypaste preview data --out sheet.png -p 1', purpose: 'what pasting does to its first samples' },
  { line: 'copypaste augment data --out aug', purpose: 'the augmented data set' },
];
