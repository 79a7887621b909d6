import { expect, test } from 'vitest';
import { parseYaml, yamlDocument, yamlLine } from '../../src/base/yaml.ts';

test('plain data is read, with anchors and aliases', async () => {
  expect(await parseYaml('names: &names [cat, dog]\nothers: *names\n')).toEqual({ names: ['cat', 'dog'], others: ['cat', 'dog'] });
  expect(await parseYaml('')).toBeNull();
  expect(await parseYaml('{"0": 1}')).toEqual({ 0: 1 });
  expect(JSON.stringify(await parseYaml(`${'- '.repeat(50)}${'['.repeat(50)}${']'.repeat(50)}\n`))).toHaveLength(200);
});

test.each([
  [
    'a tag',
    'a: 1\nb: !!python/object:os.system x\n',
    'the tag tag:yaml.org,2002:python/object:os.syste is not supported at line 2, column',
  ],
  ['a tag of the core schema', 'a: !!set {b}\n', 'the tag tag:yaml.org,2002:set is not supported at line 1, column'],
  ['a list that contains itself', 'a: &a [1, *a]\n', 'a value contains itself at line 1, column'],
  ['a map that contains itself', 'a: &a\n  b: *a\n', 'a value contains itself at line 2, column'],
  ['a repeated key', 'a: 1\nb: 2\na: 3\n', 'the key a occurs twice at line 3, column 1'],
  ['an alias without an anchor', 'a: *b\n', 'Unresolved alias (the anchor must be set before the alias): b'],
  [
    'a billion laughs',
    `a: &a [x, x]\n${'bcdefghi'.replace(/./g, (c) => `${c}: &${c} [${`*${String.fromCharCode(c.charCodeAt(0) - 1)},`.repeat(9)}]\n`)}`,
    'Excessive alias count indicates a resource exhaustion attack',
  ],
  ['many aliases', `a: &a 1\nb: [${'*a,'.repeat(1001)}]\n`, 'there are more than 1000 aliases at line 2, column'],
  ['deep nesting', `a: ${'['.repeat(20_000)}${']'.repeat(20_000)}\n`, 'lists and maps are nested more than 100 deep'],
  ['deep nesting, again and again', `a: [${`${'['.repeat(5000)}${']'.repeat(5000)},`.repeat(100)}]\n`, 'nested more than 100 deep'],
  ['deep nesting of lines', `${'- '.repeat(101)}1\n`, 'nested more than 100 deep'],
  ['deep nesting of maps', Array.from({ length: 101 }, (_, n) => `${' '.repeat(n)}a:\n`).join(''), 'nested more than 100 deep'],
  ['an open bracket', 'a: [1\nb: 2\n', 'at line'],
])('%s is refused in one line', async (_title, text, message) => {
  const error = await parseYaml(text).catch((cause: Error) => cause);
  expect(error).toBeInstanceOf(Error);
  expect((error as Error).message).toContain(message);
  expect((error as Error).message).not.toContain('\n');
});

test('nodes have their positions', async () => {
  const document = await yamlDocument('train: images\n');
  expect(document.get('train', true)).toMatchObject({ range: [7, 13, 14] });
});

test('any value is written on one line, without control characters, and read again', async () => {
  const ends = ['', 'a', ...' \t\n\r\0\u001b\u007f\u0085\u00a0\u2028\u3000\ufeff#:-,[{"\'\\?|>%@~!&*0'];
  const texts = ends.flatMap((first) => ends.map((last) => first + last));
  for (const value of texts.flatMap((text) => [text, [text, 1], { [text]: 0.5 }])) {
    const line = await yamlLine(value);
    expect(line).not.toMatch(/\p{Cc}/u);
    expect(await parseYaml(`a: ${line} # b\nc: 1\n`)).toEqual({ a: value, c: 1 });
  }
});
