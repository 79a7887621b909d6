// Loaded before the tool: temporary names are the same in each run, so that strace can be told of them.
const crypto = require('node:crypto');

crypto.randomBytes = (size) => Buffer.alloc(size);
require('node:module').syncBuiltinESMExports();
