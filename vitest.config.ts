import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['default', './test/reporter.ts'],
    globalSetup: './test/setup.ts',
    testTimeout: 30_000,
  },
});
