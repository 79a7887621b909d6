import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inChains } from '../../src/engine/chains.ts';
import { drawnSources, plansOf } from './plans.ts';

test('a plan comes after all that paste from its sample, except for one of each cycle', () => {
  fc.assert(
    fc.property(drawnSources, (drawn) => {
      const plans = plansOf(drawn);
      const order = inChains(plans);
      expect([...order].sort((a, b) => Number(a.id) - Number(b.id))).toEqual(plans);
      const at = new Map(order.map(({ id }, i) => [id, i]));
      const late = order.filter(({ id, source }) => (at.get(source as string) ?? order.length) < (at.get(id) as number));
      const cycles = new Set<string>();
      for (const { id, source } of late) {
        const cycle = new Set<string>();
        for (let next = source as string; !cycle.has(next); next = `${drawn[Number(next)]}`) cycle.add(next);
        expect(cycle).toContain(id);
        cycles.add([...cycle].sort().join());
      }
      expect(cycles.size).toBe(late.length);
    }),
  );
});
