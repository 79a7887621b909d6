/** Finds how the names of images and masks belong together, for the options that a message names. */
import { posix } from 'node:path';
import { firstFrom } from '../base/list.ts';
import { parentOf, withoutExtension } from '../base/paths.ts';
import { quoted } from '../base/shell.ts';
import type { Tree } from '../base/tree.ts';
import { formatOf, maskFormatOf } from '../codecs/image-names.ts';

/** What images and masks add to the name that they share. */
export interface Suffixes {
  readonly image: string;
  readonly mask: string;
}

/** Number of names that are compared, and of their neighbours in the order of names. */
const [mostNames, neighbours] = [200, 3];

/** Least share of the images that have a mask. */
const leastShare = 0.5;

/** Words for masks in names. */
const maskWord = /mask|label|seg|annot|manual|truth|gt(?![a-z])/i;

/**
 * The suffixes with which most images have a mask; `undefined` if there are none.
 *
 * @param images names without extensions, as `masks`.
 * @param beside true if images and masks are in one folder, so that their suffixes differ.
 */
export function commonSuffixes(
  images: readonly string[],
  masks: readonly string[],
  beside = false,
): (Suffixes & { readonly share: number }) | undefined {
  const some = images.slice(0, mostNames);
  const known = new Set(masks);
  let best: (Suffixes & { share: number }) | undefined;
  for (const { image, mask } of candidates(some.slice(0, 20), masks)) {
    if (beside && (image === mask || maskWord.test(image))) continue;
    const paired = some.filter((one) => one.endsWith(image) && known.has(one.slice(0, one.length - image.length) + mask)).length;
    const share = paired / some.length;
    if (share >= leastShare && share > (best?.share ?? 0)) best = { image, mask, share };
  }
  return best;
}

/** Suffixes of some names and of those that are near in the order of names. */
function candidates(names: readonly string[], others: readonly string[]): Iterable<Suffixes> {
  const sorted = [...others].sort();
  const found = new Map<string, Suffixes>();
  for (const name of names) {
    const at = firstFrom(sorted, name);
    for (const other of sorted.slice(Math.max(0, at - neighbours), at + neighbours)) {
      const one = suffixesOf(name, other);
      if (one.image.length < name.length && one.mask.length < other.length) found.set(`${one.image}/${one.mask}`, one);
    }
  }
  return found.values();
}

/** Ends of two names after the part that they share; an underscore or a hyphen belongs to the ends. */
function suffixesOf(one: string, other: string): Suffixes {
  let shared = 0;
  while (shared < one.length && shared < other.length && one[shared] === other[shared]) shared++;
  if (shared < one.length && shared < other.length && /[-_. ]/.test(one[shared - 1] ?? '')) shared--;
  return { image: one.slice(shared), mask: other.slice(shared) };
}

/** Options for suffixes; empty if there are none. */
export function suffixFlags({ image, mask }: Suffixes): string {
  return [image && ` --image-suffix ${quoted(image)}`, mask && ` --mask-suffix ${quoted(mask)}`].join('');
}

/** Number of folders that are compared with one another. */
const mostFolders = 24;

/** Tests if a file is an image, also in the format in which some data sets store masks. */
function isPicture(file: string): boolean {
  return formatOf(file) !== undefined || /\.gif$/i.test(file);
}

/** Names of images by their folder, for the largest folders. */
function picturesOf(tree: Tree): [folder: string, names: string[]][] {
  const folders = new Map<string, string[]>();
  for (const file of tree.files) {
    if (!isPicture(file)) continue;
    const folder = parentOf(file);
    const own = folders.get(folder) ?? [];
    own.push(posix.basename(file));
    folders.set(folder, own);
  }
  return [...folders].sort(([, a], [, b]) => b.length - a.length).slice(0, mostFolders);
}

/** Rates two folders as one of images and one of masks, if their names belong together and say so, or their formats do. */
function rate(
  [images, files]: readonly [string, readonly string[]],
  [masks, others]: readonly [string, readonly string[]],
): { flags: string; rank: number } | undefined {
  const found = commonSuffixes(files.map(withoutExtension), others.map(withoutExtension), images === masks);
  if (!found) return undefined;
  const isNamed = maskWord.test(found.mask) || (images !== masks && maskWord.test(masks) && !maskWord.test(images));
  const canBeMask = (file: string): boolean => maskFormatOf(file) !== undefined;
  if (!isNamed && !(others.every(canBeMask) && !files.some(canBeMask))) return undefined;
  const signs = [isNamed, /train/i.test(images), parentOf(images) === parentOf(masks)].filter(Boolean).length;
  return {
    rank: signs + found.share - (maskWord.test(found.image) ? 2 : 0),
    flags: `--images ${quoted(images || '.')} --masks ${quoted(masks || '.')}${suffixFlags(found)}`,
  };
}

/** Options for a folder of images and one of masks whose names belong together; `undefined` if no folders are clearly that. */
export function flagsForFolders(tree: Tree): string | undefined {
  const folders = picturesOf(tree);
  let best: ReturnType<typeof rate>;
  for (const images of folders) {
    for (const masks of folders) {
      const rated = rate(images, masks);
      if (rated && rated.rank > (best?.rank ?? 0)) best = rated;
    }
  }
  return best?.flags;
}
