import { type AugmentSummary, augment } from '../augment.ts';
import { exitCodes } from '../errors.ts';
import type { augmentOptions, Given } from '../options.ts';
import { createProgress, type Streams } from '../progress.ts';
import type { Dataset } from '../read/dataset.ts';
import { enableProdMode } from '../render/render.ts';
import type { Plan, Sample } from '../types.ts';
import { describeBackend } from './backend.ts';

/** Runs `augment` and says how it went. */
export async function run(given: Given<typeof augmentOptions>, { stdout, stderr }: Streams): Promise<number> {
  enableProdMode();
  const quiet = given.quiet === true;
  const say = (line: string): void => {
    if (!quiet) stderr.write(`${line}\n`);
  };
  const progress = await createProgress(stderr, quiet || given.dryRun === true);
  let dataset: Dataset | undefined;
  let started = 0;
  let summary: AugmentSummary;
  try {
    summary = await augment(given, {
      opened: (opened, total) => {
        dataset = opened;
        say(describeDataset(opened));
        started = performance.now();
        progress.start(total);
      },
      chosen: (backend, why) => {
        if (given.backend !== undefined) say(describeBackend(backend, why));
      },
      done: (sample, plan) => {
        progress.tick();
        if (given.dryRun && !given.json && plan) stdout.write(describePlan(sample, plan));
      },
    });
  } finally {
    progress.stop();
  }
  const seconds = (performance.now() - started) / 1000;
  const rate = (summary.samples + summary.copied) / seconds;
  for (const { id, reason } of summary.skipped) stderr.write(`skipped ${id}: ${reason}\n`);
  const warning = nothingPasted(summary, dataset as Dataset);
  if (warning) stderr.write(`copypaste: ${warning}\n`);
  if (given.json) stdout.write(`${JSON.stringify({ ...summary, seconds, samplesPerSecond: rate })}\n`);
  for (const line of describeSummary(summary, given, rate)) say(line);
  return summary.skipped.length > 0 ? exitCodes.skipped : 0;
}

function describeDataset({ layout, folders, split, splits, samples, others }: Dataset): string {
  const pairs = folders
    .filter((one) => split === '' || one.split === '' || one.split === split)
    .map(({ images, masks, objects }) => [images, masks, ...(objects ? [objects] : [])].map((folder) => `${folder}/`).join(' + '));
  const rest = splits.filter((name) => name !== split);
  const passing =
    others.length > 0 ? `; ${plural(others.length, 'sample')} of ${rest.join(', ')} pass${others.length === 1 ? 'es' : ''} through` : '';
  return `${layout} layout: ${pairs.join(', ')}${split === '' ? '' : `, split ${split}`}: ${plural(samples.length, 'sample')}${passing}`;
}

function describePlan({ id }: Sample, { copy, source, placements, reason, scene }: Plan): string {
  if (placements.length === 0) return `${id} copy ${copy}: unchanged, ${reason}\n`;
  const pastes = placements.map(
    ({ classId, sourceBox, targetBox, scale, flip }) =>
      `class ${classId} [${sourceBox}] -> [${targetBox}] x${scale.toFixed(3)}${flip ? ' flipped' : ''}`,
  );
  const jittered = scene ? `; scene -> [${scene.targetBox}]${scene.flip ? ' flipped' : ''}` : '';
  return `${id} copy ${copy}: from ${source}: ${pastes.join('; ')}${jittered}\n`;
}

/** Why a run that should have pasted something did not, and what to do; never a silent no-op. */
function nothingPasted({ augmented, unchanged, classes }: AugmentSummary, { background, ignore }: Dataset): string | undefined {
  const drawn = Object.entries(unchanged).some(([reason]) => reason !== 'not drawn');
  if (augmented > 0 || !drawn) return undefined;
  if (classes.length > 0) {
    return 'nothing was pasted: no instance fits; loosen --min-area, --max-area, --scale, --truncated or --classes';
  }
  const list = (ids: ReadonlySet<number>): string => [...ids].join(', ') || 'none';
  return `nothing was pasted: masks hold only background (${list(background)}) and ignore (${list(ignore)}) ids; say --background and --ignore`;
}

function describeSummary(summary: AugmentSummary, given: Given<typeof augmentOptions>, rate: number): string[] {
  const { samples, augmented, unchanged, pasted, dropped, copied, classes, leftBehind } = summary;
  const kept = samples - augmented;
  const lines = [
    `${plural(samples, 'sample')}: ${augmented} augmented, ${kept} unchanged${reasons(unchanged)}`,
    `${plural(pasted, 'instance')} pasted, ${total(dropped)} dropped${reasons(dropped)}`,
  ];
  const sourceless = unchanged['no source'] ?? 0;
  if (sourceless > 0) {
    lines.push(
      `${plural(sourceless, 'sample')} found no source in the batch; --batch-size, --truncated keep or --min-area widen the choice`,
    );
  }
  const stuff = classes.filter((row) => row.stuff);
  if (stuff.length > 0) {
    const names = stuff.map(({ id, name, pasted }) => `${name ?? id}${pasted > 0 ? ` (${pasted} pasted)` : ''}`).join(', ');
    lines.push(
      `mostly cut off at image borders, as scenery is: ${names}; --exclude-classes ${stuff.map(({ id }) => id)} never pastes them`,
    );
  }
  if (leftBehind.length > 0) {
    lines.push(
      `${plural(leftBehind.length, 'file')} that belong to no sample not carried over: ${leftBehind.slice(0, 3).join(', ')}${leftBehind.length > 3 ? ', …' : ''}`,
    );
  }
  if (given.dryRun) return [...lines, 'dry run: nothing was written'];
  if (copied > 0) lines.push(`${plural(copied, 'more sample')} copied unchanged`);
  return [...lines, `wrote ${given.out} with manifest.json, ${rate.toFixed(1)} samples/s`];
}

function plural(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, n) => sum + n, 0);
}

function reasons(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([reason, n]) => `${n} ${reason}`);
  return parts.length > 0 ? ` (${parts.join(', ')})` : '';
}
