/// <reference lib="dom" />
import * as Plot from '@observablehq/plot';
import { gridSize, type PageClass, type Spread, sizeBins } from '../src/output/page-data.ts';
import { count, h, percent, shortPercent } from './dom.ts';

/** Largest number of classes in a chart. */
const mostBars = 40;

/** Longest label of a class in characters. */
const longestLabel = 18;

/** Place of a number at the end of its bar. */
const besideBar = { textAnchor: 'start', dx: 4, fill: 'currentColor' } as const;

/** A chart with its title. @param alt what it shows, for readers who do not see it. */
function figure(title: string, alt: string, draw: (width: number) => ReturnType<typeof Plot.plot>, note?: string): HTMLElement {
  const place = h('div', { class: 'chart' });
  const result = h('figure', {}, h('figcaption', {}, title), place, note !== undefined && h('p', { class: 'note' }, note));
  let last = 0;
  new ResizeObserver(() => {
    const width = Math.floor(place.clientWidth);
    if (width === last || width === 0) return;
    last = width;
    const chart = draw(width);
    const svg = chart instanceof SVGElement ? chart : chart.querySelector('svg:last-of-type');
    svg?.setAttribute('role', 'img');
    svg?.setAttribute('aria-label', alt);
    // Names of parts of an image are not allowed.
    for (const part of svg?.querySelectorAll('[aria-label]') ?? []) part.removeAttribute('aria-label');
    place.replaceChildren(chart);
  }).observe(place);
  return result;
}

/** Bars of two numbers of each class. */
interface Pair {
  readonly title: string;
  readonly kinds: readonly [first: string, second: string];
  readonly colours: readonly [string, string];
  readonly of: (one: PageClass) => readonly [number, number];
  /** Text of a number beside the axis. */
  readonly format: (n: number) => string;
  /** True if the second number adds to the first. */
  readonly stacked: boolean;
}

/** A chart of two bars for each class, which follow one another or lie below one another. */
export function bars(classes: readonly PageClass[], { title, kinds, colours, of, format, stacked }: Pair): HTMLElement {
  const some = classes.slice(0, mostBars);
  const label = new Map(some.map((one) => [one.id, shortened(one.name)]));
  const rows = some.flatMap((one) => kinds.map((kind, n) => ({ id: one.id, kind, n: of(one)[n] as number })));
  const alt = `${title}. ${some.map((one) => `${one.name}: ${kinds.map((kind, n) => `${format(of(one)[n] as number)} ${kind}`).join(', ')}`).join('; ')}.`;
  const note = classes.length > some.length ? `The chart has ${some.length} of ${classes.length} classes; the table has all.` : undefined;
  const most = Math.max(0, ...some.map((one) => (stacked ? of(one)[0] + of(one)[1] : Math.max(...of(one)))));
  const text = (one: PageClass): string =>
    kinds
      .map((_, n) => format(of(one)[n] as number))
      .filter((_, n) => n === 0 || of(one)[n] !== 0)
      .join(' + ');
  const ends = stacked
    ? Plot.text(some, { x: (one: PageClass) => of(one)[0] + of(one)[1], y: 'id', text, ...besideBar })
    : Plot.text(rows, { x: 'n', y: 'kind', fy: 'id', text: ({ n }: { n: number }) => format(n), ...besideBar });
  const value = { domain: [0, most || 1], label: null, tickFormat: format, grid: true };
  const draw = (width: number) =>
    Plot.plot({
      width,
      height: some.length * (stacked ? 20 : 36) + 40,
      marginLeft: 124,
      marginRight: stacked ? 96 : 56,
      x: { ...value, ticks: width < 480 ? 2 : 4 },
      color: { domain: kinds, range: colours },
      ...(stacked
        ? { y: { domain: some.map(({ id }) => id), tickFormat: (id: number) => label.get(id) ?? '', label: null, tickSize: 0 } }
        : {
            y: { domain: kinds, axis: null },
            fy: {
              domain: some.map(({ id }) => id),
              tickFormat: (id: number) => label.get(id) ?? '',
              label: null,
              axis: 'left',
              padding: 0.2,
            },
          }),
      marks: [
        Plot.barX(rows, stacked ? { x: 'n', y: 'id', fill: 'kind' } : { x: 'n', y: 'kind', fy: 'id', fill: 'kind' }),
        ends,
        Plot.ruleX([0]),
      ],
    });
  const result = figure(title, alt, draw, note);
  result.querySelector('figcaption')?.append(key(kinds, colours));
  return result;
}

/** Names of the colours of a chart. */
function key(kinds: readonly string[], colours: readonly string[]): HTMLElement {
  return h(
    'span',
    { class: 'key' },
    ...kinds.map((kind, n) => h('span', {}, h('i', { class: 'swatch', style: `background:${colours[n]}` }), kind)),
  );
}

/** Two maps of places side by side: of the pastes, and of the data if that is known. */
export function maps(pastes: Spread, data: Spread | undefined, aspect: number): HTMLElement {
  const share = ({ places, instances }: Spread): number => (instances === 0 ? 0 : Math.max(...places) / instances);
  const darkest = Math.max(share(pastes), data ? share(data) : 0) || 1;
  const map = (title: string, spread: Spread, colour: string): HTMLElement => {
    const cells = spread.places.map((n, i) => ({ x: i % gridSize, y: Math.floor(i / gridSize), n }));
    const alt = `${title}: ${count(spread.instances)} instances. ${densest(spread)}`;
    const draw = (width: number) =>
      Plot.plot({
        width,
        height: Math.round(Math.min(width / aspect, 1.5 * width)),
        margin: 1,
        axis: null,
        x: { domain: range(gridSize), padding: 0, round: false },
        y: { domain: range(gridSize), padding: 0, round: false },
        marks: [
          Plot.cell(cells, {
            x: 'x',
            y: 'y',
            fill: colour,
            fillOpacity: ({ n }: { n: number }) => strength(n / Math.max(spread.instances, 1) / darkest),
            shapeRendering: 'crispEdges',
          }),
          Plot.frame({ stroke: 'currentColor', strokeOpacity: 0.4 }),
        ],
      });
    return figure(`${title} (${count(spread.instances)})`, alt, draw, densest(spread));
  };
  return h(
    'div',
    { class: 'pair' },
    map('Where instances were pasted', pastes, 'var(--paste)'),
    data ? map('Where they are in the data', data, 'var(--data)') : undefined,
  );
}

/** Share of the cells touched by boxes that are in the lower half of the image, from 0 to 1. */
export function shareBelow({ places }: Spread): number {
  const total = (cells: readonly number[]): number => cells.reduce((all, n) => all + n, 0);
  return total(places.slice(places.length / 2)) / Math.max(total(places), 1);
}

/** Sentence on the cell that the most instances touch. */
function densest({ places, instances }: Spread): string {
  if (instances === 0) return 'None.';
  const n = places.indexOf(Math.max(...places));
  const middle = (cell: number): string => `${Math.round((100 * (cell + 0.5)) / gridSize)} %`;
  return `Densest ${middle(n % gridSize)} from the left and ${middle(Math.floor(n / gridSize))} from the top: the boxes of ${percent(places[n] as number, instances)} of them touch that cell.`;
}

/** A chart of the sizes of pastes and of the data. */
export function sizes(pastes: Spread, data: Spread | undefined): HTMLElement {
  const kinds = ['pasted', ...(data ? ['in the data'] : [])];
  const colours = ['var(--paste)', 'var(--data)'];
  const rows = [pastes, ...(data ? [data] : [])].flatMap((spread, n) =>
    spread.sizes.map((size, bin) => ({ kind: kinds[n] as string, bin, share: size / Math.max(spread.instances, 1) })),
  );
  const used = rows.filter(({ share }) => share > 0).map(({ bin }) => bin);
  const [low, high] = used.length > 0 ? [Math.min(...used), Math.max(...used)] : [0, sizeBins - 1];
  const bins = range(sizeBins).slice(low, high + 1);
  const alt = `Sizes. ${bins
    .map(
      (bin) =>
        `${binName(bin)} % of the image: ${rows
          .filter((row) => row.bin === bin)
          .map(({ kind, share }) => `${percent(share, 1)} ${kind}`)
          .join(', ')}`,
    )
    .join('; ')}.`;
  const draw = (width: number) =>
    Plot.plot({
      width,
      height: 266,
      marginLeft: 48,
      marginBottom: 54,
      x: { domain: kinds, axis: null },
      fx: {
        domain: bins,
        label: 'area, in % of the image',
        tickFormat: labelsFor(bins, width - 48),
        padding: 0.15,
        axis: 'bottom',
      },
      y: { label: 'share of instances', grid: true, tickFormat: shortPercent, ticks: 5 },
      color: { domain: kinds, range: colours },
      marks: [
        Plot.barY(
          rows.filter(({ bin }) => bins.includes(bin)),
          { x: 'kind', fx: 'bin', y: 'share', fill: 'kind' },
        ),
        Plot.ruleY([0]),
      ],
    });
  const result = figure('Sizes of instances', alt, draw, 'Each pair of bars holds areas from its label up to twice that.');
  result.querySelector('figcaption')?.append(key(kinds, colours));
  return result;
}

/** A chart with a row of sizes for each class, of the pastes or of the data. */
export function sizesByClass(
  classes: readonly PageClass[],
  title: string,
  colour: string,
  of: (one: PageClass) => Spread | undefined,
): HTMLElement | undefined {
  const some = classes.filter((one) => (of(one)?.instances ?? 0) > 0).slice(0, mostBars);
  if (some.length === 0) return undefined;
  const rows = some.flatMap((one) => {
    const { sizes, instances } = of(one) as Spread;
    return sizes.map((n, bin) => ({ id: one.id, bin, share: n / instances })).filter(({ share }) => share > 0);
  });
  const label = new Map(some.map((one) => [one.id, shortened(one.name)]));
  const most = (one: PageClass): string => {
    const { sizes } = of(one) as Spread;
    return `${one.name}: most often ${binName(sizes.indexOf(Math.max(...sizes)))} % of the image`;
  };
  const bins = range(sizeBins).filter(
    (bin) => bin >= Math.min(...rows.map((row) => row.bin)) && bin <= Math.max(...rows.map((row) => row.bin)),
  );
  const draw = (width: number) =>
    Plot.plot({
      width,
      height: some.length * 20 + 70,
      marginLeft: 124,
      marginBottom: 54,
      x: {
        domain: bins,
        label: 'area, in % of the image',
        tickFormat: labelsFor(bins, width - 124),
      },
      y: { domain: some.map(({ id }) => id), tickFormat: (id: number) => label.get(id) ?? '', label: null, tickSize: 0 },
      marks: [
        Plot.cell(rows, { x: 'bin', y: 'id', fill: colour, fillOpacity: ({ share }: { share: number }) => strength(share), inset: 0.5 }),
      ],
    });
  return figure(title, `${title}. ${some.map(most).join('; ')}.`, draw);
}

/** Opacity of a cell for a share from 0 to 1: its square root, so that small shares can be seen. */
function strength(share: number): number {
  return Math.sqrt(share);
}

/** Sum of spreads. */
export function sum(spreads: readonly Spread[]): Spread {
  const add = (lists: readonly (readonly number[])[], length: number): number[] =>
    range(length).map((n) => lists.reduce((total, list) => total + (list[n] as number), 0));
  return {
    instances: spreads.reduce((total, { instances }) => total + instances, 0),
    places: add(
      spreads.map(({ places }) => places),
      gridSize * gridSize,
    ),
    sizes: add(
      spreads.map(({ sizes }) => sizes),
      sizeBins,
    ),
  };
}

/** Smallest area of a bin in per cent of the image; the first bin has none. */
function binName(bin: number): string {
  const least = (n: number): string => `${Number((100 * 2 ** (n - sizeBins)).toPrecision(2))}`;
  return bin === 0 ? `< ${least(1)}` : least(bin);
}

/** Labels of as many bins as there is room for. */
function labelsFor(bins: readonly number[], width: number): (bin: number) => string {
  const step = Math.max(1, Math.ceil((bins.length * 48) / width));
  return (bin) => (bins.indexOf(bin) % step === 0 ? binName(bin) : '');
}

function shortened(name: string): string {
  return name.length > longestLabel ? `${name.slice(0, longestLabel - 1)}…` : name;
}

function range(length: number): number[] {
  return Array.from({ length }, (_, n) => n);
}
