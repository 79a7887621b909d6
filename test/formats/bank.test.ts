import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recordsText } from '../../src/base/lines.ts';
import { asBankRecord, type BankRecord, classFolders, isBank, readBank } from '../../src/formats/bank.ts';
import { temporaryFolder } from '../make.ts';

const folder = temporaryFolder();
const head = { kind: 'bank', schema: 1, tool: { name: 'copypaste', version: '0' }, classes: [{ id: 3, name: 'car' }] } as const;
const rest = { layout: { background: [0], ignore: [255] }, stuff: [0] };
const sha256 = 'a'.repeat(64);
const cutout = {
  path: 'car/a-0.png',
  classId: 3,
  class: 'car',
  box: [1, 2, 4, 6],
  number: 0,
  area: 9,
  truncated: false,
  mask: '0',
  sha256,
} as const;
const record: BankRecord = { id: 'a', width: 8, height: 8, depth: 8, cutouts: [cutout] };

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

async function write(records: readonly BankRecord[]): Promise<string> {
  const parts: string[] = [];
  for await (const part of recordsText({ ...head, ...rest }, each(records), () => ({ skipped: [{ id: 'z', reason: 'bad' }], summary: {} })))
    parts.push(part);
  writeFileSync(join(folder, 'manifest.json'), parts.join(''));
  return parts.join('');
}

test('the manifest of a bank is JSON, with one record on each line, and reads as it was written', async () => {
  const id = fc.string({ unit: 'grapheme', minLength: 1 });
  const records = fc.uniqueArray(fc.record({ id, number: fc.nat(99), classId: fc.nat(65535) }), {
    selector: (one) => one.id,
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(records, async (some) => {
      const made = some.map(({ id, number, classId }) => ({ ...record, id, cutouts: [{ ...cutout, number, classId }] }));
      const text = await write(made);
      expect(JSON.parse(text).records).toEqual(made);
      expect(text.split('\n')).toHaveLength(3 + Math.max(made.length, 0));
      const read: BankRecord[] = [];
      const bank = await readBank(folder, (one) => read.push(one));
      expect(read).toEqual(made);
      expect(bank).toMatchObject({ head: { ...head, ...rest }, cutouts: made.length, skipped: [{ id: 'z', reason: 'bad' }] });
      const bytes = readFileSync(join(folder, 'manifest.json'));
      for (const [n, { entry, size, depth }] of bank.entries.entries()) {
        const [start, length] = entry.places as [number, number];
        expect(JSON.parse(bytes.toString('utf8', start, start + length))).toEqual(made[n]);
        expect({ size, depth }).toEqual({ size: { width: 8, height: 8 }, depth: 8 });
      }
    }),
    { numRuns: 60 },
  );
  expect(await isBank(folder)).toBe(true);
});

describe('a record of a bank is refused', () => {
  test.each<[string, unknown]>([
    ['without an id', { ...record, id: undefined }],
    ['without a size', { ...record, width: 0 }],
    ['of another depth', { ...record, depth: 12 }],
    ['without cut-outs', { ...record, cutouts: undefined }],
    ['with a path that leads out', { ...record, cutouts: [{ ...cutout, path: '../a.png' }] }],
    ['with an absolute path', { ...record, cutouts: [{ ...cutout, path: '/a.png' }] }],
    ['with a box outside its image', { ...record, cutouts: [{ ...cutout, box: [1, 2, 9, 6] }] }],
    ['with an empty box', { ...record, cutouts: [{ ...cutout, box: [1, 2, 1, 6] }] }],
    ['with a fraction of a pixel', { ...record, cutouts: [{ ...cutout, box: [1, 2.5, 4, 6] }] }],
    ['with no area', { ...record, cutouts: [{ ...cutout, area: 0 }] }],
    ['with a number that no sample has', { ...record, cutouts: [{ ...cutout, number: 2 ** 30 }] }],
    ['without a digest', { ...record, cutouts: [{ ...cutout, sha256: 'a' }] }],
    ['without a mask', { ...record, cutouts: [{ ...cutout, mask: undefined }] }],
  ])('%s', (_, value) => {
    expect(asBankRecord(record)).toBe(record);
    expect(() => asBankRecord(value)).toThrow();
  });
});

test('the folder of a class has its name, without what file systems refuse; a name of two classes gets their ids', () => {
  const folderOf = classFolders(
    new Map([
      [0, 'sky'],
      [1, 'a/b'],
      [2, 'a:b'],
      [3, 'Car'],
      [4, 'car'],
      [5, '..'],
      [6, '.hidden '],
      [7, 'NUL'],
      [8, 'x'.repeat(300)],
      [9, 'manifest.json'],
      [10, 'café'],
    ]),
  );
  const folders = Array.from({ length: 12 }, (_, id) => folderOf(id));
  expect(folders.slice(0, 8)).toEqual(['sky', 'a_b-1', 'a_b-2', 'Car-3', 'car-4', '5', 'hidden', '_NUL']);
  expect(folders.slice(8)).toEqual(['x'.repeat(60), '_manifest.json', 'café', '11']);
  expect(new Set(folders.map((name) => name.toLowerCase())).size).toBe(12);
});
