/** Streaming XML reader that reports elements and their positions. Document types, and so custom entities, are refused. */
import { bytesOfCharacters, decodeText, isSameEncoding, utf8 } from '../base/text.ts';

/** The opening tag of an element. */
export interface XmlTag {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Position of its first byte. */
  readonly start: number;
  /** Position after the opening tag, in bytes. */
  readonly inner: number;
}

export interface XmlEvents {
  /** @param parents enclosing elements, the outermost first. */
  open(tag: XmlTag, parents: readonly XmlTag[]): void;
  /**
   * @param end position after the last byte of the element.
   * @param text text of the element after its last child.
   */
  close(tag: XmlTag, parents: readonly XmlTag[], end: number, text: string): void;
}

/** Maximum number of bytes from one tag to the next. */
const longest = 2 ** 28;
const [less, more] = Buffer.from('<>');

/**
 * Reads an XML document. Memory holds one tag at a time.
 *
 * @param file its name in messages.
 * @throws {Error} when the document is not well-formed, is in another encoding, or has a document type.
 */
export async function readXml(
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
  file: string,
  encoding: string,
  events: XmlEvents,
): Promise<void> {
  const { SaxesParser } = await import('saxes');
  const parser = new SaxesParser<{ xmlns: false; defaultXMLVersion: '1.0'; forceXMLVersion: true }>({
    xmlns: false,
    defaultXMLVersion: '1.0',
    forceXMLVersion: true,
  });
  const parents: XmlTag[] = [];
  let text = '';
  // Each piece begins with a tag, so its start is the position of the tag.
  let piece: Buffer = Buffer.alloc(0);
  let string = '';
  // Bytes and characters before the piece.
  let start = 0;
  let before = 0;
  const here = (): number => start + bytesOfCharacters(piece, string, parser.position - before, encoding);
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('xmldecl', ({ encoding: declared = encoding }) => {
    if (isSameEncoding(declared, encoding) || (encoding === utf8 && /^(us-)?ascii$/i.test(declared))) return;
    throw new Error(`the encoding is ${declared.slice(0, 20)}; pass --encoding ${declared.slice(0, 20)}, or convert the file to UTF-8`);
  });
  parser.on('opentag', ({ name, attributes }) => {
    text = '';
    const tag: XmlTag = { name, attributes, start, inner: here() };
    events.open(tag, parents);
    parents.push(tag);
  });
  parser.on('text', (more) => {
    text += more;
  });
  parser.on('cdata', (more) => {
    text += more;
  });
  parser.on('closetag', ({ isSelfClosing }) => {
    const tag = parents.pop() as XmlTag;
    events.close(tag, parents, isSelfClosing ? tag.inner : start + piece.indexOf(more as number) + 1, text);
    text = '';
  });
  const parse = (bytes: Buffer): void => {
    piece = bytes;
    // A byte order mark takes three bytes.
    const mark = start === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? '\ufeff' : '';
    string = mark + decodeText(bytes, file, encoding, start);
    if (parents.length === 0) refuseDoctype(string);
    parser.write(string);
    start += bytes.length;
    before += string.length;
  };
  let rest: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(less as number, length > 0 ? 0 : 1); at >= 0; at = chunk.indexOf(less as number, at + 1)) {
      parse(length > 0 ? Buffer.concat([...rest, chunk.subarray(0, at)]) : chunk.subarray(from, at));
      rest = [];
      length = 0;
      from = at;
    }
    // Streams may reuse the memory of a chunk.
    rest.push(Buffer.from(chunk.subarray(from)));
    length += chunk.length - from;
    if (length > longest) throw new Error('a tag and its text exceed 256 MB');
  }
  parse(Buffer.concat(rest));
  parser.close();
}

function refuseDoctype(text: string): void {
  if (/^<!doctype/i.test(text)) throw new Error('the document has a DOCTYPE, which is not supported; remove it');
}
