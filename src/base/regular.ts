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

/** Reads a whole file, as `openRegular` opens it. */
export async function readRegular(path: string, own = false): Promise<Buffer> {
  const file = await openRegular(path, own);
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Reads a file in parts, as `openRegular` opens it. @param range first byte, and the one behind the last. */
export async function* partsOfRegular(path: string, { start = 0, end = Number.POSITIVE_INFINITY } = {}): AsyncGenerator<Buffer> {
  const file = await openRegular(path);
  try {
    for (let at = start; at < end; ) {
      const length = Math.min(partBytes, end - at);
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, at);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}

/** Bytes that are read at once. */
const partBytes = 1 << 18;

function notRegular(what = 'is not a regular file'): Error {
  return Object.assign(new Error(what), { code: 'ENOTREG' });
}
