import { dirname, join } from 'node:path';
import type { Dataset } from '../dataset/open.ts';
import type { AugmentOptions } from '../options.ts';
import type { Pasted, Sample } from '../types.ts';
import { createFolders, linkAtomic, writeAtomic } from './files.ts';
import type { Written } from './records.ts';
import { encodeSample, passSample } from './samples.ts';

/** Creates a writer of samples to an output folder in the layout of the input. */
export function createSampleWriter(dataset: Dataset, options: AugmentOptions) {
  const { out, link } = options;
  const makeFolder = createFolders(out);
  const write = async (path: string, data: Uint8Array): Promise<void> => {
    await makeFolder(dirname(join(out, path)));
    await writeAtomic(join(out, path), data);
  };
  return {
    /** Writes a sample that passes through: copies or links its files. */
    pass(sample: Sample, suffix: string): Promise<Written> {
      return passSample(dataset, sample, suffix, options, async ({ path }, bytes, from) => {
        if (link && from !== undefined) {
          await makeFolder(dirname(join(out, path)));
          if (await linkAtomic(join(dataset.root, from), join(out, path))) return;
        }
        await write(path, bytes);
      });
    },

    /** Encodes and writes a sample that was pasted into. */
    paste(pasted: Pasted, suffix: string): Promise<Written> {
      return encodeSample(pasted, suffix, dataset, options, ({ path }, bytes) => write(path, bytes));
    },
  };
}
