import { createServer, connect as dial, type Server, type Socket } from 'node:net';

/** A request that passes the proxy. */
export interface Passing {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
}

/** A TCP proxy before a server that takes one request with each connection. */
export interface Between {
  readonly port: number;
  readonly requests: Passing[];
  /** Bytes of an answer after which its connection breaks. */
  cutAfter: number;
  /** Called before a request passes. @returns an answer instead of the server's. */
  meet: ((request: Passing) => string | undefined | Promise<string | undefined>) | undefined;
  /** Forgets the requests, and lets everything pass. */
  calm(): void;
  close(): void;
}

/** Starts a proxy. */
export async function startProxy(serverPort: number): Promise<Between> {
  const requests: Passing[] = [];
  const open = new Set<Socket>();
  const server: Server = createServer((client) => {
    open.add(client);
    client.on('close', () => open.delete(client)).on('error', () => {});
    client.once('data', async (first: Buffer) => {
      client.pause();
      const [, method = '', path = ''] = /^(\S+) (\S+)/.exec(first.toString('latin1')) ?? [];
      requests.push({ method, path });
      const answer = await proxy.meet?.({ method, path });
      if (answer !== undefined) {
        client.resume();
        client.end(answer);
        return;
      }
      const upstream = dial(serverPort, '127.0.0.1');
      upstream.on('error', () => client.destroy());
      client.on('close', () => upstream.destroy());
      upstream.write(first);
      client.pipe(upstream);
      let passed = 0;
      upstream.on('data', (part: Buffer) => {
        const rest = proxy.cutAfter - passed;
        passed += part.length;
        if (part.length > rest) {
          client.write(part.subarray(0, rest), () => client.destroy());
          upstream.destroy();
        } else client.write(part);
      });
      upstream.on('end', () => client.end());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: Between = {
    port: (server.address() as { port: number }).port,
    requests,
    cutAfter: Number.POSITIVE_INFINITY,
    meet: undefined,
    calm() {
      requests.length = 0;
      proxy.cutAfter = Number.POSITIVE_INFINITY;
      proxy.meet = undefined;
    },
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
  return proxy;
}

/** An answer of S3 that refuses a request. */
export function refusal(status: number, code: string): string {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`;
  return `HTTP/1.1 ${status} ${code}\r\nContent-Type: application/xml\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
}
