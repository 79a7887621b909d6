/** The format with one mask for each image, which numbers its objects, as StarDist and Cellpose write it: 0 is background, any other value an object. */
import { giveBack } from '../base/buffers.ts';
import { readObjects, writeMask } from '../codecs/masks.ts';
import { CopyPasteError } from '../errors.ts';
import { freeObjectIds } from '../masks/ids.ts';
import { instanceOfSpans } from '../masks/instances.ts';
import { eachRun } from '../masks/runs.ts';
import { fillSpans } from '../masks/spans.ts';
import type { Mask, Shaped } from '../types.ts';
import { type MasksFormat, unnamedClass } from './format.ts';

/** How a mask stores its ids. */
type Coding = Omit<Mask, 'ids' | 'width' | 'height'> & { readonly wide: boolean };

/** Id of an object in its mask. */
interface OwnId {
  readonly value: number;
}

/** Id of the only class. */
const onlyClass = 0;

/** Largest id of an object that a mask can hold. */
const largest = 0xffff;

export const instanceIds: MasksFormat<Coding, OwnId> = {
  kind: 'masks',
  classNames: new Map([[onlyClass, unnamedClass]]),

  async shapes({ masks: [file] = [], size }) {
    const { path, bytes } = file as NonNullable<typeof file>;
    const mask = await readObjects(bytes, path);
    if (mask.width !== size.width || mask.height !== size.height)
      throw new CopyPasteError('data', `is ${mask.width}×${mask.height}, but its image is ${size.width}×${size.height}`, { path });
    const found = new Map<number, number[]>();
    eachRun(mask, (id, y, from, to) => {
      if (id === 0) return;
      const spans = found.get(id);
      if (spans) spans.push(y, from, to);
      else found.set(id, [y, from, to]);
    });
    const { width: _, height: __, ids, ...rest } = mask;
    giveBack(ids);
    const shapes = [...found]
      .sort(([one], [other]) => one - other)
      .map(([value, spans], id): Shaped<OwnId> => {
        return { id, own: { value }, instance: instanceOfSpans(onlyClass, Int32Array.from(spans), size) };
      });
    return { size, own: { ...rest, wide: ids instanceof Uint16Array }, shapes };
  },

  async pasted({ before: { size, own, shapes }, kept, pasted }, path) {
    const { wide, ...coding } = own;
    const shown = [
      ...kept.map(({ shape, spans = shape.instance?.spans }) => ({ value: shape.own.value, spans })),
      ...freeIds(
        shapes.map((shape) => shape.own.value),
        pasted.length,
        path,
      ).map((value, n) => ({ value, spans: pasted[n]?.spans })),
    ];
    const isWide = wide || shown.some(({ value }) => value > 0xff);
    const ids = new (isWide ? Uint16Array : Uint8Array)(size.width * size.height);
    for (const { value, spans } of shown) if (spans) fillSpans(spans, [0, 0, size.width], ids, value);
    return writeMask({ ...size, ids, ...coding }, path);
  },

  contradictions: () => [],
};

/** Ids of new objects: those after the largest one, then any other. @throws {CopyPasteError} `data` if there are too few. */
export function freeIds(used: readonly number[], count: number, path: string): number[] {
  if (used.length + count > largest)
    throw new CopyPasteError('data', `has no free id for ${count} more objects: masks hold ids up to ${largest}`, { path });
  const classes = Array.from({ length: count }, () => onlyClass);
  return freeObjectIds(used, largest, new Set(), classes, undefined) as number[];
}
