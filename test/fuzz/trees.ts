/** Texts as trees of tokens, lists and objects, and edits that change their structure, size and numbers. */
import fc from 'fast-check';

/** A token is a literal text, such as `1e999` or `"cat"`; members of an object may share a key. */
export type Node = { token: string } | { items: Node[] } | { members: [key: string, value: Node][] };

/** The tree of a plain value. */
export function treeOf(value: unknown): Node {
  if (Array.isArray(value)) return { items: value.map(treeOf) };
  if (typeof value === 'object' && value !== null) return { members: Object.entries(value).map(([key, one]) => [key, treeOf(one)]) };
  return { token: JSON.stringify(value) };
}

/** JSON, whose tokens need not be valid. */
export function jsonOf(node: Node): string {
  if ('token' in node) return node.token;
  if ('items' in node) return `[${node.items.map(jsonOf).join(',')}]`;
  return `{${node.members.map(([key, value]) => `${JSON.stringify(key)}:${jsonOf(value)}`).join(',')}}`;
}

/** Text of a token: that of a string in quotes, or the token itself. */
function plainOf(token: string): string {
  return /^".*"$/s.test(token) ? JSON.parse(token) : token;
}

/** Tokens of a tree in order. */
export function tokensOf(node: Node): string[] {
  if ('token' in node) return [plainOf(node.token)];
  return childrenOf(node).flatMap(tokensOf);
}

/** Lines of a list of lists. */
export const linesOf =
  (separator = ' ') =>
  (node: Node): string =>
    childrenOf(node)
      .map((line) => `${tokensOf(line).join(separator)}\n`)
      .join('');

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

/** XML of elements `[tag, attributes, …children]`; other lists are their children, and tokens are text. */
export function xmlOf(node: Node): string {
  if ('token' in node) return escaped(plainOf(node.token));
  if ('members' in node) return node.members.map(([, value]) => xmlOf(value)).join('');
  const [tag, attributes, ...children] = node.items;
  if (!tag || !('token' in tag) || !attributes || !('members' in attributes)) return node.items.map(xmlOf).join('');
  const name = plainOf(tag.token).replaceAll(/[^\w]/g, '_').slice(0, 40) || '_';
  const list = attributes.members.map(([key, value]) => ` ${key.replaceAll(/[^\w]/g, '_') || '_'}="${escaped(tokensOf(value).join(';'))}"`);
  return `<${name}${list.join('')}>${children.map(xmlOf).join('')}</${name}>`;
}

export function childrenOf(node: Node): Node[] {
  if ('items' in node) return node.items;
  return 'members' in node ? node.members.map(([, value]) => value) : [];
}

/** A tree whose first list of a key has `count` items, which are those that it has again and again. */
export function withMany(tree: Node, key: string, count: number): Node {
  const copy = copyOf(tree);
  for (const { node } of placesOf(copy)) {
    if (!('members' in node)) continue;
    const list = node.members.find(([name]) => name === key)?.[1];
    if (!list || !('items' in list)) continue;
    const few = list.items;
    list.items = Array.from({ length: count }, (_, n) => few[n % few.length] as Node);
    return copy;
  }
  throw new Error(`no list of ${key}`);
}

/** A node of a tree, with its parent and its index in it. */
interface Place {
  readonly node: Node;
  readonly parent?: Node;
  readonly index: number;
}

function placesOf(node: Node, parent?: Node, index = 0): Place[] {
  return [{ node, index, ...(parent && { parent }) }, ...childrenOf(node).flatMap((child, n) => placesOf(child, node, n))];
}

function put({ parent, index }: Place, ...nodes: Node[]): void {
  if (!parent) return;
  if ('items' in parent) parent.items.splice(index, 1, ...nodes);
  else if ('members' in parent) {
    const [key] = parent.members[index] as [string, Node];
    parent.members.splice(index, 1, ...nodes.map((node): [string, Node] => [key, node]));
  }
}

const copyOf = (node: Node): Node => structuredClone(node);

const deep = (levels: number, [open, close]: string): string => `${open}`.repeat(levels) + `${close}`.repeat(levels);
const long = `"${'long '.repeat(4000)}"`;

const numbers = [
  ...['0', '-0', '-1', '1', '0.5', '-0.5', '3', '1e-320', '1e308', '-1e308', '1e999', '-1e999', 'NaN', 'Infinity', '-Infinity'],
  ...['9007199254740991', '9007199254740992', '9007199254740993', '-9007199254740993', '2147483647', '2147483648', '4294967296'],
  ...['1e20', '1e5', '1048575.5', '-1048576', '16777216', '123456789012345678901234567890', '0x10', '1_000', '.5', '007'],
];
const texts = [
  ...['""', '" "', '"\\ud800"', '"\\u0000"', '"\\n"', '"\\u202e"', '"a,b;c"', '"../x"', '"/etc/passwd"', '"a.png"', '"__proto__"'],
  ...['"constructor"', '"1"', '"NaN"', '"polygon"', '"rectangle"', '"mask"', '"cat"', '"99999999999999999999"', long],
];
const others = ['true', 'false', 'null', '[]', '{}', '[[]]', '[null]', deep(90, '[]'), deep(150, '[]'), deep(5000, '[]')];
const strange = [...numbers, ...texts, ...others].map((token): Node => ({ token }));
const keys = ['__proto__', 'constructor', '', 'copypaste', 'id', 'type', 'points', 'name'];
const factors = [-1, 0, 1e-9, 1e-3, 10, 1e3, 1e6, 1e12, 1e300];
const sizes = [0, 2, 3, 300];

/** Changes every number in a tree. */
function eachNumber(node: Node, change: (value: number) => number): void {
  for (const { node: one } of placesOf(node)) {
    if ('token' in one && /^-?\d/.test(one.token)) one.token = String(change(Number(one.token)));
    // Coordinates of XML and of packed lists are in one text.
    else if ('token' in one && /^"[-\d.,; ]+"$/.test(one.token))
      one.token = one.token.replaceAll(/-?\d+(\.\d+)?/g, (text) => String(change(Number(text))));
  }
}

type Edit = (place: Place, n: number, all: readonly Place[]) => void;
const edits: Record<string, Edit> = {
  replace: (place, n) => put(place, copyOf(strange[n % strange.length] as Node)),
  remove: (place) => put(place),
  repeat: (place, n) => put(place, ...Array.from({ length: sizes[n % sizes.length] as number }, () => copyOf(place.node))),
  another: (place, n) => put(place, copyOf(place.node), copyOf(strange[n % strange.length] as Node)),
  wrap: (place, n) =>
    put(place, n % 2 ? { items: [copyOf(place.node)] } : { members: [[keys[n % keys.length] as string, copyOf(place.node)]] }),
  unwrap: (place) => put(place, ...childrenOf(place.node)),
  graft: (place, n, all) => put(place, copyOf((all[n % all.length] as Place).node)),
  reverse: ({ node }) => void ('items' in node ? node.items.reverse() : 'members' in node && node.members.reverse()),
  rename: ({ node }, n) => {
    if (!('members' in node) || node.members.length === 0) return;
    const member = node.members[n % node.members.length] as [string, Node];
    const [key] = node.members[(n >> 4) % node.members.length] as [string, Node];
    member[0] = n % 3 ? key : (keys[n % keys.length] as string);
  },
  scale: ({ node }, n) => eachNumber(node, (value) => value * (factors[n % factors.length] as number)),
  move: ({ node }, n) => eachNumber(node, (value) => value + (n % 2 ? -1 : 1) * 2 ** (n % 54)),
  many: ({ node }, n) => {
    if (!('items' in node) || node.items.length === 0) return;
    const first = node.items.length;
    for (let i = 0; i < 300; i++) {
      const one = copyOf(node.items[i % first] as Node);
      if (n % 2) eachNumber(one, (value) => value + i);
      node.items.push(one);
    }
  },
};

/** Largest number of characters of all tokens of a changed tree. test/growth measures larger documents. */
const mostCharacters = 100_000;

const charactersOf = (node: Node): number =>
  'token' in node ? node.token.length : childrenOf(node).reduce((sum, child) => sum + charactersOf(child), 0);

/** A tree after one to `most` changes, without those that make it too large. */
export function changed(tree: Node, most: number): fc.Arbitrary<{ readonly node: Node; toString(): string }> {
  const edit = fc.tuple(fc.constantFrom(...Object.keys(edits)), fc.nat(), fc.nat(1 << 12));
  return fc.array(edit, { minLength: 1, maxLength: most }).map((list) => {
    // The tree is in a list, so that it can be replaced itself.
    type Root = Node & { items: Node[] };
    let root: Root = { items: [copyOf(tree)] };
    for (const [name, at, n] of list) {
      const next = copyOf(root) as Root;
      const all = placesOf(next).slice(1);
      const place = all[at % Math.max(1, all.length)];
      if (place && all.length < 2000) edits[name]?.(place, n, all);
      if (charactersOf(next) <= mostCharacters) root = next;
    }
    return { node: root.items[0] ?? { token: '' }, toString: () => JSON.stringify(list) };
  });
}
