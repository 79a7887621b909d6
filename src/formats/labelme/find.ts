import { parentOf, withoutExtension } from '../../base/paths.ts';
import type { Tree } from '../../base/tree.ts';
import { formatOf } from '../../codecs/image-names.ts';
import { type Folders, isSplitName, maskFolders, splitNames } from '../folders.ts';
import { endsOf, filesBesideImages, hasImageOf } from '../image-names.ts';

/** Tests if a document begins like labelme's; other tools also write a JSON file beside each image. */
function isLabelme(tree: Tree, file: string): boolean {
  // A file that cannot be read is reported when it is opened.
  return tree.start(file).replaceAll('\0', '') === '' || beginsLikeLabelme(tree, file);
}

/** Tests if a JSON document of any name begins with the keys of labelme; images of COCO may have such keys too, further inside. */
export function beginsLikeLabelme(tree: Tree, file: string): boolean {
  if (!file.endsWith('.json')) return false;
  const start = tree.start(file);
  return [...start.matchAll(/"(shapes|imagePath|imageData)"\s*:/g)].some(({ index }) => {
    const before = start.slice(0, index).replace(/"(?:[^"\\]|\\.)*"/g, '');
    return (before.match(/[{[]/g) ?? []).length - (before.match(/[}\]]/g) ?? []).length === 1;
  });
}

/**
 * Finds the folders of splits, or the root, with labelme files named like their images.
 *
 * @param apart true to find files in folders apart from their images too.
 */
export function findLabelme(tree: Tree, apart: boolean): Folders[] {
  const files = filesBesideImages(tree).filter((file) => file.endsWith('.json'));
  const pairs = files.filter((file) => hasImageOf(tree, file) && isLabelme(tree, file));
  const found = splitNames.filter((split) => pairs.some((file) => file.startsWith(`${split}/`)));
  if (found.length > 0) return found.map((split) => ({ split, images: split, masks: split }));
  if (pairs.length > 0) return [{ split: '', images: '', masks: '' }];
  return apart ? findApart(tree, files) : [];
}

/** Says which labelme file has no image; looks at one JSON file, which stands for all. */
export function labelmeWithoutImage(tree: Tree): { what: string; remedy: string } | undefined {
  const file = tree.files.find((one) => one.endsWith('.json'));
  if (file === undefined || !beginsLikeLabelme(tree, file) || hasImageOf(tree, file)) return undefined;
  return {
    what: `${file} is a labelme file, but no image has its name; images inside of files (imageData) are not read`,
    remedy: 'add the images',
  };
}

/** Finds folders of labelme files whose images lie in another folder: `annotations/` and `images/`, as labelme's option for the output writes them. */
function findApart(tree: Tree, files: readonly string[]): Folders[] {
  const byStem = endsOf(
    tree.files.filter((file) => formatOf(file) !== undefined),
    withoutExtension,
  );
  const rows = new Map<string, Folders>();
  const seen = new Set<string>();
  // Masks may have the names of the images.
  const isImage = (file: string): boolean => !file.split('/').some((part) => maskFolders.includes(part));
  for (const file of files) {
    const folder = parentOf(file);
    const image = seen.has(folder) ? undefined : byStem.find(file, isImage);
    if (image === undefined) continue;
    // One file stands for all of its folder.
    seen.add(folder);
    if (!beginsLikeLabelme(tree, file)) continue;
    const [images, masks, shared] = withoutSharedEnd(parentOf(image), folder);
    const split = shared.find(isSplitName) ?? images.split('/').find(isSplitName) ?? '';
    const below = split !== '' && shared.includes(split) ? `/${shared.slice(0, shared.indexOf(split) + 1).join('/')}` : '';
    const row = { split, images: images + below, masks: masks + below };
    rows.set(JSON.stringify(row), row);
  }
  const splits = new Set([...rows.values()].map(({ split }) => split));
  return splits.size === rows.size ? [...rows.values()] : [];
}

/** Two folders without the last parts that they share, and these parts. */
function withoutSharedEnd(one: string, other: string): [one: string, other: string, shared: string[]] {
  const [first, second] = [one.split('/'), other.split('/')];
  const shared: string[] = [];
  while (first.length > 1 && second.length > 1 && first.at(-1) === second.at(-1)) {
    shared.unshift(first.pop() as string);
    second.pop();
  }
  return [first.join('/'), second.join('/'), shared];
}
