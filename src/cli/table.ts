/** Longest cell, so that a row fits into a terminal of 80 columns. */
const longest = 36;

/**
 * Lines of a table; columns are two spaces apart.
 *
 * @param left indices of the columns that are aligned to the left.
 */
export function tableLines(rows: readonly (readonly string[])[], left: readonly number[]): string[] {
  const short = rows.map((row) => row.map((cell) => (cell.length > longest ? `${cell.slice(0, longest - 1)}…` : cell)));
  const widths = (short[0] ?? []).map((_, column) => Math.max(...short.map((row) => (row[column] as string).length)));
  const pad = (cell: string, column: number): string => {
    const width = widths[column] as number;
    return left.includes(column) ? cell.padEnd(width) : cell.padStart(width);
  };
  return short.map((row) => row.map(pad).join('  ').trimEnd());
}

/** Share of a class in a number of pixels, before and after, in per cent. */
export function change(before: number, after: number, total: number): string {
  const percent = (pixels: number): string => (total === 0 ? 0 : (100 * pixels) / total).toFixed(2);
  return `${percent(before)} -> ${percent(after)} %`;
}
