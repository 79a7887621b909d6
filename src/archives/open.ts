import { type Archive, compressed, isCompressed, type Ranges } from './archive.ts';

/** Opens an archive, and reads the index of its members. @throws {Damaged} if it is damaged, or compressed as a whole. */
export async function openArchive(file: Ranges): Promise<Archive> {
  if (compressed.test(file.path)) throw isCompressed();
  return /\.parquet$/i.test(file.path) ? (await import('./parquet.ts')).openParquet(file) : (await import('./tar.ts')).openTar(file);
}
