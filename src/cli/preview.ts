import type { Given, previewOptions } from '../options.ts';
import { preview } from '../verbs/preview.ts';
import { describeBackend } from './backend.ts';
import type { Streams } from './progress.ts';

/** Runs `preview` and says what it drew. */
export async function run(given: Given<typeof previewOptions>, { stderr }: Streams): Promise<number> {
  const { rows } = await preview(given, {
    chosen: (backend, why) => {
      if (!given.quiet && given.backend !== undefined) stderr.write(`${describeBackend(backend, why)}\n`);
    },
  });
  if (!given.quiet) stderr.write(`wrote ${given.out}: ${rows} ${rows === 1 ? 'sample' : 'samples'}\n`);
  return 0;
}
