import type { Plan } from '../types.ts';

/** The samples that a plan pastes into and from. */
export function samplesOf({ id, source, placements }: Plan): readonly string[] {
  return placements.length === 0 ? [] : id === source ? [id] : [id, source as string];
}

/**
 * Plans in an order in which images are decoded late and let go early, and most are pasted into last, so that it can be done in place:
 * after all that paste from a plan's sample comes the plan itself, but for one of each circle.
 */
export function inChains(plans: readonly Plan[]): readonly Plan[] {
  const byId = new Map(plans.map((plan) => [plan.id, plan]));
  const users = new Map<Plan, Plan[]>();
  const sourceOf = ({ source }: Plan): Plan | undefined => byId.get(source as string);
  for (const plan of plans) {
    const source = sourceOf(plan);
    if (source) users.set(source, [...(users.get(source) ?? []), plan]);
  }
  const order = new Set<Plan>();
  for (const first of plans) {
    if (order.has(first)) continue;
    // Where the sources lead: a plan that all others of its kind paste from, or one of a circle.
    const path = new Set<Plan>();
    let root = first;
    for (let next: Plan | undefined = first; next && !path.has(next); next = sourceOf(next)) path.add((root = next));
    // Each before those that paste from it: backwards, after them.
    const open = [root];
    for (let plan = open.pop(); plan; plan = open.pop()) {
      if (order.has(plan)) continue;
      order.add(plan);
      open.push(...(users.get(plan) ?? []));
    }
  }
  return [...order].reverse();
}
