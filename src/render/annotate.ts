import { bareId, freeObjectIds, ignoreObject, isThing, largestId } from '../masks/ids.ts';
import { boxesOfIds, countIds, presentIds } from '../masks/invariants.ts';
import { vocPalette } from '../masks/palette.ts';
import { nearestTable } from '../masks/tables.ts';
import type {
  Annotated,
  Box,
  CountedAnnotation,
  Covered,
  Mask,
  MinVisible,
  ObjectIds,
  PixelCounts,
  PixelsById,
  Plan,
  Scene,
} from '../types.ts';
import { visibility } from './visibility.ts';

export interface AnnotateOptions {
  /** Class ids that never stand for an object. */
  readonly leftOut: ReadonlySet<number>;
  /** The same of instance masks. */
  readonly leftOutObjects?: ReadonlySet<number>;
  /** How ids of instance masks are made; else any that is free will do. */
  readonly objectIds?: ObjectIds | undefined;
  /** What a canvas holds outside the scene, and an object mask where an object was given up. */
  readonly ignore: number | undefined;
  /** When an existing object is dropped. */
  readonly minVisible: MinVisible;
}

/**
 * Derives a target's annotation from the owner map: the class mask is `owner ? class[owner] : mask`, and an
 * object mask likewise, with a free id for each placement. Looks at pixels inside the placements' boxes only.
 *
 * @param source the source's class mask, whose palette names pasted ids that the target's lacks; absent where its ids are others.
 */
export function annotate(
  target: CountedAnnotation,
  source: Mask | undefined,
  plan: Plan,
  owner: Int32Array,
  options: AnnotateOptions,
): Annotated {
  const { mask, objects } = target;
  const scene = (base: Mask, fill = options.ignore ?? 0): Mask => (plan.scenes ? jitterScene(base, plan.scenes.target, fill) : base);
  const classes = plan.placements.map(({ classId }) => classId);
  const base = scene(mask);
  const painted = paint(base, classes, plan, owner);
  const result = {
    mask: withPalette(painted.mask, source),
    pixels: comparePixels(target.pixels, plan.scenes ? countIds(base) : target.pixels, painted, classes),
    visible: painted.visible,
    objectIds: classes.map((): number | undefined => undefined),
    covered: [] as Covered[],
  };
  if (!objects) return result;

  const leftOut = options.leftOutObjects ?? options.leftOut;
  const before = scene(objects, ignoreObject(options));
  const held = plan.scenes || !target.objectPixels ? countIds(before) : target.objectPixels;
  const kept = classes.map((id, i) => ((painted.visible[i] as number) > 0 && isThing(id, options.objectIds) ? id : undefined));
  const objectIds = freeObjectIds(held.keys(), largestId(objects), leftOut, kept, options.objectIds);
  const after = paint(
    before,
    objectIds.map((id, i) => id ?? bareId(classes[i] as number, options.objectIds)),
    plan,
    owner,
  );
  const keeps = visibility(options.minVisible);
  let boxes: readonly ReadonlyMap<number, Box>[] | undefined;
  const covered = [...after.lost]
    .filter(([id]) => id !== 0 && !leftOut.has(id))
    .sort(([a], [b]) => a - b)
    .map(([object, lost]): Covered => {
      const pixels = held.get(object) as number;
      const counts = { before: pixels, after: pixels - lost };
      const dropped = !keeps(counts, () => (boxes ??= [before, after.mask].map(boxesOfIds)).map((of) => of.get(object) as Box));
      return { object, ...counts, dropped };
    });
  const gone = new Map(covered.filter(({ dropped }) => dropped).map(({ object }) => [object, orphanId(object, options)]));
  if (gone.size > 0) {
    const { ids } = after.mask;
    for (let i = 0; i < ids.length; i++) ids[i] = gone.get(ids[i] as number) ?? (ids[i] as number);
  }
  return { ...result, objects: withPalette(after.mask, undefined), objectIds, covered };
}

/** What is left of an object that was given up: its class alone where its id says that, else void. */
function orphanId(object: number, options: AnnotateOptions): number {
  const { objectIds } = options;
  return objectIds ? bareId(Math.floor(object / objectIds.perClass), objectIds) : ignoreObject(options);
}

interface Painted {
  readonly mask: Mask;
  /** Pixels of each placement. */
  readonly visible: number[];
  /** Pixels that each id lost. */
  readonly lost: PixelsById;
}

/** Writes a value for each placement into a copy of a mask, where the placement owns the pixel. */
function paint(base: Mask, values: readonly number[], { placements }: Plan, owner: Int32Array): Painted {
  const wide = base.ids instanceof Uint16Array || values.some((value) => value > 255);
  const ids = wide ? new Uint16Array(base.ids) : new Uint8Array(base.ids);
  const lost = new Uint32Array(base.ids instanceof Uint16Array ? 0x10000 : 0x100);
  const visible = placements.map(({ targetBox }, index) => paintBox(base, ids, targetBox, owner, index + 1, values[index] as number, lost));
  return { mask: { ...base, ids }, visible, lost: presentIds(lost) };
}

/** Writes `value` where the `k`-th placement owns the pixel. @returns how many pixels that are. */
function paintBox(base: Mask, ids: Mask['ids'], box: Box, owner: Int32Array, k: number, value: number, lost: Uint32Array): number {
  const { width, height } = base;
  const [left, right] = [Math.max(0, box[0]), Math.min(width, box[2])];
  const bottom = Math.min(height, box[3]);
  let pixels = 0;
  for (let y = Math.max(0, box[1]); y < bottom; y++) {
    for (let i = y * width + left; i < y * width + right; i++) {
      if (owner[i] !== k) continue;
      const id = base.ids[i] as number;
      lost[id] = (lost[id] as number) + 1;
      ids[i] = value;
      pixels++;
    }
  }
  return pixels;
}

/** A mask that is jittered as a whole: every pixel takes the id that its centre falls in; the rest is `fill`. */
export function jitterScene(mask: Mask, { targetBox, flip }: Scene, fill: number): Mask {
  const { width, height } = mask;
  const [x0, y0, x1, y1] = targetBox;
  const ids = mask.ids instanceof Uint16Array ? new Uint16Array(mask.ids.length) : new Uint8Array(mask.ids.length);
  ids.fill(fill);
  const columns = [Math.max(0, x0), Math.min(width, x1)] as const;
  const rows = [Math.max(0, y0), Math.min(height, y1)] as const;
  const tableX = nearestTable({ start: 0, length: width, target: x1 - x0, flip, visible: [columns[0] - x0, columns[1] - x0] });
  const tableY = nearestTable({ start: 0, length: height, target: y1 - y0, flip: false, visible: [rows[0] - y0, rows[1] - y0] });
  for (let y = rows[0]; y < rows[1]; y++) {
    const from = (tableY[y - rows[0]] as number) * width;
    const to = y * width + columns[0];
    for (let i = 0; i < tableX.length; i++) ids[to + i] = mask.ids[from + (tableX[i] as number)] as number;
  }
  return { ...mask, ids };
}

/**
 * A palette that names each id of a mask: its own, continued by the source's, and by VOC's colours where neither has one, so that
 * readers of colours tell them apart.
 */
function withPalette(mask: Mask, source: Mask | undefined): Mask {
  const { palette, ids } = mask;
  // Ids of 16 bits are written without one.
  if (!palette || palette.length === largestPalette || ids instanceof Uint16Array) return mask;
  const named = Math.max(palette.length, source?.palette?.length ?? 0) / 3;
  const entries = Math.max(named, ids.reduce((largest, id) => Math.max(largest, id), 0) + 1);
  if (3 * entries === palette.length) return mask;
  const continued = vocPalette(entries);
  continued.set(source?.palette ?? []);
  continued.set(palette);
  return { ...mask, palette: continued };
}

const largestPalette = 3 * 256;

/** Pixels of each class before and after: what the placements take is taken off what was there. */
function comparePixels(before: PixelsById, base: PixelsById, { visible, lost }: Painted, classes: readonly number[]): PixelCounts {
  const after = new Map(base);
  for (const [id, pixels] of lost) after.set(id, (after.get(id) as number) - pixels);
  classes.forEach((id, k) => {
    if (visible[k]) after.set(id, (after.get(id) ?? 0) + visible[k]);
  });
  const ids = [...new Set([...before.keys(), ...after.keys()])].sort((a, b) => a - b);
  return new Map(ids.map((id) => [id, [before.get(id) ?? 0, after.get(id) ?? 0]]));
}
