/** labelme: a JSON file of shapes beside each image. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inParts } from '../../base/parts.ts';
import { messageOf } from '../../errors.ts';
import type { LabelFormat, Layer } from '../format.ts';
import { hasArea, type LabelmeShape, noClass, spansOfShapes } from './drawing.ts';
import { type LabelmeDocument, type Places, parseLabelme, shapesOfLabelme } from './read.ts';
import { labelmeText, renamedLabelmeText } from './write.ts';

/** The names of classes are all labels, in alphabetical order: a class id is a place among them. */
export const labelme: LabelFormat<LabelmeDocument, Places> = {
  kind: 'labels',
  ending: '.json',
  async names(root, _tree, { files }, bad) {
    const labels = new Set<string>();
    await inParts(files, 8, async (file) => {
      try {
        for (const { label } of parseLabelme(await readFile(join(root, file), 'utf8'), file).shapes) labels.add(label);
      } catch (error) {
        bad.set(file, messageOf(error));
      }
    });
    const names = [...labels].filter((label) => !noClass.has(label)).sort();
    return { classNames: new Map(names.map((name, id) => [id, name])) };
  },
  shapes: shapesOfLabelme,
  plain: (text, { image }) => renamedLabelmeText(text, image),
  pasted: labelmeText,

  contradictions({ own, shapes }, classNames) {
    const names = new Set(classNames.values());
    return shapes.flatMap(({ id, own: places, instance }) => {
      const parts = places.map((place) => own.shapes[place] as LabelmeShape);
      const filled = parts.some(hasArea) && names.has(parts[0]?.label as string);
      return filled && !instance ? [`shape ${id + 1} has no pixel`] : [];
    });
  },

  // As its own converter draws: later shapes of a file lie on top, parts of a group where they are in it.
  layers({ own: places, instance }, { own, size }, changed): Layer[] {
    const [first = 0] = places;
    const none = noClass.get(own.shapes[first]?.label as string);
    const paint = instance?.classId ?? none ?? 'void';
    if (changed) return [{ spans: changed, paint, height: first }];
    if (places.length === 1 && !none) return instance ? [{ spans: instance.spans, paint, height: first }] : [];
    return places.map((place) => ({ spans: spansOfShapes([own.shapes[place] as LabelmeShape], size), paint, height: place }));
  },
};
