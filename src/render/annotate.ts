import { bareId, boxesOfIds, countIds, freeObjectIds, ignoreObject, isThing, largestId, presentIds } from '../masks/ids.ts';
import { vocPalette } from '../masks/palette.ts';
import { nearestTable } from '../masks/tables.ts';
import type { Annotated, Box, CountedAnnotation, Covered, Mask, ObjectIds, PastePlan, PixelCounts, PixelsById, Scene } from '../types.ts';
import { type MinVisible, visibility } from './visibility.ts';

export interface AnnotateOptions {
  /** Background and ignore ids of class masks. */
  readonly leftOut: ReadonlySet<number>;
  /** Ids of instance masks that stand for no object; default `leftOut`. */
  readonly leftOutObjects?: ReadonlySet<number>;
  /** Encoding of the class in instance ids; without it, a paste gets any free id. */
  readonly objectIds?: ObjectIds | undefined;
  /** Ignore id: fills the canvas around a jittered scene, and replaces dropped objects. */
  readonly ignore: number | undefined;
  /** Limit below which an existing object is dropped. */
  readonly minVisible: MinVisible;
}

/**
 * Derives a target's annotation from the owner map: the class mask is `owner > 0 ? class[owner] : mask`, and the object mask has a free
 * id for each placement in the same way. It looks for owners inside the boxes of placements only. Whole masks are visited to copy them, to
 * extend a palette, to resample a jittered scene and to erase dropped objects.
 *
 * @param source class mask of the source; its palette colours pasted ids that the target's lacks. Absent if its ids mean other classes.
 */
export function annotate(
  target: CountedAnnotation,
  source: Mask | undefined,
  plan: PastePlan,
  owner: Int32Array,
  options: AnnotateOptions,
): Annotated {
  const { mask, objects } = target;
  const scene = (base: Mask, fill = options.ignore ?? 0): Mask => (plan.scenes ? resampleMask(base, plan.scenes.target, fill) : base);
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
  const kept = classes.map((id, i) => (painted.visible[i]! > 0 && isThing(id, options.objectIds) ? id : undefined));
  const objectIds = freeObjectIds(held.keys(), largestId(objects), leftOut, kept, options.objectIds);
  const after = paint(
    before,
    objectIds.map((id, i) => id ?? bareId(classes[i]!, options.objectIds)),
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
  const gone = new Map(covered.filter(({ dropped }) => dropped).map(({ object }) => [object, remainderId(object, options)]));
  if (gone.size > 0) {
    const { ids } = after.mask;
    for (let i = 0; i < ids.length; i++) ids[i] = gone.get(ids[i]!) ?? ids[i]!;
  }
  return { ...result, objects: withPalette(after.mask, undefined), objectIds, covered };
}

/** Id of the remaining pixels of a dropped object: its class alone if ids tell the class, else the ignore id. */
function remainderId(object: number, options: AnnotateOptions): number {
  const { objectIds } = options;
  return objectIds ? bareId(Math.floor(object / objectIds.perClass), objectIds) : ignoreObject(options);
}

interface Painted {
  readonly mask: Mask;
  /** Number of pixels of each placement. */
  readonly visible: number[];
  /** Number of pixels that each id lost. */
  readonly lost: PixelsById;
}

/** Copies a mask, and writes the value of each placement into the pixels that it owns. */
function paint(base: Mask, values: readonly number[], { placements }: PastePlan, owner: Int32Array): Painted {
  const wide = base.ids instanceof Uint16Array || values.some((value) => value > 255);
  const ids = wide ? new Uint16Array(base.ids) : new Uint8Array(base.ids);
  const lost = new Uint32Array(base.ids instanceof Uint16Array ? 0x10000 : 0x100);
  const visible = placements.map(({ targetBox }, index) => paintBox(base, ids, targetBox, owner, index + 1, values[index]!, lost));
  return { mask: { ...base, ids }, visible, lost: presentIds(lost) };
}

/** Writes `value` into the pixels that the `k`-th placement owns. @returns their number. */
function paintBox(base: Mask, ids: Mask['ids'], box: Box, owner: Int32Array, k: number, value: number, lost: Uint32Array): number {
  const { width, height } = base;
  const [left, right] = [Math.max(0, box[0]), Math.min(width, box[2])];
  const bottom = Math.min(height, box[3]);
  let pixels = 0;
  for (let y = Math.max(0, box[1]); y < bottom; y++) {
    for (let i = y * width + left; i < y * width + right; i++) {
      if (owner[i] !== k) continue;
      const id = base.ids[i]!;
      lost[id]!++;
      ids[i] = value;
      pixels++;
    }
  }
  return pixels;
}

/** Resamples a mask as its scene is jittered: every pixel takes the id of the source pixel in which its centre lies; pixels outside the scene take `fill`. */
export function resampleMask(mask: Mask, { targetBox, flip }: Scene, fill: number): Mask {
  const { width, height } = mask;
  const [x0, y0, x1, y1] = targetBox;
  const ids = mask.ids instanceof Uint16Array ? new Uint16Array(mask.ids.length) : new Uint8Array(mask.ids.length);
  ids.fill(fill);
  const columns = [Math.max(0, x0), Math.min(width, x1)] as const;
  const rows = [Math.max(0, y0), Math.min(height, y1)] as const;
  const tableX = nearestTable({ start: 0, length: width, target: x1 - x0, flip, visible: [columns[0] - x0, columns[1] - x0] });
  const tableY = nearestTable({ start: 0, length: height, target: y1 - y0, flip: false, visible: [rows[0] - y0, rows[1] - y0] });
  for (let y = rows[0]; y < rows[1]; y++) {
    const from = tableY[y - rows[0]]! * width;
    const to = y * width + columns[0];
    for (let i = 0; i < tableX.length; i++) ids[to + i] = mask.ids[from + tableX[i]!]!;
  }
  return { ...mask, ids };
}

/**
 * Extends a mask's palette to all of its ids: with the source's colours, or with VOC's where the source has none either, so that ids
 * remain distinct for readers of colours.
 */
function withPalette(mask: Mask, source: Mask | undefined): Mask {
  const { palette, ids } = mask;
  // Masks of 16 bits are written without a palette.
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

/** Pixels of each class before and after the placements. */
function comparePixels(before: PixelsById, base: PixelsById, { visible, lost }: Painted, classes: readonly number[]): PixelCounts {
  const after = new Map(base);
  for (const [id, pixels] of lost) after.set(id, (after.get(id) as number) - pixels);
  classes.forEach((id, k) => {
    if (visible[k]) after.set(id, (after.get(id) ?? 0) + visible[k]);
  });
  const ids = [...new Set([...before.keys(), ...after.keys()])].sort((a, b) => a - b);
  return new Map(ids.map((id) => [id, [before.get(id) ?? 0, after.get(id) ?? 0]]));
}
