import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { treeDigests } from '../make.ts';
import { type Ended, run, succeed } from './run.ts';

const project = inject('project');
const copypaste = (...argv: string[]): Ended => run(project, ['npx', 'copypaste', ...argv]);

/** Bytes of a folder on a disk with blocks of 4 KiB. */
function sizeOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + 4096 * Math.ceil(statSync(join(parentPath, name)).size / 4096), 0);
}

describe('the installed package', () => {
  test('installs without a warning', () => {
    expect(inject('installed')).toBe('');
  });

  test('takes at most 92 MB', () => {
    // npm 10 also keeps a WebAssembly build of sharp, which only other platforms need.
    const unused = readdirSync(join(project, 'node_modules/@img')).filter((name) => name === 'sharp-wasm32');
    const extra = unused.reduce((sum, name) => sum + sizeOf(join(project, 'node_modules/@img', name)), 0);
    expect(sizeOf(join(project, 'node_modules')) - extra).toBeLessThanOrEqual(92 * 2 ** 20);
  });

  test('holds README, the licence, the pages and their pictures', () => {
    const files = readdirSync(join(project, 'node_modules/copypaste'), { recursive: true }).map(String);
    for (const name of ['README.md', 'LICENSE', 'CHANGELOG.md', 'docs/installation.md']) expect(files).toContain(name);
    for (const page of files.filter((name) => name.endsWith('.md')))
      for (const [, path = ''] of readFileSync(join(project, 'node_modules/copypaste', page), 'utf8').matchAll(/!\[[^\]]*\]\(([^)]+)\)/g))
        expect(files, page).toContain(join(page, '..', path));
  });

  test('has no backend but the cpu, and doctor names the commands that install the others and the AWS SDK', () => {
    const { code, stdout } = copypaste('doctor');
    expect(code).toBe(0);
    expect(stdout.match(/not available: not installed; run npm install /g)).toHaveLength(3);
    expect(stdout).toMatch(/\ncpu .*\n +self-test passed/);
    const named = copypaste('augment', '--in', 'data', '--out', 'none', '--backend', 'webgpu');
    expect(named).toMatchObject({
      code: 69,
      stderr: expect.stringMatching(/^copypaste: backend webgpu: not installed; run npm install \S+ \S+\n$/),
    });
  });

  test('augments to the bytes that the clone writes, and verifies them', async () => {
    succeed(copypaste('augment', '--in', 'data', '--out', 'aug', '-p', '1'));
    succeed(copypaste('verify', 'aug'));
    const here = [process.execPath, resolve('bin/copypaste.cjs'), 'augment', '--in', 'data', '--out', 'own', '-p', '1'];
    succeed(run(project, here));
    expect(await treeDigests(join(project, 'aug'))).toEqual(await treeDigests(join(project, 'own')));
  });

  test('is a library for files and for tensors', () => {
    const program = `
      import * as tf from '@tensorflow/tfjs-core';
      import { augment, copyPasteBatch, openBackend } from 'copypaste';
      const { samples } = await augment({ in: 'data', out: 'library', p: 1 });
      await openBackend('cpu');
      const xs = tf.randomUniform([2, 64, 96, 3], 0, 255);
      const ys = tf.pad(tf.ones([2, 24, 32], 'int32'), [[0, 0], [20, 20], [32, 32]]);
      const { images } = await copyPasteBatch(xs, ys, { p: 1 });
      console.log(JSON.stringify({ samples, shape: images.shape }));`;
    const { stdout } = succeed(run(project, ['node', '--input-type=module', '-e', program]));
    expect(JSON.parse(stdout)).toMatchObject({ shape: [2, 64, 96, 3] });
  });

  /** Compiles a module of the project with its dependencies' declarations. @returns the compiler's messages. */
  function compile(text: string, ...flags: string[]): string {
    writeFileSync(join(project, 'main.mts'), text);
    const strict = ['--ignoreConfig', '--noEmit', '--strict', '--module', 'nodenext', '--exactOptionalPropertyTypes', ...flags];
    return run(project, ['node', resolve('node_modules/typescript/bin/tsc'), ...strict, 'main.mts']).stdout;
  }

  test('has types that compile together with all declarations that they use', () => {
    const program = `
      import * as copypaste from 'copypaste';
      export const summary: Promise<copypaste.AugmentSummary> = copypaste.augment({ in: 'data', out: 'aug', classes: ['car'] });
      export const batch = copypaste.copyPasteBatch;
      // @ts-expect-error: an option with a wrong type
      copypaste.inspect({ in: 1 });`;
    expect(compile(program, '--skipLibCheck', 'false')).toBe('');
  });

  test('gives results the types of the tensors that it takes', () => {
    const program = `
      import * as tf from '@tensorflow/tfjs-core';
      import { copyPaste, CopyPaste, copyPasteBatch } from 'copypaste';
      const [xs, ys] = [tf.zeros([2, 8, 8, 3]) as tf.Tensor4D, tf.zeros([2, 8, 8], 'int32') as tf.Tensor3D];
      const { images, masks, area, objects } = await copyPasteBatch(xs, ys, { objects: ys, p: 1 });
      export const loss: tf.Tensor = tf.mul(tf.mean(area), tf.mean(images));
      export const labels: tf.Tensor3D[] = [masks, objects, (await new CopyPaste().apply({ xs, ys })).masks];
      // @ts-expect-error: masks of the wrong rank
      copyPasteBatch(xs, xs);
      // @ts-expect-error: no dataset
      copyPaste([]);`;
    expect(compile(program, '--skipLibCheck')).toBe('');
  });
});
