/** YAML files: plain data, without tags, repeated keys and values that contain themselves. */
import type { Document, Node } from 'yaml';
import { messageOf, printable } from '../errors.ts';
import { mostNested } from './text.ts';

/** Maximum number of aliases in a file; the library looks for each among all others. */
const mostAliases = 1000;

/** Parses YAML or JSON. @throws {Error} with what is wrong, and where. */
export async function parseYaml(text: string): Promise<unknown> {
  const document = await yamlDocument(text);
  return guarded(() => document.toJS());
}

/** Parses YAML or JSON into nodes with their positions. @throws {Error} with what is wrong, and where. */
export async function yamlDocument(text: string): Promise<Document> {
  const { isAlias, isMap, isNode, isScalar, Lexer, LineCounter, Parser, parseDocument, visit } = await import('yaml');
  const lines = new LineCounter();
  const refuse = (what: string, node: Node): never => {
    const { line, col } = lines.linePos(node.range?.[0] ?? 0);
    throw new Error(`${what} at line ${line}, column ${col}`);
  };
  const anchors = new Map<string, Node>();
  let aliases = 0;
  const check = (node: Node, path: readonly unknown[]): void => {
    if (isAlias(node)) {
      if (++aliases > mostAliases) refuse(`there are more than ${mostAliases} aliases`, node);
      if (path.includes(anchors.get(node.source))) refuse('a value contains itself', node);
      return;
    }
    if (node.tag) refuse(`the tag ${node.tag.slice(0, 40)} is not supported`, node);
    if (node.anchor) anchors.set(node.anchor, node);
    if (!isMap(node)) return;
    const keys = new Set<unknown>();
    for (const { key } of node.items) {
      if (!isScalar(key)) continue;
      if (keys.has(key.value)) refuse(`the key ${String(key.value).slice(0, 40)} occurs twice`, key);
      keys.add(key.value);
    }
  };
  const refuseDeep = (): void => {
    const parser = new Parser();
    for (const lexeme of new Lexer().lex(text)) {
      Array.from(parser.next(lexeme));
      const around = parser.stack.length <= mostNested ? 0 : parser.stack.filter((token) => /map|seq|flow/.test(token.type)).length;
      if (around > mostNested) throw new Error(`lists and maps are nested more than ${mostNested} deep`);
    }
  };
  return guarded(() => {
    // The functions of the library that follow call themselves for each level, and V8 ends the process if that leaves no room to compile a
    // regular expression.
    refuseDeep();
    // The library compares each key with all others, which takes a minute for 70,000 names.
    const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false });
    for (const error of document.errors) throw error;
    visit(document, (_key, node, path) => {
      if (isNode(node)) check(node, path);
    });
    return document;
  });
}

/** YAML of a value on one line, without control characters. */
export async function yamlLine(value: unknown): Promise<string> {
  const { Document, isCollection, Scalar, visit } = await import('yaml');
  const document = new Document(value);
  visit(document, {
    Scalar: (_key, node) => {
      // The library writes a text that ends in a space of another kind without quotes, and reads it without that space. Quotes also allow
      // control characters to be escaped.
      if (typeof node.value === 'string' && /[^\S ]|\p{Cc}/u.test(node.value)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  if (isCollection(document.contents)) document.contents.flow = true;
  return printable(document.toString({ lineWidth: 0, blockQuote: false, flowCollectionPadding: false }).trimEnd());
}

/** Calls a function of the library; its errors become one line. */
function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (cause) {
    const why = messageOf(cause).replace(/(line \d+, column \d+):.*/, '$1');
    throw new Error(why, { cause });
  }
}
