import { readFileSync } from 'node:fs';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openArchive } from '../../src/archives/open.ts';
import type { Given, packOptions } from '../../src/options.ts';
import { augment } from '../../src/verbs/augment.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { type PackSummary, pack } from '../../src/verbs/pack.ts';
import { report } from '../../src/verbs/report.ts';
import { verify } from '../../src/verbs/verify.ts';
import { expectSound } from '../contract.ts';
import { temporaryFolder, treeDigests } from '../make.ts';

const folder = temporaryFolder();
let number = 0;
const newPath = (name: string): string => join(folder, `${name}${number++}`);

type Form = Given<typeof packOptions>['form'];

async function packed(
  form: Form,
  data: string,
  options: Partial<Given<typeof packOptions>> = {},
): Promise<{ out: string; summary: PackSummary }> {
  const out = newPath('packed');
  return { out, summary: await pack({ form, in: data, out, ...options }) };
}

/** Unpacks the archives of a folder into folders of their names, and keeps the other files. */
async function unpacked(root: string): Promise<string> {
  const out = newPath('folders');
  await cp(root, out, { recursive: true });
  for (const path of Object.keys(await treeDigests(root)).filter((file) => /\.(tar|parquet)$/.test(file))) {
    const bytes = readFileSync(join(root, path));
    const archive = await openArchive({ path, size: bytes.length, read: async (start, length) => bytes.subarray(start, start + length) });
    await rm(join(out, path));
    for (const name of archive.names) {
      await mkdir(join(out, path, name, '..'), { recursive: true });
      await writeFile(join(out, path, name), await archive.read(name));
    }
  }
  return out;
}

/** Digests of an output without its manifest, which names the sizes of the input's files. */
async function digestsOf(out: string): Promise<Record<string, string>> {
  const { 'manifest.json': _, ...files } = await treeDigests(out);
  return files;
}

describe.each(['webdataset', 'parquet'] as const)('pack %s', (form) => {
  test.each(['camvid', 'voc', 'coco', 'panoptic', 'labelme'])('%s has the same samples and objects in archives', async (name) => {
    const data = join('fixtures', name);
    const { out, summary } = await packed(form, data, { samplesPerFile: 2 });
    const [before, after] = [await inspect({ in: data }), await inspect({ in: out })];
    expect(summary.samples).toBe(Object.values(after.splits).reduce((sum, n) => sum + n, 0));
    expect(after.sizes).toEqual(before.sizes);
    const counted = ({ classes }: typeof before) =>
      classes.filter(({ leftOut }) => !leftOut).map(({ id, name: called, instances, pixels }) => ({ id, called, instances, pixels }));
    expect(counted(after)).toEqual(counted(before).filter(({ instances, pixels }) => instances + pixels > 0));
    expect(after.odd).toEqual([]);
  });

  test('archives are augmented as the folders with their files', async () => {
    const { out: root } = await packed(form, 'fixtures/camvid', { samplesPerFile: 3 });
    const [a, b] = [newPath('a'), newPath('b')];
    await augment({ in: root, out: a, p: 1, seed: 5 });
    await augment({ in: await unpacked(root), out: b, p: 1, seed: 5 });
    expect(await digestsOf(a)).toEqual(await digestsOf(b));
    await expectSound(a, root);
  });

  test('archives of objects are augmented as the folders with their files', async () => {
    const { out: root } = await packed(form, 'fixtures/coco');
    const [a, b] = [newPath('a'), newPath('b')];
    const options = { p: 1, seed: 2, allowSelf: true } as const;
    await augment({ in: root, out: a, ...options });
    await augment({ in: await unpacked(root), out: b, ...options });
    expect(await digestsOf(a)).toEqual(await digestsOf(b));
    await expectSound(a, root);
  });

  test('an output is packed with its manifest, and again into the same bytes; a missing archive is made again', async () => {
    const data = newPath('aug');
    await augment({ in: 'fixtures/camvid', out: data, p: 1 });
    const { out } = await packed(form, data, { samplesPerFile: 2 });
    const digests = await treeDigests(out);
    expect(Object.keys(digests)).toContain('augment.json');
    expect(await treeDigests((await packed(form, data, { samplesPerFile: 2 })).out)).toEqual(digests);
    expect((await pack({ form, in: data, out, samplesPerFile: 2 })).reused).toBeGreaterThan(1);
    const [first = ''] = Object.keys(digests).filter((path) => /\.(tar|parquet)$/.test(path));
    await rm(join(out, first));
    await expect(pack({ form, in: data, out, samplesPerFile: 2 })).rejects.toMatchObject({ code: 'usage' });
    await expect(pack({ form, in: data, out, samplesPerFile: 3 })).rejects.toThrow(/samplesPerFile was 2 and is now 3/);
    await pack({ form, in: data, out, samplesPerFile: 2, overwrite: true });
    expect(await treeDigests(out)).toEqual(digests);
  });

  test('packed data are named as such where the manifest of an output is needed', async () => {
    const { out } = await packed(form, 'fixtures/camvid');
    const message = `${join(out, 'manifest.json')}: is the manifest of packed data; to check its digests, run the same pack again`;
    await expect(verify({ out })).rejects.toMatchObject({ code: 'data', message });
    await expect(report({ out, in: 'fixtures/camvid', page: newPath('page') })).rejects.toMatchObject({ code: 'data', message });
  });

  test('a run that is stopped keeps its complete archives', async () => {
    const out = newPath('stopped');
    const stop = new AbortController();
    let done = 0;
    const hooks = {
      stop: stop.signal,
      done: () => {
        if (++done === 3) stop.abort();
      },
    };
    const options = { form, in: 'fixtures/camvid', out, samplesPerFile: 2 } as const;
    await expect(pack(options, hooks)).rejects.toMatchObject({ code: 'interrupted' });
    const summary = await pack(options);
    expect(summary.reused).toBe(1);
    expect(await treeDigests(out)).toEqual(await treeDigests((await packed(form, 'fixtures/camvid', { samplesPerFile: 2 })).out));
  });
});
