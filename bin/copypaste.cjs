#!/usr/bin/env node
// CommonJS, because settings of the process come before modules are loaded, which happens asynchronously.
require('./process.cjs');
const { writeSync } = require('node:fs');

/** Ends the process with one line on the other stream, which may be full too. */
const cannotWrite = (name, other, error) => {
  try {
    writeSync(other, `copypaste: cannot write to ${name}: ${error.message}; free some space, and run the same command again\n`);
  } catch {}
  process.exit(74);
};

for (const [stream, name, other] of [
  [process.stdout, 'standard output', 2],
  [process.stderr, 'standard error', 1],
]) {
  stream.on('error', (error) => {
    // The reader has closed the pipe, as `| head` does: exit with the code of a program that SIGPIPE ends.
    if (error.code === 'EPIPE') process.exit(141);
    cannotWrite(name, other, error);
  });
}

// A process that ends before `main` returns has failed.
process.exitCode = 70;
Promise.all([import('../dist/cli/main.js'), import('../dist/engine/programs.js')])
  .then(
    async ([{ main }, { programs }]) => {
      process.exitCode = await main(process.argv.slice(2), process, programs);
    },
    (error) => {
      console.error(`copypaste: cannot load the program: ${error.message}; reinstall copypaste`);
      process.exitCode = 74;
    },
  )
  .catch((error) => {
    console.error(error);
  });
