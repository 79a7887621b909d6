import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CommandRow, commands } from '../../src/cli/commands.ts';
import { isFlag } from '../../src/cli/flags.ts';
import { main } from '../../src/cli/main.ts';
import { presets } from '../../src/options.ts';
import { captureStreams, temporaryFolder } from '../make.ts';

const folder = temporaryFolder();
mkdirSync(join(folder, 'some data'));
mkdirSync(join(folder, 'pictures'));
writeFileSync(join(folder, 'picks.txt'), '');

async function scriptOf(shell: string): Promise<string> {
  const streams = captureStreams();
  expect(await main(['completion', shell], streams)).toBe(0);
  const path = join(folder, `completion.${shell}`);
  writeFileSync(path, streams.text.stdout);
  return path;
}

/** Completes command lines in a shell, in a folder with a few files. @returns what the shell offers for each, sorted. */
type Complete = (lines: readonly string[], script: string) => string[][];

const run = (program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string =>
  execFileSync(program, args, { cwd: folder, encoding: 'utf8', env: { ...process.env, ...env }, timeout: 60_000 });

const sorted = (text: string): string[] => [...new Set(text.split('\n').filter((line) => line !== ''))].sort();

const shells: Readonly<Record<string, Complete>> = {
  bash: (lines, script) => {
    const program = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _copypaste; printf "%s\\n" "$' + '{COMPREPLY[@]}"';
    return lines.map((line) => sorted(run('bash', ['--norc', '-c', program, script, ...line.split(' ')])));
  },
  // zsh completes in its line editor alone, so it gets a terminal, and a key that writes all candidates to a file.
  zsh: (lines, script) => {
    const program = `
      zmodload zsh/zpty
      zpty z zsh -f -i
      zpty -w z 'PS1=; autoload -Uz compinit; compinit -u -D; source "$SCRIPT"; unsetopt auto_list'
      zpty -w z 'compadd() { local -a found; builtin compadd -A found "$@"; print -rl -- $found >> "$RESULT"; builtin compadd "$@" }'
      zpty -w z 'show() { _main_complete; print ":end" >> "$RESULT" }; zle -C show complete-word show; bindkey "^X" show'
      count=0
      for line in "$@"; do
        zpty -w -n z "$line"$'\\x18'
        ((count++))
        for ((n = 0; n < 3000; n++)); do
          while zpty -r -t z part; do :; done
          [[ "$(grep -c "^:end" "$RESULT")" == $count ]] && break
          sleep 0.01
        done
        zpty -w -n z $'\\x15'
      done
      zpty -d z
    `;
    const result = join(folder, 'offered.log');
    writeFileSync(result, '');
    run('zsh', ['-f', '-c', program, 'zsh', ...lines], { SCRIPT: script, RESULT: result });
    return readFileSync(result, 'utf8').split(':end\n').slice(0, lines.length).map(sorted);
  },
  fish: (lines, script) =>
    lines.map((line) =>
      sorted(run('fish', ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', script, line]).replaceAll(/\t.*/g, '')),
    ),
};

const missing = (shell: string): string => (spawnSync(shell, ['--version']).error ? ` (skipped: ${shell} is not installed)` : '');

const flagsOf = (name: string): string[] =>
  Object.values((commands.find((row) => row.name === name) as CommandRow).options)
    .filter(isFlag)
    .flatMap(({ flag }) => /--[\w-]+/.exec(flag)?.[0] ?? [])
    .filter((flag) => flag.length > 2);

/** What a shell offers: all of it, or a part. */
interface Offer {
  readonly all?: readonly string[];
  readonly among?: readonly string[];
}

const cases: Readonly<Record<string, Offer>> = {
  'copypaste ': { among: [...commands.map(({ name }) => name), 'help', 'version'] },
  'copypaste ext': { all: ['extract'] },
  'copypaste help ext': { all: ['extract'] },
  'copypaste augment --': { among: [...flagsOf('augment'), '--help'] },
  'copypaste verify --': { among: [...flagsOf('verify'), '--help'] },
  'copypaste augment --image-f': { all: ['--image-format'] },
  'copypaste augment --preset ': { all: Object.keys(presets).sort() },
  'copypaste completion ': { all: ['bash', 'fish', 'zsh'] },
  'copypaste augment --out pi': { all: ['pictures'] },
  'copypaste inspect pi': { all: ['pictures'] },
  'copypaste inspect pictures pi': { all: ['pictures'] },
  'copypaste augment --class-map pi': { all: ['picks.txt', 'pictures'] },
  'copypaste augment --list pi': { all: ['picks.txt', 'pictures'] },
  'copypaste plan pi': { all: ['pictures'] },
  'copypaste jobfile sl': { all: ['slurm'] },
  'copypaste jobfile slurm --run pi': { all: ['picks.txt', 'pictures'] },
  'copypaste status --run pi': { all: ['picks.txt', 'pictures'] },
  'copypaste merge --run pi': { all: ['picks.txt', 'pictures'] },
  'copypaste report pi': { all: ['pictures'] },
  'copypaste init --out pi': { all: ['picks.txt', 'pictures'] },
  'copypaste augment --seed pi': { all: [] },
};

describe.each(Object.entries(shells))('completion in %s', (shell, complete) => {
  const why = missing(shell);

  test.skipIf(why !== '')(`offers commands, options, choices, folders and files${why}`, { timeout: 120_000 }, async () => {
    const lines = Object.keys(cases);
    const offered = complete(lines, await scriptOf(shell));
    for (const [n, line] of lines.entries()) {
      const names = offered[n]?.map((one) => one.replace(/\/$/, '')) ?? [];
      const { all, among } = cases[line] as Offer;
      if (all) expect(names, line).toEqual(all);
      else
        expect(
          among?.filter((one) => !names.includes(one)),
          line,
        ).toEqual([]);
    }
  });
});

test('every shell has a script that parses', async () => {
  for (const shell of Object.keys(shells)) {
    if (missing(shell) === '') run(shell, ['-n', await scriptOf(shell)]);
  }
});
