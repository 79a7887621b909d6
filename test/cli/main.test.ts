import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { missingBackend } from '../backends.ts';
import { captureStreams, drawBox, filled, imageOf, pngOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';

const folder = temporaryFolder();
const camvid = 'fixtures/camvid';

/** Runs a command line in this process. */
async function cli(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const streams = captureStreams();
  const code = await main(argv, streams);
  return { code, ...streams.text };
}

/** Runs the built tool as a process. */
function built(argv: string[], node: string[] = []): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [...node, 'bin/copypaste.cjs', ...argv], (_, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
  });
}

describe('copypaste', () => {
  test('augments as a process, prints a summary, and writes nothing to standard output', async () => {
    const out = join(folder, 'process');
    const { code, stdout, stderr } = await built(['augment', '--in', camvid, '--out', out, '-p', '1']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toMatch(/^camvid layout: train\/ \+ trainannot\/, split train: 8 samples; 2 samples of val copied unchanged\n/);
    expect(stderr).toMatch(/\n8 samples: 8 augmented\n\d+ instances pasted/);
    expect(stderr).toMatch(/\nstuff, not pasted: sky, building, road, pavement, tree, fence \(--stuff keep allows them\)\n/);
    expect(stderr).toMatch(/\nwrote .*process with manifest\.json, [\d.]+ samples\/s\n$/);
    expect(readdirSync(out).sort()).toEqual(['manifest.json', 'train', 'trainannot', 'val', 'valannot']);
  });

  test('--json prints the summary as one JSON object, --quiet nothing else', async () => {
    const { code, stdout, stderr } = await cli('augment', '--in', camvid, '--out', join(folder, 'json'), '--json', '--quiet');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ layout: 'camvid', split: 'train', samples: 8, copied: 2, skipped: [] });
  });

  test('--dry-run needs no --out, says how large the output would be, and prints all plans as one document with --json', async () => {
    const { code, stdout, stderr } = await cli('augment', '--in', camvid, '--dry-run', '--copies', '2');
    expect({ code, lines: stdout.trim().split('\n').length }).toEqual({ code: 0, lines: 16 });
    expect(stderr).toMatch(/\nthe output would have 18 samples in about [\d.]+ MB\ndry run: nothing was written\n$/);
    const json = JSON.parse((await cli('augment', '--in', camvid, '--dry-run', '--json', '--quiet')).stdout);
    expect(json).toMatchObject({ samples: 8, expected: { samples: 10, bytes: expect.any(Number) } });
    expect(json.plan.map(({ id }: { id: string }) => id)).toHaveLength(8);
    expect(json.expected).not.toHaveProperty('free');
  });

  test('--dry-run prints a plan for each sample', async () => {
    const { code, stdout, stderr } = await cli('augment', '--in', camvid, '--out', join(folder, 'dry'), '--dry-run');
    expect(code).toBe(0);
    expect(stdout.split('\n')).toHaveLength(9);
    expect(stdout).toMatch(/^train\/\w+ copy 0: from train\/\w+: (pole|sign symbol|car|pedestrian|bicyclist) \[/);
    expect(stderr).toMatch(/dry run: nothing was written\n$/);
    expect(readdirSync(folder)).not.toContain('dry');
  });

  test.each([
    [
      2,
      'an unknown option',
      ['augment', '--in', camvid, '--out', 'x', '--wrong'],
      /^copypaste: unknown option '--wrong'; copypaste augment -h lists what there is\n$/,
    ],
    [2, 'a misspelled option', ['augment', '--clases', 'car'], /^copypaste: unknown option '--clases'; did you mean --classes\?\n$/],
    [2, 'an option with one dash', ['augment', '-in', camvid], /^copypaste: unknown option '-in'; did you mean --in\?\n$/],
    [2, 'an option in camel case', ['augment', '--maxInstances=3'], /; did you mean --max-instances\?\n$/],
    [2, 'a misspelled command', ['augmen'], /^copypaste: unknown command 'augmen'; did you mean augment\?\n$/],
    [2, 'a misspelled command after help', ['help', 'augmen'], /^copypaste: unknown command 'augmen'; did you mean augment\?\n$/],
    [2, 'an unknown command', ['train'], /^copypaste: unknown command 'train'; copypaste -h lists what there is\n$/],
    [2, 'no command', [], /Usage: copypaste/],
    [2, 'no data set', ['augment'], /^copypaste: <data> or --in <dir> is missing; pass the data set to read\n$/],
    [
      2,
      'two data sets',
      ['augment', camvid, '--in', 'data'],
      /^copypaste: data is given twice: fixtures\/camvid and --in data; leave one out\n$/,
    ],
    [2, 'a missing option', ['augment', camvid], /^copypaste: --out <dir> is missing; pass the output folder\n$/],
    [2, 'a bad value', ['augment', '--in', camvid, '--out', 'x', '-p', '2'], /^copypaste: -p: expected a number from 0 to 1, got '2'\n$/],
    [
      2,
      'an unknown class',
      ['augment', '--in', camvid, '--out', 'x', '--classes', 'dog'],
      /unknown class 'dog'; classes are sky, building/,
    ],
    [
      2,
      'a layout that does not fit',
      ['augment', '--in', 'src', '--out', 'x'],
      /^copypaste: the data set does not match any known layout: it has .*--images DIR/m,
    ],
    [66, 'no input', ['augment', '--in', 'nowhere', '--out', 'x'], /^copypaste: nowhere: no such directory in [^/]+; check the path\n$/],
    [
      66,
      'a misspelled folder',
      ['inspect', 'fixtres/camvd'],
      /^copypaste: fixtres\/camvd: no such directory; did you mean fixtures\/camvid\?\n$/,
    ],
    [73, 'an output that is a file', ['augment', '--in', camvid, '--out', 'README.md'], /^copypaste: --out README.md: /],
    [2, 'an unknown picture format', ['preview', '--in', camvid, '--out', 'x.txt'], /name a \.png, \.jpg or \.webp file/],
    [0, '--help', ['--help'], /^Usage: copypaste COMMAND.*\n {2}augment /ms],
    [0, 'help', ['help'], /^Usage: copypaste COMMAND.*\n {2}augment /ms],
    [0, 'help of a command', ['help', 'augment'], /^Where it is pasted:$/m],
    [0, '--help of a command', ['augment', '--help'], /^Where it is pasted:$/m],
    [0, '-h of a command', ['augment', '-h'], /^Most used:$/m],
    [0, '--version', ['--version'], /^\d+\.\d+\.\d+\n$/],
    [0, '-v', ['-v'], /^\d+\.\d+\.\d+\n$/],
    [0, 'version', ['version'], /^\d+\.\d+\.\d+\n$/],
  ])('exits with %i for %s', async (code, _, argv, text) => {
    const result = await cli(...argv);
    expect(result.code).toBe(code);
    expect(code === 0 ? result.stdout : result.stderr).toMatch(text);
  });

  describe('with enough samples for threads', async () => {
    const noWebgpu = await missingBackend('webgpu');
    const tree = (name: string, files: Record<string, Uint8Array> = {}): Promise<string> =>
      writeTree(join(folder, name), {
        ...Object.fromEntries(
          Array.from({ length: 20 }, (_, n) => `${n}.png`).flatMap((file, n) => [
            [`images/${file}`, imageOf(30 + n, 20, (x, y) => 0xff000000 + 65536 * n + 256 * x + y)],
            [`masks/${file}`, drawBox(filled(30 + n, 20, 0), [5, 5, 15 + (n % 5), 15], 1 + (n % 3))],
          ]),
        ),
        ...files,
      });
    const augmentMany = (root: string, out: string): string[] => ['augment', '--in', root, '--out', out, '--copies', '11', '-p', '0.8'];

    test('writes the same bytes and prints the same as without threads', async () => {
      const root = await tree('many');
      const [alone, threaded] = [join(folder, 'many-alone'), join(folder, 'many-threaded')];
      const here = await cli(...augmentMany(root, alone), '--json');
      const there = await built([...augmentMany(root, threaded), '--json']);
      expect(there.code).toBe(0);
      const time = { seconds: expect.any(Number), samplesPerSecond: expect.any(Number) };
      expect(JSON.parse(there.stdout)).toEqual({ ...JSON.parse(here.stdout), ...time });
      expect(await treeDigests(threaded)).toEqual(await treeDigests(alone));
      const dry = await built([...augmentMany(root, join(folder, 'many-dry')), '--dry-run']);
      expect(dry.stdout).toBe((await cli(...augmentMany(root, join(folder, 'many-dry')), '--dry-run')).stdout);
    });

    test.skipIf(noWebgpu)(`each thread takes a WebGPU device of its own, to the same bytes${noWebgpu ?? ''}`, async () => {
      const root = await tree('many-gpu');
      const [alone, threaded] = [join(folder, 'many-gpu-alone'), join(folder, 'many-gpu-threaded')];
      await cli(...augmentMany(root, alone));
      expect((await built([...augmentMany(root, threaded), '--backend', 'webgpu'])).code).toBe(0);
      expect(await treeDigests(threaded)).toEqual(await treeDigests(alone));
    });

    test('names the bad file, with the same exit code, and leaves no temporary file', async () => {
      const noise = imageOf(37, 20, (x, y) => 0xff000000 + x * x * 7919 * (y + 1));
      const root = await tree('many-bad', { 'images/7.png': (await pngOf(noise)).subarray(0, 400) });
      const out = join(folder, 'many-bad-out');
      const { code, stderr } = await built(augmentMany(root, out));
      expect({ code, stderr }).toMatchObject({ code: 65, stderr: expect.stringMatching(/copypaste: images\/7\.png: /) });
      expect(readdirSync(out, { recursive: true }).filter((file) => String(file).endsWith('.tmp'))).toEqual([]);
    });
  });

  test('exits with 65 and lists bad samples; with 3 when it leaves them out', async () => {
    const root = await writeTree(join(folder, 'bad'), {
      ...Object.fromEntries(
        ['a', 'b'].flatMap((id) => [
          [`images/${id}.png`, imageOf(9, 9, () => 1)],
          [`masks/${id}.png`, drawBox(filled(9, 9, 0), [3, 3, 6, 6], 1)],
        ]),
      ),
      'images/c.png': imageOf(9, 9, () => 1),
      'images/d.png': imageOf(9, 9, () => 1),
    });
    const stopped = await cli('augment', '--in', root, '--out', join(folder, 'bad-out'));
    expect(stopped.code).toBe(65);
    expect(stopped.stderr).toBe(
      '  images/c.png: has no mask masks/c.png; add it, or pass --mask-suffix or --image-suffix\n' +
        '  images/d.png: has no mask masks/d.png; add it, or pass --mask-suffix or --image-suffix\n' +
        'copypaste: 2 bad samples; correct them, or pass --skip-bad to leave them out\n',
    );
    const skipped = await cli('augment', '--in', root, '--out', join(folder, 'bad-out'), '--skip-bad', '-p', '1');
    expect(skipped.code).toBe(3);
    expect(skipped.stderr).toMatch('skipped images/c.png: has no mask');
  });

  test.each([
    ['masks hold only background (0) and ignore (255) ids; set --background and --ignore', filled(9, 9, 255), []],
    ['no class found (7) may be pasted; change --classes', filled(9, 9, 7), ['--classes', '3']],
    ['no instance can be pasted: 2 cut off by the border of the image; pass --truncated keep', filled(9, 9, 7), []],
  ])('exits with 65 when it pastes nothing, and says why: %s', async (why, mask, flags) => {
    const root = await writeTree(
      join(folder, `nothing-${why.replaceAll(/\W+/g, '-')}`),
      Object.fromEntries(
        ['a', 'b'].flatMap((id) => [
          [`images/${id}.png`, imageOf(9, 9, () => 1)],
          [`masks/${id}.png`, mask],
        ]),
      ),
    );
    const { code, stderr } = await cli('augment', '--in', root, '--out', `${root}-out`, '-p', '1', '--quiet', ...flags);
    expect({ code, stderr }).toEqual({ code: 65, stderr: `copypaste: nothing was pasted: ${why}\n` });
  });

  test('preview draws a contact sheet', async () => {
    const out = join(folder, 'pictures', 'sheet.png');
    const { code, stderr } = await cli('preview', '--in', camvid, '--out', out, '-n', '2', '-p', '1');
    expect({ code, stderr }).toEqual({ code: 0, stderr: `wrote ${out}: 2 samples\n` });
    const { default: sharp } = await import('sharp');
    const { width, height } = await sharp(out).metadata();
    // A line for the legend, three above each row, and one for the options.
    expect([width, height]).toEqual([8 + 3 * 488, 8 + 18 + 2 * (8 + 3 * 18 + 360 + 8) + 18 + 8]);
  });

  test('--json prints an error as one JSON object, beside the line on standard error', async () => {
    const missing = await cli('inspect', join(folder, 'nothing'), '--json');
    expect(missing.code).toBe(66);
    const message = `${join(folder, 'nothing')}: no such directory; ${folder} has no folder nothing`;
    expect(JSON.parse(missing.stdout)).toEqual({ error: { code: 'noInput', message } });
    expect(missing.stderr).toBe(`copypaste: ${message}\n`);
    const wrong = await cli('inspect', camvid, '--json', '--nonsense');
    expect(JSON.parse(wrong.stdout)).toEqual({
      error: { code: 'usage', message: "unknown option '--nonsense'; copypaste inspect -h lists what there is" },
    });
    const root = await writeTree(join(folder, 'damaged'), { 'images/a.png': imageOf(9, 9, () => 7), 'masks/a.png': 'no mask' });
    const { error } = JSON.parse((await cli('augment', '--in', root, '--out', join(folder, 'refused'), '--json')).stdout);
    expect(error.code).toBe('data');
    expect(error.offenders).toEqual([expect.stringContaining('masks/a.png')]);
    expect((await cli('--version', '--json')).stdout).not.toContain('error');
  });

  test.each([1, 2])('a full disk behind stream %i ends the process with one line and exit code 74', async (stream) => {
    const argv = stream === 1 ? ['inspect', camvid] : ['augment', '--in', camvid, '--out', join(folder, 'full'), '--dry-run'];
    const command = `"$0" bin/copypaste.cjs ${argv.join(' ')} ${stream}> /dev/full`;
    const { code, stdout, stderr } = await new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
      const child = execFile('sh', ['-c', command, process.execPath], (_, stdout, stderr) =>
        resolve({ code: child.exitCode, stdout, stderr }),
      );
    });
    expect(code).toBe(74);
    const lines = (stream === 1 ? stderr : stdout).trim().split('\n');
    expect(lines.at(-1)).toMatch(/^copypaste: cannot write to standard (output|error): ENOSPC/);
    expect(stream === 1 ? lines.length : 1).toBe(1);
  });

  test('without the binary of sharp the message says what to install', async () => {
    const { code, stderr } = await built(['inspect', camvid], ['--require', './test/cli/no-sharp.cjs']);
    expect(code).toBe(69);
    expect(stderr).toMatch(
      /^copypaste: the image library sharp cannot be loaded .*; install it with: npm install --include=optional .* sharp\n$/,
    );
  });

  test('--help loads none of zod, sharp and TensorFlow.js; augment on the cpu loads no TensorFlow.js', async () => {
    const node = ['--import', './test/loads.js'];
    for (const argv of [['--help'], ['augment', '--help'], ['preview', '-h'], ['help'], ['--version']]) {
      const { code, stderr } = await built(argv, node);
      expect(code).toBe(0);
      expect(stderr).toMatch(/commander/);
      expect(stderr).not.toMatch(/node_modules\/(zod|sharp|@tensorflow|fast-png)/);
    }
    const { code, stderr } = await built(['augment', '--in', camvid, '--out', join(folder, 'untensored')], node);
    expect(code).toBe(0);
    expect(stderr).toMatch(/node_modules\/sharp/);
    expect(stderr).not.toMatch(/node_modules\/@tensorflow/);
  });

  test('preview refuses to write into the data set, and more rows than a format holds', async () => {
    expect((await cli('preview', '--in', camvid, '--out', join(camvid, 'train', 'sheet.png'))).code).toBe(2);
    const many = await cli('preview', '--in', camvid, '--out', join(folder, 'many.webp'), '-n', '60', '-p', '1', '--split', 'train');
    expect(many.code).toBe(0);
  });

  test('ends silently with 141 when its reader is gone', async () => {
    const shell = `${process.execPath} bin/copypaste.cjs augment --in ${camvid} --out ${join(folder, 'gone')} -p 1 --dry-run | true; echo \${PIPESTATUS[0]}`;
    const { stdout, stderr } = await promisify(execFile)('bash', ['-c', shell]);
    expect(stdout).toBe('141\n');
    expect(stderr).not.toMatch(/Error|at /);
  });

  test.each([
    // The first with threads, the others without.
    ['SIGINT', 130, 26],
    ['SIGTERM', 143, 12],
    ['SIGHUP', 129, 12],
  ] as const)('%s stops it in order, with exit code %i, and the same command continues', async (signal, expected, copies) => {
    const out = join(folder, signal);
    const argv = ['augment', '--in', camvid, '--out', out, '--copies', `${copies}`, '-p', '1'];
    const child = spawn(process.execPath, ['bin/copypaste.cjs', ...argv], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (part) => {
      stderr += part;
    });
    const begun = setInterval(() => {
      const journal = join(out, 'run.jsonl');
      if (!existsSync(journal) || !readFileSync(journal, 'utf8').includes('\n{"end":')) return;
      clearInterval(begun);
      child.kill(signal);
    }, 10);
    const code = await new Promise((resolve) => child.on('close', resolve));
    clearInterval(begun);
    expect({ code, stderr }).toEqual({
      code: expected,
      stderr: expect.stringMatching(`\ncopypaste: stopped by ${signal}; to continue, run the same command again\n$`),
    });
    const files = readdirSync(out, { recursive: true }).map(String);
    expect(files).toContain('run.jsonl');
    expect(files.filter((file) => file.endsWith('.tmp'))).toEqual([]);
    const again = await built([...argv, '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({ samples: 8 * copies, copied: 2 });
    expect(readdirSync(out)).not.toContain('run.jsonl');
    expect((await cli('verify', out)).code).toBe(0);
  });

  test('ends when its pipe is closed', async () => {
    mkdirSync(join(folder, 'pipe'));
    const child = spawn(process.execPath, ['bin/copypaste.cjs', 'augment', '--in', camvid, '--out', join(folder, 'pipe'), '--json'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    child.stdout.destroy();
    const code = await new Promise((resolve) => child.on('exit', resolve));
    expect(code).not.toBeNull();
  });
});
