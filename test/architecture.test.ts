import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const stages = ['read', 'plan', 'render', 'write'];
const files = readdirSync('src', { recursive: true })
  .map(String)
  .filter((file) => file.endsWith('.ts'));

/** What a file imports: files of src as paths from there, packages as they are called. */
function importsOf(file: string): string[] {
  const text = readFileSync(join('src', file), 'utf8');
  return [...text.matchAll(/(?:from|import|import\()\s*'([^']+)'/g)].map(([, name = '']) =>
    name.startsWith('.') ? normalize(join(dirname(file), name)) : name,
  );
}

const stageOf = (file: string): string => file.split('/')[0] as string;

test('the four stages never import one another, nor what lies above them', () => {
  for (const file of files.filter((one) => stages.includes(stageOf(one)))) {
    for (const name of importsOf(file)) {
      if (stages.includes(stageOf(name))) expect(stageOf(name), file).toBe(stageOf(file));
      expect(['pipeline.ts', 'job.ts', 'threads.ts', 'worker.ts', 'augment.ts', 'preview.ts', 'cli.ts', 'index.ts'], file).not.toContain(
        name,
      );
      expect(stageOf(name), file).not.toBe('commands');
    }
  }
});

test('nothing imports index or cli', () => {
  for (const file of files) expect(importsOf(file), file).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(index|cli)\.ts$/)]));
});

test('planning is pure: no node module, no package, no clock, no other randomness', () => {
  for (const file of [...files.filter((one) => stageOf(one) === 'plan'), 'rng.ts', 'types.ts']) {
    expect(
      importsOf(file).filter((name) => !name.endsWith('.ts')),
      file,
    ).toEqual([]);
    expect(readFileSync(join('src', file), 'utf8'), file).not.toMatch(/Math\.random|Date\b|performance\./);
  }
});

test.each([
  ['sharp', /^image\.ts$/],
  ['@tensorflow/tfjs-core', /^(render\/|batch\.ts$)/],
  ['@tensorflow/tfjs-backend-cpu', /^render\//],
  ['@tensorflow/tfjs-backend-webgpu', /^render\//],
  ['@tensorflow/tfjs-node-gpu', /^render\/open\.ts$/],
  ['webgpu', /^render\/open\.ts$/],
  ['commander', /^(cli|flags)\.ts$/],
  ['tinypool', /^(threads|worker)\.ts$/],
  ['saxes', /^read\/xml\.ts$/],
  ['zod', /^(schema|manifest)\.ts$/],
])('%s has one owner', (name, owner) => {
  const users = files.filter((file) => importsOf(file).includes(name));
  expect(users.length).toBeGreaterThan(0);
  for (const file of users) expect(file).toMatch(owner);
});
