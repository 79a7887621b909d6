/** Memory that the plans of one batch hold: annotations, decoded images, and shares of two budgets. */
import { giveBack } from '../base/buffers.ts';
import { isPasted } from '../plan/plan.ts';
import type { Annotations, Plan } from '../types.ts';
import { type Budget, createBudget } from './budget.ts';
import { inChains, usedBy } from './chains.ts';
import { bytesOfImage, type LoadedImage, loadImage } from './images.ts';

/** Memory that all batches share. */
export interface Budgets {
  /** Budget of decoded images. */
  readonly decoded: Budget;
  /** Budget of the buffers that rendering and encoding need. */
  readonly working: Budget;
}

export function createBudgets(memory: number): Budgets {
  return { decoded: createBudget(memory / 2), working: createBudget(memory / 2) };
}

/** Plans of one batch whose images are in memory together, and the memory that they hold. */
export interface Holdings {
  /** Plans in the order in which they must enter. */
  readonly plans: readonly Plan[];
  /**
   * Waits until there is memory for a plan, which then holds its annotations, its images and a share of the budgets.
   *
   * @returns a function that releases them; it must be called for each plan, whether the plan succeeds or fails.
   */
  enter(plan: Plan): Promise<() => void>;
  /** Decodes the image of a sample once for all plans. */
  load(id: string): Promise<LoadedImage>;
  /** Releases an image before its plan leaves. */
  release(plan: Plan, id: string): void;
  /** Returns `true` if no other plan holds an image. */
  alone(plan: Plan, id: string): boolean;
}

/** Working memory of a target, in sizes of its image: pixels decoded and pasted, the owner map, PNG filters and compression. */
const workingCopies = 6;

/**
 * Divides the plans of a batch into parts whose images fit into memory together; an image that parts share is decoded in each.
 *
 * @param annotations by sample id; their buffers return to the pool after the last plan that uses them.
 */
export function createHoldings(plans: readonly Plan[], annotations: ReadonlyMap<string, Annotations>, budgets: Budgets): Holdings[] {
  const annotationOf = (id: string): Annotations => annotations.get(id) as Annotations;
  const forget = (id: string): void => giveBackBuffers(annotationOf(id));
  const used = new Set(plans.flatMap(usedBy));
  for (const id of annotations.keys()) if (!used.has(id)) forget(id);
  const annotationUses = countUses(plans, forget);
  const cost = (id: string): number => bytesOfImage(annotationOf(id).sample);
  return divideByMemory(inChains(plans), cost, budgets.decoded.bytes / 2).map((part) =>
    holdingsOf(part, annotationOf, annotationUses, budgets),
  );
}

function holdingsOf(
  plans: readonly Plan[],
  annotationOf: (id: string) => Annotations,
  annotationUses: Uses,
  { decoded, working }: Budgets,
): Holdings {
  const loaded = new Map<string, Promise<LoadedImage>>();
  const imageUses = countUses(plans, (id) => loaded.delete(id));
  const bytes = [...new Set(plans.flatMap(usedBy))].reduce((sum, id) => sum + bytesOfImage(annotationOf(id).sample), 0);
  const pasted = plans.filter(isPasted);
  const instancesOf = (id: string): Set<number> =>
    new Set(pasted.filter(({ source }) => source === id).flatMap(({ placements }) => placements.map(({ instance }) => instance)));
  let left = pasted.length;
  let share: Promise<() => void> | undefined;
  return {
    plans,
    async enter(plan) {
      const ids = usedBy(plan);
      if (ids.length === 0) return () => {};
      share ??= decoded.take(bytes);
      const endShare = await share;
      const endWork = await working.take(workingCopies * bytesOfImage(annotationOf(plan.id).sample));
      return () => {
        endWork();
        for (const id of ids) {
          imageUses.leave(plan, id);
          annotationUses.leave(plan, id);
        }
        if (--left === 0) endShare();
      };
    },
    load(id) {
      const image = loaded.get(id) ?? loadImage(annotationOf(id), instancesOf(id));
      loaded.set(id, image);
      return image;
    },
    release: imageUses.leave,
    alone: imageUses.alone,
  };
}

/** Returns the mask and span buffers of a sample to the pool. */
export function giveBackBuffers({ mask, objects, instances }: Annotations): void {
  for (const { ids } of objects ? [mask, objects] : [mask]) giveBack(ids);
  // The spans of all instances share one buffer.
  if (instances[0]) giveBack(instances[0].spans);
}

/** Plans that still use each sample. */
interface Uses {
  /** Records that a plan no longer uses a sample. */
  leave(plan: Plan, id: string): void;
  /** Returns `true` if no other plan uses a sample. */
  alone(plan: Plan, id: string): boolean;
}

/** Counts the plans that use each sample. @param end called with a sample's id once no plan uses it. */
function countUses(plans: readonly Plan[], end: (id: string) => void): Uses {
  const users = new Map<string, Set<Plan>>();
  for (const plan of plans) for (const id of usedBy(plan)) users.set(id, (users.get(id) ?? new Set()).add(plan));
  return {
    leave: (plan, id) => {
      const left = users.get(id);
      if (left?.delete(plan) && left.size === 0) end(id);
    },
    alone: (plan, id) => {
      const left = users.get(id);
      return left?.size === 1 && left.has(plan);
    },
  };
}

/** Divides plans in order, so that the images of each part have at most `most` bytes, unless a single plan has more. */
function divideByMemory(plans: readonly Plan[], bytesOf: (id: string) => number, most: number): Plan[][] {
  const parts: Plan[][] = [[]];
  let ids = new Set<string>();
  let bytes = 0;
  for (const plan of plans) {
    const own = usedBy(plan);
    const cost = (): number => own.filter((id) => !ids.has(id)).reduce((sum, id) => sum + bytesOf(id), 0);
    if (ids.size > 0 && bytes + cost() > most) {
      parts.push([]);
      ids = new Set();
      bytes = 0;
    }
    bytes += cost();
    for (const id of own) ids.add(id);
    (parts.at(-1) as Plan[]).push(plan);
  }
  return parts;
}
