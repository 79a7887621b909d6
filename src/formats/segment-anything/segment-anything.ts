/** The format of Segment Anything, as in the data set SA-1B: a JSON file of masks beside each image. Masks overlap; in SA-1B they have no classes. */
import { inParts } from '../../base/parts.ts';
import { readText } from '../../base/tree.ts';
import { CopyPasteError } from '../../errors.ts';
import type { Reason } from '../../types.ts';
import type { LabelFormat } from '../format.ts';
import { isEmpty } from '../rle.ts';
import {
  onlyClass,
  parseSegmentAnything,
  problemOfNames,
  type SamAnnotation,
  type SamImage,
  shapesOfSegmentAnything,
  unpastedReason,
} from './read.ts';
import { renamedText, segmentAnythingText } from './write.ts';

export const segmentAnything: LabelFormat<SamImage, SamAnnotation> = {
  kind: 'labels',
  ending: '.json',
  async names({ root }, { files, counted, encoding }, bad) {
    const isCounted = new Set(counted);
    let [annotations, largestOfImage] = [0, 0];
    const unpasted: Partial<Record<Reason, number>> = {};
    const named = new Map<number, string>();
    await inParts(files, 8, async (file) => {
      try {
        const document = parseSegmentAnything(await readText(root, file, encoding), file);
        const problem = problemOfNames(document, named);
        if (problem !== undefined) throw new CopyPasteError('data', problem, { path: file });
        if (!isCounted.has(file)) return;
        annotations += document.annotations.length;
        for (const { id } of document.annotations) largestOfImage = Math.max(largestOfImage, id ?? 0);
        for (const one of document.annotations) {
          const reason = isEmpty(one.segmentation) ? 'no area' : unpastedReason(one);
          if (reason) unpasted[reason] = (unpasted[reason] ?? 0) + 1;
        }
      } catch (error) {
        if (!(error instanceof CopyPasteError) || error.code !== 'data') throw error;
        bad.set(file, { path: file, what: error.what });
      }
    });
    const classNames = named.size > 0 ? new Map([...named].sort(([a], [b]) => a - b)) : new Map([[onlyClass.id, onlyClass.name]]);
    return { classNames, counts: { annotations, unpasted, largestOfImage } };
  },
  shapes: shapesOfSegmentAnything,
  plain: (text, { image }) => renamedText(text, image),
  pasted: (pasted, { image }, { classNames }) => segmentAnythingText(pasted, image, classNames),

  contradictions({ shapes }) {
    return shapes.flatMap(({ id, own: { area, bbox }, instance }) => {
      if (!instance) return [`annotations[${id}] has no pixels`];
      const found: string[] = [];
      const [x0, y0, x1, y1] = instance.box;
      const box = [x0, y0, x1 - x0, y1 - y0];
      // Boxes of SA-1B are one pixel less wide and high than their masks.
      if (bbox?.length === 4 && box.some((value, i) => Math.abs(value - (bbox[i] as number)) > 2))
        found.push(`annotations[${id}] states the box [${bbox}], but its mask has the box [${box}]`);
      if (typeof area === 'number' && area !== instance.area)
        found.push(`annotations[${id}] states the area ${area}, but its mask has ${instance.area} pixels`);
      return found;
    });
  },
};
