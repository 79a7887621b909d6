import { execFileSync, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Port of the server. */
    port: number;
  }
}

/** Starts moto's server. */
export default async function setup({ provide }: TestProject): Promise<() => void> {
  const python = execFileSync('sh', ['scripts/python-environment.sh', 's3', 'test/s3/requirements.txt'], { encoding: 'utf8' }).trim();
  const port = await freePort();
  const server = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', `${port}`], { stdio: 'ignore' });
  for (let n = 0; ; n++) {
    const answer = await fetch(`http://127.0.0.1:${port}/moto-api/data.json`).catch(() => undefined);
    if (answer?.ok) break;
    if (n > 600 || server.exitCode !== null) throw new Error("moto's server does not start");
    await setTimeout(100);
  }
  provide('port', port);
  return () => {
    server.kill();
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
