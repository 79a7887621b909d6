import { expect, test } from 'vitest';
import { CopyPasteError, inLine } from '../src/errors.ts';

test('a message is one line, of which the middle is left out if it is very long', () => {
  const name = `\n${'long '.repeat(4000)}`;
  const { message, what, offenders } = new CopyPasteError('data', `class ${name} has no name; correct it`, {
    path: 'a.json',
    offenders: [`b.json: ${name}`],
  });
  for (const line of [message, what, ...offenders]) expect(line).toMatch(/^[^\n]{900,1000}$/);
  expect(message).toMatch(/^a\.json: class \\u000along .* … .*has no name; correct it$/);
  expect(inLine('short')).toBe('short');
});
