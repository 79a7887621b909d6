import type { Given, jobfileOptions } from '../options.ts';
import { jobfile } from '../verbs/jobfile.ts';
import type { Streams } from './streams.ts';

/** Runs `jobfile` and prints the file on standard output. */
export async function run(given: Given<typeof jobfileOptions>, { stdout }: Streams): Promise<number> {
  stdout.write(await jobfile(given));
  return 0;
}
