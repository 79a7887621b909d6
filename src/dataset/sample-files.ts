import type { FileRole, Sample, SampleFile } from '../types.ts';

/** Files of a sample, each with the ending that its name has after the stem that they share. */
export function filesOfSample({
  image,
  mask,
  labels,
  objects,
  views = [],
  endings,
}: Omit<Sample, 'format' | 'size'>): (SampleFile & { readonly ending: string })[] {
  const file = (role: FileRole, path: string | undefined, ending: string) => (path === undefined ? [] : [{ role, path, ending }]);
  return [
    ...file('image', image, endings.image),
    ...file('mask', mask, endings.mask),
    ...file('labels', labels, endings.mask),
    ...file('objects', objects, endings.objects),
    ...views.flatMap(({ path, view }) => file('view', path, view.ending)),
  ];
}
