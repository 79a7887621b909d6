/** The JSON format of Label Studio: a list of tasks, each an image with polygons, brushes, ellipses, boxes and more. */
import type { DocumentFormat } from '../format.ts';
import { jsonText, parseJson } from '../json-text.ts';
import { type LabelStudioDocument, openLabelStudio, type RegionOfTask, shapesOfTask } from './read.ts';
import { liveAnnotations, mainAnnotation, type Task } from './tasks.ts';
import { documentText, entryOf, pastedTask, renamedTask, type TaskEntry } from './write.ts';

/** The format of Label Studio. Class ids are positions in the sorted list of all labels. */
export const labelStudio: DocumentFormat<Task, RegionOfTask, TaskEntry, LabelStudioDocument> = {
  kind: 'documents',
  classesByName: true,
  open: openLabelStudio,
  shapes: shapesOfTask,

  plain([part = ''], sample, { image }) {
    const task = parseJson<Task>(part);
    return entryOf(task, image === sample.image ? part : jsonText(renamedTask(task, sample, image)));
  },

  pasted(pasted, { image }, options) {
    const task = pastedTask(pasted, options);
    return entryOf(task, jsonText(renamedTask(task, pasted.sample, image)));
  },

  text: (document, entries) => documentText(document, entries()),

  contradictions({ own: task, shapes }, classNames) {
    const names = new Set(classNames.values());
    const annotations = new Map(liveAnnotations(task));
    return shapes.flatMap(({ own: { annotation, results, labels } }) => {
      const [first = 0] = results;
      const which = `task ${task.id ?? ''}: region '${annotations.get(annotation)?.result?.[first]?.id ?? first}'`;
      const [label] = labels;
      return label === undefined || names.has(label) ? [] : [`${which} has the label '${label}', which is not defined`];
    });
  },

  // Regions of further annotations show objects that the main one has too.
  layers({ own: { annotation }, instance }, { own: task }, spans = instance?.spans) {
    if (!instance || !spans || annotation !== mainAnnotation(task)) return [];
    return [{ spans, paint: instance.classId, height: 0 }];
  },
};
