/** XML piece by piece: elements, and where they lie. Document types, and with them entities of one's own, are refused. */
/** An element that has begun. */
export interface XmlTag {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Where it begins, in bytes. */
  readonly start: number;
  /** Where its opening tag ends. */
  readonly inner: number;
}

export interface XmlEvents {
  /** @param parents what it is in, the outermost first. */
  open(tag: XmlTag, parents: readonly XmlTag[]): void;
  /**
   * @param end past its last byte.
   * @param text what it holds after its last child.
   */
  close(tag: XmlTag, parents: readonly XmlTag[], end: number, text: string): void;
}

/** Bytes of the longest tag with what follows it. */
const longest = 2 ** 28;
const [less, more] = Buffer.from('<>');

/**
 * Reads a document of one element. Memory holds one tag at a time.
 *
 * @throws {Error} where it is not well-formed, not UTF-8, or has a document type.
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
  // What is parsed at once begins with a tag, so that it is known where tags begin.
  let piece: Buffer = Buffer.alloc(0);
  let string = '';
  /** Bytes and characters before the piece. */
  let start = 0;
  let before = 0;
  const here = (): number => start + Buffer.byteLength(string.slice(0, parser.position - before));
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('xmldecl', ({ encoding = 'utf-8' }) => {
    if (!/^(utf-?8|us-ascii|ascii)$/i.test(encoding)) throw new Error(`it is in ${encoding.slice(0, 20)}, not in UTF-8`);
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
    // The chunk's memory may be used again.
    rest.push(Buffer.from(chunk.subarray(from)));
    length += chunk.length - from;
    if (length > longest) throw new Error('one of its tags is longer than 256 MB');
  }
  parse(Buffer.concat(rest));
  parser.close();
}

function refuseDoctype(text: string): void {
  if (/^<!doctype/i.test(text)) throw new Error('it has a document type (DOCTYPE), which is not read');
}
