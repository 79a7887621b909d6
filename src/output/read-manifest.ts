import { readFile } from 'node:fs/promises';
import { CopyPasteError, messageOf } from '../errors.ts';
import { type Manifest, manifestSchema } from './manifest.ts';

/**
 * Reads a manifest.
 *
 * @throws {CopyPasteError} `noInput` where there is none, `data` with the first thing in it that is wrong.
 */
export async function readManifest(path: string): Promise<Manifest> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CopyPasteError('noInput', `${path}: no manifest that can be read: ${messageOf(cause)}`, { cause });
  });
  const refuse = (why: string, cause?: unknown): CopyPasteError =>
    new CopyPasteError('data', `${path}: not a manifest of copypaste: ${why}`, { cause });
  let result: ReturnType<typeof manifestSchema.safeParse>;
  try {
    result = manifestSchema.safeParse(JSON.parse(text));
  } catch (cause) {
    // Also where it is nested so deeply that the stack ends.
    throw refuse(messageOf(cause), cause);
  }
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw refuse(`${issue?.path.join('.') || 'document'}: ${issue?.message}`, result.error);
}
