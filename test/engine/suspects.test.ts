import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { openDataset } from '../../src/dataset/open.ts';
import { openSourced } from '../../src/dataset/sources.ts';
import { findPoison } from '../../src/engine/suspects.ts';
import { extract } from '../../src/verbs/extract.ts';
import { temporaryFolder } from '../make.ts';
import { built, killedBy, smallData } from './small.ts';

const folder = temporaryFolder();
const root = await smallData(join(folder, 'data'), ['a', 'b', 'c', 'd', 'e']);
const dataset = await openDataset({ in: root, maskSuffix: '', onlySplit: true, skipBad: false });

afterEach(() => vi.unstubAllEnvs());

/** Decodes all samples in a process that a signal ends when it reads one of the files. */
function find(signal: string, files: readonly string[], stop?: AbortSignal): Promise<Map<string, string>> {
  if (files.length > 0) for (const [name, value] of Object.entries(killedBy(signal, ...files))) vi.stubEnv(name, value);
  return findPoison(dataset, dataset.samples, built.suspects, stop);
}

test('samples that decode are not poison, and damaged ones are not either', async () => {
  expect(await find('SIGKILL', [])).toEqual(new Map());
  const damaged = await smallData(join(folder, 'damaged'), ['a', 'b']);
  const opened = await openDataset({ in: damaged, maskSuffix: '', onlySplit: true, skipBad: false });
  await writeFile(join(damaged, 'images/a.png'), readFileSync(join(damaged, 'images/a.png')).subarray(0, 60));
  expect(await findPoison(opened, opened.samples, built.suspects, undefined)).toEqual(new Map());
});

test.each([
  ['its image', 'SIGSEGV', 'images/b.png'],
  ['its mask', 'SIGKILL', 'masks/b.png'],
])('a sample whose process dies on %s is poison', async (_, signal, file) => {
  const reason = `images/b.png: decoding this sample crashed the process twice (${signal}); repair or remove it`;
  expect(await find(signal, [file])).toEqual(new Map([['b', reason]]));
});

test('a sample on which the process does not answer is poison', async () => {
  for (const [name, value] of Object.entries(killedBy('SIGSTOP', 'images/b.png'))) vi.stubEnv(name, value);
  const reason = 'images/b.png: decoding this sample crashed the process twice (SIGKILL); repair or remove it';
  expect(await findPoison(dataset, dataset.samples, built.suspects, undefined, 4000)).toEqual(new Map([['b', reason]]));
});

test('all samples that crash the process are found, including the first and the last', async () => {
  expect([...(await find('SIGABRT', ['images/a.png', 'masks/c.png', 'images/e.png'])).keys()]).toEqual(['a', 'c', 'e']);
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'])(
  '%s, which a whole process group receives, interrupts the run and blames no sample',
  async (signal) => {
    await expect(find(signal, ['images/b.png'])).rejects.toMatchObject({ code: 'interrupted' });
  },
);

test('a stop signal ends the process', async () => {
  await expect(find('SIGKILL', [], AbortSignal.abort())).rejects.toMatchObject({ code: 'interrupted' });
});

test.each([
  ['reads', [] as string[]],
  ['measures', ['--balance', 'inverse', '--class-names', join(folder, 'names.txt')]],
])('a run that a sample crashes when it %s masks is completed by the next run without the sample', async (name, flags) => {
  await writeFile(join(folder, 'names.txt'), 'none\none\ntwo\nthree\n');
  const out = join(folder, `out ${name}`);
  const run = (env: Record<string, string>) =>
    new Promise<{ code: number | null; signal: string | null; stderr: string }>((resolve) => {
      const argv = ['bin/copypaste.cjs', 'augment', '--in', root, '--out', out, '-p', '1', '--quiet', ...flags];
      const child = execFile(process.execPath, argv, { env: { ...process.env, ...env } }, (_, _stdout, stderr) =>
        resolve({ code: child.exitCode, signal: child.signalCode, stderr }),
      );
    });
  const deadly = killedBy('SIGKILL', 'masks/c.png');
  expect(await run(deadly)).toMatchObject({ signal: 'SIGKILL' });
  const stderr = 'skipped images/c.png: decoding this sample crashed the process twice (SIGKILL); repair or remove it\n';
  expect(await run(deadly)).toEqual({ code: 3, signal: null, stderr });
  const { skipped, records } = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'));
  expect(skipped.map(({ id }: { id: string }) => id)).toEqual(['c']);
  expect(records.map(({ id }: { id: string }) => id).sort()).toEqual(['a', 'b', 'd', 'e']);
});

test('samples of cut-outs are poison by their cut-outs, in a bank and in a folder of other tools', async () => {
  const out = join(folder, 'bank');
  await extract({ in: root, out });
  const decode = async () => {
    const { sources } = await openSourced({ in: root, sources: out, maskSuffix: '', onlySplit: true, skipBad: false, allowSelf: false });
    if (!sources) throw new Error('there is no bank');
    return findPoison(sources, sources.samples, built.suspects, undefined);
  };
  const after = 'decoding this sample crashed the process twice (SIGKILL); repair or remove it';
  expect(await decode()).toEqual(new Map());
  for (const [name, value] of Object.entries(killedBy('SIGKILL', '2/b-0.png'))) vi.stubEnv(name, value);
  expect(await decode()).toEqual(new Map([['sources:b', `the cut-outs of sources:b: ${after}`]]));
  await rm(join(out, 'manifest.json'));
  const [[, reason] = []] = await decode();
  expect(reason).toMatch(/^\d\/\w-0\.png, .*\d\/\w-0\.png: decoding this sample crashed the process twice/);
});
