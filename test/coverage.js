// Counts lines of `src` that run in tests, in processes of the built tool that these start, and in their threads: `npm run coverage`.
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import v8 from '@vitest/coverage-v8';
import { V8CoverageProvider } from '@vitest/coverage-v8/dist/provider.js';

const built = resolve('dist');
const dumps = resolve('coverage/processes');

class Provider extends V8CoverageProvider {
  isIncluded(path) {
    return path.startsWith(built) || super.isIncluded(path);
  }

  // Files of the build have their source maps in them.
  async transformFile(path, ...rest) {
    return path.startsWith(built) ? null : super.transformFile(path, ...rest);
  }

  async readCoverageFiles(on) {
    await super.readCoverageFiles(on);
    for (const name of await readdir(dumps).catch(() => [])) {
      const { result } = JSON.parse(await readFile(join(dumps, name), 'utf8'));
      on.onFileRead({ result: result.filter(({ url }) => url.startsWith(`file://${built}`)) });
    }
    await on.onFinished(this.ctx.getRootProject(), 'ssr');
  }
}

export default {
  ...v8,
  startCoverage(options) {
    // Node reads this when a process starts, so the processes that tests start write their coverage.
    process.env.NODE_V8_COVERAGE = dumps;
    return v8.startCoverage(options);
  },
  getProvider: async () => new Provider(),
};
