import { createRequire } from 'node:module';

/** Version of the package, and versions of the packages that some backends need. */
export const { version, peerDependencies } = createRequire(import.meta.url)('../package.json') as {
  version: string;
  peerDependencies: Readonly<Record<string, string>>;
};
