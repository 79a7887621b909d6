import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonText, parseJson, withValue } from '../../src/formats/json-text.ts';
import { augment } from '../../src/verbs/augment.ts';
import { temporaryFolder } from '../make.ts';

const json = fc.jsonValue({ maxDepth: 4 });
const spaces = fc.constantFrom(undefined, 1, '\t');

describe('parseJson', () => {
  test('parses what JSON.parse parses', () => {
    fc.assert(
      fc.property(json, spaces, (value, space) => {
        const text = JSON.stringify(value, undefined, space);
        const parsed = parseJson(text);
        expect(JSON.stringify(parsed)).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
    expect(Object.keys(parseJson<object>('{"__proto__":{"a":1}}'))).toEqual(['__proto__']);
    for (const text of ['', '{', '{"a":1,}', '[1 2]', 'nul']) expect(() => parseJson(text)).toThrow(SyntaxError);
  });

  test('refuses what is nested too deeply', () => {
    expect(() => parseJson(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`)).toThrow('nested more than 100 deep');
  });

  test('takes the last value of a key that occurs twice, like JSON.parse', () => {
    for (const text of ['{"a":"{b","a":{"c":1}}', '{"a":{"c":1},"a":"{b"}', '{"a":[{"b":1},{"c":2}],"a":[{"d":3}]}'])
      expect({ ...parseJson<object>(text) }).toMatchObject(JSON.parse(text));
  });

  test('gives what jsonText writes to the letter', () => {
    fc.assert(
      fc.property(json, spaces, (value, space) => {
        // Values without an object have no text of their own; they are members of one in every document.
        const text = JSON.stringify({ value }, undefined, space);
        expect(jsonText(parseJson(text))).toBe(text);
      }),
    );
  });
});

describe('jsonText', () => {
  const text =
    '{"id": 9007199254740993, "area": 1.50, "name": "caf\\u00e9", "box": [1e2, 2.0], "own": {"t": 12345678901234567890, "n": 1}}';

  test('keeps the text of members that a copy does not change', () => {
    const parsed = parseJson<{ own: object }>(text);
    expect(jsonText({ ...parsed, area: 2 })).toBe(
      '{"id":9007199254740993,"area":2,"name":"caf\\u00e9","box":[1e2, 2.0],"own":{"t": 12345678901234567890, "n": 1}}',
    );
    expect(jsonText({ ...parsed, own: { ...parsed.own, n: 2 } })).toContain('"own":{"t":12345678901234567890,"n":2}');
    expect(jsonText({ a: [parsed, 1] })).toBe(`{"a":[${text},1]}`);
  });

  test('leaves out what a copy removes', () => {
    const { area: _, box: __, ...rest } = parseJson<{ area: number; box: number[] }>(text);
    expect(jsonText(rest)).toBe('{"id":9007199254740993,"name":"caf\\u00e9","own":{"t": 12345678901234567890, "n": 1}}');
    expect(jsonText({ ...rest, own: undefined })).toBe('{"id":9007199254740993,"name":"caf\\u00e9"}');
  });

  test('writes new values like JSON.stringify', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(jsonText({ value })).toBe(JSON.stringify({ value }));
        expect(jsonText({ value }, '')).toBe(JSON.stringify({ value }, undefined, 2));
      }),
    );
  });
});

describe('numbers of a document', () => {
  const folder = temporaryFolder();
  const exact = '"track_id": 9007199254740993, "time": 1.50, ';

  test.each([
    ['coco', 'annotations/instances_train.json', /\{\s*(?="(?:id|segmentation|area|iscrowd)")/g],
    ['panoptic', 'annotations/panoptic_train.json', /\{\s*(?="(?:id|category_id|area)")/g],
    ['datumaro', 'annotations/train.json', /\{\s*(?="(?:id|type)")/g],
    ['labelme', '2011_000003.json', /\{\s*(?="(?:label)")/g],
  ])('stay as they are in %s, in objects that pastes cover too', async (data, file, objects) => {
    const root = join(folder, data);
    await cp(join('fixtures', data), root, { recursive: true });
    const text = await readFile(join(root, file), 'utf8');
    await writeFile(join(root, file), text.replace(objects, `{${exact}`));
    const out = join(folder, `${data} out`);
    await augment({ in: root, out, p: 1, copies: 3, allowSelf: true, minArea: '1px', maxArea: 1, truncated: 'keep' });
    const files = await readdir(out, { recursive: true });
    const written = await Promise.all(
      files.filter((one) => one.endsWith('.json') && one !== 'manifest.json').map((one) => readFile(join(out, one), 'utf8')),
    );
    const all = written.join('\n');
    expect([...all.matchAll(/"track_id":\s*9007199254740993/g)].length).toBeGreaterThan([...text.matchAll(objects)].length);
    expect(new Set(all.match(/"track_id":\s*\d+/g)?.map((one) => one.replace(/\s/, '')))).toEqual(new Set(['"track_id":9007199254740993']));
    expect(new Set(all.match(/"time":\s*[\d.]+/g)?.map((one) => one.replace(/\s/, '')))).toEqual(new Set(['"time":1.50']));
  });
});

describe('withValue', () => {
  test('replaces the value that JSON.parse takes, and no other character', () => {
    const change = (text: string): string => withValue(text, 'a', (value) => `[${value}]`);
    for (const [before, after] of [
      [' { "a" : 1 , "b":{"a":2}}\n', ' { "a" : [1] , "b":{"a":2}}\n'],
      ['{"b":{"a":2},"a":"\\"}, ","c":[{"a":3}]}', '{"b":{"a":2},"a":["\\"}, "],"c":[{"a":3}]}'],
      ['{"a":1,"\\u0061":2 ,"b":"a"}', '{"a":1,"\\u0061":[2] ,"b":"a"}'],
      ['{"b":{"a":1}}', '{"b":{"a":1}}'],
      ['{}', '{}'],
    ] as const)
      expect(change(before)).toBe(after);
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('a', 'b', '"', ''), json), spaces, (object, space) => {
        const text = JSON.stringify(object, undefined, space);
        const expected = Object.hasOwn(object, 'a') ? { ...object, a: [object.a] } : object;
        expect(JSON.parse(change(text))).toEqual(JSON.parse(JSON.stringify(expected)));
        expect(withValue(text, 'a', (value) => value)).toBe(text);
      }),
    );
  });
});
