/// <reference lib="dom" />
import type { PageClass, PageData, PageSample, Spread } from '../src/output/page-data.ts';
import { byNumber, dropWords, passWords, reasonsInWords } from '../src/output/reasons.ts';
import type { DropReason } from '../src/types.ts';
import { bars, maps, shareBelow, sizes, sizesByClass, sum } from './charts.ts';
import { count, h, percent, plural, shortPercent, table } from './dom.ts';
import { type Card, createCard } from './gallery.ts';
import { classesIn, samplesIn, type View } from './view.ts';

const data: PageData = JSON.parse(document.getElementById('data')?.textContent ?? '');
const classes = new Map(data.classes.map((one) => [one.id, one]));

const cards = new Map<PageSample, Card>();

/** Largest number of classes that a sentence names. */
const mostNames = 12;

let view: View = { order: 'rare', search: '' };

const sections = [
  { id: 'classes', title: 'Classes', make: classSection },
  { id: 'places', title: 'Places', make: placeSection },
  { id: 'sizes', title: 'Sizes', make: sizeSection },
  { id: 'left-out', title: 'Left out', make: leftOutSection },
  { id: 'samples', title: 'Samples', make: sampleSection },
  { id: 'making', title: 'How it was made', make: makingSection },
] as const;

/** Bodies of the sections that follow the view. */
const bodies = new Map(sections.map(({ id }) => [id, h('div')]));

function show(change: Partial<View>): void {
  view = { ...view, ...change };
  const focused = (document.activeElement as HTMLElement | null)?.dataset.class;
  for (const { id, make } of sections) if (id !== 'making' && id !== 'left-out') bodies.get(id)?.replaceChildren(...make());
  const shown = samplesIn(data, view).length;
  status.textContent = `${plural(shown, 'sample')} of ${data.shown.length} shown`;
  classChoice.value = view.classId === undefined ? '' : String(view.classId);
  searchField.value = view.search;
  // The table of classes is made anew, with the button that was pressed.
  if (focused !== undefined) document.querySelector<HTMLElement>(`[data-class="${focused}"]`)?.focus();
}

const status = h('p', { role: 'status', class: 'status' });
const classChoice = h(
  'select',
  { id: 'class', onchange: () => show({ classId: classChoice.value === '' ? undefined : Number(classChoice.value) }) },
  h('option', { value: '' }, 'all classes'),
  ...data.classes
    .filter(({ leftOut }) => !leftOut)
    .sort((a, b) => a.name.localeCompare(b.name))
    .map((one) => h('option', { value: one.id }, `${one.name} (${one.pasted} pasted)`)),
);
const searchField = h('input', {
  id: 'search',
  type: 'search',
  placeholder: 'sample, source or class',
  oninput: () => show({ search: searchField.value }),
});
const orderChoice = h(
  'select',
  { id: 'order', onchange: () => show({ order: orderChoice.value as View['order'] }) },
  h('option', { value: 'rare' }, 'rarest class first'),
  h('option', { value: 'common' }, 'most first'),
  h('option', { value: 'name' }, 'by name'),
);

document.body.append(
  h('a', { class: 'skip', href: '#samples' }, 'Go to the samples'),
  h(
    'header',
    {},
    h('h1', {}, 'What copypaste did to ', h('span', { class: 'name' }, data.name)),
    ...inShort(),
    h('nav', { 'aria-label': 'Parts of this page' }, ...sections.map(({ id, title }) => h('a', { href: `#${id}` }, title))),
  ),
  h(
    'form',
    { class: 'filters', 'aria-label': 'Filters', role: 'search', onsubmit: (event: Event) => event.preventDefault() },
    h('label', { for: 'class' }, 'Class'),
    classChoice,
    h('label', { for: 'search' }, 'Search'),
    searchField,
    h('label', { for: 'order' }, 'Order'),
    orderChoice,
    h('button', { type: 'button', onclick: () => show({ classId: undefined, search: '' }) }, 'Clear'),
    status,
  ),
  h(
    'main',
    {},
    ...sections.map(({ id, title, make }) => {
      const body = bodies.get(id) as HTMLElement;
      if (id === 'making' || id === 'left-out') body.append(...make());
      return h('section', { 'aria-labelledby': id }, h('h2', { id, tabindex: -1 }, title), body);
    }),
  ),
);
show({});

/** The most important numbers, as sentences and as tiles. */
function inShort(): HTMLElement[] {
  const { samples, augmented, pasted, sources, otherSources, dropped, removed, covered, copied } = data;
  const refused = total(dropped);
  const withOriginals = data.options.some(({ flag, chosen }) => flag === '--include-originals' && chosen);
  const used = data.classes.filter((one) => one.pasted > 0);
  const most = [...used].sort((a, b) => b.pasted - a.pasted).slice(0, 3);
  const from = otherSources ? `${plural(sources, 'sample')} of another data set` : plural(sources, 'sample');
  const sentences = [
    augmented === 0
      ? `Nothing was pasted into any of ${plural(samples, 'sample')}.`
      : `Of ${plural(samples, 'sample')}, ${count(augmented)} ${augmented === 1 ? 'was' : 'were'} pasted into: ${plural(pasted, 'instance')} of ${plural(used.length, 'class', 'classes')}, taken from ${from}.`,
    most.length > 0 ? `Most often: ${most.map((one) => `${one.name} (${count(one.pasted)})`).join(', ')}.` : '',
    ...(pasted > 0 ? [placesInShort(used), changesInShort()] : []),
    refused > 0
      ? `${plural(refused, 'instance')} that chance had drawn did not fit and ${refused === 1 ? 'was' : 'were'} not pasted: ${reasonsInWords(dropped, dropWords)}.`
      : '',
    covered + removed > 0
      ? `Pastes cover ${plural(covered + removed, 'existing object')}; ${removed === 0 ? 'none' : count(removed)} of them had too little left and ${removed > 1 ? 'were' : 'was'} removed.`
      : '',
    copied > 0
      ? `${plural(copied, 'more sample')} ${copied === 1 ? 'was' : 'were'} copied as ${copied === 1 ? 'it is' : 'they are'}: ${withOriginals ? 'originals, or samples of other splits' : `${copied === 1 ? 'a sample' : 'samples'} of ${copied === 1 ? 'another split' : 'other splits'}`}.`
      : '',
    data.skipped.count > 0 ? `${plural(data.skipped.count, 'bad sample')} ${data.skipped.count === 1 ? 'was' : 'were'} left out.` : '',
  ];
  const tiles: [string, string][] = [
    ['samples', count(samples)],
    ['pasted into', `${count(augmented)} (${percent(augmented, samples)})`],
    ['instances pasted', count(pasted)],
    ['classes pasted', count(used.length)],
    ['drawn, not pasted', count(refused)],
  ];
  return [
    h('p', { class: 'lead' }, sentences.filter((one) => one !== '').join(' ')),
    h('dl', { class: 'tiles' }, ...tiles.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value)))),
  ];
}

/** Sentence on the heights of pastes in the image, beside those of the data. */
function placesInShort(used: readonly PageClass[]): string {
  const below = (spread: Spread): string => `${Math.round(100 * shareBelow(spread))} %`;
  const pastes = below(sum(used.map((one) => one.pastes)));
  const there = data.measured ? ` and ${below(sum(used.flatMap((one) => one.data ?? [])))} of the same classes in the data` : '';
  return `By the area of their boxes, about ${pastes} of the pastes${there} lie in the lower half of the image.`;
}

/** Sentence on the classes whose share of the pixels changed most. */
function changesInShort(): string {
  const gain = (one: PageClass): number => one.after - one.before;
  const sorted = data.classes.filter((one) => !one.leftOut).sort((a, b) => gain(b) - gain(a));
  const told = (some: readonly PageClass[]): string =>
    some.map((one) => `${one.name} (${percent(one.before, data.pixels)} → ${percent(one.after, data.pixels)})`).join(', ');
  const gained = sorted.filter((one) => gain(one) > 0).slice(0, 2);
  const lost = sorted.filter((one) => gain(one) < 0).slice(-1);
  return [gained.length > 0 ? `Most pixels gained: ${told(gained)}.` : '', lost.length > 0 ? `Most lost: ${told(lost)}.` : '']
    .join(' ')
    .trim();
}

function classSection(): HTMLElement[] {
  const rows = classesIn(data, view);
  const name = (one: PageClass): HTMLElement =>
    h(
      'button',
      {
        type: 'button',
        class: 'link',
        'data-class': one.id,
        'aria-pressed': view.classId === one.id,
        onclick: () => show({ classId: view.classId === one.id ? undefined : one.id }),
      },
      h('i', { class: 'swatch', style: `background:${one.colour}` }),
      one.name,
    );
  const here = data.otherSources ? 'in the sources' : 'in the data';
  return [
    h(
      'div',
      { class: 'pair' },
      bars(rows, {
        title: 'Instances',
        kinds: [here, 'pasted'],
        colours: ['var(--data)', 'var(--paste)'],
        of: (one) => [one.instances, one.pasted],
        format: count,
        stacked: true,
      }),
      bars(rows, {
        title: 'Share of the pixels of samples that were pasted into',
        kinds: ['before', 'after'],
        colours: ['var(--data)', 'var(--after)'],
        of: (one) => [share(one.before), share(one.after)],
        format: shortPercent,
        stacked: false,
      }),
    ),
    table(
      'Classes before and after',
      [
        'class',
        `instances ${here}`,
        'pasted',
        'together',
        'samples pasted into',
        'pixels before',
        'pixels after',
        'share before',
        'share after',
        'drawn, not pasted',
      ],
      rows.map((one) => [
        name(one),
        count(one.instances),
        count(one.pasted),
        `${count(one.instances + one.pasted)}${one.instances > 0 && one.pasted > 0 ? ` (+${percent(one.pasted, one.instances)})` : ''}`,
        count(one.samples),
        count(one.before),
        count(one.after),
        percent(one.before, data.pixels),
        percent(one.after, data.pixels),
        count(total(one.dropped)),
      ]),
      [1, 2, 3, 4, 5, 6, 7, 8, 9],
    ),
    h('p', { class: 'note' }, notesOnClasses(here)),
  ];
}

function notesOnClasses(here: string): string {
  const counted = data.otherSources
    ? 'Instances in the sources count once for each batch that read them.'
    : `Instances ${here} are those of the samples that were read as sources.`;
  const lost = data.removed > 0 ? ` Pastes removed ${plural(data.removed, 'existing object')}, which the table still counts.` : '';
  return `${counted}${lost} Pixels are those of the ${plural(data.augmented, 'sample')} that ${data.augmented === 1 ? 'was' : 'were'} pasted into. Choose a class to see only that one.`;
}

function share(pixels: number): number {
  return data.pixels === 0 ? 0 : pixels / data.pixels;
}

function measuredNote(): string {
  const { measured, noBefore = '' } = data;
  if (!measured) return noBefore;
  return measured.samples === measured.of
    ? `The data are all ${plural(measured.of, 'sample')} before pasting.`
    : `The data are ${count(measured.samples)} of ${plural(measured.of, 'sample')} before pasting, chosen by chance.`;
}

/** Pastes and data of the classes that are shown; those that were pasted, if any. */
function spreads() {
  const all = classesIn(data, view);
  const pasted = all.filter((one) => one.pasted > 0);
  const some = pasted.length > 0 ? pasted : all;
  const pastes = sum(some.map((one) => one.pastes));
  return { some, pastes, ...(data.measured && { data: sum(some.flatMap((one) => one.data ?? [])) }) };
}

function placeSection(): HTMLElement[] {
  const { some, pastes, data: there } = spreads();
  return [
    h(
      'p',
      {},
      `The stronger a cell of the image, the larger the share of the instances whose box touches it${there ? '; both maps share one scale' : ''}. ${chosen(some)}`,
    ),
    maps(pastes, there, data.aspect),
    h('p', { class: 'note' }, measuredNote()),
  ];
}

function sizeSection(): HTMLElement[] {
  const { some, pastes, data: there } = spreads();
  const byClass = [
    sizesByClass(some, 'Sizes of pastes by class', 'var(--paste)', (one) => one.pastes),
    sizesByClass(some, 'Sizes in the data by class', 'var(--data)', (one) => one.data),
  ].filter((one) => one !== undefined);
  return [
    h('p', {}, chosen(some)),
    sizes(pastes, there),
    h('div', { class: 'pair' }, ...byClass),
    h('p', { class: 'note' }, measuredNote()),
  ];
}

/** Sentence on the classes that charts show. */
function chosen(some: readonly PageClass[]): string {
  const all = data.classes.filter(({ leftOut }) => !leftOut).length;
  if (some.length === all) return 'All classes are shown.';
  if (some.length === 1) return `Only ${some[0]?.name} is shown.`;
  const names = some.length > mostNames ? '' : `: ${some.map(({ name }) => name).join(', ')}`;
  return `${some.length} of ${all} classes are shown${some.every((one) => one.pasted > 0) ? ', those that were pasted' : ''}${names}.`;
}

function leftOutSection(): HTMLElement[] {
  const { dropped, unchanged, skipped } = data;
  const refused = total(dropped);
  const worst = (reason: DropReason): string =>
    data.classes
      .filter((one) => (one.dropped[reason] ?? 0) > 0)
      .sort((a, b) => (b.dropped[reason] ?? 0) - (a.dropped[reason] ?? 0))
      .slice(0, 5)
      .map((one) => `${one.name} (${count(one.dropped[reason] ?? 0)})`)
      .join(', ');
  const pass = byNumber(unchanged);
  return [
    h('h3', {}, 'Instances that were drawn but not pasted'),
    refused === 0
      ? h('p', {}, 'None: every instance that chance drew was pasted.')
      : table(
          `${plural(refused, 'instance')}, by reason`,
          ['reason', 'instances', 'share', 'option', 'most often'],
          byNumber(dropped).map(([reason, n]) => {
            const { words, options } = dropWords[reason];
            return [words, meter(n, Math.max(...Object.values(dropped))), percent(n, refused), options.join(', '), worst(reason)];
          }),
          [2],
        ),
    h('h3', {}, 'Samples without pastes'),
    pass.length === 0
      ? h('p', {}, 'None: every sample was pasted into.')
      : table(
          `${plural(total(unchanged), 'sample')}, by reason`,
          ['reason', 'samples', 'share', 'option'],
          pass.map(([reason, n]) => {
            const { words, options } = passWords[reason];
            return [words, meter(n, Math.max(...pass.map(([, samples]) => samples))), percent(n, data.samples), options.join(', ')];
          }),
          [2],
        ),
    ...(skipped.count === 0
      ? []
      : [
          h('h3', {}, 'Bad samples'),
          table(
            `${plural(skipped.count, 'sample')} that could not be used${skipped.count > skipped.some.length ? `, of which ${skipped.some.length} are listed` : ''}`,
            ['sample', 'reason'],
            skipped.some.map(({ id, reason }) => [id, reason]),
          ),
        ]),
  ];
}

/** A number with a bar, which is full for the largest number of its column. */
function meter(n: number, most: number): HTMLElement {
  return h(
    'span',
    { class: 'meter' },
    h('span', { class: 'bar', style: `width:${((100 * n) / Math.max(most, 1)).toFixed(1)}%` }),
    h('span', {}, count(n)),
  );
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, n) => all + n, 0);
}

/** The card of a sample, which is made once. */
function cardOf(sample: PageSample): HTMLElement {
  const card = cards.get(sample) ?? createCard(sample, classes);
  cards.set(sample, card);
  card.mark(view.classId);
  return card.element;
}

function sampleSection(): HTMLElement[] {
  const some = samplesIn(data, view);
  const toggle = (name: string, label: string): HTMLElement => {
    const box = h('input', {
      type: 'checkbox',
      checked: !document.body.classList.contains(`no-${name}`),
      onchange: () => document.body.classList.toggle(`no-${name}`, !box.checked),
    });
    return h('label', {}, box, label);
  };
  const { shown, augmented, noBefore = 'The slider below a picture shows the sample before pasting, from the left.' } = data;
  if (shown.length === 0) return [h('p', {}, 'No sample was pasted into.')];
  const which =
    shown.length === augmented
      ? `the ${plural(augmented, 'sample')} with pastes`
      : `${count(shown.length)} of ${plural(augmented, 'sample')} with pastes, chosen by chance, some of each class`;
  return [
    h('p', {}, `The page has pictures of ${which}. ${noBefore}`),
    h('p', { class: 'toggles' }, toggle('masks', 'masks'), toggle('outlines', 'outlines of pastes')),
    some.length === 0
      ? h('p', {}, 'No sample matches the filters.')
      : h('div', { class: 'gallery' }, ...some.map((sample) => cardOf(sample))),
  ];
}

function makingSection(): HTMLElement[] {
  const { options, commands, files, version, codecs, input, layout, split, seed } = data;
  const code = (text: string, name: string): HTMLElement =>
    h('pre', { tabindex: 0, role: 'region', 'aria-label': name }, h('code', {}, text));
  const rows = (chosen: boolean) =>
    options.filter((one) => one.chosen === chosen).map(({ flag, value, meaning }) => [flag, value, meaning]);
  const own = rows(true);
  const facts: [string, string][] = [
    ['copypaste', version],
    ['layout', split === '' ? layout : `${layout}, split ${split}`],
    ['seed', String(seed)],
    ['input', `${plural(input.files, 'file')}, ${count(input.bytes)} bytes`],
    ['digest of the names and sizes of the input', input.listing],
    ['digest of the input', input.digest],
    ...Object.entries(codecs).map(([kind, encoder]): [string, string] => [`${kind} files`, encoder]),
  ];
  return [
    h('h3', {}, 'Make it again'),
    h('p', {}, 'The same version makes the same bytes from the manifest and the data:'),
    code(commands.replay, 'Command that makes the output again'),
    h(
      'p',
      {},
      'The run itself, with the options that differ from the defaults; options that only say where the data are, such as --images, are not recorded:',
    ),
    code(commands.augment, 'Command of the run'),
    ...files.flatMap(({ name, text }) => [h('p', {}, `${name}:`), code(text, name)]),
    h('h3', {}, 'Options'),
    own.length === 0
      ? h('p', {}, 'All options have their defaults.')
      : table('Options that were chosen', ['option', 'value', 'meaning'], own),
    h(
      'details',
      {},
      h('summary', {}, 'All other options'),
      table('Options with their defaults', ['option', 'value', 'meaning'], rows(false)),
    ),
    h('h3', {}, 'Versions and digests'),
    h('dl', { class: 'facts' }, ...facts.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value)))),
  ];
}
