/** The Supervisely format: a project of data sets, each with a JSON file of objects for each image. */
import { inParts } from '../../base/parts.ts';
import { readText } from '../../base/tree.ts';
import { CopyPasteError } from '../../errors.ts';
import type { Reason } from '../../types.ts';
import type { LabelFormat } from '../format.ts';
import {
  type Forms,
  type ObjectIndices,
  parseSupervisely,
  readMeta,
  reasonOf,
  type SuperviselyImage,
  type SuperviselyObject,
  shapesOfSupervisely,
} from './read.ts';
import { superviselyText } from './write.ts';

/** The Supervisely format. Class ids are positions in `meta.json`, or in the sorted list of all titles if there is none. */
export const supervisely: LabelFormat<SuperviselyImage, ObjectIndices, Forms> = {
  kind: 'labels',
  ending: '.json',
  keepsExtension: true,
  async names(tree, { files, counted, encoding }, bad) {
    const meta = await readMeta(tree, encoding);
    const forms: Forms = meta?.forms ?? new Map();
    const titles = new Set<string>();
    const isCounted = new Set(counted);
    const unpasted: Partial<Record<Reason, number>> = {};
    let annotations = 0;
    await inParts(files, 8, async (path) => {
      try {
        const { objects, size } = parseSupervisely(await readText(tree.root, path, encoding), path, forms);
        for (const { classTitle } of objects) titles.add(classTitle);
        if (!isCounted.has(path)) return;
        annotations += objects.length;
        for (const one of objects) {
          const reason = reasonOf(one, forms, size);
          if (reason !== undefined) unpasted[reason] = (unpasted[reason] ?? 0) + 1;
        }
      } catch (error) {
        if (!(error instanceof CopyPasteError) || error.code !== 'data') throw error;
        bad.set(path, { path, what: error.what });
      }
    });
    const names = meta ? [...forms.keys()] : [...titles].sort();
    const classNames = new Map(names.map((name, id) => [id, name]));
    return { classNames, own: forms, ...(meta && { config: { file: meta.file } }), counts: { annotations, unpasted } };
  },
  shapes: shapesOfSupervisely,
  pasted: (pasted, _paths, options) => superviselyText(pasted, options),

  contradictions({ own: { file, forms }, size, shapes }, classNames) {
    const names = new Set(classNames.values());
    return shapes.flatMap(({ own: [first = 0], instance }) => {
      const one = file.objects[first] as SuperviselyObject;
      if (!names.has(one.classTitle)) return [`objects[${first}] is of class '${one.classTitle}', which is not defined`];
      const filled = [undefined, 'outside the image'].includes(reasonOf(one, forms, size));
      return filled && !instance ? [`objects[${first}] has no pixels inside its image`] : [];
    });
  },
};
