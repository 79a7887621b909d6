import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createArchives } from '../../src/archives/store.ts';
import { tarOf } from '../../src/archives/tar-writer.ts';

async function tar(...names: string[]): Promise<Buffer> {
  const files = async function* () {
    for (const name of names) yield { name, bytes: Buffer.from(name) };
  };
  const parts: Uint8Array[] = [];
  for await (const part of tarOf(files())) parts.push(part);
  return Buffer.concat(parts);
}

/** Archives of files in memory, and the paths of those whose index was made, in order. */
async function archivesOf(tars: Readonly<Record<string, Buffer>>, most: number) {
  const indexed: string[] = [];
  const asked: string[] = [];
  /** Errors of the next questions for a version. */
  const errors: Error[] = [];
  const archives = createArchives(
    {
      async open(path) {
        asked.push('open');
        const bytes = tars[path] as Buffer;
        return {
          async read(buffer, offset, length, position) {
            if (position === 0 && length > 512) indexed.push(path);
            return { bytesRead: bytes.copy(buffer, offset, position, position + length), buffer };
          },
          stat: async () => ({ size: bytes.length }),
          readFile: async () => bytes,
          close: async () => {},
        };
      },
      async state(path) {
        asked.push('state');
        return { size: (tars[path] as Buffer).length, mtimeMs: 0 };
      },
      async version(path) {
        asked.push('version');
        await wait(1);
        if (errors.length > 0) throw errors.pop();
        return tars[path] && `${tars[path].length}`;
      },
    },
    most,
  );
  const read = async (path: string): Promise<string> => `${await (await archives.member(path))?.open().readFile()}`;
  return { archives, indexed, asked, errors, read };
}

test('the index of an archive is kept until others with many files were used since', async () => {
  const tars = { 'a.tar': await tar('1', '2', '3'), 'b.tar': await tar('4', '5'), 'c.tar': await tar('6', '7', '8', '9', '10', '11') };
  const { indexed, read } = await archivesOf(tars, 5);
  for (const path of ['a.tar/1', 'b.tar/4', 'a.tar/2', 'b.tar/5', 'a.tar/3']) expect(await read(path)).toBe(path.slice(6));
  expect(indexed).toEqual(['a.tar', 'b.tar']);
  indexed.length = 0;
  expect(await Promise.all(['c.tar/6', 'c.tar/11'].map(read))).toEqual(['6', '11']);
  expect(indexed).toEqual(['c.tar']);
  indexed.length = 0;
  await read('c.tar/7');
  expect(indexed).toEqual([]);
  await read('a.tar/1');
  await read('b.tar/4');
  await read('c.tar/7');
  expect(indexed).toEqual(['a.tar', 'b.tar', 'c.tar']);
});

test('an archive that cannot be opened is tried again', async () => {
  const tars: Record<string, Buffer> = { 'a.tar': Buffer.alloc(1000, 'x') };
  const { read } = await archivesOf(tars, 5);
  const tried = await Promise.allSettled(['a.tar/1', 'a.tar/1'].map(read));
  expect(tried.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  tars['a.tar'] = await tar('1');
  expect(await read('a.tar/1')).toBe('1');
});

test('a store is asked once for an archive, and again once it is listed anew', async () => {
  const path = 's3://bucket/a.tar';
  const tars = { [path]: await tar('1', '2') };
  const { archives, asked, read } = await archivesOf(tars, 5);
  expect(await Promise.all(Array.from({ length: 12 }, () => read(`${path}/1`)))).toEqual(Array(12).fill('1'));
  await (await archives.member(`${path}/2`))?.state();
  expect(asked).toEqual(['version', 'state', 'open']);
  tars[path] = await tar('1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14', '15', '16', '17', '18', '19', '20');
  expect(await archives.names(path)).toHaveLength(20);
  expect(await read(`${path}/20`)).toBe('20');
});

test('an archive is no folder because a connection broke', async () => {
  const path = 's3://bucket/a.tar';
  const { errors, read } = await archivesOf({ [path]: await tar('1') }, 5);
  errors.push(Object.assign(new Error('the connection broke'), { code: 'ECONNRESET' }));
  await expect(read(`${path}/1`)).rejects.toThrow('the connection broke');
  expect(await read(`${path}/1`)).toBe('1');
});

test('a folder of the name of an archive is none', async () => {
  const { archives } = await archivesOf({}, 5);
  expect(await archives.member('folder.tar/1')).toBeUndefined();
  expect(await archives.names('folder.tar')).toBeUndefined();
});
