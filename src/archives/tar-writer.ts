/** Writes tar archives whose bytes follow from the names and the data alone: ustar, and a pax header for a name that does not fit. */
import { block, checksumOf } from './tar.ts';

/** A file to be packed. */
export interface Packed {
  /** Relative path with `/`. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Parts of a tar archive of some files. */
export async function* tarOf(files: AsyncIterable<Packed>): AsyncGenerator<Uint8Array> {
  for await (const { name, bytes } of files) {
    const place = placeOf(name);
    if (place === undefined) {
      const record = paxRecord('path', name);
      yield headerOf(
        { name: `PaxHeaders/${Buffer.from(name).subarray(-80).toString('hex')}`.slice(0, 100), prefix: '' },
        record.length,
        'x',
      );
      yield padded(record);
    }
    yield headerOf(place ?? { name: 'long', prefix: '' }, bytes.length, '0');
    yield bytes;
    const rest = bytes.length % block;
    if (rest > 0) yield new Uint8Array(block - rest);
  }
  yield new Uint8Array(2 * block);
}

interface Place {
  readonly name: string;
  readonly prefix: string;
}

/** A name divided as ustar holds it; `undefined` if it is too long or not ASCII. */
function placeOf(name: string): Place | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant.
  if (!/^[\x00-\x7f]*$/.test(name)) return undefined;
  if (name.length <= 100) return { name, prefix: '' };
  for (let slash = name.indexOf('/'); slash > 0; slash = name.indexOf('/', slash + 1))
    if (slash <= 155 && name.length - slash - 1 <= 100) return { name: name.slice(slash + 1), prefix: name.slice(0, slash) };
  return undefined;
}

/** Header of a member: mode 0644, owner 0, time 0. */
function headerOf({ name, prefix }: Place, size: number, type: '0' | 'x'): Uint8Array {
  const header = Buffer.alloc(block);
  header.write(name, 0, 'latin1');
  header.write('0000644\0', 100, 'latin1');
  header.write('0000000\0', 108, 'latin1');
  header.write('0000000\0', 116, 'latin1');
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  header.write('00000000000\0', 136, 'latin1');
  header.write(type, 156, 'latin1');
  header.write('ustar\u000000', 257, 'latin1');
  header.write('0000000\0', 329, 'latin1');
  header.write('0000000\0', 337, 'latin1');
  header.write(prefix, 345, 'latin1');
  header.write(`${checksumOf(header).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** A record of a pax header, whose length counts its own digits. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`);
  let length = rest.length;
  while (`${length}`.length + rest.length > length) length = `${length}`.length + rest.length;
  return Buffer.concat([Buffer.from(`${length}`), rest]);
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(block * Math.ceil(bytes.length / block));
  whole.set(bytes);
  return whole;
}
