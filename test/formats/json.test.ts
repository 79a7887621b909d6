import { writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Part, partsOf } from '../../src/formats/json.ts';
import { temporaryFolder } from '../make.ts';

const file = join(temporaryFolder(), 'document.json');

async function read(text: string | Buffer, chunkBytes = 1 << 20, seen: (bytes: Uint8Array) => void = () => {}): Promise<Part[]> {
  writeFileSync(file, text);
  const parts: Part[] = [];
  for await (const part of partsOf(dirname(file), basename(file), { chunkBytes, seen })) parts.push(part);
  return parts;
}

/** A document, joined from its parts. */
function documentOf(parts: readonly Part[]): Record<string, unknown> {
  const values = new Map<string, unknown>();
  for (const { key, element, bytes } of parts) {
    const value = JSON.parse(bytes.toString());
    values.set(key, element ? [...((values.get(key) as unknown[]) ?? []), value] : value);
  }
  return Object.fromEntries(values);
}

const value = fc.jsonValue({ maxDepth: 3 });
const documents = fc.dictionary(fc.string({ unit: 'binary' }), fc.oneof(fc.array(value, { maxLength: 4 }), value), { maxKeys: 5 });
const spaces = fc.constantFrom(undefined, 1, '\t', '\r\n');
const chunks = fc.integer({ min: 1, max: 40 });

describe('partsOf', () => {
  test('yields the values that JSON.parse yields, with any white space and any chunks', async () => {
    await fc.assert(
      fc.asyncProperty(documents, spaces, chunks, async (document, space, chunk) => {
        const text = JSON.stringify(document, undefined, space);
        const parts = await read(text, chunk);
        expect(documentOf(parts)).toEqual(JSON.parse(text));
      }),
      { numRuns: 200 },
    );
  });

  test('yields the byte range of each part, and passes on all bytes of the file', async () => {
    await fc.assert(
      fc.asyncProperty(documents, spaces, chunks, async (document, space, chunk) => {
        const bytes = Buffer.from(`\u{feff}${JSON.stringify(document, undefined, space)}\n`);
        const seen: Uint8Array[] = [];
        const parts = await read(bytes, chunk, (one) => seen.push(Uint8Array.from(one)));
        expect(Buffer.concat(seen)).toEqual(bytes);
        for (const { bytes: own, place } of parts)
          if (place.length > 0) expect(own).toEqual(bytes.subarray(place.start, place.start + place.length));
          else expect([own.toString(), bytes.toString('latin1', place.start, place.start + 1)]).toEqual(['[]', ']']);
      }),
      { numRuns: 200 },
    );
  });

  test('reads one object member by member, and yields the position of each key', async () => {
    await fc.assert(
      fc.asyncProperty(documents, documents, spaces, chunks, async (rest, object, space, chunkBytes) => {
        const text = JSON.stringify({ ...rest, within: object, last: 1 }, undefined, space);
        writeFileSync(file, text);
        const parts: Part[] = [];
        for await (const part of partsOf(dirname(file), basename(file), { chunkBytes, within: ['within'] })) parts.push(part);
        // An empty object is a part by itself.
        const { within: _, ...others } = { ...rest, within: 0, last: 1 };
        expect(documentOf(parts.filter(({ within }) => within))).toEqual(JSON.parse(JSON.stringify(object)));
        expect(documentOf(parts.filter(({ within, key, element }) => !within && (element || key !== 'within')))).toEqual(
          JSON.parse(JSON.stringify(others)),
        );
        const bytes = Buffer.from(text);
        for (const { key, keyStart, element } of parts)
          if (!element) expect(bytes.subarray(keyStart).toString().startsWith(JSON.stringify(key))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  test('tells which values are nested too deeply', async () => {
    const nested = (depth: number): string => `${'{"a":'.repeat(depth)}[]${'}'.repeat(depth)}`;
    const parts = await read(`{"list":[${nested(10_000)},${nested(99)},${nested(100)}]}`, 64);
    expect(parts.map(({ deep = false }) => deep)).toEqual([true, false, true]);
  });

  test('accepts what JSON.parse accepts, and refuses what it refuses', async () => {
    const damaged = fc
      .tuple(documents, fc.nat(), fc.constantFrom('', ',', ':', '"', '\\', '[', ']', '{', '}', '1', ' '))
      .map(([document, n, other]) => {
        const text = JSON.stringify(document);
        const at = n % text.length;
        return Buffer.from(`${text.slice(0, at)}${other}${text.slice(at + 1)}`).toString();
      });
    const garbage = fc.oneof(fc.string(), fc.stringMatching(/^[{}[\]",:1 ]*$/), fc.stringMatching(/^\{"a":[{}[\]",:1 ]*\}$/));
    await fc.assert(
      fc.asyncProperty(fc.oneof(damaged, garbage), chunks, async (text, chunk) => {
        const parsed = await Promise.resolve(text)
          .then(JSON.parse)
          .catch(() => undefined);
        const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
        const own = await read(text, chunk)
          .then(documentOf)
          .catch((error: unknown) => error);
        // A changed character may make two keys the same.
        if (isObject && own instanceof Error) expect(own.message).toContain('occurs twice');
        else if (isObject) expect(Object.keys(own as object).sort()).toEqual(Object.keys(parsed).sort());
        else expect(own).toBeInstanceOf(Error);
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ['', 'the file is empty'],
    [' \n', 'the file is empty'],
    ['[1]', 'the outermost value is not an object'],
    ['{"a":[1,2', 'the file is cut short'],
    [Buffer.from('\ufeff{"a":1}', 'utf16le'), 'it looks like UTF-16; convert the file to UTF-8'],
    ['{"a":[1,2]', 'the file is cut short'],
    ['{"a":"b', 'the file is cut short'],
    ['{"a" 1}', ': is missing at byte 5'],
    ['{"a":[1 2]}', '] is missing at byte 8'],
    ['{"a":1 "b":2}', '} is missing at byte 7'],
    ['{"a":1,}', 'a key is missing at byte 7'],
    ['{"a":[1,]}', 'a value is missing at byte 8'],
    ['{1:2}', 'a key is missing at byte 1'],
    ['{"a":[1],"b":2,"\\u0061":[3]}', "the key 'a' occurs twice, the second time at byte 15; keep one"],
    ['{} {}', 'unexpected text after the document at byte 3'],
  ])('refuses %s: %s', async (text, message) => {
    for (const chunk of [1, 3, undefined]) await expect(read(text, chunk)).rejects.toThrow(message);
  });
});
