import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import type { ManifestRecord } from '../../src/output/manifest.ts';
import { verify } from '../../src/verbs/verify.ts';
import { captureStreams, temporaryFolder, treeDigests } from '../make.ts';

const folder = temporaryFolder();
const camvid = 'fixtures/camvid';

/** Runs a script of the shell in which `copypaste` is the built tool. */
function shell(script: string): { code: number | null; stdout: string; stderr: string } {
  const whole = `copypaste() { "${process.execPath}" bin/copypaste.cjs "$@"; }\n${script}`;
  const { status, stdout, stderr } = spawnSync('bash', ['-c', whole], { encoding: 'utf8', env: { ...process.env, OUT: folder } });
  return { code: status, stdout, stderr };
}

async function cli(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const streams = captureStreams();
  return { code: await main(argv, streams), ...streams.text };
}

const recordsIn = (text: string): ManifestRecord[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

const manifestOf = (out: string): { records: ManifestRecord[]; list?: { samples: number } } =>
  JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'));

describe('augment --json-lines', () => {
  const out = join(folder, 'lines');
  const argv = ['augment', camvid, '--out', out, '-p', '1', '--copies', '2', '--include-originals', '--json-lines'];

  test('prints the records of the manifest in its order, and the same again when the run is complete', async () => {
    const first = await cli(...argv);
    expect(first.code).toBe(0);
    expect(recordsIn(first.stdout)).toEqual(manifestOf(out).records);
    expect(recordsIn(first.stdout)).toHaveLength(8 * 3 + 2);
    expect(first.stderr).toMatch(/\nwrote /);
    expect(recordsIn((await cli(...argv)).stdout)).toEqual(recordsIn(first.stdout));
  });

  test('prints plans in a dry run, and is refused beside --json', async () => {
    const { stdout } = await cli('augment', camvid, '--out', join(folder, 'dry'), '--dry-run', '--json-lines');
    expect(recordsIn(stdout).map(({ id }) => id)).toHaveLength(10);
    expect(recordsIn(stdout).every((record) => !('files' in record))).toBe(true);
    const { code, stderr } = await cli(...argv, '--json');
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'copypaste: --json-lines: not possible with --json; omit or change one of the two\n',
    });
  });

  test('ends with 141 when its reader is gone, and the same command continues', async () => {
    const command = `copypaste augment ${camvid} --out "$OUT/piped" -p 1 --copies 6 --json-lines`;
    const { stdout, stderr } = shell(`${command} | head -n 1; echo "\${PIPESTATUS[0]}"`);
    const [line, code] = stdout.split('\n');
    expect(JSON.parse(line as string)).toMatchObject({ status: 'augmented' });
    expect(code).toBe('141');
    expect(stderr).not.toMatch(/Error|at /);
    const again = shell(command);
    expect(again.code).toBe(0);
    expect(recordsIn(again.stdout)).toEqual(manifestOf(join(folder, 'piped')).records);
    expect((await verify({ out: join(folder, 'piped') })).differences).toEqual([]);
  });
});

describe('augment --list -', () => {
  const jq = spawnSync('jq', ['--version']).error ? ' (skipped: jq is not installed)' : '';

  test.skipIf(jq !== '')(`stands between find and jq${jq}`, () => {
    const { code, stdout, stderr } = shell(
      `set -o pipefail; find ${camvid}/train -name '0006*' | copypaste augment ${camvid} --list - --out "$OUT/jq" -p 1 --json-lines --quiet | jq -r .files.image.path`,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { records, list } = manifestOf(join(folder, 'jq'));
    expect(stdout.trimEnd().split('\n')).toEqual(records.map(({ files }) => files.image.path));
    expect(list?.samples).toBe(records.length);
    expect(records.every(({ id }) => id.startsWith('train/0006'))).toBe(true);
  });

  test('takes names that end with NUL, and with CR LF behind a byte order mark', async () => {
    const zero = shell(`find ${camvid}/train -name '0006*' -print0 | copypaste augment ${camvid} --list - --out "$OUT/zero" -p 1 -q`);
    expect(zero).toEqual({ code: 0, stdout: '', stderr: '' });
    const crlf = shell(
      `{ printf '\\xef\\xbb\\xbf'; find ${camvid}/train -name '0006*' -printf '%p\\r\\n' | sort -r; } | copypaste augment ${camvid} --list - --out "$OUT/crlf" -p 1 -q`,
    );
    expect(crlf).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await treeDigests(join(folder, 'crlf'))).toEqual(await treeDigests(join(folder, 'zero')));
  });

  test('refuses an empty list, and a terminal', () => {
    const empty = shell(`copypaste augment ${camvid} --list - --out "$OUT/empty" < /dev/null`);
    expect(empty).toEqual({
      code: 66,
      stdout: '',
      stderr: 'copypaste: --list -: is empty; name the samples by id or by the path of their image\n',
    });
    const terminal = spawnSync(
      'script',
      ['-qec', `${process.execPath} bin/copypaste.cjs augment ${camvid} --list - --out ${folder}/terminal`, '/dev/null'],
      { encoding: 'utf8' },
    );
    if (!terminal.error) expect(terminal.stdout).toBe('copypaste: --list -: standard input is a terminal; pipe the names to it\r\n');
  });
});
