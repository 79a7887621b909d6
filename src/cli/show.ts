/** Pictures in the terminal. What a terminal can do is known from its environment alone: it is never asked, so nothing waits for an answer. */
import { image2sixel } from 'sixel';
import { createSupportsTerminalGraphics } from 'supports-terminal-graphics';
import { plural } from '../base/plural.ts';
import { thumbnail } from '../codecs/image.ts';
import { printable } from '../errors.ts';
import type { PreviewOptions } from '../options.ts';
import { type Canvas, letterWidth, shortened, widthOf } from '../output/font.ts';
import { encodeSheet, type Row, type Sheet, wrapped } from '../output/sheet.ts';
import type { Preview } from '../verbs/preview.ts';
import type { TextStream } from './streams.ts';

/** Ways to show a picture. */
type Way = Exclude<PreviewOptions['show'], 'auto' | 'none'>;

/** The way in which a terminal shows pictures; `undefined` if it shows none, or is none. */
export function wayOf(stdout: TextStream): Way | undefined {
  const { TERM = 'dumb', CI, COLORTERM = '', NO_COLOR, TMUX, STY } = process.env;
  if (!stdout.isTTY || TERM === 'dumb' || CI) return undefined;
  // Multiplexers do not pass pictures on.
  if (!TMUX && !STY && !/^(screen|tmux)/.test(TERM)) {
    const { kitty, iterm2, sixel } = createSupportsTerminalGraphics(stdout as NodeJS.WriteStream);
    if (kitty) return 'kitty';
    if (iterm2) return 'iterm';
    if (sixel || /^foot/.test(TERM)) return 'sixel';
  }
  return /truecolor|24bit/i.test(COLORTERM) && !NO_COLOR ? 'blocks' : undefined;
}

/** Columns of a terminal of unknown width. */
const usualColumns = 80;

/** Text that shows a picture in a terminal, with a line break at its end. @param width of the terminal in columns; 0 if it does not tell. */
export async function shown({ sheet, picture }: Pick<Preview, 'sheet' | 'picture'>, way: Way, width = 0): Promise<string> {
  const columns = width || usualColumns;
  if (way === 'blocks') return blocksOf(sheet, columns);
  // A letter of the picture is a letter of the terminal, if that is wide enough.
  const taken = Math.min(columns, Math.ceil(picture.width / letterWidth));
  if (way === 'sixel') return sixelOf(await scaled(picture, taken * narrowCell));
  const png = Buffer.from(await encodeSheet(picture, 'png'));
  return `${way === 'kitty' ? kittyOf(png, taken) : itermOf(png, taken)}\n`;
}

/** Largest payload of an escape sequence in kitty's protocol, in characters. */
const kittyPart = 4096;

/**
 * A PNG in kitty's protocol, scaled to a number of columns; the terminal does not answer (`q=2`).
 * Source: https://sw.kovidgoyal.net/kitty/graphics-protocol/
 */
function kittyOf(png: Buffer, columns: number): string {
  const text = png.toString('base64');
  const parts = Array.from({ length: Math.ceil(text.length / kittyPart) }, (_, n) => text.slice(n * kittyPart, (n + 1) * kittyPart));
  return parts
    .map((part, n) => `\u001b_G${n === 0 ? `a=T,f=100,q=2,c=${columns},` : ''}m=${n < parts.length - 1 ? 1 : 0};${part}\u001b\\`)
    .join('');
}

/** A PNG in iTerm2's protocol, scaled to a number of columns. Source: https://iterm2.com/documentation-images.html */
function itermOf(png: Buffer, columns: number): string {
  return `\u001b]1337;File=inline=1;size=${png.length};width=${columns};preserveAspectRatio=1:${png.toString('base64')}\u0007`;
}

/** Width of a column in pixels in terminals that do not tell theirs, so that a picture is not wider than the terminal. */
const narrowCell = 8;

/** A picture as sixels, in 256 colours. */
function sixelOf({ data, width, height }: Canvas): string {
  const pixels = new Uint8Array(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) pixels.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
  return `${image2sixel(pixels, width, height)}\n`;
}

/** Narrowest picture in blocks, in columns, if a terminal has as many; and largest number of samples, so that they do not scroll out of sight. */
const [leastBlocks, mostSamples] = [38, 4];

/** A sheet as text: captions in letters, and pictures in blocks of two pixels a letter. */
async function blocksOf({ legend, blocks, footer }: Sheet, columns: number): Promise<string> {
  const lines: string[] = [];
  for (const { caption, rows } of blocks.slice(0, mostSamples)) {
    lines.push(...caption.map((text) => shortened(printable(text), columns * letterWidth)));
    for (const row of rows) lines.push(...(await linesOfRow(row, columns)));
    lines.push('');
  }
  const more = blocks.length - mostSamples;
  return [
    ...lines,
    ...(more > 0 ? [`and ${plural(more, 'more sample')} in the file`] : []),
    ...linesOfLegend(legend, columns),
    printable(footer.join(' ')),
    '',
  ].join('\n');
}

function linesOfLegend(legend: Sheet['legend'], columns: number): string[] {
  const names = legend.map(({ name }) => `■ ${shortened(printable(name), (columns - 2) * letterWidth)} `);
  let n = 0;
  const coloured = (): string => `\u001b[38;2;${legend[n++]?.colour.join(';')}m■\u001b[0m`;
  return wrapped(names, columns * letterWidth).map((line) => line.trimEnd().replaceAll('■', coloured));
}

/** Captions and pictures of a row, as many side by side as there is room for, with a column between them. */
async function linesOfRow(row: Row, columns: number): Promise<string[]> {
  const abreast = Math.min(row.length, Math.max(1, Math.floor((columns + 1) / (leastBlocks + 1))));
  const width = Math.floor((columns + 1) / abreast) - 1;
  const lines = Array.from({ length: Math.ceil(row.length / abreast) }, (_, n) =>
    linesOf(row.slice(n * abreast, (n + 1) * abreast), width),
  );
  return (await Promise.all(lines)).flat();
}

/** Captions and pictures side by side, each in a number of columns. */
async function linesOf(row: Row, width: number): Promise<string[]> {
  const captions = Array.from({ length: Math.max(...row.map(({ caption }) => caption.length)) }, (_, line) =>
    row
      .map(({ caption }) => padded(shortened(printable(caption[line] ?? ''), width * letterWidth), width))
      .join(' ')
      .trimEnd(),
  );
  const tiles = await Promise.all(row.map(({ tile }) => tile && scaled(tile, width)));
  const heights = tiles.map((tile) => Math.ceil((tile?.height ?? 0) / 2));
  const pictures = Array.from({ length: Math.max(...heights) }, (_, line) =>
    tiles.map((tile) => (tile ? lineOfBlocks(tile, line, width) : ' '.repeat(width))).join(' '),
  );
  return [...captions, ...pictures];
}

function padded(text: string, columns: number): string {
  return text + ' '.repeat(columns - widthOf(text) / letterWidth);
}

/** Two rows of pixels as a line of half blocks; below the picture there is nothing. */
function lineOfBlocks({ data, width, height }: Canvas, line: number, columns: number): string {
  const colour = (x: number, y: number): string => data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3).join(';');
  const block = (x: number): string => {
    if (2 * line >= height) return ' ';
    const upper = `\u001b[38;2;${colour(x, 2 * line)}m`;
    return 2 * line + 1 < height ? `${upper}\u001b[48;2;${colour(x, 2 * line + 1)}m▀` : `${upper}\u001b[49m▀`;
  };
  return `${Array.from({ length: width }, (_, x) => block(x)).join('')}\u001b[0m${' '.repeat(columns - width)}`;
}

/** A picture that is not wider than a number of pixels. */
function scaled({ data, width, height }: Canvas, most: number): Promise<Canvas> {
  return thumbnail({ pixels: data, width, height, bands: 3, depth: 8, channels: 3 }, most);
}
