import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createMeter } from '../../src/base/meter.ts';
import { createPace, type Paced } from '../../src/cli/pace.ts';
import { createProgress } from '../../src/cli/progress.ts';
import { progressLine } from '../../src/cli/progress-line.ts';
import { captureStreams } from '../make.ts';

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubEnv('CI', '');
  vi.stubEnv('TERM', 'xterm');
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

const megabyte = 1e6;

/** A run of ten samples of one megabyte, one a second. */
function runOf(kind: 'auto' | 'json' | 'none', terminal?: { readonly isTTY: true; readonly columns?: number }, busy = false): string {
  const { text, stderr } = captureStreams();
  const meter = createMeter();
  const progress = createProgress({ ...stderr, ...terminal }, kind, meter, busy);
  meter.begin('augmenting', { count: 30, bytes: 30 * megabyte, pastes: true });
  for (let n = 0; n < 10; n++) {
    vi.advanceTimersByTime(1000);
    meter.add(megabyte, 3);
  }
  vi.advanceTimersByTime(500);
  progress.stop('done');
  vi.advanceTimersByTime(20_000);
  return text.stderr;
}

test('a terminal gets one line, drawn again and again and removed at the end, which leaves cursor and line wrap alone', () => {
  const drawn = runOf('auto', { isTTY: true, columns: 80 });
  const lines = drawn.split('\x1b[1G');
  expect(lines).toContain('augmenting  █████░░░░░░░░░░░  33 %  10/30 samples  1.1/s  18s left  30 pasted\x1b[0K');
  expect(lines.at(-1)).toBe('\x1b[2K');
  const moves = ['\x1b7', '\x1b8', '\x1b[1G', '\x1b[0K', '\x1b[2K'];
  expect(moves.reduce((text, move) => text.replaceAll(move, ''), drawn).replaceAll(/[█░]/g, '')).toMatch(/^[ -~]*$/);
});

test.each([
  ['there is no terminal', {}, undefined, false],
  ['the terminal cannot move its cursor', { TERM: 'dumb' }, { isTTY: true } as const, false],
  ['it is that of a continuous integration', { CI: 'true' }, { isTTY: true } as const, false],
  ['the command prints lines to it', {}, { isTTY: true } as const, true],
])('progress is a plain line every ten seconds where %s', (_, env, terminal, busy) => {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  expect(runOf('auto', terminal, busy)).toBe('augmenting: 30 %, 9/30 samples, 1.0/s, 21s left, 27 pasted\n');
});

test('progress is silent where the command is quiet', () => {
  expect(runOf('none')).toBe('');
  expect(runOf('none', { isTTY: true })).toBe('');
});

test('--progress json writes a line at once, one a second, and one at the end, also to a terminal', () => {
  const lines = runOf('json').trimEnd().split('\n');
  expect(runOf('json', { isTTY: true }).trimEnd().split('\n')).toEqual(lines);
  const readings = lines.map((line) => JSON.parse(line));
  expect(readings).toHaveLength(12);
  expect(readings[0]).toEqual({ state: 'running', stage: '', seconds: 0 });
  expect(readings[10]).toEqual({
    state: 'running',
    stage: 'augmenting',
    seconds: 10,
    unit: 'samples',
    done: 9,
    total: 30,
    reused: 0,
    bytesDone: 9 * megabyte,
    bytesTotal: 30 * megabyte,
    pasted: 27,
    fraction: 0.3,
    perSecond: 1,
    bytesPerSecond: megabyte,
    secondsLeft: 21,
  });
  expect(readings.map(({ state }) => state)).toEqual([...new Array(11).fill('running'), 'done']);
});

test('a line above the progress replaces it until it is drawn again', () => {
  const { text, stderr } = captureStreams();
  const meter = createMeter();
  const progress = createProgress({ ...stderr, isTTY: true }, 'auto', meter);
  meter.begin('listing files');
  vi.advanceTimersByTime(200);
  progress.say('a note');
  vi.advanceTimersByTime(200);
  progress.stop('stopped');
  const drawn = '\x1b7\x1b[1Glisting files  1s\x1b[0K\x1b8\x1b[1G\x1b[2K';
  expect(text.stderr).toBe(`${drawn}a note\n${drawn}`);
});

test('the time left counts bytes, not samples, and leaves out what an earlier run had done', () => {
  const meter = createMeter();
  const pace = createPace(meter);
  meter.begin('augmenting', { count: 12, bytes: 120 });
  for (let n = 0; n < 8; n++) meter.recall(5);
  pace.read();
  vi.advanceTimersByTime(1000);
  meter.add(10);
  meter.add(30);
  expect(pace.read()).toMatchObject({ fraction: 80 / 120, rate: 2, bytesRate: 40, secondsLeft: 1 });
});

test('samples that end together, as those of a batch in a thread, leave the time left true', () => {
  const meter = createMeter();
  const pace = createPace(meter);
  meter.begin('augmenting', { count: 640, bytes: 640 });
  const wrong: number[] = [];
  // A batch of 16 every eight seconds.
  for (let second = 1; second < 320; second++) {
    vi.advanceTimersByTime(1000);
    if (second % 8 === 0) for (let n = 0; n < 16; n++) meter.add(1);
    const { secondsLeft = 0 } = pace.read();
    const truth = 320 - second;
    if (second > 32 && truth > 16 && Math.abs(Math.log2(secondsLeft / truth)) > 1) wrong.push(second);
  }
  expect(wrong).toEqual([]);
});

test('the time in which the process was stopped does not count', () => {
  const meter = createMeter();
  const pace = createPace(meter);
  meter.begin('checking', { count: 100 });
  for (let n = 0; n < 10; n++) {
    vi.advanceTimersByTime(1000);
    meter.add();
    pace.read();
  }
  vi.advanceTimersByTime(3_600_000);
  pace.resume();
  expect(pace.read()).toMatchObject({ seconds: 10, rate: 1, secondsLeft: 90 });
});

test('a line fits into every width, and shows more where there is more room', () => {
  const paced = fc.record({
    stages: fc.constant(1),
    stage: fc.constantFrom('augmenting', 'checking annotations', 'listing files'),
    began: fc.constant(0),
    total: fc.option(
      fc.record({ count: fc.nat(1e7), bytes: fc.nat(1e9) }).map((total) => ({ ...total, pastes: true as const })),
      { nil: undefined },
    ),
    count: fc.nat(1e7),
    bytes: fc.nat(1e9),
    pasted: fc.nat(1e8),
    reused: fc.constant({ count: 0, bytes: 0 }),
    seconds: fc.nat(1e6),
    fraction: fc.double({ min: 0, max: 1, noNaN: true }),
    rate: fc.double({ min: 1e-3, max: 1e5, noNaN: true }),
    secondsLeft: fc.nat(1e6),
  });
  fc.assert(
    fc.property(paced, fc.integer({ min: 0, max: 200 }), (reading, columns) => {
      const [line, wider] = [columns, columns + 1].map((width) => progressLine(reading as Paced, width)) as [string, string];
      expect(line.length).toBeLessThanOrEqual(columns);
      expect(wider.length).toBeGreaterThanOrEqual(line.length);
    }),
  );
});

test.each([
  [20, '47 %  1:23 left'],
  [39, '47 %  1234/2600  1:23 left  3456 pasted'],
  [79, 'augmenting  ███░░░░░  47 %  1234/2600 samples  12/s  1:23 left  3456 pasted'],
])('in %i columns a line says the most that fits', (columns, line) => {
  const total = { count: 2600, bytes: 1e9, pastes: true } as const;
  const reused = { count: 0, bytes: 0 };
  const reading = { stages: 1, stage: 'augmenting', began: 0, total, count: 1234, bytes: 1, pasted: 3456, reused };
  expect(progressLine({ ...reading, seconds: 74, fraction: 0.474, rate: 12.3, secondsLeft: 82.1 }, columns)).toBe(line);
});
