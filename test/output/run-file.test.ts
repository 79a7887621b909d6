import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openSourced } from '../../src/dataset/sources.ts';
import { augmentOptions } from '../../src/options.ts';
import { openRunFile, type RunLine } from '../../src/output/run-file.ts';
import { resolveOptions } from '../../src/schema.ts';
import { temporaryFolder } from '../make.ts';
import { planned } from '../shards.ts';

const folder = temporaryFolder();
let number = 0;
const newOut = (): string => join(folder, `out${number++}`);

async function linesOf(path: string): Promise<RunLine[]> {
  const lines: RunLine[] = [];
  for await (const line of (await openRunFile(path)).lines()) lines.push(line);
  return lines;
}

describe('a run file', () => {
  test.each(['camvid', 'voc', 'coco', 'cvat', 'datumaro', 'labelme', 'panoptic', 'via', 'yolo'])('holds the data set %s', async (name) => {
    const given = { in: `fixtures/${name}`, out: newOut(), ...(name === 'voc' && { sources: 'fixtures/camvid' }) };
    const path = await planned({ ...given, shards: 3 });
    const { head } = await openRunFile(path);
    const lines = await linesOf(path);
    const of = (kind: string) => lines.flatMap((line) => (line.kind === kind && 'sample' in line ? [line.sample] : []));
    const { root: _, samples, others, lists, imageLists, sources, ...frame } = await openSourced(resolveOptions(augmentOptions, given));
    expect(head.dataset).toEqual({ ...frame, notes: [], leftBehind: [] });
    expect(of('sample')).toEqual([...samples]);
    expect(of('other')).toEqual([...others]);
    expect(of('source')).toEqual([...(sources?.samples ?? [])]);
    const read = (kind: 'ids' | 'images') => lines.flatMap((line) => (line.kind === kind ? [[line.path, line.of]] : []));
    expect(read('ids')).toEqual([...lists]);
    expect(read('images')).toEqual([...imageLists]);
    if (!sources) return;
    const { root: __, samples: ___, others: ____, lists: _____, imageLists: ______, ...ofSources } = sources;
    expect(head.sources).toEqual({ ...ofSources, notes: [], leftBehind: [] });
  });

  test('has the same digest wherever the data lie, and whenever files were changed', async () => {
    const [one, other] = await Promise.all([1, 2].map(() => planned({ in: 'fixtures/voc', out: newOut(), shards: 3, fast: true })));
    const moved = (await readFile(one as string, 'utf8')).replace(/"times":\[\d+/g, '"times":[1').replace('"in":"', '"in":"/elsewhere/');
    await writeFile(other as string, moved);
    expect((await openRunFile(other as string)).digest).toBe((await openRunFile(one as string)).digest);
    expect(await linesOf(other as string)).toHaveLength((await linesOf(one as string)).length);
  });

  test('is refused if any other byte has changed, or its end is missing', async () => {
    const path = await planned({ in: 'fixtures/yolo', out: newOut(), shards: 3 });
    const bytes = await readFile(path);
    const start = bytes.indexOf('{"kind"');
    const step = Math.ceil((bytes.length - start) / 97);
    for (let at = start; at < bytes.length; at += step) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 1;
      await writeFile(path, damaged);
      await expect(linesOf(path)).rejects.toMatchObject({ code: 'data' });
      await writeFile(path, bytes.subarray(0, at));
      await expect(linesOf(path)).rejects.toMatchObject({ code: 'data', message: expect.stringContaining(path) });
    }
  });

  test('that names files outside the data set is refused', async () => {
    const path = await planned({ in: 'fixtures/camvid', out: newOut(), shards: 3 });
    await writeFile(path, (await readFile(path, 'utf8')).replaceAll('"image":"train/', '"image":"../train/'));
    await expect(linesOf(path)).rejects.toThrow('leads out of the data set');
  });

  test('that is none, or is not there, is refused', async () => {
    const path = join(folder, 'none.run');
    await expect(openRunFile(path)).rejects.toMatchObject({ code: 'noInput' });
    for (const text of ['', '{}\n', '{"head":1}\n{}\n', 'nonsense']) {
      await writeFile(path, text);
      await expect(openRunFile(path)).rejects.toMatchObject({ code: 'data', message: expect.stringMatching(/is not a run file/) });
    }
  });
});
