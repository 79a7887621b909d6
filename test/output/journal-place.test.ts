import { spawnSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { removeLostCopies } from '../../src/output/journal-place.ts';
import { temporaryFolder } from '../make.ts';

test('copies of record files are removed if the process that read them is gone', async () => {
  vi.stubEnv('XDG_CACHE_HOME', temporaryFolder());
  const journals = join(process.env.XDG_CACHE_HOME as string, 'copypaste', 'journals');
  await removeLostCopies('s3://bucket/out');
  const [own = ''] = await readdir(journals);
  await mkdir(join(journals, 'other'));
  const { pid: gone } = spawnSync(process.execPath, ['-e', '']);
  const name = (host: string, pid: number): string => `shard-1-of-2.jsonl.copy-${host}-${pid}.0a`;
  const kept = [name('elsewhere', gone), name(hostname(), process.pid), 'shard-2-of-2.open.jsonl.0b'];
  for (const file of [...kept, name(hostname(), gone)]) await writeFile(join(journals, own, file), '');
  await writeFile(join(journals, 'other', name(hostname(), gone)), '');
  await removeLostCopies('s3://bucket/out');
  expect(await readdir(join(journals, own))).toEqual(kept.sort());
  expect(await readdir(join(journals, 'other'))).toHaveLength(1);
  vi.unstubAllEnvs();
});
