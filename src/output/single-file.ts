/** Files that are an output of their own, a picture or a page: the same command writes them again. */
import { dirname } from 'node:path';
import { openRegular } from '../base/regular.ts';
import { CopyPasteError, codeOf, kindOfUnread, systemMessageOf } from '../errors.ts';
import { version } from '../version.ts';
import { makeFolders, writeAtomic } from './files.ts';

/** Name of the program in the files that it writes. Pictures have it as the software of their EXIF data, and pages as their generator. */
export const programName = `copypaste ${version}`;

/** The name, with what is before it in EXIF data or HTML. */
const mark = /[\0"]copypaste \d/;

/** Bytes at each end of a file in which the name is; WebP has it at the end, all others at the start. */
const markedBytes = 4096;

/**
 * Refuses to replace a file that the tool did not write. An empty file may be replaced.
 *
 * @param flag option that names the file.
 * @throws {CopyPasteError} `cannotCreate` if so, `io` if it cannot be read.
 */
export async function refuseForeign(flag: string, path: string): Promise<void> {
  const file = await openRegular(path).catch((cause: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(cause) ?? '')) return undefined;
    const code = kindOfUnread(cause) === 'io' ? 'io' : 'cannotCreate';
    throw new CopyPasteError(code, `${flag} ${path}: cannot be replaced: ${systemMessageOf(cause)}; choose another path`, { cause });
  });
  if (!file) return;
  try {
    const { size } = await file.stat();
    const isMarked = async (start: number): Promise<boolean> => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(markedBytes), 0, markedBytes, start);
      return mark.test(Buffer.from(buffer.subarray(0, bytesRead)).toString('latin1'));
    };
    if (size === 0 || (await isMarked(0)) || (await isMarked(Math.max(0, size - markedBytes)))) return;
  } finally {
    await file.close();
  }
  const what = 'exists already, and copypaste did not write it; choose another path, or remove it';
  throw new CopyPasteError('cannotCreate', `${flag} ${path}: ${what}`);
}

/** Writes the file, and makes its folder. @throws {CopyPasteError} `cannotCreate` if the folder cannot be made, `io` if the file cannot be written. */
export async function writeSingle(flag: string, path: string, data: Uint8Array | string): Promise<void> {
  await makeFolders(dirname(path)).catch((cause: unknown) => {
    throw new CopyPasteError(
      'cannotCreate',
      `${flag} ${path}: its folder cannot be created: ${systemMessageOf(cause)}; choose another path`,
      { cause },
    );
  });
  await writeAtomic(path, data);
}
