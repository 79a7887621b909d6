import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/**
 * Opens a file for reading. It must be a regular file: a pipe or a device could keep the process waiting for ever, or never end.
 *
 * @param own true for a file that the tool has written itself, which is no symbolic link.
 * @throws {Error} with a code, as the file system does; `ENOTREG` if the file is not a regular one.
 */
export async function openRegular(path: string, own = false): Promise<FileHandle> {
  // Without O_NONBLOCK, a pipe without a writer would block one of the few threads of the file system for good. Windows has neither flag.
  const { O_RDONLY, O_NONBLOCK = 0, O_NOFOLLOW = 0 } = constants;
  const file = await open(path, O_RDONLY | O_NONBLOCK | (own ? O_NOFOLLOW : 0)).catch((cause: NodeJS.ErrnoException) => {
    // A socket cannot be opened, and a link is not followed.
    throw own && cause.code === 'ELOOP' ? notRegular('is a symbolic link') : cause.code === 'ENXIO' ? notRegular() : cause;
  });
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw notRegular();
}

function notRegular(what = 'is not a regular file'): Error {
  return Object.assign(new Error(what), { code: 'ENOTREG' });
}
