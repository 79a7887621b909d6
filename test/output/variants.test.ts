import { expect, test } from 'vitest';
import { drawnFiles, pastedFiles, pathsByRole, variantFiles, variantSuffix } from '../../src/output/variants.ts';
import type { Sample } from '../../src/types.ts';

const sample: Sample = {
  id: 'a.b/c',
  split: '',
  image: 'images/a.b/c_img.JPG',
  mask: 'masks/a.b/c_mask.png',
  objects: 'masks/a.b/c_ids.png',
  views: [{ path: 'masks/a.b/c_color.png', view: { ending: '_color', values: {}, other: 0 } }],
  size: { width: 2, height: 2 },
  endings: { image: '_img', mask: '_mask', objects: '_ids' },
  format: { channels: 3, depth: 8, icc: false, cmyk: false, upright: true },
};

test('a variant has the files of its sample, with a suffix after the stem that they share', () => {
  expect(variantFiles(sample, '_aug1')).toEqual([
    { role: 'image', path: 'images/a.b/c_aug1_img.JPG', from: sample.image },
    { role: 'mask', path: 'masks/a.b/c_aug1_mask.png', from: sample.mask },
    { role: 'objects', path: 'masks/a.b/c_aug1_ids.png', from: sample.objects },
    { role: 'view', path: 'masks/a.b/c_aug1_color.png', from: 'masks/a.b/c_color.png' },
  ]);
});

test('an image has the extension of its new format, and keeps its own if the format is unchanged', () => {
  const image = (imageFormat: 'png' | 'jpeg' | undefined) => pathsByRole(variantFiles(sample, '', { imageFormat })).image;
  expect([image('png'), image('jpeg'), image(undefined)]).toEqual(['images/a.b/c_img.png', sample.image, sample.image]);
});

test('a sample without a label file gains one when it is pasted into, and drawn masks have folders of their own', () => {
  const bare = { id: 'c', split: '', image: 'c.png', newLabels: 'labels/c.txt', size: sample.size, format: sample.format };
  const labelled: Sample = { ...bare, endings: { image: '', mask: '', objects: '' } };
  expect(pathsByRole(variantFiles(labelled, '_aug2')).labels).toBe(undefined);
  expect(pastedFiles(labelled, '_aug2', { imageFormat: undefined }).map(({ role, path }) => [role, path])).toEqual([
    ['image', 'c_aug2.png'],
    ['labels', 'labels/c_aug2.txt'],
  ]);
  expect(drawnFiles(labelled, '_aug2')).toEqual([
    { role: 'drawn classes', path: 'SegmentationClassPNG/c_aug2.png' },
    { role: 'drawn objects', path: 'SegmentationObjectPNG/c_aug2.png' },
  ]);
});

test('names have a suffix if a sample has several variants', () => {
  expect(variantSuffix(0, { copies: 1, includeOriginals: false })).toBe('');
  expect(variantSuffix(0, { copies: 1, includeOriginals: true })).toBe('_aug1');
  expect(variantSuffix(1, { copies: 2, includeOriginals: false })).toBe('_aug2');
});
