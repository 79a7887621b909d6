import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { run, succeed } from './run.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of a project that the package is installed in, with the fixtures as `data`. */
    project: string;
    /** What npm printed on standard error while it installed the package. */
    installed: string;
  }
}

/** Packs the built tool, and installs it in a project of its own, without a compiler. */
export default function setup({ provide }: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'copypaste-package-'));
  const packed = succeed(run('.', ['npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', folder]));
  const [{ filename }] = JSON.parse(packed.stdout);
  const project = join(folder, 'project');
  cpSync('fixtures/camvid', join(project, 'data'), { recursive: true });
  succeed(run(project, ['npm', 'init', '--yes']));
  const { stderr } = succeed(run(project, ['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', `../${filename}`]));
  provide('project', project);
  provide('installed', stderr);
  return () => rmSync(folder, { recursive: true, force: true });
}
