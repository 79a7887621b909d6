import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readXml, type XmlTag } from '../../src/formats/xml.ts';

/** Elements that `readXml` reports, in the order in which they end. */
async function elementsOf(bytes: Buffer, chunk: number) {
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunk) }, (_, n) => bytes.subarray(n * chunk, (n + 1) * chunk));
  const found: (XmlTag & { depth: number; end: number; text: string })[] = [];
  let open = 0;
  await readXml(chunks, 'document.xml', 'utf-8', {
    open: (_tag, parents) => {
      if (parents.length !== open++) expect.fail(`${parents.length} parents of an element inside ${open - 1}`);
    },
    close: (tag, parents, end, text) => {
      open--;
      found.push({ ...tag, depth: parents.length, end, text });
    },
  });
  return found;
}

describe('readXml', () => {
  const name = fc.stringMatching(/^[a-zé_][a-z0-9é_]{0,4}$/);
  const space = fc.constantFrom('', ' ', '\n  ', '\r\n', '\t', '\r');
  const between = fc.oneof(space, fc.constantFrom('<!-- <a> > -->', '<![CDATA[<b>&>]]>', '<?pi <c> ?>', '&lt;é漢😀&#xe9;', ']]', 'x\r'));
  const value = fc.constantFrom('"a>b"', `'é"漢😀'`, '"&amp;&#233;\r\n"', "''", '"1,2;3,4"');
  /** An element as text, and the names of all elements in it, in the order in which they end. */
  interface Made {
    text: string;
    attributes: number;
    names: string[];
  }
  const childrenOf = (depth: number): fc.Arbitrary<[string, Made][]> =>
    depth === 0 ? fc.constant([]) : fc.array(fc.tuple(between, element(depth - 1)), { maxLength: 3 });
  const element = (depth: number): fc.Arbitrary<Made> =>
    fc
      .record({
        name,
        attributes: fc.uniqueArray(fc.tuple(name, space, value), { selector: ([key]) => key, maxLength: 3 }),
        children: childrenOf(depth),
        last: between,
        after: space,
        alone: fc.boolean(),
      })
      .map(({ name, attributes, children, last, after, alone }): Made => {
        const own = attributes.map(([key, gap, value]) => ` ${key}${gap}=${gap}${value}`).join('');
        if (alone && children.length === 0) return { text: `<${name}${own}${after}/>`, attributes: attributes.length, names: [name] };
        const inner = children.map(([gap, child]) => gap + child.text).join('') + last;
        const names = [...children.flatMap(([, child]) => child.names), name];
        return { text: `<${name}${own}${after}>${inner}</${name}${after}>`, attributes: attributes.length, names };
      });

  test('reports the position of each element, with any chunks', async () => {
    const head = fc.constantFrom('', '\ufeff', '<?xml version="1.0" encoding="utf-8"?>\n', '<!-- x -->\r\n', '<?xml version="1.0"?>');
    await fc.assert(
      fc.asyncProperty(head, element(2), space, fc.integer({ min: 1, max: 50 }), async (head, made, after, chunk) => {
        const bytes = Buffer.from(head + made.text + after);
        const found = await elementsOf(bytes, chunk);
        expect(found.map(({ name }) => name)).toEqual(made.names);
        const root = found.at(-1) as (typeof found)[0];
        expect(bytes.subarray(root.start, root.end).toString()).toBe(made.text);
        expect(Object.keys(root.attributes)).toHaveLength(made.attributes);
        for (const { name, start, inner, end, attributes } of found) {
          // Each element is a document with the same content.
          const own = bytes.subarray(start, end);
          const [last] = (await elementsOf(own, 1000)).slice(-1);
          expect(last).toMatchObject({ name, attributes, start: 0, inner: inner - start, end: own.length });
        }
      }),
      { numRuns: 300 },
    );
  });

  test('reports the text of an element without children, with entities and CDATA resolved', async () => {
    const found = await elementsOf(Buffer.from('<a> <b>x &amp; <![CDATA[<y>]]>\r\nz</b> <c/></a>'), 7);
    expect(found.map(({ name, text }) => [name, text])).toEqual([
      ['b', 'x & <y>\nz'],
      ['c', ''],
      ['a', ''],
    ]);
  });

  test.each([
    ['a DOCTYPE', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ['a DOCTYPE', '<?xml version="1.0"?>\n<!doctype a SYSTEM "file:///etc/passwd"><a/>'],
    [
      'the encoding is ISO-8859-1; pass --encoding ISO-8859-1, or convert the file to UTF-8',
      '<?xml version="1.0" encoding="ISO-8859-1"?><a/>',
    ],
    ['undefined entity', '<a>&bomb;</a>'],
    ['unclosed tag', '<a><b></b>'],
    ['unexpected close tag', '<a></b></a>'],
    ['one root', '<a/><b/>'],
    ['', ''],
    ['', '<'],
    ['', 'a,b\n1,2'],
    ['', '<a b=c/>'],
    ['', '<a b="<"/>'],
    ['utf-8', Buffer.from('<a b="\xe9"/>', 'latin1')],
    ['utf-8', Buffer.from('\ufeff<a/>', 'utf16le')],
  ])('refuses documents that are not well-formed or define entities: %s %s', async (why, text) => {
    await expect(elementsOf(Buffer.from(text as string), 5)).rejects.toThrow(new RegExp(why.replace('a DOCTYPE', 'DOCTYPE'), 'i'));
  });

  test('never hangs or overflows on any input', async () => {
    await expect(elementsOf(Buffer.from('<a>'.repeat(20_000)), 65536)).rejects.toThrow(/unclosed/);
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[<>/a="&;!\-[\] ?]*$/)), async (text) => {
        try {
          await elementsOf(Buffer.from(text), 3);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
      { numRuns: 500 },
    );
  });
});
