import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

/**
 * Builds the tool, which some tests run as a process, installs TensorFlow (if it was installed before `npm ci` removed it, and always with
 * ALL_BACKENDS), and gives the tests a cache folder of their own.
 */
export default function setup({ config }: TestProject): () => void {
  const maps = config.coverage.enabled ? ['--inlineSourceMap'] : [];
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', ...maps], { stdio: 'inherit' });
  execFileSync(process.execPath, ['scripts/page.js'], { stdio: 'inherit' });
  const again = process.env.ALL_BACKENDS ? [] : ['--again'];
  if (process.platform === 'linux') execFileSync('sh', ['scripts/setup-tensorflow.sh', ...again], { stdio: 'inherit' });
  // TensorFlow stays in the user's cache, where later steps of CI need it.
  const cache = mkdtempSync(join(tmpdir(), 'copypaste-cache-'));
  process.env.XDG_CACHE_HOME = cache;
  return () => rmSync(cache, { recursive: true, force: true });
}
