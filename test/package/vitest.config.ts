import { defineConfig } from 'vitest/config';

/** Tests of the package as users install it, which need npm's registry or its cache: `npm run test:package`. */
export default defineConfig({
  test: {
    include: ['test/package/*.test.ts'],
    reporters: ['default', './test/reporter.ts'],
    globalSetup: './test/package/setup.ts',
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
