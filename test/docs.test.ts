import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commands } from '../src/cli/commands.ts';
import { main } from '../src/cli/main.ts';
import { captureStreams, temporaryFolder } from './make.ts';

const pages: string[] = (await import('../scripts/docs.js' as string)).pages;

const read = (path: string): string => readFileSync(path, 'utf8');

describe('documentation', () => {
  test('tables of options, the JSON Schemas and the manual page are those of the source (npm run docs rewrites them)', async () => {
    const docs = await import('../scripts/docs.js' as string);
    for (const [page, text] of Object.entries(docs.pageTexts())) expect(read(page), page).toBe(text);
    for (const [path, text] of Object.entries(docs.fileTexts())) expect(read(path), path).toBe(text);
  });

  test('a page has the table of the options of every command', () => {
    const text = pages.map(read).join();
    for (const { name } of commands) expect(text).toContain(`\n<!-- ${name} -->\n| option of \`${name}\` | meaning |\n`);
  });

  test('README has fewer than 1,500 words, and the package has its pictures', () => {
    expect(read('README.md').split(/\s+/).length).toBeLessThan(1500);
    const { files } = JSON.parse(read('package.json'));
    const pictures = [...read('README.md').matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)].map(([, path]) => path as string);
    expect(pictures.length).toBeGreaterThan(0);
    expect(pictures.filter((path) => !files.some((file: string) => path === file || path.startsWith(`${file}/`)))).toEqual([]);
  });

  test("CI runs README's test command", () => {
    const command = 'npm ci --ignore-scripts && npm test';
    expect(read('README.md')).toContain(`\n${command}\n`);
    expect(read('.ci/run')).toContain(`\n${command}\n`);
  });

  test('CI builds once, in the tests', () => {
    const { scripts } = JSON.parse(read('package.json'));
    const run = read('.ci/run');
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
    const readmes = ['examples', 'fixtures'].flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('README.md'))
        .map((file) => join(folder, file)),
    );
    const from = [...pages, ...readmes, 'ARCHITECTURE.md', 'CONTRIBUTING.md'];
    const broken = from.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)]
        .filter(([, path, anchor]) => {
          const to = path ? join(dirname(page), path) : page;
          return !existsSync(to) || (anchor !== undefined && !anchorsOf(to).includes(anchor));
        })
        .map(([link]) => `${page}: ${link}`),
    );
    expect(broken).toEqual([]);
    // The package has all pages but the notes.
    expect(pages.filter((page) => read(page).includes('notes.md'))).toEqual([]);
  });

  test('docs/choosing.md has a picture of each preview, of at most 60 kB', () => {
    const shown = [...read('docs/choosing.md').matchAll(/\(choosing\/([\w-]+\.jpg)\)/g)].map(([, name]) => name as string);
    const drawn = [...read('docs/choosing.md').matchAll(/^npx copypaste .*--out (\S+\.jpg)/gm)].map(([, name]) => name);
    expect(shown).toEqual(drawn);
    expect(shown.toSorted()).toEqual(readdirSync('docs/choosing').toSorted());
    for (const name of shown) expect(statSync(join('docs/choosing', name)).size).toBeLessThanOrEqual(60_000);
  });

  test('the changelog has the version', () => {
    const { version } = JSON.parse(read('package.json'));
    expect(read('CHANGELOG.md')).toContain(`## ${version}`);
  });
});

/** Commands that no test runs, by their beginning, with the reason. */
const notRun: Record<string, string> = {
  'npm ci': 'installs and builds, as CI does first',
  'npm pack': 'test/package packs',
  'npm install': 'test/package installs',
  'npm run demo': 'deletes and writes demo/ in the clone; its commands stand in the pages too',
  'npm run bench': 'measures for minutes',
  'copypaste augment --in s3://': 'needs a bucket; test/s3 has one',
  'copypaste plan --in s3://': 'needs a bucket; test/s3 has one',
  'node bench/gpu.js': 'needs a GPU',
  'python examples/train/train.py': 'needs PyTorch, and trains',
};

/** A step of a page: a command, a script of the shell, a program, or a file that the page shows. */
interface Step {
  readonly title: string;
  readonly run: (place: string) => Promise<void> | void;
}

const repository = process.cwd();

/** Arguments of a command line without substitutions. */
const words = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, plain]) => (single ?? double ?? plain) as string);

/** Runs a script with a `copypaste` on its path that is the built tool of this repository. */
function runShell(script: string, place: string): void {
  const PATH = `${join(place, 'node_modules', '.bin')}:${process.env.PATH}`;
  execFileSync('bash', ['-euo', 'pipefail', '-c', script], { cwd: place, stdio: 'pipe', env: { ...process.env, PATH } });
}

/** Runs a command in this process. */
async function runCommand(line: string): Promise<void> {
  const streams = captureStreams();
  expect({ code: await main(words(line).slice(1), streams), ...streams.text }).toMatchObject({ code: 0 });
}

/** Steps of a block of shell commands: one for each command, or the block as a whole if it is more than commands of this tool. */
function shellSteps(text: string): Step[] {
  const lines = text
    .replaceAll(/\s*\\\n\s*/g, ' ')
    .split('\n')
    .map((line) =>
      line
        .replace(/(^|\s)#.*/, '')
        .replaceAll(/\bnpx copypaste\b/g, 'copypaste')
        .trim(),
    )
    .filter((line) => line !== '' && !Object.keys(notRun).some((start) => line.startsWith(start)));
  if (lines.every((line) => /^copypaste [^|<>;&$*()`]*$/.test(line.replaceAll(/'[^']*'/g, ''))))
    return lines.map((title) => ({ title, run: () => runCommand(title) }));
  return [{ title: lines[0] as string, run: (place) => runShell(lines.join('\n'), place) }];
}

/** Steps of a page, in its order. */
function stepsOf(page: string): Step[] {
  return [...read(page).matchAll(/(?:`(\S+)`:\n\n)?^```(\w+)\n(.*?)^```$/gms)].flatMap(([, name, language, block]): Step[] => {
    const text = block as string;
    if (language === 'sh') return shellSteps(text);
    if (language === 'js')
      return [
        {
          title: text.split('\n').at(-2) as string,
          run: (cwd) => void execFileSync(process.execPath, ['--input-type=module', '-e', text], { cwd, stdio: 'pipe' }),
        },
      ];
    return name ? [{ title: name, run: (place) => writeFileSync(join(place, name), text) }] : [];
  });
}

/** A folder with the data that the pages speak of, and the package. */
function furnish(place: string): void {
  const data = { data: 'camvid', camvid: 'camvid', more: 'voc', coco: 'coco' };
  for (const [name, fixture] of Object.entries(data)) cpSync(join(repository, 'fixtures', fixture), join(place, name), { recursive: true });
  mkdirSync(join(place, 'node_modules', '.bin'), { recursive: true });
  symlinkSync(repository, join(place, 'node_modules', 'copypaste'));
  symlinkSync(join(repository, 'node_modules', '@tensorflow'), join(place, 'node_modules', '@tensorflow'));
  symlinkSync(join(repository, 'bin', 'copypaste.cjs'), join(place, 'node_modules', '.bin', 'copypaste'));
}

/** An output of `augment` as README makes it, for all pages. */
const output = join(temporaryFolder(), 'aug');
beforeAll(() => runCommand(`copypaste augment --in fixtures/camvid --out ${output} -p 0.5`), 60_000);

describe.each(pages.filter((page) => stepsOf(page).length > 0))('commands and programs of %s', (page) => {
  const place = temporaryFolder();

  beforeAll(() => {
    furnish(place);
    cpSync(output, join(place, 'aug'), { recursive: true });
    process.chdir(place);
  });
  afterAll(() => process.chdir(repository));

  test.each(stepsOf(page).map(({ title, run }) => [title, run] as const))('%s', (_, run) => run(place), 120_000);
});
