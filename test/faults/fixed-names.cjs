// Loaded before the tool: makes temporary names the same in each run, so that strace can be given their paths.
const crypto = require('node:crypto');

crypto.randomBytes = (size) => Buffer.alloc(size);
require('node:module').syncBuiltinESMExports();
