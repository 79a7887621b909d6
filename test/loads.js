// Imported before a program, writes the path of every module that it loads to standard error: of an imported one by a loader, of a required
// one as the program ends.
import { writeSync } from 'node:fs';
import { createRequire, register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

// The loader runs this file as well, in a thread of its own.
if (isMainThread) {
  register(import.meta.url);
  const { cache } = createRequire(import.meta.url);
  process.on('exit', () => writeSync(2, `${Object.keys(cache).join('\n')}\n`));
}

export async function load(url, context, next) {
  writeSync(2, `${url}\n`);
  return next(url, context);
}
