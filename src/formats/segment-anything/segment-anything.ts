/** The format of Segment Anything, as in the data set SA-1B: a JSON file of masks beside each image. Masks have no classes, and overlap. */
import { inParts } from '../../base/parts.ts';
import { readText } from '../../base/tree.ts';
import { CopyPasteError } from '../../errors.ts';
import type { LabelFormat } from '../format.ts';
import { isEmpty } from '../rle.ts';
import { onlyClass, parseSegmentAnything, type SamAnnotation, type SamImage, shapesOfSegmentAnything } from './read.ts';
import { renamedText, segmentAnythingText } from './write.ts';

export const segmentAnything: LabelFormat<SamImage, SamAnnotation> = {
  kind: 'labels',
  ending: '.json',
  async names({ root }, { files, counted, encoding }, bad) {
    const isCounted = new Set(counted);
    let [annotations, empty, largestOfImage] = [0, 0, 0];
    await inParts(files, 8, async (file) => {
      try {
        const document = parseSegmentAnything(await readText(root, file, encoding), file);
        if (!isCounted.has(file)) return;
        annotations += document.annotations.length;
        for (const { id } of document.annotations) largestOfImage = Math.max(largestOfImage, id ?? 0);
        empty += document.annotations.filter(({ segmentation }) => isEmpty(segmentation)).length;
      } catch (error) {
        if (!(error instanceof CopyPasteError) || error.code !== 'data') throw error;
        bad.set(file, { path: file, what: error.what });
      }
    });
    const unpasted = empty > 0 ? { 'no area': empty } : {};
    return { classNames: new Map([[onlyClass.id, onlyClass.name]]), counts: { annotations, unpasted, largestOfImage } };
  },
  shapes: shapesOfSegmentAnything,
  plain: (text, { image }) => renamedText(text, image),
  pasted: (pasted, { image }) => segmentAnythingText(pasted, image),

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
