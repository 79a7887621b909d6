import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { backendNames } from '../../src/render/backends.ts';
import { missingBackend } from '../backends.ts';
import { built } from '../engine/small.ts';
import { captureStreams, temporaryFolder, treeDigests } from '../make.ts';

const folder = temporaryFolder();

/** A copy of the tool without optional packages. @returns the path of its command. */
function bareInstall(): string {
  const root = join(folder, 'bare');
  for (const part of ['bin', 'dist', 'package.json']) cpSync(part, join(root, part), { recursive: true });
  const link = (name: string): void => symlinkSync(resolve('node_modules', name), join(root, 'node_modules', name));
  mkdirSync(join(root, 'node_modules/@tensorflow'), { recursive: true });
  for (const name of readdirSync('node_modules')) if (!['.', '@tensorflow', 'webgpu'].some((not) => name.startsWith(not))) link(name);
  for (const name of ['tfjs-core', 'tfjs-backend-cpu']) link(`@tensorflow/${name}`);
  return join(root, 'bin/copypaste.cjs');
}

function run(bin: string, ...argv: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((done) => {
    const child = execFile(process.execPath, [bin, ...argv], (_, stdout, stderr) => done({ code: child.exitCode, stdout, stderr }));
  });
}

describe('on a machine without optional packages', () => {
  const bin = bareInstall();

  test('doctor says what is missing, what to install, and that the cpu works', async () => {
    const { code, stdout, stderr } = await run(bin, 'doctor');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^copypaste \d+\.\d+\.\d+, Node v/);
    expect(stdout).toMatch(
      /\nwebgpu +not available: not installed; run npm install webgpu@[\d.]+ @tensorflow\/tfjs-backend-webgpu@[\d.]+\n/,
    );
    expect(stdout).toMatch(/\ntensorflow +not available: not installed; run npm install @tensorflow\/tfjs-node-gpu@[\d.]+\n/);
    expect(stdout).toMatch(/\ncpu +computes on the CPU: .*\n +self-test passed: digest [0-9a-f]{12} equals the reference\n/);
  });

  test.each(['webgpu', 'tensorflow'])('naming a missing backend is an error: %s', async (name) => {
    const { code, stderr } = await run(bin, 'augment', '--in', 'fixtures/camvid', '--out', join(folder, 'none'), '--backend', name);
    expect(code).toBe(69);
    expect(stderr).toMatch(new RegExp(`^copypaste: backend ${name}: not installed.*npm`));
    expect(stderr.split('\n')).toHaveLength(2);
    expect(readdirSync(folder)).not.toContain('none');
    expect(await run(bin, 'doctor', '--backend', name, '--json')).toMatchObject({ code: 69 });
  });

  test('with --fallback the CPU renders, and a line says so', async () => {
    const out = join(folder, 'fallback');
    const { code, stderr } = await run(bin, 'augment', '--in', 'fixtures/camvid', '--out', out, '--backend', 'webgpu', '--fallback');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^backend webgpu: not installed; .*; continuing on the CPU \(--fallback\)\nbackend cpu: /);
  });
});

describe('doctor', () => {
  test('--json prints the same for programs', async () => {
    const streams = captureStreams();
    expect(await main(['doctor', '--json'], streams, built)).toBe(0);
    const { backends } = JSON.parse(streams.text.stdout);
    expect(backends.map(({ name }: { name: string }) => name)).toEqual(backendNames);
    expect(backends.at(-1)).toMatchObject({ name: 'cpu', available: true, hardware: false, batchPixels: 0 });
  });
});

describe('augment --backend', async () => {
  let runs = 0;
  const digests = async (name: string): Promise<Record<string, string>> => {
    const streams = captureStreams();
    const out = join(folder, `run${runs++}`);
    const code = await main(['augment', '--in', 'fixtures/camvid', '--out', out, '-p', '1', '--backend', name], streams);
    expect({ code, said: streams.text.stderr }).toMatchObject({ code: 0, said: expect.stringMatching(`^backend ${name}: `) });
    return treeDigests(out);
  };
  for (const name of ['webgpu', 'tensorflow'] as const) {
    const missing = await missingBackend(name);
    test.skipIf(missing)(`${name} writes the bytes that cpu writes${missing ?? ''}`, async () => {
      expect(await digests(name)).toEqual(await digests('cpu'));
    });
  }
});
