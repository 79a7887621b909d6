import { spawnSync } from 'node:child_process';

/** Environment of a user's shell: without the variables of an npm script that this process may belong to, and with compilers that fail. */
const env: NodeJS.ProcessEnv = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(config_local_prefix|lifecycle_|package_)/.test(name))),
  CC: 'false',
  CXX: 'false',
  npm_config_prefer_offline: 'true',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
};

/** Runs a program to its end. @param more variables of its environment. */
export function run(cwd: string, argv: readonly string[], more: Readonly<Record<string, string>> = {}): Ended {
  const [program = '', ...rest] = argv;
  const { status, stdout, stderr, error } = spawnSync(program, rest, { cwd, env: { ...env, ...more }, encoding: 'utf8' });
  if (error) throw error;
  return { code: status, stdout, stderr };
}

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @throws if the program failed. */
export function succeed(ended: Ended): Ended {
  if (ended.code !== 0) throw new Error(`exit code ${ended.code}: ${ended.stderr || ended.stdout}`);
  return ended;
}
