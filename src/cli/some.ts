/** Largest number of bad samples or files that are named on standard error. */
export const mostNamed = 5;

/** The first lines of a list, and the number of the others. @param where what lists all; empty if nothing does. */
export function some(lines: readonly string[], count: number, where = '--json'): string[] {
  const more = lines.length - count;
  return more <= 0 ? [...lines] : [...lines.slice(0, count), `… and ${more} more${where === '' ? '' : `; ${where} lists all`}`];
}
