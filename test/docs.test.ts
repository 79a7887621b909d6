import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const read = (path: string): string => readFileSync(path, 'utf8');

describe('documentation', () => {
  test('tables of options and the JSON Schema are those of the source (npm run docs rewrites them)', async () => {
    const docs = await import('../scripts/docs.js' as string);
    expect(read('README.md')).toBe(docs.readmeText(read('README.md')));
    expect(read('manifest.schema.json')).toBe(docs.schemaText());
  });

  test("CI runs README's test command", () => {
    const command = 'npm ci && npm test';
    expect(read('README.md')).toContain(`\n${command}\n`);
    expect(read('.ci/run')).toContain(`\n${command}\n`);
  });

  test('the changelog has the version', () => {
    const { version } = JSON.parse(read('package.json'));
    expect(read('CHANGELOG.md')).toContain(`## ${version}`);
  });
});
