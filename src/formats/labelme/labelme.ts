/** The labelme format: a JSON file of shapes beside each image. */
import { inParts } from '../../base/parts.ts';
import { readText } from '../../base/tree.ts';
import { CopyPasteError } from '../../errors.ts';
import type { Reason } from '../../types.ts';
import { idsByName } from '../class-ids.ts';
import type { LabelFormat, Layer } from '../format.ts';
import { hasArea, type LabelmeShape, noClass, spansOfShapes, unpastedReason } from './drawing.ts';
import { type LabelmeDocument, parseLabelme, type ShapeIndices, shapesOfLabelme } from './read.ts';
import { labelmeText, renamedLabelmeText } from './write.ts';

/** The labelme format. Class ids are positions in the sorted list of all labels. */
export const labelme: LabelFormat<LabelmeDocument, ShapeIndices> = {
  kind: 'labels',
  ending: '.json',
  async names({ root }, { files, counted, encoding }, bad) {
    const labels = new Set<string>();
    const isCounted = new Set(counted);
    const unpasted: Partial<Record<Reason, number>> = {};
    let [annotations, largestOfImage] = [0, 0];
    await inParts(files, 8, async (file) => {
      try {
        const { shapes, imageWidth: width, imageHeight: height } = parseLabelme(await readText(root, file, encoding), file);
        for (const { label } of shapes) labels.add(label);
        if (!isCounted.has(file)) return;
        annotations += shapes.length;
        const size = width && height ? { width, height } : undefined;
        for (const shape of shapes) {
          largestOfImage = Math.max(largestOfImage, typeof shape.group_id === 'number' ? shape.group_id : 0);
          const reason = unpastedReason(shape, size);
          if (reason !== undefined) unpasted[reason] = (unpasted[reason] ?? 0) + 1;
        }
      } catch (error) {
        if (!(error instanceof CopyPasteError) || error.code !== 'data') throw error;
        bad.set(file, { path: file, what: error.what });
      }
    });
    const names = [...labels].filter((label) => !noClass.has(label)).sort();
    return { classNames: new Map(names.map((name, id) => [id, name])), counts: { annotations, unpasted, largestOfImage } };
  },
  shapes: shapesOfLabelme,
  plain: (text, { image }) => renamedLabelmeText(text, image),
  pasted: labelmeText,

  contradictions({ own, shapes }, classNames) {
    const names = idsByName(classNames);
    return shapes.flatMap(({ id, own: indices, instance }) => {
      const parts = indices.map((index) => own.shapes[index] as LabelmeShape);
      const filled = parts.some(hasArea) && names.has(parts[0]?.label as string);
      return filled && !instance ? [`shape ${id + 1} has no pixels inside its image`] : [];
    });
  },

  // Like labelme's converter: later shapes cover earlier ones, and each part of a group keeps its position in the file.
  layers({ own: indices, instance }, { own, size }, changed): Layer[] {
    const [first = 0] = indices;
    const none = noClass.get(own.shapes[first]?.label as string);
    const paint = instance?.classId ?? none ?? 'ignore';
    if (changed) return [{ spans: changed, paint, height: first }];
    if (indices.length === 1 && !none) return instance ? [{ spans: instance.spans, paint, height: first }] : [];
    return indices.map((index) => ({ spans: spansOfShapes([own.shapes[index] as LabelmeShape], size), paint, height: index }));
  },
};
