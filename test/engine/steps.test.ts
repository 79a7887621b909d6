import { expect, test } from 'vitest';
import type { OutcomeBatch } from '../../src/engine/job.ts';
import { createSteps } from '../../src/engine/steps.ts';
import type { Outcome } from '../../src/output/outcomes.ts';
import type { Output } from '../../src/output/run.ts';
import type { Sample } from '../../src/types.ts';

const sampleOf = (id: string): Sample => ({
  id,
  split: '',
  image: `${id}.png`,
  size: { width: 2, height: 2 },
  format: { channels: 3, depth: 8, icc: false, cmyk: false, upright: false },
  endings: { image: '', mask: '', objects: '' },
});
const samples = ['a', 'b'].map(sampleOf);
const work = async (): Promise<OutcomeBatch> => ({
  results: ['a', 'b', 'sources:x'].map(async (id) => ({ id, skipped: `${id}.png: is damaged` })),
  read: [{ classId: 1, instances: 1, pixels: 4, truncated: 0 }],
});

/** An output that logs what is recorded, and knows one batch of an earlier run. */
function outputOf(known: string) {
  const log: unknown[] = [];
  const output: Output = {
    home: '',
    suspects: new Set(),
    poison: new Map(),
    survey: (step) => step(),
    addPoison: async () => {},
    recall: async (batch) => (batch === known ? { outcomes: samples.map(({ id }): Outcome => ({ id })), read: [] } : undefined),
    begin: async (batch, files) => void log.push(['begin', batch, files]),
    end: async (batch, outcomes, read) => void log.push(['end', batch, outcomes.map(({ id }) => id), read]),
    finish: async () => {},
    close: async () => {},
  };
  return { log, output };
}

test('a batch is recorded when it begins and ends, and each of its samples is reported, but no bad source', async () => {
  const { log, output } = outputOf('');
  const done: string[] = [];
  const steps = createSteps(output, { done: (id) => done.push(id) });
  const outcomes = await steps.end(await steps.begin('0.0', samples, ['a.png'], work));
  expect(outcomes.map(({ id }) => id)).toEqual(['a', 'b', 'sources:x']);
  expect(done).toEqual(['a', 'b']);
  expect(log).toEqual([
    ['begin', '0.0', ['a.png']],
    ['end', '0.0', ['a', 'b', 'sources:x'], [{ classId: 1, instances: 1, pixels: 4, truncated: 0 }]],
  ]);
  expect([steps.keys, steps.reused()]).toEqual([['0.0'], 0]);
});

test('a batch of an earlier run is recalled: its samples are reported, and nothing is done or recorded again', async () => {
  const { log, output } = outputOf('0.1');
  const done: string[] = [];
  const steps = createSteps(output, { done: (id) => done.push(id) });
  const never = async (): Promise<never> => {
    throw new Error('is done again');
  };
  await steps.end(await steps.begin('0.1', samples, [], never));
  expect([done, log, steps.keys, steps.reused()]).toEqual([['a', 'b'], [], ['0.1'], 2]);
});

test('a dry run reports each sample too', async () => {
  const done: string[] = [];
  const steps = createSteps(undefined, { done: (id) => done.push(id) });
  await steps.end(await steps.begin('0.0', samples, [], work));
  expect(done).toEqual(['a', 'b']);
});

test('no batch begins once the run is stopped', async () => {
  const { log, output } = outputOf('');
  const steps = createSteps(output, { stop: AbortSignal.abort() });
  await expect(steps.begin('0.0', samples, [], work)).rejects.toMatchObject({ code: 'interrupted' });
  expect(log).toEqual([]);
});
