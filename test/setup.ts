import { execFileSync } from 'node:child_process';

/**
 * Builds the tool, which some tests run as a process, and sets TensorFlow up: again where it was before `npm ci`, and in any
 * case where no backend may be missing.
 */
export default function setup(): void {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
  const again = process.env.ALL_BACKENDS ? [] : ['--again'];
  if (process.platform === 'linux') execFileSync('sh', ['scripts/setup-tensorflow.sh', ...again], { stdio: 'inherit' });
}
