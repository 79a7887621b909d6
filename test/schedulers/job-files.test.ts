import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { exitCodes } from '../../src/errors.ts';
import { jobFiles } from '../../src/schedulers/job-files.ts';
import { jobfile } from '../../src/verbs/jobfile.ts';
import { temporaryFolder, writeTree } from '../make.ts';
import { planned } from '../shards.ts';

const temporary = temporaryFolder();

const job = { name: 'copypaste-set', run: "my data/it's.run", shards: 512, version: '1.2.3' };

test.each(['slurm', 'parallel'] as const)('the file for %s is a script that a shell takes', (name) => {
  execFileSync('bash', ['-n'], { input: jobFiles[name](job) });
  expect(jobFiles[name](job)).toContain("run='my data/it'\\''s.run'");
});

const hasParallel = /^GNU parallel/.test(spawnSync('sh', { input: 'parallel --version', encoding: 'utf8' }).stdout);

test.skipIf(!hasParallel)('the file for GNU parallel does the missing shards, whatever is in the name of the run file', async () => {
  const folder = await writeTree(join(temporary, 'parallel'), {
    copypaste: '#!/bin/sh\necho "$@" >> "$HOME/calls"\n[ "$1" != status ] || { echo 3/9; echo 7/9; exit 3; }\n',
  });
  chmodSync(join(folder, 'copypaste'), 0o755);
  const env = { PATH: `${folder}:${process.env.PATH}`, HOME: folder };
  execFileSync('sh', { input: jobFiles.parallel(job), env, stdio: 'pipe' });
  const [first, ...rest] = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
  expect(first).toBe(`status --run ${job.run} --missing parallel`);
  expect(rest.pop()).toBe(`merge --run ${job.run}`);
  expect(rest.sort()).toEqual([`augment --run ${job.run} --shard 3/9 --quiet`, `augment --run ${job.run} --shard 7/9 --quiet`]);
});

test('the file for Snakemake does all again if the run file is another, and takes skipped samples for no failure', () => {
  const text = jobFiles.snakemake(job);
  expect(text.match(/ {4}input:\n {8}RUN,/g)).toHaveLength(2);
  expect(text).toContain('copypaste merge --run {RUN:q} || [ $? -eq 3 ]"');
});

test('a job has a name that Kubernetes takes, however long that of the run file is', async () => {
  const run = await planned({ in: 'fixtures/camvid', out: join(temporary, 'out'), shards: 2 }, join(temporary, `${'a'.repeat(39)}-b.run`));
  expect(await jobfile({ scheduler: 'k8s', run })).toContain(`\n  name: copypaste-${'a'.repeat(39)}\n`);
});

test('the file for Kubernetes has an indexed job and its merge, with what a reader of the manifest would miss', () => {
  const documents = parseAllDocuments(jobFiles.k8s(job), { strict: true });
  expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
  const [shards, merge] = documents.map((document) => document.toJS());
  expect(shards.spec).toMatchObject({ completions: 512, completionMode: 'Indexed', backoffLimitPerIndex: 3 });
  // A limit of failures of the whole job would stop shards that could be done.
  expect(shards.spec.backoffLimit).toBe(undefined);
  const { usage, data, noInput, bug } = exitCodes;
  for (const { spec } of [shards, merge]) {
    // The policy is refused with any other restartPolicy.
    expect(spec.template.spec.restartPolicy).toBe('Never');
    const codes = spec.podFailurePolicy.rules.flatMap((rule: { onExitCodes?: { values: number[] } }) => rule.onExitCodes?.values ?? []);
    expect(codes).toEqual([usage, data, noInput, bug]);
  }
  const [{ command }] = shards.spec.template.spec.containers;
  expect(command).toEqual(['copypaste', 'augment', '--run', job.run, '--shard', 'k8s', '--quiet']);
  expect(merge.spec.template.spec.initContainers[0].command.slice(-1)).toEqual([job.run]);
});

test.each(Object.entries(jobFiles))('the file for %s does each shard of the run file, and merges it', (name, file) => {
  const text = file(job);
  expect(text).toMatch(/augment.*--run|"augment", "--run"/);
  expect(text).toMatch(/\bmerge\b/);
  if (name !== 'slurm' && name !== 'parallel') expect(text).toContain('512');
});
