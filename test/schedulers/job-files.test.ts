import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { exitCodes } from '../../src/errors.ts';
import { jobFiles, type RunJob } from '../../src/schedulers/job-files.ts';
import { jobfile } from '../../src/verbs/jobfile.ts';
import { temporaryFolder, writeTree } from '../make.ts';
import { planned } from '../shards.ts';

const temporary = temporaryFolder();

const job: RunJob = {
  name: 'copypaste-set',
  run: "my data/it's.run",
  shards: 512,
  cpus: 2,
  pixelMemory: 300,
  memory: 500,
  record: (shard) => `out {a}/shard-${shard}-of-512.jsonl`,
  manifest: 'out {a}/manifest.json',
  version: '1.2.3',
};
const limits = '--jobs 2 --memory 300MB --quiet';

test.each(['slurm', 'parallel'] as const)('the file for %s is a script that a shell takes', (name) => {
  execFileSync('bash', ['-n'], { input: jobFiles[name](job) });
  expect(jobFiles[name](job)).toContain("run='my data/it'\\''s.run'");
});

const hasParallel = /^GNU parallel/.test(spawnSync('sh', { input: 'parallel --version', encoding: 'utf8' }).stdout);

test.skipIf(!hasParallel)('the file for GNU parallel does the missing shards, whatever is in the name of the run file', async () => {
  const folder = await writeTree(join(temporary, 'parallel'), {
    'my data/log': '',
    copypaste: '#!/bin/sh\necho "$@" >> "$HOME/calls"\n[ "$1" != status ] || { echo 3/9; echo 7/9; exit 3; }\n',
  });
  chmodSync(join(folder, 'copypaste'), 0o755);
  const env = { PATH: `${folder}:${process.env.PATH}`, HOME: folder };
  execFileSync('sh', { input: jobFiles.parallel(job), env, cwd: folder, stdio: 'pipe' });
  const [first, ...rest] = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
  expect(first).toBe(`status --run ${job.run} --missing parallel`);
  expect(rest.pop()).toBe(`merge --run ${job.run}`);
  expect(rest.sort()).toEqual([`augment --run ${job.run} --shard 3/9 ${limits}`, `augment --run ${job.run} --shard 7/9 ${limits}`]);
});

test('the file for Snakemake goes by record files, whatever is in their names, and takes skipped samples for no failure', () => {
  const text = jobFiles.snakemake(job);
  expect(text).toContain('expand("out {{a}}/shard-{shard}-of-512.jsonl", shard=range(1, SHARDS + 1))');
  expect(text).toContain('"out {{a}}/shard-{shard,[0-9]+}-of-512.jsonl"');
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
    for (const { resources } of [spec.template.spec.initContainers ?? [], spec.template.spec.containers].flat())
      expect(resources).toMatchObject({ requests: { cpu: expect.any(String) }, limits: { memory: resources.requests.memory } });
    // After SIGTERM, samples in progress have four seconds.
    expect(spec.template.spec.terminationGracePeriodSeconds ?? 30).toBeGreaterThan(10);
  }
  expect(shards.spec.maxFailedIndexes).toBe(512);
  const [many] = parseAllDocuments(jobFiles.k8s({ ...job, shards: 200_000 })).map((document) => document.toJS());
  expect(many.spec.maxFailedIndexes).toBe(10_000);
  const [{ command }] = shards.spec.template.spec.containers;
  expect(command).toEqual(['copypaste', 'augment', '--run', job.run, '--shard', 'k8s', ...limits.split(' ')]);
  expect(merge.spec.template.spec.initContainers[0].command.slice(-1)).toEqual([job.run]);
});

test.each([
  [0, 0, 0],
  [3, undefined, 0],
  [65, 65, 65],
  [74, undefined, 74],
])('of exit code %i, the wait and the merge on Kubernetes end with %o and %i', async (code, ofWait, ofMerge) => {
  const folder = await writeTree(join(temporary, `k8s-${code}`), {
    copypaste: `#!/bin/sh\nexit ${code}\n`,
    sleep: '#!/bin/sh\nkill $PPID\n',
  });
  for (const name of ['copypaste', 'sleep']) chmodSync(join(folder, name), 0o755);
  const [, merge] = parseAllDocuments(jobFiles.k8s(job)).map((document) => document.toJS());
  const { initContainers, containers } = merge.spec.template.spec;
  const ends = [initContainers, containers].map(([{ command }]) => {
    const [program, ...argv] = command;
    return spawnSync(program, argv, { env: { PATH: `${folder}:${process.env.PATH}` } });
  });
  // Otherwise it waits, and is killed here.
  expect(ends.map(({ status, signal }) => (signal ? undefined : status))).toEqual([ofWait, ofMerge]);
});

test.each(Object.entries(jobFiles))('the file for %s does each shard of the run file, and merges it', (name, file) => {
  const text = file(job);
  expect(text).toMatch(/augment.*--run/);
  expect(text).toMatch(/\bmerge\b/);
  if (name !== 'slurm' && name !== 'parallel') expect(text).toContain('512');
});
