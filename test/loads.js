// Imported before a program, writes the path of every module that the program loads to standard error: imported ones when they are loaded,
// required ones when the program ends.
import { writeSync } from 'node:fs';
import { createRequire, register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

// The loader also runs this file, in a separate thread.
if (isMainThread) {
  register(import.meta.url);
  const { cache } = createRequire(import.meta.url);
  process.on('exit', () => writeSync(2, `${Object.keys(cache).join('\n')}\n`));
}

export async function load(url, context, next) {
  writeSync(2, `${url}\n`);
  return next(url, context);
}
