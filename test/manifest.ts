import type { Manifest } from '../src/output/manifest.ts';
import { openManifest } from '../src/output/manifest-file.ts';

/** Reads a manifest with all its records, which the tool itself never has in memory at once. */
export async function readManifest(path: string): Promise<Manifest> {
  const records: Manifest['records'] = [];
  const { frame } = await openManifest(path, (record) => records.push(record));
  return { ...frame, records };
}
