#!/usr/bin/env node
// CommonJS, because libuv reads the size of its thread pool, in which codecs run, before any module is loaded. Its default is 4.
const { availableParallelism } = require('node:os');

process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism()));

// The reader has closed the pipe, as `| head` does: exit with the code of a program that SIGPIPE ends.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(141);
  });
}

// A process that ends before `main` returns has failed.
process.exitCode = 70;
Promise.all([import('../dist/cli/main.js'), import('../dist/engine/programs.js')])
  .then(([{ main }, { programs }]) => main(process.argv.slice(2), process, programs))
  .then((code) => {
    process.exitCode = code;
  })
  .catch((error) => {
    console.error(`copypaste: cannot load the program: ${error.message}; reinstall copypaste`);
    process.exitCode = 74;
  });
