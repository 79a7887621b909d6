import { basename } from 'node:path';
import { withoutExtension } from '../base/paths.ts';
import { type Given, jobfileOptions } from '../options.ts';
import { openRun } from '../output/run-file.ts';
import { jobFiles } from '../schedulers/job-files.ts';
import { resolveOptions } from '../schema.ts';
import { version } from '../version.ts';

/**
 * Makes a file with a job for each shard of a run, and one that merges them.
 *
 * @throws {CopyPasteError} `noInput` or `data` if the run file is none.
 */
export async function jobfile(given: Given<typeof jobfileOptions>): Promise<string> {
  const { scheduler, run } = resolveOptions(jobfileOptions, given);
  const { shards } = (await openRun(run)).head;
  // A name that Kubernetes takes too.
  const name = `copypaste-${withoutExtension(basename(run))}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 50)
    .replace(/-+$/, '');
  return jobFiles[scheduler]({ name, run, shards, version });
}
