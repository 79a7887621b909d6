/** Rules on where an instance may land in its target, beside the limits of its area. */
import { footOf, groundUnder, meetsClass } from '../masks/ground.ts';
import { countCommon, difference, type Shape, shapeOfSpans } from '../masks/spans.ts';
import type { DropReason, Instance, Mask } from '../types.ts';

/** Placement rules; class ids are those of the target's mask. */
export interface RuleOptions {
  /** Classes that the pixel under the foot of a paste may have. */
  readonly pasteOn?: ReadonlySet<number> | undefined;
  /** Classes of which a paste may cover no pixel. */
  readonly avoid?: ReadonlySet<number> | undefined;
  /** Largest fraction of its pixels that an existing instance may lose to all pastes together. */
  readonly maxCover?: number | undefined;
  /** Classes whose instances may be covered beyond `maxCover`. */
  readonly mayCover?: ReadonlySet<number> | undefined;
}

/** The mask and the instances of the sample that is pasted into. */
type Ground = Mask & { readonly instances: readonly Instance[] };

/** Placement rules of one target, which take note of its pastes. */
export interface Rules {
  /** Returns true if no paste can meet the rules, wherever it lands. */
  hopeless(): boolean;
  /** The rule that a paste breaks; `undefined` if it meets all of them. @param owned pixels of the frame that it owns, at least one. */
  misfit(owned: Shape): DropReason | undefined;
  /** Takes note of a paste, which meets the rules. */
  accept(owned: Shape): void;
}

/** Placement rules of a target; `undefined` if the options have none. */
export function rulesOf(target: Ground, options: RuleOptions): Rules | undefined {
  const { pasteOn, avoid, maxCover } = options;
  if (!pasteOn && !avoid && maxCover === undefined) return undefined;
  // Shapes may overlap, so the mask does not show all of their pixels.
  const avoided = avoid ? target.instances.filter(({ classId }) => avoid.has(classId)) : [];
  const cover = maxCover === undefined ? undefined : coverOf(target, maxCover, options.mayCover);
  return {
    hopeless: () => pasteOn !== undefined && !meetsClass(wholeOf(target), target, pasteOn),
    misfit(owned) {
      if (pasteOn && !pasteOn.has(groundUnder(footOf(owned), target))) return 'not on --paste-on';
      if (avoid && (meetsClass(owned, target, avoid) || avoided.some((one) => countCommon(one, owned) > 0))) return 'on --avoid';
      return cover?.exceeds(owned) ? 'above max-cover' : undefined;
    },
    accept: (owned) => cover?.add(owned),
  };
}

/** All pixels of a mask. */
function wholeOf({ width, height }: Mask): Shape {
  return shapeOfSpans(Int32Array.from(Array.from({ length: height }, (_, y) => [y, 0, width]).flat()));
}

/** Counts the pixels that existing instances lose to pastes. A pixel that several pastes own is lost once. */
function coverOf({ instances }: Ground, most: number, mayCover: ReadonlySet<number> | undefined) {
  const losses = instances.filter(({ classId }) => !mayCover?.has(classId)).map((instance) => ({ instance, lost: 0 }));
  const pastes: Shape[] = [];
  /** Pixels of a paste that no earlier paste owns. */
  const fresh = (owned: Shape): Shape => pastes.reduce((rest, paste) => shapeOfSpans(difference(rest, paste)), owned);
  return {
    exceeds(owned: Shape): boolean {
      const own = fresh(owned);
      return losses.some(({ instance, lost }) => {
        const more = countCommon(instance, own);
        return more > 0 && (lost + more) / instance.area > most;
      });
    },
    add(owned: Shape): void {
      const own = fresh(owned);
      for (const loss of losses) loss.lost += countCommon(loss.instance, own);
      pastes.push(owned);
    },
  };
}
