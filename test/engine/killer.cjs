// Loaded before a program (NODE_OPTIONS), ends it with the signal KILLER_SIGNAL when it reads a whole file whose path ends with one of
// KILLER_FILES. Headers are read at explicit positions, which does not trigger it.
const { promises } = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');

const { open } = promises;
const files = process.env.KILLER_FILES.split(',');

promises.open = async (path, ...rest) => {
  const file = await open(path, ...rest);
  if (!files.some((name) => String(path).endsWith(name))) return file;
  const { read } = file;
  file.read = (bytes, offset, length, position) => {
    if (position === null) process.kill(process.pid, process.env.KILLER_SIGNAL);
    return read.call(file, bytes, offset, length, position);
  };
  return file;
};
syncBuiltinESMExports();
