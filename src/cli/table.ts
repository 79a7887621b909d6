/** Shortest width of the first column. */
const shortest = 8;

/** Longest cell, so that a row fits into a terminal of 80 columns. */
const longest = 36;

/**
 * Lines of a table; columns are two spaces apart. Where they have no room, the first is shortened, and the second left out.
 *
 * @param columns width that all lines fit into.
 * @param left indices of the columns that are aligned to the left.
 */
export function tableLines(rows: readonly (readonly string[])[], left: readonly number[], columns = Number.POSITIVE_INFINITY): string[] {
  const shorten = (cell: string, most: number): string => (cell.length > most ? `${cell.slice(0, most - 1)}…` : cell);
  const short = rows.map((row) => row.map((cell) => shorten(cell, longest)));
  const width = (column: number): number => Math.max(...short.map((row) => (row[column] as string).length));
  const others = (short[0] ?? []).slice(1).reduce((sum, _, n) => sum + width(n + 1) + 2, 0);
  if (columns < others + Math.min(width(0), shortest) && (short[0]?.length ?? 0) > 2) {
    const fewer = rows.map((row) => row.filter((_, n) => n !== 1));
    return tableLines(fewer, left, columns);
  }
  const room = Math.max(shortest, columns - others);
  for (const row of short) row[0] = shorten(row[0] as string, room);
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
