import { expect, test } from 'vitest';
import { selfTest, selfTestDigest } from '../../src/render/selftest.ts';
import { renderPlainly } from './reference.ts';

test('the digest that backends are compared with is that of the definition', async () => {
  expect(await selfTest(async (...batch) => renderPlainly(...batch))).toBe(selfTestDigest);
});
