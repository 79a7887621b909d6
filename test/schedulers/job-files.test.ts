import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { exitCodes } from '../../src/errors.ts';
import { jobFiles } from '../../src/schedulers/job-files.ts';

const job = { name: 'copypaste-set', run: "my data/it's.run", shards: 512, version: '1.2.3' };

test.each(['slurm', 'parallel'] as const)('the file for %s is a script that a shell takes', (name) => {
  execFileSync('bash', ['-n'], { input: jobFiles[name](job) });
  expect(jobFiles[name](job)).toContain("run='my data/it'\\''s.run'");
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
  if (name !== 'slurm') expect(text).toContain('512');
});
