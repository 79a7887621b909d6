// Loaded before a program (NODE_OPTIONS), ends it with the signal KILLER_SIGNAL when it reads a whole file whose path ends with one of
// KILLER_FILES: when it asks for as many bytes as the file has. Headers and digests are read in steps of fixed sizes.
const fs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');

const files = process.env.KILLER_FILES.split(',');
const deadly = new Set();

/** Replaces a function of the file system by one that looks at its arguments first, and keeps what `promisify` needs. */
function look(name, at) {
  const { [name]: old } = fs;
  fs[name] = (...args) => old(...at(args));
  Object.defineProperties(fs[name], Object.getOwnPropertyDescriptors(old));
}

/** Notes a file that was opened. */
function opened(path, file) {
  if (files.some((name) => String(path).endsWith(name))) deadly.add(file);
  else deadly.delete(file);
}

const { openSync } = fs;
fs.openSync = (path, ...rest) => {
  const file = openSync(path, ...rest);
  opened(path, file);
  return file;
};
look('open', ([path, ...rest]) => {
  const done = rest.pop();
  const note = (error, file) => {
    if (!error) opened(path, file);
    done(error, file);
  };
  return [path, ...rest, note];
});
for (const name of ['read', 'readSync']) {
  look(name, (args) => {
    const [file, , , length] = args;
    if (deadly.has(file) && length === fs.fstatSync(file).size) process.kill(process.pid, process.env.KILLER_SIGNAL);
    return args;
  });
}
syncBuiltinESMExports();
