import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nearest, nearestFolder } from '../../src/base/nearest.ts';
import { temporaryFolder } from '../make.ts';

const folder = temporaryFolder();
mkdirSync(join(folder, 'sets', 'camvid'), { recursive: true });
mkdirSync(join(folder, 'sets', 'voc'));

test('the nearest word differs in at most a third of the letters, whatever their case', () => {
  const names = ['augment', 'inspect', 'preview'];
  expect(nearest('agument', names)).toBe('augment');
  expect(nearest('Inspect', names)).toBe('inspect');
  expect(nearest('report', names)).toBeUndefined();
  expect(nearest('x', ['ab'])).toBeUndefined();
  expect(nearest('x', [])).toBeUndefined();
});

test('the nearest folder is sought part by part', async () => {
  expect(await nearestFolder(join(folder, 'set', 'canvid'))).toEqual({ meant: join(folder, 'sets', 'camvid') });
  expect(await nearestFolder(join(folder, 'sets', 'coco'))).toEqual({ exists: join(folder, 'sets'), missing: 'coco' });
  expect(await nearestFolder('nowhere/at/all')).toEqual({ exists: '', missing: 'nowhere' });
  expect(await nearestFolder('../fixtues')).not.toHaveProperty('meant', 'fixtures');
  expect(await nearestFolder('fixtues')).toEqual({ meant: 'fixtures' });
});
