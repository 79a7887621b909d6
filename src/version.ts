import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const stated = createRequire(import.meta.url)('../package.json') as {
  version: string;
  peerDependencies: Readonly<Record<string, string>>;
  homepage?: string;
};

/** Version of the package, and versions of the packages that some backends need. */
export const { version, peerDependencies } = stated;

/** Address of the documentation, or its path if the package states no address. */
export const homepage = stated.homepage ?? join(dirname(dirname(fileURLToPath(import.meta.url))), 'README.md');
