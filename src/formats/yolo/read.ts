/** Ultralytics' YOLO segmentation: a text file beside each image, a line `class x y x y …` for each instance, as fractions. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tree } from '../../base/tree.ts';
import { CopyPasteError, messageOf } from '../../errors.ts';
import { instanceOfSpans } from '../../masks/instances.ts';
import { isCoordinate, spansOfPolygons } from '../../masks/polygons.ts';
import type { ShapeSet, Size } from '../../types.ts';
import type { Folders, LabelReader } from '../layouts.ts';

/** Folders of images that have a folder of label files: `images/<split>`, `<split>/images`, or `images` alone. */
export function findYolo(tree: Tree): Folders[] {
  const hasLabels = (folder: string): boolean => tree.files.some((file) => file.startsWith(`${folder}/`) && file.endsWith('.txt'));
  return [...tree.folders].flatMap((images) => {
    const parts = images.split('/');
    const at = parts.lastIndexOf('images');
    const masks = parts.map((part, i) => (i === at ? 'labels' : part)).join('/');
    const split = parts.filter((_, i) => i !== at).join('/');
    const leaf = tree.files.some((file) => file.startsWith(`${images}/`) && !file.slice(images.length + 1).includes('/'));
    return at >= 0 && parts.length <= 2 && leaf && hasLabels(masks) ? [{ split, images, masks }] : [];
  });
}

/**
 * The names of classes are in `data.yaml`, a list, or by number. It leads training too: Ultralytics looks for splits below its
 * `path:`, which is relative to where training is begun, and below its own folder only where it has none.
 */
export const yolo: LabelReader = {
  ending: '.txt',
  background: true,
  async names(root, { files }, { folders }) {
    const file = files.find((name) => /^(data|dataset)\.ya?ml$/.test(name)) ?? files.find((name) => /^[^/]+\.ya?ml$/.test(name));
    if (file === undefined) return { classNames: new Map() };
    const { parse } = await import('yaml');
    try {
      const text = await readFile(join(root, file), 'utf8');
      const { names, path, ...rest } = (parse(text) ?? {}) as Record<string, unknown>;
      const classNames = new Map(Object.entries((names ?? {}) as object).map(([id, name]) => [Number(id), String(name)]));
      const away = ['train', 'val', 'test'].flatMap((split) =>
        [rest[split]].flat().flatMap((value) => (typeof value === 'string' && !leadsTo(value, folders) ? [`${split}: ${value}`] : [])),
      );
      // Whoever says . begins training in the folder.
      const has = typeof path === 'string' && !['', '.', './'].includes(path);
      const without = text.replace(/^path[ \t]*:/m, '# $&');
      if (has && away.length === 0 && parse(without)?.path === undefined)
        return {
          classNames,
          config: { file, text: without, note: `${file}: its path: ${path} led elsewhere, and is commented out in the output` },
        };
      const leading = [...(has ? [`path: ${path}`] : []), ...away].join(', ');
      if (leading === '') return { classNames, config: { file } };
      const note = `${file}: ${leading}: leads elsewhere than to the images beside it: mend that in the output, or training reads other data`;
      return { classNames, config: { file, note } };
    } catch (cause) {
      throw new CopyPasteError('data', `${file}: cannot be read: ${messageOf(cause)}`, { cause });
    }
  },
  shapes: (bytes, size, file) => shapesOfLabels(Buffer.from(bytes).toString(), size, file),
};

/** Whether a split's place, relative to `data.yaml`, holds images of the data set; Ultralytics overlooks that it leads up a folder. */
function leadsTo(place: string, folders: readonly Folders[]): boolean {
  const folder = place.replace(/^(\.\/)+|^\.\.\//, '').replace(/\/+$/, '');
  return folders.some(({ images }) => folder === '' || folder === '.' || images === folder || images.startsWith(`${folder}/`));
}

/**
 * The shapes of a label file; a line of four numbers is a box, which has no mask.
 *
 * @throws {CopyPasteError} `data` with the line that is wrong.
 */
export function shapesOfLabels(text: string, size: Size, file: string): ShapeSet {
  const lines = text.split(/\r?\n/).flatMap((line, i) => (line.trim() === '' ? [] : [{ line: line.trim(), number: i + 1 }]));
  const shapes = lines.map(({ line, number }, id) => {
    const [classId, ...values] = line.split(/\s+/).map(Number);
    const fine =
      Number.isInteger(classId) &&
      (classId as number) >= 0 &&
      (classId as number) < 65535 &&
      values.every((value) => isCoordinate(value * Math.max(size.width, size.height)));
    if (!fine || (values.length !== 4 && (values.length < 6 || values.length % 2 === 1))) {
      throw new CopyPasteError('data', `${file}: line ${number} is neither 'class x y x y x y …' nor a box: '${line.slice(0, 40)}'`);
    }
    if (values.length === 4) return { id, line };
    const polygon = values.map((value, i) => value * (i % 2 === 0 ? size.width : size.height));
    const spans = spansOfPolygons([polygon], size);
    if (spans.length === 0) return { id, line };
    return { id, line, instance: instanceOfSpans(classId as number, spans, size) };
  });
  return { size, shapes };
}
