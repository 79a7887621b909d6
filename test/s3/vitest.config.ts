import { defineConfig } from 'vitest/config';

/** Tests of data in S3, with moto's server, which needs Python 3.11 and pip: `npm run test:s3`. */
export default defineConfig({
  test: {
    include: ['test/s3/*.test.ts'],
    reporters: ['default', './test/reporter.ts'],
    globalSetup: './test/s3/setup.ts',
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
