// Packs two fonts of X.Org's font-misc-misc, 9x18.bdf and its wide companion 18x18ko.bdf, for captions in pictures:
//
//   node scripts/font.js 9x18.bdf 18x18ko.bdf
//
// The file is compressed with Brotli. It has one part for each font: the number of glyphs (16 bits, as all numbers, little-endian), the
// distance of each code point from the one before, and 18 rows of each glyph, in as many bytes as its width needs, the left pixel first.
// The second part has only characters that the first lacks.
import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';

const [rows, ascent] = [18, 14];

/** Rows of each glyph with ink, as bytes, by its code point. */
function glyphsOf(path, width) {
  const bytes = Math.ceil(width / 8);
  const glyphs = new Map();
  for (const [, code, box, bitmap] of readFileSync(path, 'latin1').matchAll(/^ENCODING (\d+)$.*?^BBX (.+?)$.*?^BITMAP$(.*?)^ENDCHAR$/gms)) {
    const [, height, left, below] = box.split(' ').map(Number);
    const glyph = new Uint8Array(rows * bytes);
    for (const [n, line] of bitmap.trim().split('\n').entries()) {
      const y = ascent - below - height + n;
      const bits = (BigInt(`0x${line}`) << BigInt(8 * bytes)) >> BigInt(4 * line.length + left);
      for (let b = 0; b < bytes && y >= 0 && y < rows; b++) glyph[y * bytes + b] = Number((bits >> BigInt(8 * (bytes - 1 - b))) & 255n);
    }
    if (Number(code) >= 32 && Number(code) < 0x10000 && (glyph.some((byte) => byte > 0) || code === '32')) glyphs.set(Number(code), glyph);
  }
  return glyphs;
}

function packed(glyphs) {
  const codes = [...glyphs.keys()].sort((a, b) => a - b);
  const head = Uint16Array.from([codes.length, ...codes.map((code, n) => code - (codes[n - 1] ?? 0))]);
  return Buffer.concat([Buffer.from(head.buffer), ...codes.map((code) => glyphs.get(code))]);
}

const [narrowPath, widePath] = process.argv.slice(2);
if (!widePath) throw new Error('name the two fonts: node scripts/font.js 9x18.bdf 18x18ko.bdf');
const narrow = glyphsOf(narrowPath, 9);
const wide = new Map([...glyphsOf(widePath, 18)].filter(([code]) => !narrow.has(code)));
const parts = Buffer.concat([packed(narrow), packed(wide)]);
const params = {
  [constants.BROTLI_PARAM_QUALITY]: 11,
  [constants.BROTLI_PARAM_LGWIN]: 24,
  [constants.BROTLI_PARAM_SIZE_HINT]: parts.length,
};
writeFileSync('fonts/fixed-18.br', brotliCompressSync(parts, { params }));
console.error(`fonts/fixed-18.br: ${narrow.size} narrow and ${wide.size} wide glyphs`);
