/** Longest line of a comment. */
const longest = 78;

/** A text as lines of a YAML comment. @param indent of the lines after the first. */
export function commentLines(text: string, indent = ''): string[] {
  const lines: string[] = [];
  let line = '#';
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > longest && line !== '#') {
      lines.push(line);
      line = `#${indent}`;
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
