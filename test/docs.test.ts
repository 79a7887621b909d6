import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { main } from '../src/cli/main.ts';
import { captureStreams, temporaryFolder } from './make.ts';

const { commandsOf } = await import('../scripts/choosing.js' as string);
const pages: string[] = (await import('../scripts/docs.js' as string)).pages;

const read = (path: string): string => readFileSync(path, 'utf8');

describe('documentation', () => {
  test('tables of options and the JSON Schema are those of the source (npm run docs rewrites them)', async () => {
    const docs = await import('../scripts/docs.js' as string);
    for (const [page, text] of Object.entries(docs.pageTexts())) expect(read(page), page).toBe(text);
    expect(read('manifest.schema.json')).toBe(docs.schemaText());
  });

  test('a page has the table of the options of every command', async () => {
    const streams = captureStreams();
    await main(['--help'], streams);
    const commands = [...streams.text.stdout.matchAll(/^ {2}(\w+) \[options\]/gm)].map(([, name]) => name);
    expect(commands).toContain('doctor');
    const text = pages.map(read).join();
    for (const name of commands) expect(text).toContain(`\n<!-- ${name} -->\n| option of \`${name}\` | meaning |\n`);
  });

  test("CI runs README's test command", () => {
    const command = 'npm ci && npm test';
    expect(read('README.md')).toContain(`\n${command}\n`);
    expect(read('.ci/run')).toContain(`\n${command}\n`);
  });

  test('CI builds once, in the tests', () => {
    const { scripts } = JSON.parse(read('package.json'));
    const run = read('.ci/run');
    expect(run.indexOf('\nexport npm_config_ignore_scripts=true\n')).toBeGreaterThan(0);
    expect(run.indexOf('npm_config_ignore_scripts')).toBeLessThan(run.indexOf('npm ci'));
    const used = [...run.matchAll(/npm run (?:--\S+ )*([\w:]+)/g)].map(([, name]) => scripts[name as string] as string);
    expect(used).toEqual([scripts.check]);
    expect(used.join().match(/tsc -p/g)).toHaveLength(1);
    expect(used.join()).not.toContain('build');
  });

  test('the tests and faults that docs/reliability.md names exist', () => {
    const page = read('docs/reliability.md');
    const files = [...page.matchAll(/`(test\/[^`]+)`/g)].map(([, file]) => file as string);
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
    const lists = readdirSync('test/faults').map((file) => read(join('test/faults', file)));
    const names = lists.flatMap((text) => [...text.matchAll(/name: ['`]([\w-]+)/g)].map(([, name]) => name as string));
    const named = [...page.matchAll(/faults ([^|]+)/g)].flatMap(([, list]) => [...(list as string).matchAll(/`([\w-]+)`/g)]);
    expect(named.map(([, name]) => name as string).filter((name) => !names.some((one) => one.startsWith(name)))).toEqual([]);
    expect([files.length, named.length].every((count) => count > 10)).toBe(true);
  });

  /** Anchors of a page's headings, as GitHub makes them. */
  const anchorsOf = (page: string): string[] =>
    [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
      (title as string)
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    );

  test('links lead to files and headings that exist', () => {
    const from = [...pages, 'ARCHITECTURE.md', 'CONTRIBUTING.md'];
    const broken = from.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)]
        .filter(([, path, anchor]) => {
          const to = path ? join(dirname(page), path) : page;
          return !existsSync(to) || (anchor !== undefined && !anchorsOf(to).includes(anchor));
        })
        .map(([link]) => `${page}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  const folder = temporaryFolder();
  const blocks = (page: string, language: string): string[] =>
    [...read(page).matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, name]) => name === language).map(([, , text]) => text as string);
  /** Commands of all pages but choosing.md, which has data of its own; one that occurs twice is run once. */
  const commands = new Set(
    pages
      .filter((page) => page !== 'docs/choosing.md')
      .flatMap((page) => blocks(page, 'sh').flatMap((text) => text.split('\n').filter((line) => line.startsWith('npx copypaste ')))),
  );

  test.each([...commands])('%s runs', async (command) => {
    const argv = command.replace('npx copypaste ', '').split(' ');
    const place: Record<string, string> = {
      data: 'fixtures/camvid',
      aug: join(folder, 'aug'),
      'aug/manifest.json': join(folder, 'aug/manifest.json'),
      again: join(folder, 'again'),
      'sheet.png': join(folder, 'sheet.png'),
      'report.html': join(folder, 'report.html'),
      more: 'fixtures/voc',
      'classes.yaml': join(folder, 'classes.yaml'),
      mixed: join(folder, 'mixed'),
      bank: join(folder, 'bank'),
      banked: join(folder, 'banked'),
      balanced: join(folder, 'balanced'),
    };
    writeFileSync(join(folder, 'classes.yaml'), 'cow: car\nhorse: car\nperson: pedestrian\n');
    const streams = captureStreams();
    const code = await main(
      argv.map((one) => place[one] ?? one),
      streams,
    );
    expect({ code, ...streams.text }).toMatchObject({ code: 0 });
  });

  test.each(pages.flatMap((page) => blocks(page, 'js')))('program %# runs', (program) => {
    const code = program.replace("'data'", "'fixtures/camvid'").replace("'aug'", JSON.stringify(join(folder, 'program')));
    execFileSync(process.execPath, ['--input-type=module', '-e', code], { stdio: 'pipe' });
  });

  const choosing: { line: string; argv: string[] }[] = commandsOf({ camvid: 'fixtures/camvid', coco: 'fixtures/coco' }, temporaryFolder());

  test.each(choosing)('docs/choosing.md: copypaste $line', async ({ argv }) => {
    const streams = captureStreams();
    expect({ code: await main(argv, streams), ...streams.text }).toMatchObject({ code: 0 });
  });

  test('docs/choosing.md has a picture of each preview, of at most 60 kB', () => {
    const shown = [...read('docs/choosing.md').matchAll(/\(choosing\/([\w-]+\.jpg)\)/g)].map(([, name]) => name as string);
    expect(shown).toEqual(choosing.flatMap(({ line }) => /--out (\S+\.jpg)/.exec(line)?.[1] ?? []));
    expect(shown.toSorted()).toEqual(readdirSync('docs/choosing').toSorted());
    for (const name of shown) expect(statSync(join('docs/choosing', name)).size).toBeLessThanOrEqual(60_000);
  });

  test('the changelog has the version', () => {
    const { version } = JSON.parse(read('package.json'));
    expect(read('CHANGELOG.md')).toContain(`## ${version}`);
  });
});
