/** A channel of the colour that Pascal VOC gives an id: every third bit, the lowest first. */
export function vocColour(id: number, channel: number): number {
  return [0, 1, 2].reduce((value, n) => value | (((id >> (3 * n + channel)) & 1) << (7 - n)), 0);
}

/** The palette of Pascal VOC, of so many colours. */
export function vocPalette(entries: number): Uint8Array {
  return Uint8Array.from({ length: 3 * entries }, (_, i) => vocColour(Math.floor(i / 3), i % 3));
}
