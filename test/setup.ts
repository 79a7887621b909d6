import { execFileSync } from 'node:child_process';

/** Builds the tool, which some tests run as a process. */
export default function setup(): void {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
}
