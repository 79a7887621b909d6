import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import sharp from 'sharp';
import { decode } from 'sixel';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { shown, wayOf } from '../../src/cli/show.ts';
import type { Canvas } from '../../src/output/font.ts';
import { drawSheet, type Sheet } from '../../src/output/sheet.ts';
import { temporaryFolder } from '../make.ts';

const folder = temporaryFolder();

const terminal = { write: () => {}, isTTY: true };

describe('the way in which a picture is shown', () => {
  beforeEach(() => {
    for (const name of Object.keys(process.env))
      if (/TERM|KITTY|GHOSTTY|KONSOLE|TMUX|STY|^CI$|COLOR/.test(name)) vi.stubEnv(name, undefined);
  });
  afterEach(() => void vi.unstubAllEnvs());

  const truecolor = { TERM: 'xterm-256color', COLORTERM: 'truecolor' };

  test.each([
    ['kitty', 'kitty', { TERM: 'xterm-kitty', COLORTERM: 'truecolor' }],
    ['Ghostty', 'kitty', { TERM: 'xterm-ghostty' }],
    ['iTerm2 of old', 'iterm', { TERM: 'xterm-256color', TERM_PROGRAM: 'iTerm.app', TERM_PROGRAM_VERSION: '3.5.0' }],
    ['foot', 'sixel', { TERM: 'foot' }],
    ['mlterm', 'sixel', { TERM: 'mlterm' }],
    ['another one in true colour', 'blocks', truecolor],
    ['tmux in kitty', 'blocks', { ...truecolor, TERM: 'tmux-256color', TMUX: '/tmp/tmux', KITTY_WINDOW_ID: '1' }],
    ['screen in kitty', undefined, { TERM: 'screen', KITTY_WINDOW_ID: '1' }],
    ['one of 256 colours', undefined, { TERM: 'xterm-256color' }],
    ['true colour that is not wanted', undefined, { ...truecolor, NO_COLOR: '1' }],
    ['CI', undefined, { ...truecolor, CI: 'true' }],
    ['a dumb terminal', undefined, { ...truecolor, TERM: 'dumb' }],
    ['no TERM', undefined, { COLORTERM: 'truecolor' }],
  ])('in %s is %s', (_, way, variables) => {
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    expect(wayOf(terminal)).toBe(way);
    expect(wayOf({ write: () => {} })).toBe(undefined);
  });
});

/** A tile whose colours change slowly from left to right and from top to bottom. */
function slope(width: number, height: number): Canvas {
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) data.set([(255 * (i % width)) / width, (255 * Math.floor(i / width)) / height, 99], 3 * i);
  return { data, width, height };
}

const tiles = [slope(200, 150), slope(200, 101)] as const;

const sheet: Sheet = {
  legend: [{ name: 'car', colour: [1, 2, 3] }],
  blocks: [
    {
      caption: ['train/a: 1 \u001b[31m自行车', 'from b'],
      rows: [[{ tile: tiles[0], caption: ['before'] }, { tile: tiles[1], caption: ['a caption that is far too long'] }, { caption: [] }]],
    },
  ],
  footer: ['copypaste', 'with -p 1'],
};
const picture = drawSheet(sheet, 'png');

/** Mean difference of the values of two pictures. */
function difference(one: Uint8Array, other: Uint8Array): number {
  expect(one.length).toBe(other.length);
  return one.reduce((sum, value, i) => sum + Math.abs(value - (other[i] as number)), 0) / one.length;
}

async function scaled({ data, width, height }: Canvas, to: number): Promise<Uint8Array> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .resize({ width: to, withoutEnlargement: true })
    .raw()
    .toBuffer();
}

/** Colours of the blocks in a line of text: of the upper and of the lower row of pixels, and the columns that they stand in. */
function readBlocks(line: string): { x: number; upper: string; lower: string | undefined }[] {
  const blocks = [];
  let [x, upper, lower]: [number, string, string | undefined] = [0, '', undefined];
  for (const [, sequence, letter] of line.matchAll(/␛\[([\d;]*)m|(.)/gu)) {
    if (sequence !== undefined) {
      const [kind, , ...colour] = sequence.split(';');
      if (kind === '38') upper = colour.join();
      else lower = kind === '48' ? colour.join() : undefined;
      continue;
    }
    if (letter === '▀') blocks.push({ x, upper, lower });
    x++;
  }
  return blocks;
}

const withoutColours = (line: string): string => line.replaceAll(/␛\[[\d;]*m/g, '');

/** Shows a picture, with letters for the two control characters of escape sequences. */
async function shownAs(way: Parameters<typeof shown>[1], columns: number): Promise<string> {
  return (await shown({ sheet, picture }, way, columns)).replaceAll('\u001b', '␛').replaceAll('\u0007', '␇');
}

describe('a picture', () => {
  test('in kitty has all pixels, in parts of 4096 characters, and no answer', async () => {
    const text = await shownAs('kitty', 40);
    const parts = [...text.matchAll(/␛_G([^;]*);([^␛]*)␛\\/g)].map(([, keys, data]) => [keys, data] as const);
    expect(text.replaceAll(/␛_G[^␛]*␛\\/g, '')).toBe('\n');
    expect(parts[0]?.[0]).toBe('a=T,f=100,q=2,c=40,m=1');
    expect(parts.slice(1).map(([keys]) => keys)).toEqual([...parts.slice(2).map(() => 'm=1'), 'm=0']);
    expect(Math.max(...parts.map(([, data]) => (data as string).length))).toBeLessThanOrEqual(4096);
    const { data, info } = await sharp(Buffer.from(parts.map(([, data]) => data).join(''), 'base64'))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([picture.width, picture.height, 3]);
    expect(data.equals(picture.data)).toBe(true);
  });

  test('in iTerm2 has all pixels, and is not wider than its letters', async () => {
    const text = await shownAs('iterm', 400);
    const [, size, width, data] = /^␛\]1337;File=inline=1;size=(\d+);width=(\d+);preserveAspectRatio=1:([^␇]*)␇\n$/.exec(text) ?? [];
    const png = Buffer.from(data as string, 'base64');
    expect([Number(size), Number(width)]).toEqual([png.length, Math.ceil(picture.width / 9)]);
    expect((await sharp(png).raw().toBuffer()).equals(picture.data)).toBe(true);
  });

  test('in sixels is as wide as the terminal, in nearly its colours', async () => {
    const text = await shownAs('sixel', 60);
    expect(text).toMatch(/^␛P0;0;q"1;1;480;\d+[^␛]*␛\\\n$/);
    const { data32, width, height } = decode(text.slice(text.indexOf('q') + 1, -3));
    const decoded = new Uint8Array(3 * width * height);
    for (let i = 0; i < width * height; i++)
      decoded.set(
        [0, 8, 16].map((shift) => ((data32[i] as number) >> shift) & 255),
        3 * i,
      );
    expect(difference(decoded, await scaled(picture, 480))).toBeLessThan(6);
  });

  test.each([
    [130, 3],
    [80, 2],
    [40, 1],
  ])('in blocks fits %i columns, with up to %i side by side', async (columns, abreast) => {
    const lines = (await shownAs('blocks', columns)).split('\n');
    expect(lines.slice(0, 2)).toEqual(['train/a: 1 \\u001b[31m自行车', 'from b']);
    expect(lines[2]).toMatch(abreast > 1 ? /^before +a caption that is far too long$/ : /^before$/);
    expect(Math.max(...lines.map((line) => withoutColours(line).length))).toBeLessThanOrEqual(columns);
    expect(lines.slice(-3)).toEqual(['␛[38;2;1;2;3m■␛[0m car', 'copypaste with -p 1', '']);
    const width = Math.floor((columns + 1) / abreast) - 1;
    const pictures = lines.map(readBlocks).filter((blocks) => blocks.length > 0);
    const expected = await Promise.all(tiles.map((tile) => scaled(tile, width)));
    const first = Math.ceil((expected[0] as Uint8Array).length / (6 * width));
    const places = abreast > 1 ? [[0, 0] as const, [0, width + 1] as const] : [[0, 0] as const, [first, 0] as const];
    for (const [n, [line, left]] of places.entries()) {
      const own = pictures.slice(line).map((blocks) => blocks.filter(({ x }) => x >= left && x < left + width));
      const rows = own.flatMap((blocks) => [blocks.map(({ upper }) => upper), blocks.flatMap(({ lower }) => lower ?? [])]);
      const values = rows.flat().join().split(',').map(Number);
      expect(values.slice(0, expected[n]?.length)).toEqual([...(expected[n] as Uint8Array)]);
    }
  });

  test('in blocks has the first samples, and says how many more there are', async () => {
    const blocks = Array.from({ length: 6 }, () => sheet.blocks[0] as (typeof sheet.blocks)[0]);
    const lines = (await shown({ sheet: { ...sheet, blocks }, picture }, 'blocks', 40)).split('\n');
    expect(lines.filter((line) => line === 'from b')).toHaveLength(4);
    expect(lines).toContain('and 2 more samples in the file');
  });
});

describe.skipIf(spawnSync('script', ['--version']).status !== 0)('a preview in a terminal', () => {
  /** What a terminal gets from a preview, and from a program that then reads what was typed meanwhile. */
  function shownIn(env: Readonly<Record<string, string>>, ...flags: string[]): string {
    const preview = [process.execPath, 'bin/copypaste.cjs', 'preview', '--in', 'fixtures/camvid', '--out', join(folder, 'sheet.png')];
    const line = `${[...preview, '-n', '1', '-p', '1', ...flags].map((part) => `'${part}'`).join(' ')} && read line && echo "typed: $line"`;
    const variables = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/TERM|KITTY|GHOSTTY|KONSOLE|TMUX|STY|^CI$|COLOR/.test(name)),
    );
    const { stdout } = spawnSync('script', ['--quiet', '--return', '--flush', '--command', line, '/dev/null'], {
      env: { ...variables, ...env },
      input: 'some words\n',
      encoding: 'utf8',
    });
    expect(stdout).toContain('typed: some words');
    return stdout;
  }

  test('shows its picture unasked, and leaves what was typed to be read', () => {
    expect(shownIn({ TERM: 'xterm-kitty' })).toContain('\u001b_Ga=T,f=100,q=2,');
    expect(shownIn({ TERM: 'xterm-256color', COLORTERM: 'truecolor' })).toContain('▀');
  });

  test.each([
    ['in CI', { TERM: 'xterm-kitty', CI: '1' }, []],
    ['in a dumb terminal', { TERM: 'dumb', COLORTERM: 'truecolor' }, []],
    ['with --show none', { TERM: 'xterm-kitty' }, ['--show', 'none']],
    ['with --quiet', { TERM: 'xterm-kitty' }, ['--quiet']],
  ])('shows none %s', (_, env, flags) => {
    const text = shownIn(env, ...flags);
    expect(text).not.toMatch(/▀|_G|1337/);
  });
});
