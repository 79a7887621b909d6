import { join } from 'node:path';
import { expect, test } from 'vitest';
import { augment, augmentShard } from '../../src/verbs/augment.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { pack } from '../../src/verbs/pack.ts';
import { report } from '../../src/verbs/report.ts';
import { temporaryFolder, writeTree } from '../make.ts';
import { planned } from '../shards.ts';

const folder = temporaryFolder();
const camvid = { in: 'fixtures/camvid', p: 1 } as const;

test('the output of an interrupted run is no data set, until the run is complete', async () => {
  const out = join(folder, 'run');
  const stop = new AbortController();
  const hooks = { stop: stop.signal, done: () => stop.abort() };
  await expect(augment({ ...camvid, out }, hooks)).rejects.toMatchObject({ code: 'interrupted' });
  const refused = {
    code: 'usage',
    message: `${out}: is the output of a run that is not complete, as its file run.jsonl shows; run its command again first`,
  };
  await expect(pack({ form: 'webdataset', in: out, out: join(folder, 'packed') })).rejects.toMatchObject(refused);
  await expect(inspect({ in: out })).rejects.toMatchObject(refused);
  await expect(report({ out, page: join(folder, 'page.html') })).rejects.toMatchObject({ ...refused, code: 'noInput' });
  await expect(augment({ ...camvid, sources: out, out: join(folder, 'other') })).rejects.toMatchObject({ code: 'usage' });
  await augment({ ...camvid, out });
  expect((await inspect({ in: out })).layout).toBe('camvid');
});

test('shards are no data set before they are merged', async () => {
  const out = join(folder, 'shards');
  const run = await planned({ ...camvid, out, shards: 2 });
  await augmentShard({ run, shard: '1/2' });
  await expect(inspect({ in: out })).rejects.toThrow(
    'as its file shard-1-of-2.jsonl shows; do the rest of its shards and merge them first',
  );
  await augmentShard({ run, shard: '2/2' });
  const rest = 'as its file shard-1-of-2.jsonl shows; merge its shards first';
  await expect(inspect({ in: out })).rejects.toThrow(rest);
  await expect(report({ out, page: join(folder, 'page.html') })).rejects.toThrow(rest);
});

test('a file of another tool may have the name of a journal', async () => {
  const root = await writeTree(join(folder, 'foreign'), { 'run.jsonl': '{"step":1}\n' });
  await expect(inspect({ in: root })).rejects.toThrow(/does not match any known layout/);
});
