import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/**
 * Test files that take two thirds of the time: they render on every backend, start processes, damage thousands of inputs, or write whole
 * data sets.
 */
const slow = [
  ...['batch', 'docs'],
  ...['cli/configuration', 'cli/doctor', 'cli/init', 'cli/main', 'cli/with-progress'],
  ...['codecs/hostile', 'fuzz/fuzz', 'verbs/extract', 'verbs/hostile', 'verbs/leaves', 'verbs/merge'],
  ...['dataset/sources', 'formats/cvat', 'formats/layouts', 'output/folder', 'output/page'],
  ...['engine/resources', 'engine/suspects', 'engine/threads'],
  ...['render/cpu', 'render/faults', 'render/tensorflow', 'render/webgpu'],
].map((name) => `test/${name}.test.ts`);

for (const file of slow)
  if (!existsSync(new URL(file, import.meta.url))) throw new Error(`vitest.config.ts lists ${file} as slow, but it does not exist`);

/** Tests with a configuration of their own. */
const apart = ['test/package/**', 'test/s3/**'];

const common = { testTimeout: 30_000, hookTimeout: 30_000, setupFiles: './test/properties.ts' };

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
    // The projects do not extend this configuration, since each would then repeat the setup.
    projects: [
      // One process for many files: loading the program again for each file takes longer than most files.
      { test: { name: 'quick', include: ['test/**/*.test.ts'], exclude: [...slow, ...apart], ...common, isolate: false } },
      { test: { name: 'slow', include: slow, ...common } },
    ],
  },
});
