/** S3 as a store of files: a folder is what keys have in common up to a slash. */
import { codeOf } from '../errors.ts';
import { placeOf, requested } from './s3-client.ts';
import { list, objectState, open } from './s3-read.ts';
import { digest, remove, write } from './s3-write.ts';
import type { Store } from './store.ts';

export const s3: Store = {
  list,
  open,
  write,
  remove,
  digest,
  async state(path) {
    const { size, etag, time } = await objectState(path);
    return { size, mtimeMs: time, version: `${etag} ${size} ${time}` };
  },

  async exists(path) {
    try {
      await requested(path, ({ sdk, client }) => client.send(new sdk.HeadObjectCommand(placeOf(path))));
      return true;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      throw error;
    }
  },

  async names(folder) {
    const { Bucket, Key } = placeOf(folder);
    const Prefix = Key === '' ? '' : `${Key}/`;
    const names: string[] = [];
    for (let ContinuationToken: string | undefined, more = true; more; ) {
      const page = await requested(folder, ({ sdk, client }) =>
        client.send(
          new sdk.ListObjectsV2Command({ Bucket, Prefix, Delimiter: '/', ...(ContinuationToken !== undefined && { ContinuationToken }) }),
        ),
      );
      for (const { Key: key = '' } of page.Contents ?? []) names.push(key.slice(Prefix.length));
      for (const { Prefix: key = '' } of page.CommonPrefixes ?? []) names.push(key.slice(Prefix.length, -1));
      ContinuationToken = page.NextContinuationToken;
      more = page.IsTruncated === true && ContinuationToken !== undefined;
    }
    // An object whose key ends with a slash stands for the folder itself.
    return names.filter((name) => name !== '');
  },
};
