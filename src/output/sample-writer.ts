import { join } from 'node:path';
import type { Dataset } from '../dataset/open.ts';
import type { AugmentOptions } from '../options.ts';
import type { Pasted, Sample } from '../types.ts';
import { createOutputFolder, linkAtomic, writeAtomic } from './files.ts';
import type { Written } from './records.ts';
import { encodeSample, passSample } from './samples.ts';

/** Creates a writer of samples to an output folder in the layout of the input. @param home identity of the folder. */
export function createSampleWriter(dataset: Dataset, options: AugmentOptions, home?: string) {
  const { out, link } = options;
  const { guarded } = createOutputFolder(out, home);
  const write = (path: string, data: Uint8Array): Promise<void> => guarded(path, (file) => writeAtomic(file, data));
  return {
    /** Writes a sample that passes through: copies or links its files. */
    pass(sample: Sample, suffix: string): Promise<Written> {
      return passSample(dataset, sample, suffix, options, async ({ path }, bytes, from) => {
        if (link && from !== undefined && (await guarded(path, (file) => linkAtomic(join(dataset.root, from), file)))) return;
        await write(path, bytes);
      });
    },

    /** Encodes and writes a sample that was pasted into. */
    paste(pasted: Pasted, suffix: string): Promise<Written> {
      return encodeSample(pasted, suffix, dataset, options, ({ path }, bytes) => write(path, bytes));
    },
  };
}
