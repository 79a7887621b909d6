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
    /** Python of an environment with the tools that examples need. */
    python: string;
  }
}

/** Packs the built tool, installs it in a project of its own, without a compiler, and installs the tools that examples need. */
export default function setup({ provide }: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'copypaste-package-'));
  const project = join(folder, 'project');
  cpSync('fixtures/camvid', join(project, 'data'), { recursive: true });
  const packed = succeed(run('.', ['npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', project]));
  const [{ filename }] = JSON.parse(packed.stdout);
  succeed(run(project, ['npm', 'init', '--yes']));
  const { stderr } = succeed(run(project, ['npm', 'install', `./${filename}`]));
  const tools = succeed(run('.', ['sh', 'scripts/python-environment.sh', 'examples', 'test/package/requirements.txt']));
  provide('python', tools.stdout.trim());
  provide('project', project);
  provide('installed', stderr);
  return () => rmSync(folder, { recursive: true, force: true });
}
