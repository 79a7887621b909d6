#!/usr/bin/env node
import { main } from '../dist/cli.js';

// Whoever read this is gone, as after `| head`: end as a program that SIGPIPE ended would.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(141);
  });
}

process.exitCode = await main(process.argv.slice(2), process);
