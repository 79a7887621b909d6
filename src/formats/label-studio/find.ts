import type { Tree } from '../../base/tree.ts';
import { type Folders, splitNames } from '../folders.ts';
import { filesBesideImages, hasImageOf } from '../image-names.ts';

/** Tests if a file begins with a list of Label Studio's tasks, also of its exports of another form, which are refused by name. */
export function isLabelStudio(tree: Tree, file: string): boolean {
  if (!file.endsWith('.json')) return false;
  const start = tree.start(file);
  if (!/^\ufeff?\s*\[\s*\{/.test(start)) return false;
  const ofTasks = /"(annotations|completions|predictions)"\s*:\s*\[/.test(start) && /"(data|result|completed_by)"\s*:/.test(start);
  return ofTasks || /"annotator"\s*:\s*\d+\s*,\s*"annotation_id"/.test(start);
}

/** Finds lists of tasks in the root and in its folders. The split is that of the name of the file or the folder, if it is one. */
export function findLabelStudio(tree: Tree): Folders[] {
  // A file named like an image belongs to it alone.
  return filesBesideImages(tree).flatMap((file) => {
    const [, folder = '', name = ''] = /^(?:([^/]+)\/)?([^/]+)\.json$/.exec(file) ?? [];
    if (name === '' || hasImageOf(tree, file) || !isLabelStudio(tree, file)) return [];
    const split = [name, folder].find((one) => splitNames.includes(one.replace(/\d+$/, ''))) ?? '';
    return [{ split, images: folder, masks: file }];
  });
}
