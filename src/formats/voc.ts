/** Classes of Pascal VOC. Many data sets have its folders, but other classes. */
import { readText, type Tree } from '../base/tree.ts';

/** Names of the classes by id. */
export const vocNames: readonly string[] =
  'background, aeroplane, bicycle, bird, boat, bottle, bus, car, cat, chair, cow, diningtable, dog, horse, motorbike, person, pottedplant, sheep, sofa, train, tvmonitor'.split(
    ', ',
  );

/** Number of box files that are read. */
const firstFiles = 16;

/**
 * Tests if a data set has the classes of VOC: a mask is named as those of VOC 2012, such as `2007_000032`, or all objects in
 * `Annotations/` have names of VOC.
 */
export async function hasVocClasses(tree: Tree, encoding: string): Promise<boolean> {
  if (tree.files.some((file) => /^SegmentationClass\/20\d\d_\d{6}\.png$/.test(file))) return true;
  const boxes = tree.files.filter((file) => /^Annotations\/[^/]+\.xml$/.test(file)).slice(0, firstFiles);
  const texts = await Promise.all(boxes.map((file) => readText(tree.root, file, encoding)));
  const names = texts.flatMap((text) => [...text.matchAll(/<object>\s*<name>([^<]*)<\/name>/g)].map(([, name]) => name as string));
  return names.length > 0 && names.every((name) => vocNames.includes(name.trim()));
}
