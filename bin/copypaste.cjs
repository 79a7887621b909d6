#!/usr/bin/env node
// CommonJS, since libuv reads the size of its pool, where codecs run, before a module is loaded: 4 wherever nobody says.
const { availableParallelism } = require('node:os');

process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism()));

// Whoever read this is gone, as after `| head`: end as a program that SIGPIPE ended would.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(141);
  });
}

// What ends without an answer has failed.
process.exitCode = 70;
Promise.all([import('../dist/cli/main.js'), import('../dist/engine/programs.js')])
  .then(([{ main }, { programs }]) => main(process.argv.slice(2), process, programs))
  .then((code) => {
    process.exitCode = code;
  })
  .catch((error) => {
    console.error(`copypaste: cannot be loaded: ${error.message}`);
    process.exitCode = 74;
  });
