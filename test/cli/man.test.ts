import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { type CommandRow, commands } from '../../src/cli/commands.ts';
import { termOf } from '../../src/cli/flags.ts';
import { manPage } from '../../src/cli/man.ts';

const groff = spawnSync('groff', ['--version']).error ? ' (skipped: groff is not installed)' : '';

test.skipIf(groff !== '')(`the manual page is formatted without a warning, with every command and option${groff}`, () => {
  const { stdout, stderr } = spawnSync('groff', ['-ww', '-man', '-Tutf8', '-P-c', '-P-b', '-P-u'], { input: manPage(), encoding: 'utf8' });
  expect(stderr).toBe('');
  const text = stdout.replaceAll('\u2212', '-').replaceAll(/\s+/g, ' ');
  for (const { name, options } of commands as readonly CommandRow[]) {
    expect(text).toContain(`Usage: copypaste ${name}`);
    for (const option of Object.values(options)) expect(text).toContain(termOf(option).replaceAll('  ', ' '));
  }
});

test('lines of the manual page are ASCII, and begin with no request but its own', () => {
  const page = manPage();
  expect(page).toMatch(/^[\x20-\x7e\n]*$/);
  const requests = new Set(page.split('\n').flatMap((line) => /^[.'](\w*)/.exec(line)?.[1] ?? []));
  expect([...requests].sort()).toEqual(['B', 'I', 'PP', 'SH', 'SS', 'TH', 'TP', 'ad', 'nh']);
});
