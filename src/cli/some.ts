/** The first lines of a list, and the number of the others. @param json true if `--json` lists all. */
export function some(lines: readonly string[], count: number, json = true): string[] {
  const more = lines.length - count;
  return more <= 0 ? [...lines] : [...lines.slice(0, count), `… and ${more} more${json ? '; --json lists all' : ''}`];
}
