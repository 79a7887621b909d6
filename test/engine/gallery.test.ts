import { describe, expect, test } from 'vitest';
import { createGallery } from '../../src/engine/gallery.ts';
import type { ManifestRecord } from '../../src/output/manifest.ts';

/** A record of a sample that the classes were pasted into. */
function record(id: string, classIds: readonly number[]): ManifestRecord {
  return { id, copy: 0, status: 'augmented', placements: classIds.map((classId) => ({ classId })) } as unknown as ManifestRecord;
}

function chosenOf(records: readonly ManifestRecord[], limit: number): string[] {
  const gallery = createGallery(limit);
  for (const one of records) gallery.add(one);
  return gallery.result().map(({ id }) => id);
}

const many = Array.from({ length: 1000 }, (_, n) => record(`s${n}`, [0, 1]));

describe('the gallery', () => {
  test('has all samples if there are few, and those with the rarest class first', () => {
    const records = [record('a', [0]), record('b', [0]), record('c', [0, 5])];
    expect(chosenOf(records, 10)[0]).toBe('c');
    expect(chosenOf(records, 10).toSorted()).toEqual(['a', 'b', 'c']);
  });

  test('has as many samples as asked for, each once, in an order that does not depend on that of the records', () => {
    const chosen = chosenOf(many, 20);
    expect(new Set(chosen).size).toBe(20);
    expect(chosenOf(many.toReversed(), 20)).toEqual(chosen);
  });

  test('shows rare classes among many samples', () => {
    const rare = Array.from({ length: 12 }, (_, n) => record(`rare${n}`, [0, 10 + n]));
    const chosen = chosenOf([...many, ...rare], 16);
    for (const { id } of rare) expect(chosen).toContain(id);
  });

  test('leaves out samples without pastes', () => {
    expect(chosenOf([{ id: 'a', status: 'unchanged' } as ManifestRecord], 5)).toEqual([]);
  });
});
