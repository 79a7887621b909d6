import { join } from 'node:path';
import { digestOf } from '../base/digest.ts';
import { inParts } from '../base/parts.ts';
import { formatOf } from '../codecs/image-names.ts';
import { readAnnotations } from '../dataset/annotations.ts';
import { openDataset } from '../dataset/open.ts';
import { badSamples } from '../engine/bad-samples.ts';
import { jobsOf } from '../engine/budget.ts';
import type { Hooks } from '../engine/hooks.ts';
import { interrupted, messageOf } from '../errors.ts';
import { type Given, inspectOptions } from '../options.ts';
import type { Difference } from '../output/compare.ts';
import { resolveOptions } from '../schema.ts';
import type { Sample } from '../types.ts';

/** What a class has in a data set. */
export interface ClassRow {
  readonly id: number;
  readonly name?: string;
  /** Background and ignore ids are never pasted. */
  readonly leftOut: boolean;
  readonly samples: number;
  readonly instances: number;
  readonly pixels: number;
}

/** What a data set is. */
export interface Inspection {
  readonly layout: string;
  /** Samples by split; `''` where there are none. */
  readonly splits: Readonly<Record<string, number>>;
  /** Samples by size, the commonest first. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Samples by format and channels of the image. */
  readonly images: Readonly<Record<string, number>>;
  readonly classes: readonly ClassRow[];
  /** What is odd, by file. */
  readonly odd: readonly Difference[];
  /** Files that belong to no sample. */
  readonly leftBehind: readonly string[];
}

const channelNames = ['', 'grey', 'grey with alpha', 'RGB', 'RGBA'];

/** Reads a data set's annotations, and counts what is in them. No image is decoded. */
export async function inspect(given: Given<typeof inspectOptions>, hooks: Hooks = {}): Promise<Inspection> {
  const options = resolveOptions(inspectOptions, given as Readonly<Record<string, unknown>>);
  const dataset = await openDataset({ ...options, onlySplit: false, skipBad: true, lookOnly: true });
  const samples = [...dataset.samples, ...dataset.others];
  hooks.started?.(samples.length, dataset);
  const sizes = new Map<string, number>();
  const images = new Map<string, number>();
  const splits = new Map<string, number>();
  const classes = new Map<number, { samples: number; instances: number; pixels: number }>();
  const seen = new Map<string, Sample>();
  const odd = badSamples(dataset);
  const count = (map: Map<string, number>, key: string): void => void map.set(key, (map.get(key) ?? 0) + 1);
  const rowOf = (id: number) => {
    const row = classes.get(id) ?? { samples: 0, instances: 0, pixels: 0 };
    classes.set(id, row);
    return row;
  };
  const read = async (sample: Sample) => {
    if (hooks.stop?.aborted) throw interrupted();
    const digest = await digestOf(join(dataset.root, sample.image), sample.image);
    const annotations = await readAnnotations(sample, dataset, { instances: options.instances, jitter: 'instance' }).catch(
      (error: unknown) => messageOf(error),
    );
    hooks.done?.(sample.id);
    return { sample, digest, annotations };
  };
  // Annotations of so many are held at once.
  for (let i = 0; i < samples.length; i += 64) {
    for (const { sample, digest, annotations } of await inParts(samples.slice(i, i + 64), jobsOf(options), read)) {
      const file = sample.mask ?? sample.labels ?? sample.entry?.document ?? sample.image;
      count(splits, sample.split);
      count(
        images,
        `${formatOf(sample.image)?.toUpperCase()} ${sample.format.depth === 16 ? '16-bit ' : ''}${channelNames[sample.format.channels]}`,
      );
      const twin = seen.get(digest);
      if (twin) {
        const where = twin.split === sample.split ? '' : `, of split ${twin.split}`;
        odd.push({ path: sample.image, what: `is the same image as ${twin.image}${where}` });
      } else seen.set(digest, sample);
      if (typeof annotations === 'string') {
        odd.push({ path: file, what: annotations.replace(`${file}: `, '') });
        continue;
      }
      const { mask, pixels, instances } = annotations;
      count(sizes, `${mask.width}×${mask.height}`);
      for (const [id, n] of pixels) {
        const row = rowOf(id);
        row.samples++;
        row.pixels += n;
      }
      for (const { classId } of instances) rowOf(classId).instances++;
      if (instances.length === 0) odd.push({ path: file, what: `${sample.id} has no instance` });
      const unknown = [...pixels.keys()].filter(
        (id) => dataset.classNames.size > 0 && !dataset.classNames.has(id) && !dataset.leftOut.has(id),
      );
      if (unknown.length > 0) odd.push({ path: file, what: `has ids that no class has: ${unknown.join(', ')}` });
    }
  }
  const ordered = (map: Map<string, number>): Record<string, number> =>
    Object.fromEntries([...map].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)));
  return {
    layout: dataset.layout,
    splits: ordered(splits),
    sizes: ordered(sizes),
    images: ordered(images),
    classes: [...classes]
      .sort(([a], [b]) => a - b)
      .map(([id, row]) => {
        const name = dataset.classNames.get(id);
        return { id, ...(name !== undefined && { name }), leftOut: dataset.leftOut.has(id), ...row };
      }),
    odd,
    leftBehind: dataset.leftBehind,
  };
}
