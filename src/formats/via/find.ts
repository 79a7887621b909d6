import { parentOf, withoutExtension } from '../../base/paths.ts';
import type { Tree } from '../../base/tree.ts';
import { type Folders, splitNames } from '../folders.ts';
import { filesBesideImages, hasImageOf, joined } from '../image-names.ts';

/** Tests if a document begins like a project of VIA, or like its export of images by file name and size. */
export function isVia(tree: Tree, file: string): boolean {
  const start = tree.start(file).replace(/^\ufeff/, '');
  if (/^\s*\{\s*"_via_\w+"\s*:/.test(start)) return true;
  const first = /^\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\{\s*"(fileref|filename|size|regions|file_attributes|base64_img_data)"\s*:/;
  const images = /"(filename|fileref)"\s*:/.test(start) && /"(regions|file_attributes)"\s*:/.test(start);
  return first.test(start) && (images || /"shape_attributes"\s*:/.test(start));
}

/** Name of VIA's export. Beside it, other documents are projects or older versions of the same. */
const standard = 'via_region_data.json';

/** A folder with more JSON files holds one for each image. */
const mostDocuments = 64;

/** Finds documents in the root and in its folders, each beside its images or with a folder of images. */
export function findVia(tree: Tree): Folders[] {
  const byFolder = new Map<string, string[]>();
  for (const file of filesBesideImages(tree)) {
    if (!/^(?:[^/]+\/)?[^/]+\.json$/.test(file) || hasImageOf(tree, file)) continue;
    const folder = parentOf(file);
    const known = byFolder.get(folder);
    if (known) known.push(file);
    else byFolder.set(folder, [file]);
  }
  const found = [...byFolder.values()]
    .filter(({ length }) => length <= mostDocuments)
    .flatMap((files) => files.filter((file) => isVia(tree, file)))
    .filter((file, _, all) => file.endsWith(standard) || !all.includes(joined(parentOf(file), standard)));
  return found.map((file) => ({ split: splitOf(file, found.length === 1), images: parentOf(file), masks: file }));
}

/**
 * Split of a document: its folder, or the name of a split in its own name.
 *
 * @param alone true if it is the only document, whose folder need not be a split.
 */
function splitOf(file: string, alone: boolean): string {
  const folder = parentOf(file);
  const isSplit = (word: string): boolean => splitNames.includes(word.toLowerCase());
  if (isSplit(folder)) return folder;
  const named = withoutExtension(file.slice(folder.length))
    .split(/[^a-z]+/i)
    .find(isSplit);
  return named ?? (alone ? '' : folder);
}
