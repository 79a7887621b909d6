import { basename } from 'node:path';
import { joinPath, withoutExtension } from '../base/paths.ts';
import { resourcesOf } from '../engine/resources.ts';
import { type Given, jobfileOptions } from '../options.ts';
import { manifestName } from '../output/manifest-file.ts';
import { openRunFile } from '../output/run-file.ts';
import { recordName } from '../output/shards.ts';
import { jobFiles } from '../schedulers/job-files.ts';
import { resolveOptions } from '../schema.ts';
import { version } from '../version.ts';

/**
 * Makes a file with a job for each shard of a run, and one that merges them.
 *
 * @throws {CopyPasteError} `noInput` or `data` if the run file is none, or is damaged.
 */
export async function jobfile(given: Given<typeof jobfileOptions>): Promise<string> {
  const { scheduler, run } = resolveOptions(jobfileOptions, given);
  const opened = await openRunFile(run);
  const { shards } = opened.head;
  const { out } = opened.folders;
  // A name that Kubernetes takes too.
  const name = `copypaste-${withoutExtension(basename(run))}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 50)
    .replace(/-+$/, '');
  return jobFiles[scheduler]({
    name,
    run,
    shards,
    version,
    record: (shard) => joinPath(out, recordName(shard, shards)),
    manifest: joinPath(out, manifestName),
    ...(await resourcesOf(opened)),
  });
}
