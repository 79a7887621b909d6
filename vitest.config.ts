import { defineConfig } from 'vitest/config';

/** Files of two thirds of the time: they render on every backend, start processes, damage thousands of inputs, or write whole data sets. */
const slow = [
  'test/render/{cpu,faults,tensorflow,webgpu}.test.ts',
  'test/cli/{doctor,main}.test.ts',
  'test/dataset/sources.test.ts',
  'test/formats/{cvat,layouts}.test.ts',
  'test/output/folder.test.ts',
  'test/engine/{suspects,threads}.test.ts',
  'test/batch.test.ts',
  'test/docs.test.ts',
  'test/{codecs,verbs}/hostile.test.ts',
];

const testTimeout = 30_000;

export default defineConfig({
  test: {
    reporters: ['default', './test/reporter.ts'],
    globalSetup: './test/setup.ts',
    coverage: {
      provider: 'custom',
      customProviderModule: './test/coverage.js',
      include: ['src/**'],
      reporter: [['text', { skipFull: true }]],
      thresholds: { lines: 94 },
      reportOnFailure: true,
    },
    // They do not extend this configuration, or each would set up once more.
    projects: [
      // One process for many files: to load the program anew for each takes longer than most of them.
      { test: { name: 'quick', include: ['test/**/*.test.ts'], exclude: slow, testTimeout, isolate: false } },
      { test: { name: 'slow', include: slow, testTimeout } },
    ],
  },
});
