import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseYaml } from '../../src/base/yaml.ts';
import { main } from '../../src/cli/main.ts';
import { configured, keyOf, presets } from '../../src/options.ts';
import { configSchema } from '../../src/schema.ts';
import { captureStreams, drawBox, filled, imageOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';

const { fromJSONSchema } = await import('zod');
const schema = fromJSONSchema(configSchema() as Parameters<typeof fromJSONSchema>[0]);

const folder = temporaryFolder();
const repository = process.cwd();

async function cli(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const streams = captureStreams();
  const code = await main(argv, streams);
  return { code, ...streams.text };
}

/** Runs the command with a configuration, which lies in `conf/`. */
async function withFile(text: string, ...argv: string[]): Promise<Awaited<ReturnType<typeof cli>>> {
  await mkdir('conf', { recursive: true });
  await writeFile('conf/c.yaml', text);
  return cli(...argv, '--config', 'conf/c.yaml');
}

/** Options of a run, as its manifest holds them. */
function optionsIn(out: string): Record<string, unknown> {
  const { options, seed } = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'));
  return { ...options, seed };
}

beforeAll(async () => {
  process.chdir(folder);
  await writeTree('data', {
    ...Object.fromEntries(
      Array.from({ length: 4 }, (_, n) => `${n}.png`).flatMap((file, n) => [
        [`images/${file}`, imageOf(24, 16, (x, y) => 0xff000000 + 9999 * n + 256 * x + y)],
        [`masks/${file}`, drawBox(drawBox(filled(24, 16, 0), [3, 4, 9, 10], 1), [12, 4, 15 + n, 12], 2)],
      ]),
    ),
    'label_colors.txt': '0 0 0 sky\n1 1 1 car\n2 2 2 dog\n',
  });
  await writeFile('names.txt', 'sky\ncar\ndog\n');
});
afterAll(() => process.chdir(repository));

const augment = ['augment', 'data', '--class-names', 'names.txt'];

describe('a configuration', () => {
  test('gives the same bytes as its options on the command line, in the ways of YAML or of flags', async () => {
    const flags = ['-p', '0.9', '--scale', '0.8,1.2', '--classes', 'car,2', '--class-weights', 'car=2,dog=0.5', '--background', '0'];
    const more = ['--max-instances', 'all', '--min-area', '4px', '--turns', '--image-suffix', '', '--quiet', '--balance', 'rfs:0.5'];
    const all = [...flags, ...more].filter((word) => !['--balance', 'rfs:0.5'].includes(word));
    expect((await cli(...augment, '--out', 'flags', ...all)).code).toBe(0);
    const ofYaml = [
      'p: 0.9',
      'scale: [0.8, 1.2]',
      'classes: [car, 2]',
      'class-weights: {car: 2, dog: 0.5}',
      'background: [0]',
      'max-instances: all',
      'min-area: 4px',
      'turns: true',
      'image-suffix: ""',
    ].join('\n');
    const ofFlags = [
      'p: "0.9"',
      'scale: 0.8,1.2',
      'classes: car,2',
      'class-weights: car=2,dog=0.5',
      'background: 0',
      "max-instances: 'all'",
      'min-area: 4px',
      'turns: true',
    ].join('\n');
    for (const [n, text] of [ofYaml, ofFlags].entries()) {
      expect(await withFile(text, ...augment, '--out', `file${n}`, '--quiet')).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(await treeDigests(`file${n}`)).toEqual(await treeDigests('flags'));
    }
  });

  test('takes files relative to its own folder, or their contents in place', async () => {
    await mkdir('conf', { recursive: true });
    await writeFile('conf/scales.yaml', 'car: [0.5, 0.6]\n');
    await writeFile('conf/shares.yaml', 'shares: {car: 1, dog: 3}\n');
    const rest = 'in: ../data\nout: ../OUT\nclass-names: ../names.txt\np: 1\n';
    const files = 'scale-by-class: scales.yaml\nbalance: target:shares.yaml\n';
    const inPlace = 'scale-by-class: {car: [0.5, 0.6]}\nbalance:\n  shares:\n    car: 1\n    dog: 3\n';
    for (const [out, text] of [
      ['by-file', files],
      ['in-place', inPlace],
    ] as const)
      expect(await withFile(rest.replace('OUT', out) + text, 'augment', '--quiet')).toMatchObject({ code: 0, stderr: '' });
    expect(optionsIn('in-place')).toMatchObject({
      scaleByClass: { car: [0.5, 0.6] },
      balance: { of: 'result', shares: { car: 1, dog: 3 } },
    });
    const [byFile, inPlaceFiles] = [await treeDigests('by-file'), await treeDigests('in-place')];
    expect(inPlaceFiles).toEqual(byFile);
  });

  test('yields to flags, and overrides the preset', async () => {
    const text = 'preset: paper\np: 0.7\nseed: 3\n';
    await withFile(text, ...augment, '--out', 'order', '--seed', '4', '--quiet');
    expect(optionsIn('order')).toMatchObject({ preset: 'paper', p: 0.7, seed: 4, scale: [0.1, 2], jitter: 'scene' });
    await withFile(text, ...augment, '--out', 'order2', '--preset', 'default', '--quiet');
    expect(optionsIn('order2')).toMatchObject({ preset: 'default', p: 0.7, seed: 3, scale: [0.5, 2] });
    // Only a configuration can turn a switch of a preset off.
    await withFile('preset: overhead\nturns: false\n', ...augment, '--out', 'order3', '--quiet');
    expect(optionsIn('order3')).toMatchObject({ preset: 'overhead', turns: false });
  });

  test('yields to a sweep of the same option', async () => {
    const sweep = ['preview', 'data', '--class-names', 'names.txt', '--out', 'sweep.png', '--min-area', '1px', '--sweep'];
    const text = 'preset: default\np: 1\nscale: [0.5, 0.6]\n';
    expect(await withFile(text, ...sweep, 'scale=0.8,1|1,2')).toMatchObject({ code: 0 });
    expect(await withFile(text, ...sweep, 'preset=default|overhead')).toMatchObject({ code: 0 });
    // The file's value is the default, but not that of the swept preset.
    expect((await withFile('scale: 0.5,2\n', ...sweep, 'preset=composer')).code).toBe(0);
    const swept = await readFile('sweep.png');
    expect((await withFile('', ...sweep, 'preset=composer', '--scale', '0.5,2')).code).toBe(0);
    expect(swept.equals(await readFile('sweep.png'))).toBe(true);
    expect(await withFile(text, ...sweep, 'scale=0.8,1|1,2', '--scale', '1,2')).toMatchObject({ code: 2, stderr: /scale is also given/ });
  });

  test('is not read beside a shard, whose options are in the run file', async () => {
    const text = 'copies: 3\n';
    const noRun = { code: 2, stdout: '', stderr: expect.stringContaining('--run <file> is missing') };
    expect(await withFile(text, 'augment', '--shard', '1/8', '--quiet')).toMatchObject(noRun);
    await writeFile('copypaste.yaml', text);
    try {
      expect(await cli('augment', '--shard', '1/8')).toMatchObject(noRun);
    } finally {
      await rm('copypaste.yaml');
    }
    for (const flag of [['--print-config'], ['--print-config', '--no-config'], ['--config', 'conf/c.yaml']])
      expect(await cli('augment', '--run', 's.run', '--shard', '1/2', ...flag)).toEqual({
        code: 2,
        stdout: '',
        stderr: `copypaste: ${flag[0]}: has no effect with --run, whose file has the options of the run; leave it out\n`,
      });
  });

  test('leaves options of the shards out of a run file, and plan says so', async () => {
    const text = 'backend: tensorflow\nlink: true\njobs: 2\nmemory: 2GB\nfallback: true\ncopies: 2\nin: ../data\nout: ../planned\n';
    const planned = await withFile(text, 'plan', '--shards', '2');
    expect(planned.code).toBe(0);
    expect(planned.stderr).toContain(
      'conf/c.yaml: not part of the run file: backend, link, jobs, memory, fallback; pass them to augment --run\n',
    );
    expect((await withFile('copies: 2\nin: ../data\nout: ../planned\n', 'plan', '--shards', '2')).stderr).not.toContain('run file');
    expect((await withFile(text, 'plan', '--shards', '2', '--quiet')).stderr).toBe('');
    expect((await withFile(text, 'augment', '--dry-run')).stderr).not.toContain('run file');
  });

  test('is not blamed for the flag that an error begins with', async () => {
    expect(await withFile('seed: 1\nin: ../data\n', 'augment', '--out', 'data/x', '--quiet')).toMatchObject({
      code: 2,
      stderr: 'copypaste: --out data/x: overlaps with --in data; choose a folder outside it (--in is set in conf/c.yaml:2)\n',
    });
    expect(await withFile('seed: 1\njitter: scene\n', ...augment, '--out', 'x', '--place', 'prior', '--quiet')).toMatchObject({
      code: 2,
      stderr: /^copypaste: --place: has no effect with --jitter scene, .* \(--jitter is set in conf\/c\.yaml:2\)\n$/,
    });
  });

  test('gives each command the options that it has', async () => {
    const text = 'background: none\nrows: 2\np: 1\nout: aug\ncopies: 2\nonly-split: true\nmin-area: 1px\nmin-source-area: 1px\n';
    const names = ['--class-names', 'names.txt'];
    expect(await withFile(text, 'inspect', 'data', '--json', '--quiet', ...names)).toMatchObject({ code: 0, stderr: '' });
    expect(await withFile(text, 'check', 'data', '--quiet', ...names)).toMatchObject({ code: 0, stderr: '' });
    expect(await withFile(text, 'preview', 'data', '--out', 'sheet.png', ...names)).toMatchObject({ code: 0, stderr: /2 samples/ });
    expect(await withFile(text, 'preview', 'data')).toMatchObject({ code: 2, stderr: /--out <file> is missing/ });
    expect(await withFile(text, 'extract', 'data', '--out', 'bank', '--quiet', ...names)).toMatchObject({ code: 0, stderr: '' });
  });

  test('of the working folder is found and named, or the one of the data set; --no-config reads none', async () => {
    await mkdir('place', { recursive: true });
    process.chdir('place');
    try {
      const dry = ['augment', '../data', '--out', 'x', '--dry-run'];
      expect((await cli(...dry)).stderr).not.toContain('configuration');
      await writeFile('../data/copypaste.yaml', 'seed: 5\n');
      expect((await cli(...dry)).stderr).toMatch(/^configuration: \.\.\/data\/copypaste\.yaml\n/);
      await writeFile('copypaste.yaml', 'seed: 6\nin: ../data\n');
      expect((await cli(...dry)).stderr).toMatch(/^configuration: copypaste\.yaml; \.\.\/data\/copypaste\.yaml is not read\n/);
      expect((await cli('augment', '--print-config')).stdout).toMatch(/^seed: 6 +# copypaste\.yaml:1$/m);
      expect((await cli(...dry, '--quiet')).stderr).toBe('');
      expect((await cli(...dry, '--no-config')).stderr).not.toContain('configuration');
      expect(await cli('augment', '--no-config')).toMatchObject({ code: 2, stderr: /<data> or --in <dir> is missing/ });
    } finally {
      process.chdir(folder);
      await writeFile('data/copypaste.yaml', '');
    }
  });

  test('in a data set changes neither what is read of it nor what is left behind', async () => {
    await writeFile('data/copypaste.yaml', '');
    const { stdout } = await cli('inspect', 'data', '--json', '--quiet');
    expect(JSON.parse(stdout)).toMatchObject({ leftBehind: [], odd: [] });
    await cli(...augment, '--out', 'beside', '--no-config', '--quiet');
    expect(existsSync('beside/copypaste.yaml')).toBe(false);
  });

  const ofFiles = Object.entries(configured).filter(
    ([, { flag, kind, config }]) => /<(dir|file)>/.test(flag) && kind !== 'path inside' && config !== false,
  );

  test.each(ofFiles.map(([name]) => keyOf(name)))('in a data set sets no %s', async (key) => {
    const refusal = `:2: ${key}: a configuration in the data set sets no path; pass --${key}, or name the file with --config\n`;
    await writeFile('data/copypaste.yaml', `seed: 1\n${key}: ..\n`);
    expect(await cli(...augment, '--out', 'never')).toEqual({ code: 65, stdout: '', stderr: `copypaste: data/copypaste.yaml${refusal}` });
    process.chdir('data');
    try {
      for (const data of ['.', '../data'])
        expect(await cli('augment', data, '--out', '../never')).toMatchObject({ code: 65, stderr: expect.stringContaining(refusal) });
      process.chdir('images');
      await writeFile('copypaste.yaml', `seed: 1\n${key}: ..\n`);
      expect(await cli('augment', '..', '--out', '../../never')).toMatchObject({ code: 65, stderr: `copypaste: copypaste.yaml${refusal}` });
      await rm('copypaste.yaml');
    } finally {
      process.chdir(folder);
      await writeFile('data/copypaste.yaml', '');
    }
    expect(existsSync('never')).toBe(false);
  });

  test.each(['scale-by-class: ../names.txt', 'balance: target:/etc/passwd'])('in a data set names no file: %s', async (line) => {
    await writeFile('data/copypaste.yaml', line);
    expect(await cli(...augment, '--out', 'never')).toMatchObject({ code: 65, stderr: /data\/copypaste\.yaml:1: .* sets no path/ });
    await writeFile(
      'data/copypaste.yaml',
      'scale-by-class: {car: [0.5, 1]}\nbalance: {shares: {car: 1, dog: 1}}\nmasks: masks\nimages: images\n',
    );
    expect(await cli(...augment, '--out', 'some', '--quiet')).toMatchObject({ code: 0 });
    await writeFile('data/copypaste.yaml', 'masks: ../masks\nimages: images\n');
    expect(await cli(...augment, '--out', 'never')).toMatchObject({
      code: 2,
      stderr: /data\/copypaste\.yaml:1: --masks .*is outside --in data/,
    });
    await writeFile('data/copypaste.yaml', '');
  });

  test.each([
    ['max_instances: 3', 'c.yaml:1: max_instances: no such option; did you mean max-instances?', 65],
    ['\np: 1\n# a comment\nmaxInstances: 3', 'c.yaml:4: maxInstances: no such option; did you mean max-instances?', 65],
    ['colour: 3', 'c.yaml:1: colour: no such option; keys are the long names of the options, such as max-instances', 65],
    ['__proto__: 3', 'c.yaml:1: __proto__: no such option; keys are the long names of the options, such as max-instances', 65],
    ['<<: {p: 1}', 'c.yaml:1: <<: no such option; keys are the long names of the options, such as max-instances', 65],
    ['overwrite: true', 'c.yaml:1: overwrite: concerns a single call; remove the line, and pass --overwrite', 65],
    ['seed: 1\np: 2', "c.yaml:2: -p: expected a number from 0 to 1, got '2'", 65],
    ['seed: 1\np: [1]', 'c.yaml:2: -p: expected a number from 0 to 1, got [1]', 65],
    ['p:', 'c.yaml:1: p: has no value; give one, or remove the line', 65],
    ['p: ~', 'c.yaml:1: p: has no value; give one, or remove the line', 65],
    ['turns: yes', "c.yaml:1: --turns: expected true or false, got 'yes'", 65],
    ['scale: [2, 1]', 'c.yaml:1: --scale: expected two numbers LO,HI with 0 < LO ≤ HI, got [2,1]', 65],
    ['p: 1\np: 1', 'c.yaml:2: is not valid YAML: the key p occurs twice; correct it', 65],
    ['p: !!float 1', 'c.yaml:1: is not valid YAML: the tag tag:yaml.org,2002:float is not supported; correct it', 65],
    ['- p', "c.yaml: holds no options; write lines such as 'max-instances: 5'", 65],
    ['p', "c.yaml: holds no options; write lines such as 'max-instances: 5'", 65],
    ['? *a ', 'c.yaml: is not valid YAML: Unresolved alias (the anchor must be set before the alias): a; correct it', 65],
    ['classes: [*a]', 'c.yaml: is not valid YAML: Unresolved alias (the anchor must be set before the alias): a; correct it', 65],
    ['p: [', /c\.yaml:1: is not valid YAML: /, 65],
    ['p: 1\n---\np: 1', /c\.yaml(:\d)?: is not valid YAML: .*multiple documents/, 65],
    [
      'class-names: missing.txt',
      'c.yaml:1: --class-names conf/missing.txt: cannot be read: ENOENT: no such file or directory; check the path',
      66,
    ],
    ['seed: 1\nclasses: [car, cat]', "c.yaml:2: --classes: unknown class 'cat' (did you mean car?); classes are sky, car, dog", 2],
    ['class-map: x.yaml', 'c.yaml:1: --class-map: needs --sources; pass --sources DIR', 2],
    [
      'jitter: scene\nplace: prior',
      'c.yaml:2: --place: has no effect with --jitter scene, which places whole scenes; omit or change one of the two',
      2,
    ],
  ])('that is wrong is refused with the line: %j', async (text, message, code) => {
    const names = text.includes('class-names') ? [] : ['--class-names', 'names.txt'];
    const { stderr, ...result } = await withFile(text, 'augment', 'data', ...names, '--out', 'never', '--quiet');
    expect(result).toEqual({ code, stdout: '' });
    if (typeof message === 'string') expect(stderr).toBe(`copypaste: conf/${message}\n`);
    else expect(stderr).toMatch(message);
  });

  test('is refused if it is missing, too large, no text, or no file', async () => {
    expect(await cli(...augment, '--config', 'missing.yaml')).toMatchObject({
      code: 66,
      stderr: /^copypaste: missing\.yaml: the configuration cannot be read: ENOENT/,
    });
    expect(await cli(...augment, '--config', 'data')).toMatchObject({ code: 66, stderr: /is not a regular file/ });
    expect(await withFile(`# ${'x'.repeat(2 ** 20)}`, ...augment)).toMatchObject({ code: 65, stderr: /too large for a configuration/ });
    await writeFile('latin.yaml', Buffer.from('class: \xe4', 'latin1'));
    expect(await cli(...augment, '--config', 'latin.yaml')).toMatchObject({ code: 65, stderr: /latin\.yaml: byte 7 .* is not UTF-8/ });
  });

  test('that has changed is another run, which is refused as with changed flags; the same options continue it', async () => {
    await withFile('seed: 1\n', ...augment, '--out', 'resumed', '--quiet');
    const changed = await withFile('seed: 2\n', ...augment, '--out', 'resumed', '--quiet');
    expect(changed).toMatchObject({ code: 2, stderr: /contains another run: .*seed/ });
    expect(changed).toEqual(await cli(...augment, '--out', 'resumed', '--quiet', '--seed', '2'));
    expect(await cli(...augment, '--out', 'resumed', '--seed', '1')).toMatchObject({ code: 0, stderr: /is already complete/ });
  });
});

describe('any configuration', () => {
  const values = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(
      'all',
      'none',
      '0.5,2',
      'car=1',
      '25px',
      'rfs:0.1',
      'inverse',
      '4GB',
      [0.5, 1],
      [1, 2],
      { car: 1 },
      { car: [1, 2] },
      true,
      0.5,
      1,
    ),
  );
  const marks = [
    ...['p', ': ', '1', '\n', '- ', '[', ']', '{', '}', '&a ', '*a ', '!!str ', '"', "'", '#', '? ', '|\n '],
    ...['seed', '---\n'],
  ];
  const texts = fc.oneof(
    fc.string(),
    fc.array(fc.constantFrom(...marks)).map((parts) => parts.join('')),
    fc.dictionary(fc.constantFrom(...Object.keys(configured).map(keyOf)), values, { maxKeys: 3 }).map((one) => JSON.stringify(one)),
  );

  test('is read or refused in one line, and is the same when it is printed and read again', async () => {
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const { code, stdout, stderr } = await withFile(text, 'augment', '--print-config', '--quiet');
        expect([0, 2, 65, 66]).toContain(code);
        expect(stderr.split('\n')).toHaveLength(code === 0 ? 1 : 2);
        if (code !== 0) return;
        // Its paths start at the working folder.
        await writeFile('printed.yaml', stdout);
        const again = await cli('augment', '--print-config', '--quiet', '--config', 'printed.yaml');
        expect(again.stdout.replaceAll(/ *#.*$/gm, '')).toBe(stdout.replaceAll(/ *#.*$/gm, ''));
      }),
      { numRuns: 150 },
    );
  });
});

describe('--config manifest.json', () => {
  test('takes the options of a run, which gives the same bytes, and no path', async () => {
    const flags = ['--preset', 'placed', '-p', '0.9', '--seed', '7', '--max-instances', '2', '--balance', 'inverse', '--copies', '2'];
    expect((await cli(...augment, ...flags, '--out', 'made', '--quiet')).code).toBe(0);
    const again = await cli(...augment, '--config', 'made/manifest.json', '--out', 'made-again', '--quiet');
    expect(again).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await treeDigests('made-again')).toEqual(await treeDigests('made'));
    const { stdout } = await cli('augment', '--print-config', '--config', 'made/manifest.json', '-p', '0.2', '--quiet');
    expect(await parseYaml(stdout)).toMatchObject({ preset: 'placed', p: 0.2, seed: 7, copies: 2, place: 'prior' });
    expect(stdout).toMatch(/^seed: 7 +# made\/manifest\.json$/m);
    expect(stdout).not.toMatch(/^(in|out|class-names):/m);
  });

  test('leaves room for another preset', async () => {
    await cli(...augment, '--out', 'plain', '--seed', '7', '--quiet');
    const { stdout } = await cli('augment', '--print-config', '--config', 'plain/manifest.json', '--preset', 'paper');
    expect(await parseYaml(stdout)).toMatchObject({ preset: 'paper', p: 1, seed: 7 });
  });

  test('takes those of a bank too', async () => {
    await cli('extract', 'data', '--out', 'bank1', '--background', 'none', '--quiet');
    await cli('extract', 'data', '--out', 'bank2', '--config', 'bank1/manifest.json', '--quiet');
    expect(await treeDigests('bank2')).toEqual(await treeDigests('bank1'));
  });

  test('is refused if it is no manifest, or of another version', async () => {
    await writeFile('no.json', '{"p": 1}');
    expect(await cli(...augment, '--config', 'no.json')).toMatchObject({ code: 65, stderr: /no\.json: is not a copypaste manifest/ });
    await writeFile('paths.json', '{"tool": {"name": "copypaste", "version": "9"}, "options": {"out": "/"}}');
    expect(await cli(...augment, '--config', 'paths.json')).toMatchObject({ code: 65, stderr: /paths\.json: has the option out/ });
    await writeFile('new.json', '{"tool": {"name": "copypaste", "version": "9"}, "options": {"newOption": 1}}');
    expect(await cli(...augment, '--config', 'new.json')).toMatchObject({
      code: 65,
      stderr: 'copypaste: new.json: has the option new-option, which this version does not know\n',
    });
  });
});

describe('--print-config', () => {
  const commands = ['augment', 'preview', 'extract', 'inspect', 'check'];

  test.each(commands)('of %s prints a configuration with the same options, and all that it knows', async (command) => {
    const first = await withFile('preset: placed\nseed: 3\nclasses: [car, "1"]\nbackground: none\n', command, '--print-config', '--quiet');
    expect(first.code).toBe(0);
    expect(schema.safeParse(await parseYaml(first.stdout))).toMatchObject({ success: true });
    const second = await withFile(first.stdout, command, '--print-config', '--quiet');
    const values = (text: string): string => text.replaceAll(/ *#.*$/gm, '');
    expect(values(second.stdout)).toBe(values(first.stdout));
  });

  test('says where each value comes from', async () => {
    const { stdout } = await withFile('# mine\npreset: placed\nclasses: [car]\n', 'augment', 'data', '--print-config', '-p', '0.25');
    expect(stdout).toMatch(/^in: data +# flag$/m);
    expect(stdout).toMatch(/^preset: placed +# conf\/c\.yaml:2$/m);
    expect(stdout).toMatch(/^classes: \[car\] +# conf\/c\.yaml:3$/m);
    expect(stdout).toMatch(/^place: prior +# preset placed$/m);
    expect(stdout).toMatch(/^p: 0\.25 +# flag$/m);
    expect(stdout).toMatch(/^seed: 0 +# default$/m);
    expect(stdout).toMatch(/^# Not set: layout, images/m);
    await writeFile('x\np: 1.yaml', 'seed: 3\n');
    expect((await cli('augment', 'data', '--print-config', '--config', 'x\np: 1.yaml')).stdout).toMatch(
      /^seed: 3 +# x\\u000ap: 1\.yaml:1$/m,
    );
  });

  test('refuses what the command would refuse', async () => {
    expect(await withFile('jitter: scene\nplace: prior\n', 'augment', '--print-config')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: /^copypaste: conf\/c\.yaml:2: --place: has no effect/,
    });
  });

  test.each(Object.keys(presets))('with the preset %s gives the same bytes when it is read again', async (preset) => {
    const flags = ['--preset', preset, '--seed', '2', '--min-area', '1px'];
    await cli(...augment, ...flags, '--out', `p-${preset}`, '--quiet');
    const { stdout } = await cli(...augment, ...flags, '--print-config');
    await writeFile('printed.yaml', stdout);
    expect(await cli('augment', '--config', 'printed.yaml', '--out', `q-${preset}`, '--quiet')).toMatchObject({ stderr: '' });
    expect(await treeDigests(`q-${preset}`)).toEqual(await treeDigests(`p-${preset}`));
  });

  test('writes any text so that it is read again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), async (text) => {
        const { stdout, code } = await cli('augment', '--print-config', `--mask-suffix=${text}`, `--in=${text}`);
        expect(code).toBe(0);
        await writeFile('text.yaml', stdout);
        const again = await cli('augment', '--print-config', '--config', 'text.yaml');
        expect(await parseYaml(again.stdout)).toMatchObject({ 'mask-suffix': text });
      }),
      { numRuns: 30, examples: [['a\u00a0'], ['\u2028']] },
    );
  });
});

describe('the schema of a configuration', () => {
  test('has the keys that the command line calls by the same names', () => {
    const { properties } = configSchema() as { properties: Record<string, unknown> };
    for (const [name, { flag, config }] of Object.entries(configured)) {
      const key = keyOf(name);
      expect(flag).toMatch(new RegExp(`(^|[ -])-${key.length === 1 ? '' : '-'}${key}( |$)`));
      expect(Object.hasOwn(properties, key)).toBe(config !== false);
    }
  });

  test.each([
    'scale: [0.5, 2]',
    'classes: 3',
    'memory: 4GB',
    'balance: {shares: {car: 1}}',
    'balance: rfs:0.1',
    'background: none',
    'split: 2017',
  ])('accepts what is read: %s', async (text) => {
    expect(schema.safeParse(await parseYaml(text))).toMatchObject({ success: true });
    expect((await withFile(text, 'augment', '--print-config')).code).toBe(0);
  });

  test.each(['max_instances: 3', 'overwrite: true', 'turns: yes', 'p: 2', 'preset: plced'])('refuses what is refused: %s', async (text) => {
    expect(schema.safeParse(await parseYaml(text))).toMatchObject({ success: false });
    expect((await withFile(text, 'augment', '--print-config')).code).toBe(65);
  });
});

test('paths of a configuration are those of its folder, also if it is named by an absolute path', async () => {
  await withFile('in: ../data\n', 'augment', '--print-config');
  const { stdout } = await cli('augment', '--print-config', '--config', resolve('conf/c.yaml'));
  expect(await parseYaml(stdout)).toMatchObject({ in: resolve('data') });
});
