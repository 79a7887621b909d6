import { basename } from 'node:path';
import { extensionOf, withoutExtension } from '../base/paths.ts';
import { extensions, formatOf } from '../codecs/image-names.ts';
import type { Dataset } from '../dataset/open.ts';
import { drawnMasks, filesOfSample } from '../dataset/sample-files.ts';
import type { AugmentOptions } from '../options.ts';
import type { FileRole, Sample, SampleFile } from '../types.ts';
import type { SampleRecord } from './manifest.ts';

/** Suffix that a variant adds to the name of its sample; empty if there is only one variant. */
export function variantSuffix(copy: number, { copies, includeOriginals }: Pick<AugmentOptions, 'copies' | 'includeOriginals'>): string {
  return copies > 1 || includeOriginals ? `_aug${copy + 1}` : '';
}

/** A file of a variant of a sample, with the input file that it corresponds to. */
export interface VariantFile extends SampleFile {
  readonly from: string;
}

/** Files of a variant that is pasted into. */
export function pastedFiles(sample: Sample, suffix: string, options: Pick<AugmentOptions, 'imageFormat'>): readonly VariantFile[] {
  const { labels = sample.newLabels } = sample;
  return variantFiles(labels === undefined ? sample : { ...sample, labels }, suffix, options);
}

/**
 * Files of a variant of a sample: its input files, with a suffix after the stem that they share.
 *
 * @param imageFormat format of images that are re-encoded.
 */
export function variantFiles(
  sample: Sample,
  suffix: string,
  { imageFormat }: Partial<Pick<AugmentOptions, 'imageFormat'>> = {},
): readonly VariantFile[] {
  const changed = imageFormat !== undefined && imageFormat !== formatOf(sample.image);
  const extension = changed ? `.${extensions[imageFormat][0]}` : undefined;
  const pathOf = ({ role, path, ending }: ReturnType<typeof filesOfSample>[0]): string => {
    if (role === 'image') return variantPath(path, ending, suffix, extension);
    // A label file may be named after the whole image file.
    if (extension === undefined || role !== 'labels' || ending !== extensionOf(sample.image)) return variantPath(path, ending, suffix);
    return variantPath(withoutExtension(path), '', suffix, extension) + extensionOf(path);
  };
  return filesOfSample(sample).map((file) => ({ role: file.role, path: pathOf(file), from: file.path }));
}

/** Files of a variant whose masks are drawn from shapes. */
export function drawnFiles({ image, endings }: Sample, suffix: string) {
  return drawnMasks.map(({ role, folder }) => ({ role, path: `${folder}/${variantPath(image, endings.image, suffix, '.png')}` }));
}

/** Path of a file with a suffix before its ending. @param extension replaces that of the file. */
function variantPath(path: string, ending: string, suffix: string, extension?: string): string {
  const whole = withoutExtension(path);
  const stem = whole.slice(0, whole.length - ending.length);
  // An image may be named like its folder.
  const twin = ending.endsWith(`/${basename(stem)}`) ? suffix : '';
  return `${stem}${suffix}${ending}${twin}${extension ?? path.slice(whole.length)}`;
}

/** Paths of a sample's files by role, for roles with a single file. */
export function pathsByRole(files: readonly SampleFile[]): { readonly [role in FileRole]?: string } & { readonly image: string } {
  return Object.fromEntries(files.map(({ role, path }) => [role, path])) as { image: string };
}

/** A variant of a sample in an output. */
export interface Variant {
  readonly id: string;
  readonly image: string;
}

/** Variants of each sample by its id, the original first. */
export type Variants = ReadonlyMap<string, readonly Variant[]>;

/** Collects the variants of samples from their records, for lists; keeps none if the data set has no lists. */
export function createVariants({ lists, imageLists }: Pick<Dataset, 'lists' | 'imageLists'>, options: AugmentOptions) {
  const found = new Map<string, (Variant & { readonly copy: number })[]>();
  const isListed = lists.size + imageLists.size > 0;
  return {
    add({ id, copy, files }: SampleRecord): void {
      if (!isListed || !files) return;
      const suffix = copy === undefined ? '' : variantSuffix(copy, options);
      const variant = { id: id + suffix, image: files.image.path, copy: copy ?? -1 };
      const known = found.get(id);
      if (known) known.push(variant);
      else found.set(id, [variant]);
    },
    variants(): Variants {
      for (const own of found.values()) own.sort((a, b) => a.copy - b.copy);
      return found;
    },
  };
}
