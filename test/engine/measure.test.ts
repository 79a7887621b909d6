import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { manifestSchema } from '../../src/output/manifest.ts';
import { augment } from '../../src/verbs/augment.ts';
import { replay } from '../../src/verbs/replay.ts';
import { temporaryFolder, treeDigests } from '../make.ts';

const folder = temporaryFolder();

async function run(name: string, more: Partial<Parameters<typeof augment>[0]>) {
  const out = join(folder, name);
  const summary = await augment({ in: 'fixtures/camvid', p: 1, batchSize: 4, place: 'prior', ...more, out });
  return { out, summary, manifest: manifestSchema.parse(JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8'))) };
}

describe('a run with a prior of places', () => {
  test('records its tables under their digest, writes the same with any number of jobs, and replays without measuring', async () => {
    const { out, summary, manifest } = await run('a', { jobs: 1 });
    const { sha256: digest, ...prior } = manifest.measures?.prior ?? { sha256: '', used: false, instances: 0, gain: 0 };
    expect(digest).toBe(sha256(JSON.stringify(prior)));
    expect(prior.used).toBe(true);
    expect(summary.prior).toMatchObject({ instances: prior.instances, gain: prior.gain, used: true });
    expect(summary.prior?.classes.find(({ name }) => name === 'car')?.under[0]?.name).toBe('road');
    const digests = await treeDigests(out);
    expect(await treeDigests((await run('b', { jobs: 5 })).out)).toEqual(digests);
    // The summary of a complete run is that of its manifest.
    expect((await run('a', { jobs: 1 })).summary.prior).toEqual(summary.prior);
    const rebuilt = join(folder, 'c');
    await replay({ manifest: join(out, 'manifest.json'), in: 'fixtures/camvid', out: rebuilt });
    expect(await treeDigests(rebuilt)).toEqual(digests);
  });

  test('lets instances land anywhere if the prior says too little, and says so', async () => {
    const { summary, manifest } = await run('d', { in: 'fixtures/voc', seed: 3 });
    expect(summary.prior?.used).toBe(false);
    expect(manifest.measures?.prior?.used).toBe(false);
    const { manifest: anywhere } = await run('e', { in: 'fixtures/voc', seed: 3, place: 'anywhere' });
    expect(manifest.records).toEqual(anywhere.records);
  });

  test('measures the augmented data set, not that of the sources', async () => {
    const { manifest } = await run('f', { jobs: 1 });
    const own = manifest.measures?.prior?.instances;
    const classMap = join(folder, 'classes.yaml');
    await writeFile(classMap, 'person: pedestrian');
    const sourced = await run('g', { sources: 'fixtures/voc', classMap });
    expect(sourced.manifest.measures?.prior?.instances).toBe(own);
    expect(sourced.summary.pasted).toBeGreaterThan(0);
  });
});
