/** Visible pixels of pastes, from their placements and the instances that they were copied from. */
import { ownedSpans } from '../masks/coverage.ts';
import { difference, shapeOfSpans, turned } from '../masks/spans.ts';
import { mappingOf, tablesOf } from '../masks/tables.ts';
import type { AugmentedRecord } from '../output/manifest.ts';
import type { Instance, Size } from '../types.ts';

type Pastes = Pick<AugmentedRecord, 'placements' | 'scenes'>;

/**
 * Spans `(y, x0, x1)` of the pixels that each paste shows, in their order: those that it owns and no later one covers.
 *
 * @returns `undefined` if the instances are not those of the record.
 */
export function silhouettesOf(
  { placements, scenes }: Pastes,
  instances: readonly Instance[],
  source: Size,
  frame: Size,
): Int32Array[] | undefined {
  const owned = placements.map((placement) => {
    const instance = instances[placement.instance];
    if (instance?.classId !== placement.classId || String(instance.box) !== String(placement.sourceBox)) return undefined;
    const mapping = mappingOf(placement, scenes?.source, source, frame);
    return shapeOfSpans(ownedSpans(turned(instance, placement), tablesOf(mapping, source), mapping.seen));
  });
  const shapes = owned.filter((shape) => shape !== undefined);
  if (shapes.length < placements.length) return undefined;
  return shapes.map((shape, n) => shapes.slice(n + 1).reduce((left, later) => shapeOfSpans(difference(left, later)), shape).spans);
}
