/**
 * The stores by their paths. A path component that is an archive (`data/train.tar/1.jpg`) would be dispatched here too, to a store that reads
 * ranges of the archive from wherever that is kept.
 */
import type { Store } from './store.ts';

/** The store of a path of which `isRemote` is true. */
export async function storeOf(_path: string): Promise<Store> {
  return (await import('./s3.ts')).s3;
}
