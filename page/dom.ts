/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

type Child = Node | string | undefined | false;

/** Properties of an element: handlers by `on…`, and attributes; `false` and `undefined` leave an attribute out. */
type Properties = Readonly<Record<string, string | number | boolean | undefined | ((event: Event) => void)>>;

/** Makes an element. Text is set as text, so that names of files and classes cannot hold markup. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return filled(document.createElement(tag), properties, children);
}

/** Makes an element of SVG. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), properties, children);
}

function filled<E extends Element>(element: E, properties: Properties, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  for (const child of children) if (child !== undefined && child !== false) element.append(child);
  return element;
}

/** A table; the first cell of each row is its heading. It scrolls sideways where it is too wide. */
export function table(
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly (Node | string)[])[],
  numbers: readonly number[] = [],
): HTMLElement {
  const kind = (column: number): string | undefined => (numbers.includes(column) ? 'number' : undefined);
  const long = (cell: Node | string): string | undefined => (typeof cell === 'string' && cell.length > 24 ? 'long' : undefined);
  return h(
    'div',
    { class: 'wide', tabindex: 0, role: 'region', 'aria-label': caption },
    h(
      'table',
      {},
      h('caption', {}, caption),
      h('thead', {}, h('tr', {}, ...heads.map((head, n) => h('th', { scope: 'col', class: kind(n) }, head)))),
      h(
        'tbody',
        {},
        ...rows.map((row) =>
          h(
            'tr',
            {},
            ...row.map((cell, n) => (n === 0 ? h('th', { scope: 'row' }, cell) : h('td', { class: kind(n) ?? long(cell) }, cell))),
          ),
        ),
      ),
    ),
  );
}

const numbers = new Intl.NumberFormat('en');

/** A whole number with separators. */
export function count(n: number): string {
  return numbers.format(n);
}

/** A number of things. */
export function plural(n: number, thing: string, things = `${thing}s`): string {
  return `${count(n)} ${n === 1 ? thing : things}`;
}

/** A share in per cent, with more digits where it is small. */
export function percent(part: number, whole: number): string {
  const value = whole === 0 ? 0 : (100 * part) / whole;
  return `${value === 0 ? '0' : value >= 10 ? value.toFixed(1) : value >= 0.1 ? value.toFixed(2) : value.toPrecision(1)} %`;
}

/** A share from 0 to 1 in per cent, as short as an axis needs it. */
export function shortPercent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}
