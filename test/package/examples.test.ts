import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { parse } from 'yaml';
import { temporaryFolder, treeDigests } from '../make.ts';
import { type Ended, run, succeed } from './run.ts';

const installed = inject('project');
const folder = temporaryFolder();
const python = inject('python');

/** A project with the package in its lockfile, and with files of examples by their places in it. */
function projectWith(files: Readonly<Record<string, string>>, { withModules = false } = {}): string {
  const place = mkdtempSync(join(folder, 'project-'));
  for (const name of readdirSync(installed).filter((name) => /^(data|package.*\.json|copypaste-.*\.tgz)$/.test(name)))
    cpSync(join(installed, name), join(place, name), { recursive: true, preserveTimestamps: true });
  if (withModules) symlinkSync(join(installed, 'node_modules'), join(place, 'node_modules'));
  for (const [to, from] of Object.entries(files)) {
    mkdirSync(join(place, dirname(to)), { recursive: true });
    copyFileSync(join('examples', from), join(place, to));
  }
  return place;
}

/** Runs a tool of the examples, whose settings are those of a new user. */
function tool(cwd: string, argv: readonly string[], more: Readonly<Record<string, string>> = {}): Ended {
  const git = { GIT_CONFIG_GLOBAL: join(folder, 'gitconfig'), GIT_CONFIG_NOSYSTEM: '1' };
  return run(cwd, argv, { ...git, PRE_COMMIT_HOME: join(folder, 'pre-commit'), DVC_NO_ANALYTICS: '1', ...more });
}
writeFileSync(join(folder, 'gitconfig'), '[user]\nname = test\nemail = test@example.org\n');

/** Runs lines as a CI system does: in one shell, until one fails. */
function shell(cwd: string, lines: string, more: Readonly<Record<string, string>> = {}): Ended {
  return succeed(tool(cwd, ['bash', '--noprofile', '--norc', '-eo', 'pipefail', '-c', lines], more));
}

/** Gives a sample the mask of another, a change that keeps the data set sound. @returns a function that takes the change back. */
function changeMask(place: string): () => void {
  const masks = join(place, 'data/trainannot');
  const [first = '', second = ''] = readdirSync(masks).sort();
  const before = readFileSync(join(masks, first));
  copyFileSync(join(masks, second), join(masks, first));
  return () => writeFileSync(join(masks, first), before);
}

const validate = (...argv: string[]): Ended => tool('.', [python, '-m', 'check_jsonschema', '--builtin-schema', ...argv]);

describe('the GitHub action', () => {
  interface Step {
    readonly id?: string;
    readonly run?: string;
    readonly uses?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly with?: Readonly<Record<string, string>>;
  }

  /** Runs the steps of the action, with a folder as the cache of `actions/cache`. @returns the outputs of its steps. */
  function runAction(place: string, cache: string, given: Readonly<Record<string, string>>): Record<string, Record<string, string>> {
    const { inputs, runs } = parse(readFileSync(join(place, '.github/actions/copypaste/action.yml'), 'utf8'));
    const outputs: Record<string, Record<string, string>> = {};
    const inputOrOutput = (name: string): string => {
      const [kind, key = '', , output = ''] = name.split('.');
      return kind === 'inputs' ? (given[key] ?? inputs[key].default) : (outputs[key]?.[output] as string);
    };
    const fill = (text: string): string => text.replaceAll(/\$\{\{ (\S+) \}\}/g, (_, name) => inputOrOutput(name));
    const afterwards: (() => void)[] = [];
    for (const { id = '', run, uses, env = {}, with: settings = {} } of runs.steps as Step[]) {
      if (uses?.startsWith('actions/cache@')) {
        const [path, kept] = [join(place, fill(settings.path as string)), join(cache, fill(settings.key as string))];
        if (existsSync(kept)) cpSync(kept, path, { recursive: true });
        outputs[id] = { 'cache-hit': String(existsSync(kept)) };
        afterwards.push(() => cpSync(path, kept, { recursive: true }));
        continue;
      }
      // The script of the GitLab job and the Dockerfile install for real.
      if (run === 'npm ci --ignore-scripts') continue;
      const file = join(place, '.outputs');
      writeFileSync(file, '');
      shell(place, run as string, {
        GITHUB_OUTPUT: file,
        ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fill(value)])),
      });
      outputs[id] = Object.fromEntries(
        readFileSync(file, 'utf8')
          .trim()
          .split('\n')
          .map((line) => line.split('=')),
      );
    }
    for (const keep of afterwards) keep();
    return outputs;
  }

  test('is what GitHub expects', () => {
    succeed(validate('vendor.github-actions', 'examples/github/action.yml'));
    succeed(validate('vendor.github-workflows', 'examples/github/workflow.yml'));
  });

  test('takes the output from the cache until the data or the options change', async () => {
    const place = projectWith(
      { '.github/actions/copypaste/action.yml': 'github/action.yml', 'workflow.yml': 'github/workflow.yml' },
      { withModules: true },
    );
    const { steps } = parse(readFileSync(join(place, 'workflow.yml'), 'utf8')).jobs.augment;
    const given = steps.find(({ uses }: Step) => uses === './.github/actions/copypaste').with;
    const cache = join(folder, 'cache');
    const first = runAction(place, cache, given);
    expect(first.cache).toEqual({ 'cache-hit': 'false' });
    const output = await treeDigests(join(place, 'aug'));
    rmSync(join(place, 'aug'), { recursive: true });
    expect(runAction(place, cache, given)).toEqual({ ...first, cache: { 'cache-hit': 'true' } });
    expect(await treeDigests(join(place, 'aug'))).toEqual(output);
    rmSync(join(place, 'aug'), { recursive: true });
    changeMask(place);
    expect(runAction(place, cache, given).cache).toEqual({ 'cache-hit': 'false' });
  });
});

describe('the GitLab job', () => {
  test('is what GitLab expects', () => {
    succeed(validate('vendor.gitlab-ci', '--data-transform', 'gitlab-ci', 'examples/gitlab/.gitlab-ci.yml'));
  });

  test('makes its artifacts', () => {
    const place = projectWith({ '.gitlab-ci.yml': 'gitlab/.gitlab-ci.yml' });
    const { script, artifacts } = parse(readFileSync(join(place, '.gitlab-ci.yml'), 'utf8')).augment;
    shell(place, script.join('\n'));
    for (const path of artifacts.paths) expect(existsSync(join(place, path)), path).toBe(true);
    expect(JSON.parse(readFileSync(join(place, 'summary.json'), 'utf8'))).toMatchObject({ samples: 8 });
  });
});

describe('the pre-commit hook', () => {
  test('lets a sound data set pass, and refuses a commit with a contradiction', () => {
    const place = projectWith({ '.pre-commit-config.yaml': 'pre-commit/.pre-commit-config.yaml' }, { withModules: true });
    const commit = (): Ended => shell(place, 'git add data .pre-commit-config.yaml && git commit --quiet --message change');
    shell(place, `git init --quiet && ${python} -m pre_commit install`);
    commit();
    const [other = ''] = readdirSync('fixtures/voc/SegmentationClass');
    const [name = ''] = readdirSync(join(place, 'data/trainannot'));
    copyFileSync(join('fixtures/voc/SegmentationClass', other), join(place, 'data/trainannot', name));
    expect(commit).toThrow(/image is \d+×\d+, but its mask is \d+×\d+/);
    expect(shell(place, 'git log --oneline').stdout.trim().split('\n')).toHaveLength(1);
  });
});

describe('the DVC stage', () => {
  test('runs again only if the data or a parameter changes', () => {
    const place = projectWith({ 'dvc.yaml': 'dvc/dvc.yaml', 'params.yaml': 'dvc/params.yaml' }, { withModules: true });
    shell(place, `git init --quiet && ${python} -m dvc init --quiet`);
    const repro = (): string => shell(place, `${python} -m dvc repro`).stdout;
    expect(repro()).toContain("Running stage 'augment'");
    expect(repro()).toContain("Stage 'augment' didn't change, skipping");
    const undo = changeMask(place);
    expect(repro()).toContain("Running stage 'augment'");
    undo();
    expect(repro()).toContain("Stage 'augment' is cached");
    writeFileSync(join(place, 'params.yaml'), readFileSync(join(place, 'params.yaml'), 'utf8').replace('seed: 1', 'seed: 2'));
    expect(repro()).toContain("Running stage 'augment'");
    expect(JSON.parse(readFileSync(join(place, 'aug/manifest.json'), 'utf8'))).toMatchObject({ seed: 2 });
  });
});

describe('the Makefile', () => {
  test('runs again only if a file changes, appears or goes', () => {
    const place = projectWith({ Makefile: 'make/Makefile' }, { withModules: true });
    utimesSync(join(place, 'node_modules/.package-lock.json'), new Date(), new Date());
    const make = (): string => shell(place, 'make').stdout;
    expect(make()).toContain('copypaste augment');
    expect(readFileSync(join(place, 'report.html'), 'utf8')).toContain('<html');
    expect(make()).toContain("'report.html' is up to date");
    changeMask(place);
    expect(make()).toContain('copypaste augment');
    for (const split of ['train', 'trainannot']) {
      const at = join(place, 'data', split);
      rmSync(join(at, readdirSync(at).sort()[0] as string));
    }
    expect(make()).toContain('copypaste augment');
    expect(make()).toContain("'report.html' is up to date");
  });
});

describe('the Dockerfile', () => {
  const text = readFileSync('examples/docker/Dockerfile', 'utf8');

  test('follows the rules of hadolint', () => {
    succeed(tool('.', [join(dirname(python), 'hadolint'), 'examples/docker/Dockerfile']));
  });

  test('installs the tool from the lockfile, step by step', () => {
    const context = projectWith({});
    const root = mkdtempSync(join(folder, 'image-'));
    let at = root;
    for (const [, step, rest = ''] of text.matchAll(/^(WORKDIR|COPY|RUN) (.+)$/gm)) {
      if (step === 'WORKDIR') mkdirSync((at = join(root, rest)), { recursive: true });
      else if (step === 'COPY') shell(context, `cp ${rest.replace(/ \.\/$/, '')} '${at}'`);
      else shell(at, rest.replace(/--mount=\S+ /, ''));
    }
    const entry = JSON.parse(/^ENTRYPOINT (.+)$/m.exec(text)?.[1] as string).map((word: string) =>
      word.startsWith('/') ? join(root, word) : word,
    );
    cpSync(join(context, 'data'), join(at, 'data'), { recursive: true });
    succeed(tool(at, [...entry, 'augment', '--in', 'data', '--out', 'aug']));
    expect(existsSync(join(at, 'aug/manifest.json'))).toBe(true);
  });
});
