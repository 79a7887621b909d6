import { withoutExtension } from '../base/paths.ts';
import { pathsOfShapes } from '../formats/format.ts';
import type { FileRole, Sample, SampleFile, ShapeFiles } from '../types.ts';

/** Folders of masks drawn from shapes, with the names that labelme's converter gives them. */
export const drawnMasks = [
  { role: 'drawn classes', folder: 'SegmentationClassPNG' },
  { role: 'drawn objects', folder: 'SegmentationObjectPNG' },
] as const;

/** Files of a sample, each with the part of its name between the shared stem and the extension. */
export function filesOfSample({
  image,
  mask,
  labels,
  shapeFiles,
  objects,
  views = [],
  cutouts = [],
  endings,
}: Omit<Sample, 'format' | 'size'>): (SampleFile & { readonly ending: string })[] {
  const file = (role: FileRole, path: string | undefined, ending: string) => (path === undefined ? [] : [{ role, path, ending }]);
  return [
    ...(cutouts.length === 0 ? file('image', image, endings.image) : []),
    ...cutouts.flatMap((path) => file('cutout', path, '')),
    ...file('mask', mask, endings.mask),
    ...file('labels', labels, endings.mask),
    ...(shapeFiles ? shapeFilesOf(shapeFiles) : []),
    ...file('objects', objects, endings.objects),
    ...views.flatMap(({ path, view }) => file('view', path, view.ending)),
  ];
}

/** Mask files of shapes, each with its name after the shared stem. */
function shapeFilesOf(files: ShapeFiles) {
  return pathsOfShapes(files).map((path) => ({ role: 'shape', path, ending: withoutExtension(path).slice(files.stem.length) }) as const);
}
