import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readAnnotations } from '../../src/dataset/annotations.ts';
import { openOrigin } from '../../src/engine/origin.ts';
import { silhouettesOf } from '../../src/engine/silhouettes.ts';
import { areaOfSpans } from '../../src/masks/spans.ts';
import { openManifest } from '../../src/output/manifest-file.ts';
import type { Sample } from '../../src/types.ts';
import { augment } from '../../src/verbs/augment.ts';
import { temporaryFolder } from '../make.ts';
import { readManifest } from '../manifest.ts';

const folder = temporaryFolder();

describe('silhouettesOf', () => {
  test.each([
    ['instances', 'camvid', { minArea: 0.0005 }],
    ['whole scenes', 'camvid', { preset: 'paper' } as const],
    ['turned instances with blended edges', 'coco', { preset: 'overhead', blend: 'antialias', truncated: 'keep' } as const],
  ])('has the pixels that the manifest counts as visible: %s', async (name, data, given) => {
    const out = join(folder, name);
    await augment({ in: `fixtures/${data}`, out, p: 1, maxInstances: 'all', ...given });
    const manifest = await readManifest(join(out, 'manifest.json'));
    const { dataset, options } = await openOrigin(await openManifest(join(out, 'manifest.json')), { in: `fixtures/${data}`, out });
    const sampleOf = (id: string) => dataset.samples.find((sample) => sample.id === id) as Sample;
    let pastes = 0;
    for (const record of manifest.records) {
      if (record.status !== 'augmented') continue;
      const { instances } = await readAnnotations(sampleOf(record.source), dataset, options);
      const sizes = [sampleOf(record.source).size, sampleOf(record.id).size] as const;
      const silhouettes = silhouettesOf(record, instances, ...sizes);
      expect(silhouettes?.map(areaOfSpans)).toEqual(record.placements.map(({ visible }) => visible));
      expect(silhouettesOf(record, instances.slice(1), ...sizes)).toBeUndefined();
      pastes += record.placements.length;
    }
    expect(pastes).toBeGreaterThan(5);
  });
});
