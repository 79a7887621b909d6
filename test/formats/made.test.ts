import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { augment } from '../../src/verbs/augment.ts';
import { pack } from '../../src/verbs/pack.ts';
import { temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);

describe('the manifests of a data set that the tool has written', async () => {
  await augment({ in: 'fixtures/camvid', out: at('aug'), p: 1 });
  await pack({ form: 'webdataset', in: at('aug'), out: at('tars') });
  await pack({ form: 'parquet', in: at('tars'), out: at('rows') });

  test.each(['aug', 'tars', 'rows'])('are no files that are not copied: %s', async (name) => {
    const { samples, leftBehind } = await augment({ in: at(name), out: at(`of ${name}`), p: 1 });
    expect({ samples, leftBehind }).toEqual({ samples: 8, leftBehind: [] });
    await writeTree(at(name), { 'augment.txt': 'x' });
    expect((await augment({ in: at(name), out: at('none'), dryRun: true })).leftBehind).toEqual(['augment.txt']);
  });

  test.each(['{"files": []}', '{"schema":3,"tool":{"name":"other"}}', 'x'])('are named if another tool wrote them: %s', async (text) => {
    const root = at(`other ${text.length}`);
    await augment({ in: 'fixtures/camvid', out: root, p: 0 });
    await writeTree(root, { 'manifest.json': text, 'augment.json': text });
    expect((await augment({ in: root, out: at('none'), dryRun: true })).leftBehind).toEqual(['augment.json', 'manifest.json']);
    const { filesLeft } = await pack({ form: 'webdataset', in: root, out: at(`packed ${text.length}`) });
    expect(filesLeft).toBe(2);
  });
});
