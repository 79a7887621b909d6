/** Choice of the samples that a report shows. */
import { sha256 } from '../base/digest.ts';
import type { AugmentedRecord, ManifestRecord } from '../output/manifest.ts';

/** Number of samples that are kept for each class, so that rare classes are shown too. */
const perClass = 3;

/** A record with the number that decides its place. */
interface Drawn {
  readonly record: AugmentedRecord;
  readonly lot: string;
}

/**
 * Chooses samples that were pasted into: first some of each class, the rarest first, then any. The choice depends on the ids alone, not on
 * their order. Memory holds `limit` records and a few of each class.
 */
export function createGallery(limit: number) {
  const any: Drawn[] = [];
  const byClass = new Map<number, { count: number; readonly drawn: Drawn[] }>();
  return {
    add(record: ManifestRecord): void {
      if (record.status === 'unchanged') return;
      const drawn = { record, lot: sha256(`${record.copy} ${record.id}`) };
      keep(any, drawn, limit);
      for (const { classId } of record.placements) {
        const row = byClass.get(classId) ?? { count: 0, drawn: [] };
        byClass.set(classId, row);
        row.count++;
        if (!row.drawn.some((one) => one.record === record)) keep(row.drawn, drawn, perClass);
      }
    },
    /** Chosen records: first one of each class, then a second one, and so on. */
    result(): AugmentedRecord[] {
      const rarestFirst = [...byClass].sort(([a, one], [b, other]) => one.count - other.count || a - b).map(([, { drawn }]) => drawn);
      const rounds = Array.from({ length: perClass }, (_, n) => rarestFirst.flatMap((drawn) => drawn[n] ?? []));
      return [...new Set([...rounds.flat(), ...any].map(({ record }) => record))].slice(0, limit);
    },
  };
}

/** Keeps the records with the lowest lots, in order. */
function keep(kept: Drawn[], drawn: Drawn, limit: number): void {
  const last = kept.at(-1);
  if (kept.length === limit && last && last.lot <= drawn.lot) return;
  const at = kept.findIndex(({ lot }) => lot > drawn.lot);
  kept.splice(at < 0 ? kept.length : at, 0, drawn);
  if (kept.length > limit) kept.pop();
}
