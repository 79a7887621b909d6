import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../make.ts';

const folder = temporaryFolder();
const hasScript = spawnSync('script', ['--version']).status === 0;

/** Runs the built tool in a terminal of its own, that of util-linux's `script`. */
function inTerminal(argv: readonly string[], columns: number, env: Readonly<Record<string, string | undefined>> = {}) {
  const command = [process.execPath, 'bin/copypaste.cjs', ...argv].map((part) => `'${part}'`).join(' ');
  // `exec` gives the tool the process of the shell, so that its number is known.
  const line = `stty cols ${columns} rows 24; echo pid $$; exec ${command}`;
  const child = spawn('script', ['--quiet', '--return', '--flush', '--command', line, '/dev/null'], {
    env: { ...process.env, CI: '', TERM: 'xterm', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const terminal = {
    text: '',
    type: (keys: string): unknown => child.stdin.write(keys),
    signal: (name: NodeJS.Signals): unknown => process.kill(Number(/^pid (\d+)/.exec(terminal.text)?.[1]), name),
    /** Lets `script` go on, which stops with its process. */
    resume: (): unknown => child.kill('SIGCONT'),
    async until(pattern: RegExp): Promise<void> {
      while (!pattern.test(terminal.text) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    ended: new Promise<number | null>((resolve) => child.on('close', resolve)),
  };
  child.stdout.on('data', (part) => {
    terminal.text += part;
  });
  return terminal;
}

/** Work of a second or more. */
const work = (out: string): string[] => ['augment', '--in', 'fixtures/camvid', '--out', join(folder, out), '--copies', '12', '-p', '1'];

/** What ends each drawing of the line, and what removes it. */
const [drawnTo, clear] = ['\x1b[0K', '\x1b[1G\x1b[2K'];

/** Lines that were drawn over one another. */
function drawn(text: string): string[] {
  return text.split('\x1b[1G').flatMap((line) => (line.includes(drawnTo) ? [line.slice(0, line.indexOf(drawnTo))] : []));
}

/** Control sequences in a text, each once. */
function sequences(text: string): string[] {
  return [
    ...new Set(
      text
        .split('\x1b')
        .slice(1)
        .map((part) => /^\[[?\d;]*[a-zA-Z]|^./.exec(part)?.[0] ?? ''),
    ),
  ];
}

/** Saving and restoring the cursor's place, its moves, and clearing of lines: nothing that has to be undone. */
const leavesNoTrace = new Set(['7', '8', '[1G', '[0K', '[2K']);

describe.skipIf(!hasScript)('in a terminal', () => {
  test('40 columns hold each line of progress, which is gone at the end', async () => {
    const terminal = inTerminal(work('narrow'), 40);
    expect(await terminal.ended).toBe(0);
    const lines = drawn(terminal.text);
    expect(lines.some((line) => /^\d+ % {2}\d+\/98/.test(line))).toBe(true);
    for (const line of lines) expect(line.length).toBeLessThan(40);
    for (const one of sequences(terminal.text)) expect(leavesNoTrace).toContain(one);
    expect(terminal.text).toContain(`${clear}96 samples: `);
  });

  test.each([{ TERM: 'dumb' }, { CI: 'true' }])('%o gets no control characters', async (env) => {
    const terminal = inTerminal(work(Object.keys(env).join('')), 80, env);
    expect(await terminal.ended).toBe(0);
    expect(sequences(terminal.text)).toEqual([]);
    expect(terminal.text).not.toMatch(/\r(?!\n)/);
  });

  test('Ctrl-C stops a run after the samples in progress, and a second one at once; both leave the terminal as it was', async () => {
    const once = inTerminal(work('once'), 80);
    await once.until(/augmenting/);
    once.type('\x03');
    expect(await once.ended).toBe(130);
    expect(once.text).toMatch(/copypaste: stopped by SIGINT; to continue, run the same command again\r\n$/);
    const twice = inTerminal(work('twice'), 80);
    await twice.until(/augmenting/);
    twice.type('\x03');
    twice.type('\x03');
    // `script` gives the code of a shell: 128 and the signal.
    expect(await twice.ended).toBe(130);
    for (const { text } of [once, twice]) for (const one of sequences(text)) expect(leavesNoTrace).toContain(one);
  });

  test('a run that was stopped as by Ctrl-Z goes on where it was', async () => {
    const terminal = inTerminal(work('paused'), 80);
    await terminal.until(/augmenting/);
    // A terminal without a shell lets nothing stop by SIGTSTP.
    terminal.signal('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 300));
    terminal.signal('SIGCONT');
    terminal.resume();
    expect(await terminal.ended).toBe(0);
    expect(terminal.text).toContain(`${clear}96 samples: `);
  });
});
