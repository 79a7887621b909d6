/** The stores by their paths. */
import type { Store } from './store.ts';

/** The store of a path of which `isRemote` is true. */
export async function storeOf(_path: string): Promise<Store> {
  return (await import('./s3.ts')).s3;
}
