import { expect, test } from 'vitest';
import { recordSchema } from '../../src/output/manifest.ts';
import { inputsOf, outputsOf, unchangedRecord, type Written } from '../../src/output/records.ts';
import type { FileRole, Sample } from '../../src/types.ts';

const sample: Sample = {
  id: 'train/a',
  split: 'train',
  image: 'train/a.png',
  size: { width: 2, height: 2 },
  endings: { image: '', mask: '', objects: '' },
  format: { channels: 3, depth: 8, icc: false, cmyk: false, upright: false },
};
const sha256 = 'a'.repeat(64);
const roles: readonly FileRole[] = ['image', 'mask', 'labels', 'objects', 'view', 'view', 'drawn classes', 'drawn objects'];
const written: Written = {
  files: roles.map((role, n) => ({ role, path: `out/${n}`, sha256, codec: 'png' })),
  inputs: roles.slice(0, 6).map((role, n) => ({ role, path: `in/${n}`, sha256 })),
};

test('a record groups files by role, and returns them in the same order', () => {
  const record = unchangedRecord(sample, { reason: 'original' }, written);
  const file = (n: number) => ({ path: `out/${n}`, sha256, codec: 'png' });
  expect(JSON.stringify(record.files)).toBe(
    JSON.stringify({
      image: file(0),
      mask: file(1),
      labels: file(2),
      objects: file(3),
      views: [file(4), file(5)],
      drawn: [file(6), file(7)],
    }),
  );
  expect(recordSchema.parse(record)).toEqual(record);
  expect(outputsOf(record).map(({ path }) => path)).toEqual(written.files.map(({ path }) => path));
  expect(inputsOf(record).map(({ path }) => path)).toEqual(written.inputs.map(({ path }) => path));
});

test('a record of a dry run has no files', () => {
  const record = unchangedRecord(sample, { reason: 'original' }, undefined);
  expect(Object.keys(record)).toEqual(['id', 'split', 'status', 'reason']);
  expect([...outputsOf(record), ...inputsOf(record)]).toEqual([]);
});
