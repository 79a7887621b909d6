import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openRegular, partsOfRegular, readRegular } from '../../src/base/regular.ts';
import { temporaryFolder } from '../make.ts';

const folder = temporaryFolder();
const linux = process.platform === 'linux';

test('a regular file is read, also in parts and by a link', async () => {
  const file = join(folder, 'file');
  await writeFile(file, 'content');
  await symlink(file, join(folder, 'link'));
  expect(String(await readRegular(file, true))).toBe('content');
  expect(String(await readRegular(join(folder, 'link')))).toBe('content');
  const parts: Buffer[] = [];
  for await (const part of partsOfRegular(file, { start: 2, end: 5 })) parts.push(part);
  expect(String(Buffer.concat(parts))).toBe('nte');
  await expect(readRegular(join(folder, 'link'), true)).rejects.toMatchObject({ code: 'ENOTREG', message: 'is a symbolic link' });
});

test.runIf(linux)('a pipe, a device, a socket, a folder and links to them are refused at once', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const socket = join(folder, 'socket');
  const server = createServer().listen(socket);
  await new Promise((resolve) => server.once('listening', resolve));
  await mkdir(join(folder, 'folder'));
  for (const [n, path] of [pipe, '/dev/zero', '/dev/null', socket, join(folder, 'folder')].entries()) {
    const link = join(folder, `link${n}`);
    await symlink(path, link);
    for (const one of [path, link]) await expect(openRegular(one)).rejects.toMatchObject({ code: 'ENOTREG' });
    await expect(openRegular(link, true)).rejects.toMatchObject({ code: 'ENOTREG' });
  }
  server.close();
});
