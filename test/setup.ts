import { execFileSync } from 'node:child_process';
import type { TestProject } from 'vitest/node';

/**
 * Builds the tool, which some tests run as a process, and installs TensorFlow: if it was installed before `npm ci` removed it, and always
 * with ALL_BACKENDS.
 */
export default function setup({ config }: TestProject): void {
  const maps = config.coverage.enabled ? ['--inlineSourceMap'] : [];
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', ...maps], { stdio: 'inherit' });
  const again = process.env.ALL_BACKENDS ? [] : ['--again'];
  if (process.platform === 'linux') execFileSync('sh', ['scripts/setup-tensorflow.sh', ...again], { stdio: 'inherit' });
}
