import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromJSONSchema } from 'zod';
import { parseYaml } from '../../src/base/yaml.ts';
import { main } from '../../src/cli/main.ts';
import { configSchema } from '../../src/schema.ts';
import { captureStreams, drawBox, filled, imageOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';

const schema = fromJSONSchema(configSchema() as Parameters<typeof fromJSONSchema>[0]);

const folder = temporaryFolder();
const repository = process.cwd();

beforeAll(() => process.chdir(folder));
afterAll(() => process.chdir(repository));

async function cli(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const streams = captureStreams();
  const code = await main(argv, streams);
  return { code, ...streams.text };
}

const fixtures = readdirSync('fixtures', { withFileTypes: true }).filter((entry) => entry.isDirectory() && entry.name !== 'golden');

describe.each(fixtures.map(({ name }) => name))('init of %s', (name) => {
  const data = join(repository, 'fixtures', name);
  const file = `${name}.yaml`;

  test('writes a configuration that is valid, and that changes no byte until it is edited', async () => {
    expect(await cli('init', data, '--out', file)).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringContaining(`wrote ${file}; edit it`),
    });
    expect(schema.safeParse(await parseYaml(readFileSync(file, 'utf8')))).toMatchObject({ success: true });
    const flags = ['--allow-self', '-p', '1', '--quiet'];
    const plain = await cli('augment', data, '--out', `${name}-plain`, ...flags);
    const configured = await cli('augment', '--config', file, '--out', `${name}-configured`, ...flags);
    expect(configured).toEqual(plain);
    expect(configured).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await treeDigests(`${name}-configured`)).toEqual(await treeDigests(`${name}-plain`));
  });

  test('offers lines that are valid once their # is removed', async () => {
    const text = readFileSync(file, 'utf8');
    const offered = [...text.matchAll(/^#(?=[^ \n])(.+)$/gm)].map(([, line]) => line as string);
    expect(offered.length).toBeGreaterThan(7);
    for (const line of offered) {
      await writeFile('one.yaml', text.replace(`\n#${line}\n`, `\n${line}\n`));
      const printed = await cli('augment', '--print-config', '--config', 'one.yaml');
      expect({ line, ...printed }).toMatchObject({ code: 0 });
      expect(printed.stdout).toContain('# one.yaml:');
      expect(schema.safeParse(await parseYaml(readFileSync('one.yaml', 'utf8')))).toMatchObject({ success: true });
    }
    await writeFile('all.yaml', text.replaceAll(/^#(?=[^ \n])(?!sources|exclude)/gm, ''));
    expect(await cli('augment', '--config', 'all.yaml', '--out', `${name}-all`, '--allow-self', '--quiet')).toMatchObject({
      stderr: '',
      code: 0,
    });
  });

  test('counts as inspect does, and names the file of the schema', async () => {
    const text = readFileSync(file, 'utf8');
    const { classes, annotations, pastable } = JSON.parse((await cli('inspect', data, '--json', '--quiet')).stdout);
    expect(text).toContain(`\n# Usable by default: ${pastable} of ${annotations}`);
    for (const { id, name: word, leftOut, instances, pastable: usable } of classes)
      if (!leftOut) expect(text).toMatch(new RegExp(`\n# +${id} +${word} +(thing|stuff|unknown) +${instances} +${usable} `));
    const [, path] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text) ?? [];
    expect(resolve(path as string)).toBe(join(repository, 'config.schema.json'));
    for (const line of text.split('\n').filter((one) => one.startsWith('# ') && !one.includes('$schema')))
      expect(line.length).toBeLessThanOrEqual(80);
  });
});

describe('init', () => {
  const tree = (name: string): Promise<string> =>
    writeTree(name, {
      'images/a.png': imageOf(24, 16, () => 0xff123456),
      'images/b.png': imageOf(24, 16, () => 0xff654321),
      'labels/a.png': drawBox(drawBox(filled(24, 16, 0), [4, 4, 9, 9], 1), [14, 4, 18, 12], 2),
      'labels/b.png': drawBox(filled(24, 16, 0), [6, 4, 11, 9], 1),
    });

  test('writes copypaste.yaml here, which the other commands then read, and refuses to replace it', async () => {
    await tree('data');
    expect(await cli('init', 'data')).toMatchObject({ code: 0 });
    const text = readFileSync('copypaste.yaml', 'utf8');
    expect((await cli('inspect')).stderr).toBe('configuration: copypaste.yaml (in: data)\n');
    expect(await cli('init', 'data')).toEqual({
      code: 73,
      stdout: '',
      stderr: 'copypaste: copypaste.yaml exists already, for data; remove it, or pass --out FILE and then --config FILE\n',
    });
    expect(await cli('init', 'data', '--print', '--quiet')).toEqual({ code: 0, stdout: text, stderr: '' });
    await rm('copypaste.yaml');
    expect(await cli('init', 'data', '--print', '--quiet')).toEqual({ code: 0, stdout: text, stderr: '' });
    expect(existsSync('copypaste.yaml')).toBe(false);
    expect(await cli('init', 'data', '--out', 'missing/x.yaml')).toMatchObject({
      code: 73,
      stderr: /--out missing\/x\.yaml: cannot be written: ENOENT/,
    });
  });

  test('says what it found, and how to see what the configuration does', async () => {
    await tree('told');
    const { stderr } = await cli('init', 'told', '--out', 'told.yaml');
    expect(stderr.split('\n').slice(0, 3)).toEqual([
      'told: paired layout, 2 samples',
      'instances by class: class 1 2, class 2 1',
      expect.stringMatching(/^usable as pastes by default: \d of 3$/),
    ]);
    expect(stderr).toMatch(
      /^wrote told\.yaml; edit it, and run copypaste preview --config told\.yaml --out sheet\.png to see what it does$/m,
    );
    expect((await cli('init', 'told', '--out', 'told/copypaste.yaml')).stderr).toContain(
      'run copypaste preview told --config told/copypaste.yaml --out sheet.png to',
    );
  });

  test('in the data set names no path', async () => {
    await tree('own');
    expect(await cli('init', 'own', '--out', 'own/copypaste.yaml')).toMatchObject({ code: 0 });
    const text = readFileSync('own/copypaste.yaml', 'utf8');
    expect(text).not.toMatch(/^#?(in|sources):/m);
    expect(text.replaceAll('\n# ', ' ')).toContain('or in that of the data set');
    expect((await cli('augment', 'own', '--out', 'own-out', '-p', '1', '--min-area', '1px')).stderr).toMatch(
      /^configuration: own\/copypaste\.yaml\n/,
    );
    await writeFile('names.txt', 'a\nb\nc\n');
    expect(await cli('init', 'own', '--out', 'own/other.yaml', '--class-names', 'names.txt')).toMatchObject({
      code: 2,
      stderr: 'copypaste: --class-names: a configuration in the data set sets no path; pass --out with a file elsewhere\n',
    });
  });

  test('keeps the options that it is given, with paths relative to the file', async () => {
    await tree('kept');
    await writeFile('names.txt', 'ground\ncar\ndog\n');
    await cp('kept', 'sub/kept', { recursive: true });
    const given = ['--class-names', 'names.txt', '--background', 'none', '--ignore', '2', '--images', 'images', '--masks', 'labels'];
    expect(await cli('init', 'sub/kept', '--out', 'sub/c.yaml', ...given, '--progress', 'none', '--jobs', '2', '--quiet')).toMatchObject({
      code: 0,
    });
    const text = readFileSync('sub/c.yaml', 'utf8');
    expect(await parseYaml(text)).toEqual({
      in: 'kept',
      'class-names': '../names.txt',
      background: [],
      ignore: [2],
      images: 'images',
      masks: 'labels',
      preset: 'default',
      seed: 0,
      copies: 1,
    });
    expect(text).not.toMatch(/^#(background|ignore)/m);
    const flags = ['-p', '1', '--min-area', '1px', '--quiet'];
    expect(await cli('augment', '--config', 'sub/c.yaml', '--out', 'kept-1', ...flags)).toMatchObject({ code: 0, stderr: '' });
    expect(await cli('augment', 'sub/kept', ...given, '--out', 'kept-2', ...flags)).toMatchObject({ code: 0, stderr: '' });
    expect(await treeDigests('kept-1')).toEqual(await treeDigests('kept-2'));
  });

  test('looks at the samples of a list alone, and reads standard input once', async () => {
    await tree('listed');
    await writeFile('list.txt', 'b\n');
    const { code, stdout, stderr } = await cli('init', 'listed', '--list', 'list.txt', '--print', '--quiet');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(', 1 sample');
    expect(stdout).not.toMatch(/^#?list:/m);
    const stdin = Object.getOwnPropertyDescriptor(process, 'stdin') as PropertyDescriptor;
    Object.defineProperty(process, 'stdin', { configurable: true, value: Readable.from([Buffer.from('b\n')]) });
    try {
      expect(await cli('init', 'listed', '--list', '-', '--print', '--quiet')).toEqual({ code, stdout, stderr });
    } finally {
      Object.defineProperty(process, 'stdin', stdin);
    }
  });

  test('writes names of any kind so that they are read again', async () => {
    await tree('odd');
    const names = ['ground', 'yes: "a", \\ #1', "it's [b] # c"];
    await writeFile('odd.txt', `${names.join('\n')}\n`);
    await cli('init', 'odd', '--out', 'odd.yaml', '--class-names', 'odd.txt');
    const text = readFileSync('odd.yaml', 'utf8').replace('#classes:', 'classes:').replace('#class-weights:', 'class-weights:');
    const parsed = (await parseYaml(text)) as Record<string, unknown>;
    expect(parsed.classes).toEqual(names.slice(1));
    expect(parsed['class-weights']).toEqual({ [names[1] as string]: 1, [names[2] as string]: 2 });
    await writeFile('odd.yaml', text);
    expect(await cli('augment', '--config', 'odd.yaml', '--out', 'odd-out', '-p', '1', '--quiet')).toMatchObject({ code: 0, stderr: '' });
  });

  test('refuses a bank of objects, and names possible problems', async () => {
    await tree('banked');
    await cli('extract', 'banked', '--out', 'bank', '--quiet');
    expect(await cli('init', 'bank', '--out', 'bank.yaml')).toMatchObject({ code: 2, stderr: /^copypaste: bank: is a bank of objects/ });
    await cp('banked/images/a.png', 'banked/images/c.png');
    const { stderr } = await cli('init', 'banked', '--out', 'banked.yaml');
    expect(stderr).toContain('possible problem');
    expect(readFileSync('banked.yaml', 'utf8')).toContain('\n#skip-bad: true');
  });
});
