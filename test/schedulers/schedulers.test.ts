import { expect, test } from 'vitest';
import { shardNumber } from '../../src/engine/part.ts';
import { arraysOf } from '../../src/schedulers/schedulers.ts';

/** Variable of each scheduler for the first and the last of twelve shards. */
const indices = {
  slurm: ['SLURM_ARRAY_TASK_ID', 1, 12],
  k8s: ['JOB_COMPLETION_INDEX', 0, 11],
  'aws-batch': ['AWS_BATCH_JOB_ARRAY_INDEX', 0, 11],
  'gcp-batch': ['BATCH_TASK_INDEX', 0, 11],
  pbs: ['PBS_ARRAY_INDEX', 1, 12],
  sge: ['SGE_TASK_ID', 1, 12],
  lsf: ['LSB_JOBINDEX', 1, 12],
  gitlab: ['CI_NODE_INDEX', 1, 12],
  circleci: ['CIRCLE_NODE_INDEX', 0, 11],
  buildkite: ['BUILDKITE_PARALLEL_JOB', 0, 11],
  parallel: ['PARALLEL_SEQ', 1, 12],
} as const;

test.each(Object.entries(indices))('--shard %s reads the index of the task, and nothing else', (name, [variable, first, last]) => {
  const others = Object.fromEntries(Object.values(indices).map(([other]) => [other, '5']));
  const at = (index: unknown): number => shardNumber(name, 12, { ...others, [variable]: String(index) });
  expect([at(first), at(last)]).toEqual([1, 12]);
  for (const outside of [first - 1, last + 1]) expect(() => at(outside)).toThrow(/^--shard/);
  for (const none of ['', 'undefined', '1.5', ' 1']) expect(() => at(none)).toThrow(`--shard ${name}: ${variable} is not set to a number`);
  const { [variable]: _, ...rest } = others;
  expect(() => shardNumber(name, 12, rest)).toThrow(`${variable} is not set to a number; start the task as one of an array`);
  expect(shardNumber(`${name}+3`, 12, { [variable]: String(first) })).toBe(4);
});

test('a scheduler is not found out by its variables', () => {
  expect(shardNumber('3/12', 12, { SLURM_ARRAY_TASK_ID: '5' })).toBe(3);
  for (const unknown of ['toString', 'Slurm', '', 'slurm+', 'slurm+x'])
    expect(() => shardNumber(unknown, 12, {})).toThrow(/expected a shard such as 1\/12, or one of slurm, k8s/);
});

test('arrays keep below the largest index, and their offsets give the shards again', () => {
  expect(arraysOf([3, 5, 6, 7], 1000)).toEqual([{ indices: [3, 5, 6, 7], offset: 0 }]);
  const shards = [1, 1000, 1001, 2000, 2024];
  const arrays = arraysOf(shards, 1000);
  expect(arrays).toEqual([
    { indices: [1, 1000], offset: 0 },
    { indices: [1, 1000], offset: 1000 },
    { indices: [24], offset: 2000 },
  ]);
  expect(arrays.flatMap(({ indices, offset }) => indices.map((index) => index + offset))).toEqual(shards);
});
