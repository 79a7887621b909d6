/// <reference lib="dom" />
import type { PageClass, PagePaste, PageSample, Picture } from '../src/output/page-data.ts';
import { count, h, percent, plural, svg, table } from './dom.ts';
import { describeSource, lookOf } from './words.ts';

type Classes = ReadonlyMap<number, PageClass>;

/** A card of one sample. */
export interface Card {
  readonly element: HTMLElement;
  /** Lets the pastes of a class stand out; all if it is absent. */
  mark(classId: number | undefined): void;
}

/** Makes a card of one sample: its pictures before and after, its masks, the outlines of its pastes, and its source. */
export function createCard(sample: PageSample, classes: Classes): Card {
  const { id, variant, width, height, before, after, from, pastes } = sample;
  const nameOf = (paste: { readonly classId: number }): string => classes.get(paste.classId)?.name ?? `class ${paste.classId}`;
  const title = `${id}${variant === undefined ? '' : `, variant ${variant}`}`;
  const hint = `Point at or tap a paste, or move to it with Tab and the arrow keys, to see its numbers${from ? ' and where it comes from' : ''}.`;
  const details = h('p', { class: 'details', 'aria-live': 'polite' }, hint);
  const outlines = pastes.map((paste) => outlineOf(paste.outline ?? boxPath(paste, sample), after));
  const origins = pastes.map(({ sourceOutline }) => from !== undefined && sourceOutline !== undefined && outlineOf(sourceOutline, from));
  const show = (shown: number | undefined): void => {
    for (const [n, outline] of outlines.entries()) {
      outline.classList.toggle('active', n === shown);
      const origin = origins[n];
      if (origin) origin.classList.toggle('hidden', shown !== undefined && n !== shown);
    }
    const paste = shown === undefined ? undefined : pastes[shown];
    details.replaceChildren(paste ? describePaste(paste, nameOf(paste), sample) : hint);
  };
  for (const [n, outline] of outlines.entries()) {
    outline.addEventListener('mouseenter', () => show(n));
    outline.addEventListener('mouseleave', () => show(undefined));
    outline.addEventListener('click', () => show(n));
  }
  const area = (n: number): number => pastes[n]?.area ?? 0;
  const largestFirst = [...outlines.keys()].sort((a, b) => area(b) - area(a)).map((n) => outlines[n]);
  const stage = h(
    'div',
    { class: 'stage', style: `aspect-ratio:${width}/${height};--cut:0%` },
    h('img', { src: after.image, alt: `${title} after pasting`, class: 'after' }),
    h('img', { src: after.mask, alt: '', class: 'mask after' }),
    before && h('img', { src: before.image, alt: `${title} before pasting`, class: 'before' }),
    before && h('img', { src: before.mask, alt: '', class: 'mask before' }),
    before && h('div', { class: 'cut', 'aria-hidden': 'true' }),
    before && h('div', { class: 'before', 'aria-hidden': 'true' }, h('span', { class: 'side' }, 'before')),
    before && h('div', { class: 'after', 'aria-hidden': 'true' }, h('span', { class: 'side' }, 'after')),
    svg('svg', { class: 'pastes after', 'aria-hidden': 'true', ...frameOf(after) }, ...largestFirst),
    group(id, boxes(sample, nameOf, show)),
  );
  const slider = h('input', {
    class: 'slider',
    type: 'range',
    min: 0,
    max: 100,
    value: 0,
    'aria-label': `Line between before and after in ${title}`,
    'aria-valuetext': '0 % before',
    oninput: () => {
      slider.setAttribute('aria-valuetext', `${slider.value} % before`);
      stage.style.setProperty('--cut', `${slider.value}%`);
    },
  });
  const element = h(
    'article',
    { class: 'sample' },
    h('h3', {}, title),
    h('p', { class: 'note' }, `${plural(pastes.length, 'paste')} from ${describeSource(sample.source)}${effects(sample)}`),
    stage,
    before &&
      h('div', { class: 'ends' }, h('span', { 'aria-hidden': 'true' }, 'after'), slider, h('span', { 'aria-hidden': 'true' }, 'before')),
    h('div', { class: 'origin' }, from && sourceOf(from, origins, sample.source), details),
    legend(sample, classes),
    h('details', {}, h('summary', {}, 'Pastes as a table'), pasteTable(sample, nameOf)),
  );
  return {
    element,
    mark(classId) {
      for (const [n, paste] of pastes.entries()) outlines[n]?.classList.toggle('faint', classId !== undefined && paste.classId !== classId);
    },
  };
}

/** Attributes of an element of SVG that lies over a picture. */
function frameOf({ width, height }: Picture) {
  return { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none' };
}

let outlinesMade = 0;

/** A line around a silhouette, light inside dark, of which only the outside is drawn; it can be pointed at inside and a little beside. */
function outlineOf(path: string, { width, height }: Picture): SVGGElement {
  const id = `outside-${outlinesMade++}`;
  const line = (name: string): SVGPathElement => svg('path', { class: name, d: path });
  return svg(
    'g',
    { class: 'outline' },
    svg('clipPath', { id }, svg('path', { 'clip-rule': 'evenodd', d: `M0 0H${width}V${height}H0z${path}` })),
    line('reach'),
    svg('g', { 'clip-path': `url(#${id})` }, line('dark'), line('light')),
  );
}

/** The box of a paste as a path, for a report without the source. */
function boxPath({ targetBox }: PagePaste, { width, height, after }: PageSample): string {
  const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = targetBox.map((edge, n) =>
    n % 2 === 0
      ? (Math.min(Math.max(edge, 0), width) * after.width) / width
      : (Math.min(Math.max(edge, 0), height) * after.height) / height,
  );
  return `M${x0} ${y0}H${x1}V${y1}H${x0}z`;
}

/** The source with the outlines of what was taken from it. */
function sourceOf(from: Picture, origins: readonly (SVGGElement | false)[], source: string): HTMLElement {
  const { width, height, image } = from;
  return h(
    'figure',
    { class: 'source' },
    h(
      'div',
      { style: `aspect-ratio:${width}/${height}` },
      h('img', { src: image, alt: `Source ${describeSource(source)}` }),
      svg('svg', { 'aria-hidden': 'true', ...frameOf(from) }, ...origins),
    ),
    h('figcaption', {}, 'source'),
  );
}

/** Other effects on a sample, as the end of a sentence. */
function effects({ covered, removed, dropped, moved }: PageSample): string {
  return [
    covered > 0 ? `; ${plural(covered, 'existing object')} partly covered` : '',
    removed > 0 ? `; ${plural(removed, 'existing object')} removed` : '',
    dropped.length > 0 ? `; ${plural(dropped.length, 'instance')} drawn but not pasted` : '',
    moved ? '; the whole scene was moved and scaled' : '',
  ].join('');
}

/** Buttons over the pastes of a sample, in their order, for the keyboard. */
function boxes(
  { pastes, width, height }: PageSample,
  nameOf: (paste: PagePaste) => string,
  show: (paste: number | undefined) => void,
): HTMLButtonElement[] {
  return pastes.map((paste, n) => {
    const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = paste.targetBox;
    const [left, top, right, bottom] = [Math.max(x0, 0), Math.max(y0, 0), Math.min(x1, width), Math.min(y1, height)];
    const place = `left:${(100 * left) / width}%;top:${(100 * top) / height}%;width:${(100 * (right - left)) / width}%;height:${(100 * (bottom - top)) / height}%`;
    return h('button', {
      type: 'button',
      class: 'box',
      style: place,
      'aria-label': `${paste.order}: ${nameOf(paste)}`,
      tabindex: n === 0 ? 0 : -1,
      onfocus: () => show(n),
      onblur: () => show(undefined),
    });
  });
}

/** A group of buttons. One of them is in the order of Tab, and arrow keys move to the others. */
function group(id: string, buttons: readonly HTMLButtonElement[]): HTMLElement {
  const move = (event: Event): void => {
    const { key } = event as KeyboardEvent;
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
    const at = buttons.indexOf(event.target as HTMLButtonElement);
    if (step === undefined || at < 0) return;
    event.preventDefault();
    const next = buttons[(at + step + buttons.length) % buttons.length];
    for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
    next?.focus();
  };
  return h('div', { class: 'boxes', role: 'group', 'aria-label': `Pastes in ${id}`, onkeydown: move }, ...buttons);
}

/** Numbers of a paste in words. */
function describePaste(paste: PagePaste, name: string, { source, width, height }: PageSample): HTMLElement {
  const { order, scale, area, visible, sourceBox, targetBox } = paste;
  const covered = visible < area ? `, ${count(visible)} of them visible` : '';
  return h(
    'span',
    {},
    h('b', {}, `${order}: ${name}`),
    ` from ${describeSource(source)}, box ${boxText(sourceBox)} → ${boxText(targetBox)}; ${scale.toFixed(2)} times its size${lookOf(paste)}; `,
    `${count(area)} pixels (${percent(area, width * height)} of the image)${covered}`,
  );
}

function pasteTable({ pastes, source }: PageSample, nameOf: (paste: PagePaste) => string): HTMLElement {
  return table(
    `Pastes from ${describeSource(source)}`,
    ['class', 'box in the source', 'box here', 'scale', 'look', 'pixels', 'visible'],
    pastes.map((paste) => [
      `${paste.order}: ${nameOf(paste)}`,
      boxText(paste.sourceBox),
      boxText(paste.targetBox),
      paste.scale.toFixed(2),
      lookOf(paste).replace(/^, /, '') || 'as in the source',
      count(paste.area),
      count(paste.visible),
    ]),
    [3, 5, 6],
  );
}

/** Names of the colours of a sample's masks; classes that were pasted come first. */
function legend({ classes: ids, pastes }: PageSample, classes: Classes): HTMLElement {
  const pasted = new Map<number, number>();
  for (const { classId } of pastes) pasted.set(classId, (pasted.get(classId) ?? 0) + 1);
  const all = [...new Set([...pasted.keys(), ...ids])];
  return h(
    'ul',
    { class: 'legend', 'aria-label': 'Colours of the masks' },
    ...all.map((id) => {
      const n = pasted.get(id) ?? 0;
      const name = classes.get(id)?.name ?? `class ${id}`;
      return h(
        'li',
        { class: n > 0 ? 'pasted' : undefined },
        h('i', { class: 'swatch', style: `background:${classes.get(id)?.colour}` }),
        n > 0 ? `${name} (${n} pasted)` : name,
      );
    }),
  );
}

function boxText(box: readonly number[]): string {
  return `[${box.join(', ')}]`;
}
