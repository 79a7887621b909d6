/** Streaming XML reader that reports elements and their positions. Document types, and so custom entities, are refused. */
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
 * @throws {Error} when the document is not well-formed, is not UTF-8, or has a document type.
 */
export async function readXml(chunks: AsyncIterable<Buffer> | Iterable<Buffer>, events: XmlEvents): Promise<void> {
  const { SaxesParser } = await import('saxes');
  const parser = new SaxesParser<{ xmlns: false; defaultXMLVersion: '1.0'; forceXMLVersion: true }>({
    xmlns: false,
    defaultXMLVersion: '1.0',
    forceXMLVersion: true,
  });
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const parents: XmlTag[] = [];
  let text = '';
  // Each piece begins with a tag, so its start is the position of the tag.
  let piece: Buffer = Buffer.alloc(0);
  let string = '';
  // Bytes and characters before the piece.
  let start = 0;
  let before = 0;
  const here = (): number => start + Buffer.byteLength(string.slice(0, parser.position - before));
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('xmldecl', ({ encoding = 'utf-8' }) => {
    if (!/^(utf-?8|us-ascii|ascii)$/i.test(encoding))
      throw new Error(`the encoding is ${encoding.slice(0, 20)}; convert the file to UTF-8`);
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
    string = decoder.decode(bytes);
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
