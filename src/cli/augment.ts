import type { Dataset } from '../dataset/open.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import type { AugmentSummary } from '../engine/tally.ts';
import { exitCodes, printable } from '../errors.ts';
import type { augmentOptions, Given } from '../options.ts';
import type { SampleRecord } from '../output/manifest.ts';
import type { Scene } from '../types.ts';
import { augment } from '../verbs/augment.ts';
import { describeBackend } from './backend.ts';
import { createProgress, type Streams } from './progress.ts';
import { watched } from './signals.ts';

/** Runs `augment` and says how it went. */
export async function run(given: Given<typeof augmentOptions>, { stdout, stderr }: Streams): Promise<number> {
  const quiet = given.quiet === true;
  const say = (line: string): void => {
    if (!quiet) stderr.write(`${printable(line)}\n`);
  };
  const progress = await createProgress(stderr, quiet || given.dryRun === true);
  return watched(stderr, progress, given.out, async (stop) => {
    let dataset: SourcedDataset | undefined;
    let started = 0;
    const summary = await augment(given, {
      opened: (opened, total) => {
        dataset = opened;
        for (const line of [describeDataset(opened), ...describeDocument(opened), ...describeSources(opened), ...opened.notes]) say(line);
        const objects = opened.folders.find((one) => one.objects)?.objects;
        if (objects && opened.documents.size === 0 && given.instances === undefined && given.preset !== 'composer')
          say(`instances are connected components; --instances object takes those of ${objects}/`);
        started = performance.now();
        progress.start(total);
      },
      chosen: (backend, why) => {
        if (given.backend !== undefined) say(describeBackend(backend, why));
      },
      fellBack: (error) => say(`${error.message}; the CPU goes on (--fallback)`),
      done: (_sample, record) => {
        progress.tick();
        if (given.dryRun && !given.json && record?.copy !== undefined) stdout.write(`${printable(describePlan(record))}\n`);
      },
      stop,
    });
    progress.stop();
    const seconds = (performance.now() - started) / 1000;
    const rate = (summary.samples + summary.copied - summary.reused) / seconds;
    for (const { reason } of summary.skipped) stderr.write(`skipped ${printable(reason)}\n`);
    const nothing = nothingPasted(summary, dataset as SourcedDataset, given);
    if (nothing !== undefined) stderr.write(`copypaste: nothing was pasted: ${nothing}\n`);
    if (given.json) stdout.write(`${JSON.stringify({ ...summary, seconds, samplesPerSecond: rate })}\n`);
    for (const line of describeSummary(summary, given, rate)) say(line);
    if (nothing !== undefined) return exitCodes.data;
    return summary.skipped.length > 0 ? exitCodes.skipped : 0;
  });
}

function describeDataset({ layout, folders, split, splits, samples, others, documents }: Dataset): string {
  const named = (path: string): string => (documents.size > 0 && /\.(json|xml)$/.test(path) ? path : `${path === '' ? '.' : path}/`);
  const pairs = folders
    .filter((one) => split === '' || one.split === '' || one.split === split)
    .map(({ images, masks, objects }) => [images, masks, ...(objects && objects !== masks ? [objects] : [])].map(named).join(' + '));
  const rest = splits.filter((name) => name !== split);
  const passing =
    others.length > 0 ? `; ${plural(others.length, 'sample')} of ${rest.join(', ')} pass${others.length === 1 ? 'es' : ''} through` : '';
  return `${layout} layout: ${pairs.join(', ')}${split === '' ? '' : `, split ${split}`}: ${plural(samples.length, 'sample')}${passing}`;
}

/** What a document's annotations have that cannot be pasted. */
function describeDocument({ documents, split }: Dataset): string[] {
  const { boxes = 0, keypoints = 0, annotations = 0 } = documents.get(split) ?? {};
  const has = (n: number): string => (n === 1 ? 'has' : 'have');
  return [
    ...(boxes > 0
      ? [
          `${boxes} of ${plural(annotations, 'annotation')} ${has(boxes)} no mask, as boxes have none: ${boxes === 1 ? 'it stays, and is' : 'they stay, and are'} never pasted`,
        ]
      : []),
    ...(keypoints > 0 ? [`${plural(keypoints, 'annotation')} ${has(keypoints)} keypoints, which pastes and what they cover lose`] : []),
  ];
}

/** Where instances are taken from, if that is another data set. */
function describeSources({ sources, classNames }: SourcedDataset): string[] {
  if (!sources) return [];
  const { pairs, others } = sources.classes;
  const nameOf = (id: number): string => sources.classNames.get(id) ?? String(id);
  const taken = [...pairs].filter(([, ours]) => ours !== null);
  const renamed = taken.filter(
    ([theirs, ours]) => nameOf(theirs).toLowerCase() !== (classNames.get(ours as number) ?? String(ours)).toLowerCase(),
  );
  const how = renamed.map(([theirs, ours]) => `${nameOf(theirs)} as ${classNames.get(ours as number) ?? ours}`);
  const left = [...pairs].filter(([id, ours]) => ours === null && !sources.leftOut.has(id)).map(([id]) => nameOf(id));
  const listed = (names: readonly string[]): string => `${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}`;
  return [
    `sources: ${describeDataset(sources)}`,
    others === 'same' && taken.length === 0
      ? 'classes of the sources are those of the same id'
      : `classes of the sources: ${plural(taken.length, 'is', 'are')} pasted${how.length > 0 ? ` (${listed(how)})` : ''}${left.length > 0 ? `, ${left.length} not: ${listed(left)}` : ''}`,
  ];
}

function describePlan(record: SampleRecord): string {
  const { id, copy, source, placements = [] } = record;
  if (placements.length === 0) return `${id} copy ${copy}: unchanged${record.status === 'unchanged' ? `, ${record.reason}` : ''}`;
  const { scene } = record as { scene?: Scene };
  const pastes = placements.map(
    ({ classId, sourceBox, targetBox, scale, flip }) =>
      `class ${classId} [${sourceBox}] -> [${targetBox}] x${scale.toFixed(3)}${flip ? ' flipped' : ''}`,
  );
  const jittered = scene ? `; scene -> [${scene.targetBox}]${scene.flip ? ' flipped' : ''}` : '';
  return `${id} copy ${copy}: from ${source}: ${pastes.join('; ')}${jittered}`;
}

/** Why a run that should have pasted something did not, and what to do: never a silent no-op. */
function nothingPasted(
  summary: AugmentSummary,
  { background, ignore, samples, documents, layout, sources }: SourcedDataset,
  given: Given<typeof augmentOptions>,
): string | undefined {
  const { augmented, unchanged, classes } = summary;
  const drawn = Object.keys(unchanged).some((reason) => reason !== 'not drawn');
  if (augmented > 0 || !drawn) return undefined;
  if (Object.keys(unchanged).every((reason) => reason === 'not a target'))
    return `no sample is ${given.targets === 'background' ? 'without' : 'with'} annotations, as --targets ${given.targets} asks`;
  if (sources) return 'nothing of --sources may be pasted and fits; loosen --classes, --class-map, --min-area, --max-area or --truncated';
  const list = (ids: Iterable<number | string>): string => [...ids].join(', ') || 'none';
  if (classes.length === 0) {
    if (documents.size > 0 || layout === 'yolo') return 'no annotation that was read has a mask: boxes cannot be pasted';
    return `masks hold only background (${list(background)}) and ignore (${list(ignore)}) ids; say --background and --ignore`;
  }
  if (!classes.some(({ allowed }) => allowed)) {
    const found = classes.map(({ id, name }) => name ?? id);
    return `no class that was found (${list(found)}) may be pasted; mend --classes or --exclude-classes`;
  }
  if (!given.allowSelf && (samples.length === 1 || Number(given.batchSize) === 1)) {
    return 'a sample has no other to take instances from; raise --batch-size, or say --allow-self';
  }
  if (documents.size > 0)
    return 'no instance fits; crowds (iscrowd 1) are never pasted; else loosen --min-area, --max-area, --scale or --truncated';
  return 'no instance fits; loosen --min-area, --max-area, --scale or --truncated';
}

function describeSummary(summary: AugmentSummary, given: Given<typeof augmentOptions>, rate: number): string[] {
  const { samples, augmented, unchanged, pasted, dropped, copied, classes, leftBehind, backend, reused } = summary;
  const kept = samples - augmented;
  const lines = [
    `${plural(samples, 'sample')}: ${augmented} augmented, ${kept} unchanged${reasons(unchanged)}`,
    `${plural(pasted, 'instance')} pasted, ${total(dropped)} dropped${reasons(dropped)}`,
  ];
  const sourceless = unchanged['no source'] ?? 0;
  if (sourceless > 0) {
    lines.push(
      given.sources === undefined
        ? `${plural(sourceless, 'sample')} found no source in the batch; --batch-size, --truncated keep or --min-area widen the choice`
        : `${plural(sourceless, 'sample')} found no source; --truncated keep or --min-area widen the choice`,
    );
  }
  const stuff = classes.filter(({ stuff, allowed }) => stuff && allowed);
  if (stuff.length > 0) {
    const names = stuff.map(({ id, name, pasted }) => `${name ?? id}${pasted > 0 ? ` (${pasted} pasted)` : ''}`).join(', ');
    lines.push(
      `mostly cut off at image borders, as scenery is: ${names}; --exclude-classes ${stuff.map(({ id }) => id)} would never paste them`,
    );
  }
  if (leftBehind.length > 0) {
    lines.push(
      `not carried over, since they belong to no sample or would not be true any more: ${plural(leftBehind.length, 'file')}: ${describeFiles(leftBehind)}`,
    );
  }
  if (given.dryRun) return [...lines, 'dry run: nothing was written'];
  if (copied > 0) lines.push(`${plural(copied, 'more sample')} copied unchanged`);
  if (backend === undefined) return [...lines, `${given.out} is complete already: nothing was done (--overwrite begins anew)`];
  if (reused > 0) lines.push(`${plural(reused, 'sample')} of these had been written by an earlier run`);
  return [...lines, `wrote ${given.out} with manifest.json, ${rate.toFixed(1)} samples/s`];
}

/** The first of the files, those of one folder together. */
function describeFiles(files: readonly string[]): string {
  const folders = new Map<string, string[]>();
  for (const file of files) {
    const folder = file.slice(0, file.lastIndexOf('/') + 1);
    const key = folder === '' ? file : folder;
    folders.set(key, [...(folders.get(key) ?? []), file]);
  }
  const named = [...folders].map(([folder, held]) => (held.length === 1 ? held[0] : `${folder} (${held.length})`));
  return [...named.slice(0, 4), ...(named.length > 4 ? ['…'] : [])].join(', ');
}

function plural(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, n) => sum + n, 0);
}

function reasons(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([reason, n]) => `${n} ${reason}`);
  return parts.length > 0 ? ` (${parts.join(', ')})` : '';
}
