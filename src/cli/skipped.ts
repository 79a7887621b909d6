import { printable } from '../errors.ts';
import { mostNamed, some } from './some.ts';
import type { Streams } from './streams.ts';

/** Names samples that were left out on standard error. @param where what lists all of them. */
export function tellSkipped(skipped: readonly { readonly reason: string }[], { stderr }: Streams, where: string): void {
  const lines = skipped.map(({ reason }) => `skipped ${printable(reason)}`);
  for (const line of some(lines, mostNamed, where)) stderr.write(`${line}\n`);
}
