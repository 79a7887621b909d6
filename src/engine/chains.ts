import { isPasted } from '../plan/plan.ts';
import type { Plan } from '../types.ts';

/** Ids of the samples that a plan pastes into and from; empty if it pastes nothing. */
export function usedBy(plan: Plan): readonly string[] {
  return isPasted(plan) ? [...new Set([plan.id, plan.source])] : [];
}

/**
 * Orders plans so that images are decoded late and released early. A plan comes after all plans that paste from its sample, so that
 * most images can be pasted into in place; one plan of each cycle cannot.
 */
export function inChains(plans: readonly Plan[]): readonly Plan[] {
  const byId = new Map(plans.map((plan) => [plan.id, plan]));
  const users = new Map<Plan, Plan[]>();
  const sourceOf = (plan: Plan): Plan | undefined => (isPasted(plan) ? byId.get(plan.source) : undefined);
  for (const plan of plans) {
    const source = sourceOf(plan);
    const known = source && users.get(source);
    if (known) known.push(plan);
    else if (source) users.set(source, [plan]);
  }
  const order = new Set<Plan>();
  for (const first of plans) {
    if (order.has(first)) continue;
    // Follow the sources to a plan without one, or to a plan of a cycle.
    const path = new Set<Plan>();
    let root = first;
    for (let next: Plan | undefined = first; next && !path.has(next); next = sourceOf(next)) path.add((root = next));
    // Each plan is added before those that paste from it; the order is reversed at the end.
    const open = [root];
    for (let plan = open.pop(); plan; plan = open.pop()) {
      if (order.has(plan)) continue;
      order.add(plan);
      for (const user of users.get(plan) ?? []) open.push(user);
    }
  }
  return [...order].reverse();
}
