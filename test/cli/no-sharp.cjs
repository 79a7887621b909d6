// Removes the optional packages that hold sharp's binaries, as an installation with `--omit=optional` does.
const Module = require('node:module');

const load = Module._load;
Module._load = (name, ...rest) => {
  if (/^@img\/sharp-|sharp-.*\.node$/.test(name))
    throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });
  return load(name, ...rest);
};
