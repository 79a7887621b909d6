import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/** Names of the program in Debian, in other systems, and of a browser of the same kind. */
const names = ['chromium', 'chromium-browser', 'google-chrome'];

/**
 * Starts a browser without windows: the one that CHROMIUM names, else one in PATH.
 *
 * @returns undefined, after a message, if there is none. With CHROMIUM set, as in CI, that is an error.
 */
export async function openChromium(): Promise<Browser | undefined> {
  const executablePath = process.env.CHROMIUM ?? inPath();
  if (executablePath === undefined) {
    console.warn('\nSKIPPED, tests in a browser: there is no Chromium; npm run setup:chromium installs it\n');
    return undefined;
  }
  // Root has no sandbox. The libraries that the tests of webgpu use are not those of the browser.
  const { LD_LIBRARY_PATH: _, VK_ICD_FILENAMES: __, ...env } = process.env;
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'], env: env as Record<string, string> });
}

function inPath(): string | undefined {
  const paths = (process.env.PATH ?? '').split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
