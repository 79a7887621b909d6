// Makes the tables of README and docs/, and the JSON Schemas of manifest and configuration, from the source.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { rate } from '../bench/common.js';
import { describeOption, termOf } from '../dist/cli/flags.js';
import { manPage } from '../dist/cli/man.js';
import { inspectionSchema } from '../dist/engine/inspection.js';
import { layouts } from '../dist/formats/layouts.js';
import * as tables from '../dist/options.js';
import { manifestSchema } from '../dist/output/manifest.js';
import { configSchema } from '../dist/schema.js';

const { augmentOptions, batchOptions, presets } = tables;

/** Text of each file that is generated as a whole, by its path: the JSON Schemas and the manual page. */
export function fileTexts() {
  const schemas = {
    'manifest.schema.json': z.toJSONSchema(manifestSchema),
    'config.schema.json': configSchema(),
    'inspection.schema.json': z.toJSONSchema(inspectionSchema),
  };
  const texts = Object.entries(schemas).map(([path, schema]) => [path, `${JSON.stringify(schema, undefined, 2)}\n`]);
  return { ...Object.fromEntries(texts), 'man/copypaste.1': manPage() };
}

/** Paths of README and the pages of docs/. */
export const pages = [
  'README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** Text of each page by its path, with its generated parts replaced: those between `<!-- NAME -->` and `<!-- end -->`. */
export function pageTexts() {
  const texts = Object.fromEntries(pages.map((page) => [page, readFileSync(page, 'utf8')]));
  for (const [name, part] of Object.entries(generatedParts())) {
    const place = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- end -->)`);
    const [page, ...more] = pages.filter((path) => place.test(texts[path]));
    if (!page || more.length > 0)
      throw new Error(`the table of ${name} needs one place: <!-- ${name} --> and <!-- end --> in README.md or a page of docs/`);
    texts[page] = texts[page].replace(place, (_, begin, end) => `${begin}${part}\n${end}`);
  }
  return texts;
}

/** Generated parts by name: a table of options for each command, and a few others. */
function generatedParts() {
  const commands = Object.entries(tables)
    .filter(([key]) => key.endsWith('Options') && key !== 'batchOptions')
    .map(([key, options]) => [key.replace('Options', ''), options]);
  return {
    ...Object.fromEntries(commands.map(([name, options]) => [name, commandTable(name, options)])),
    batch: table(
      Object.entries(batchOptions)
        .filter(([name, option]) => option !== augmentOptions[name])
        .map(([flag, option]) => ({ ...option, flag })),
    ),
    configuration: table(Object.values(tables.configFlags).map(({ group: _, ...option }) => option)),
    'fields of inspect': fieldTable(z.toJSONSchema(inspectionSchema)),
    presets: presetTable(),
    layouts: layoutTable(),
    ...speedTables(JSON.parse(readFileSync('bench/results.json', 'utf8'))),
    ...Object.fromEntries(layouts.map((layout) => [`layout ${layout.name}`, layoutFacts(layout)])),
  };
}

/** Table of a command's options; options that it shares with `augment` are only named. */
function commandTable(name, options) {
  const isShared = (option) => options !== augmentOptions && Object.values(augmentOptions).includes(option);
  const all = Object.values(options);
  const shared = all.filter(isShared);
  const named = (some) => some.map(({ flag }) => `\`${flag.replace(/ <.*/, '')}\``).join(', ');
  const own = all.filter((option) => !isShared(option));
  const others = Object.values(augmentOptions).filter(
    (option) => !shared.includes(option) && !own.some(({ flag }) => flag.split(' ')[0] === option.flag.split(' ')[0]),
  );
  const text = table(own, `option of \`${name === 'shard' ? 'augment --run' : name}\``);
  if (shared.length === 0) return text;
  const rest =
    shared.length > others.length ? `all options of \`augment\` but ${named(others)}` : `these options of \`augment\`: ${named(shared)}`;
  return `${text}\n\nIt also has ${rest}.`;
}

const cell = (text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

/** Table of options: first those without a group, then each group under its heading. */
function table(options, title = 'option') {
  const rowsOf = (group) =>
    options.filter((option) => option.group === group).map((option) => `| \`${termOf(option)}\` | ${cell(describeOption(option))} |`);
  return [
    `| ${title} | meaning |`,
    '| --- | --- |',
    ...rowsOf(undefined),
    ...tables.groups.flatMap((group) => {
      const rows = rowsOf(group);
      return rows.length > 0 ? [`| **${group}** | |`, ...rows] : [];
    }),
  ].join('\n');
}

/** Table of the fields of a JSON Schema; those that a definition describes stand there once. */
function fieldTable(schema) {
  const rowsOf = ({ properties = {}, required = [] }, path) =>
    Object.entries(properties).flatMap(([name, field]) => {
      const { type, items, description, $ref } = field;
      const list = type === 'array' ? '[]' : '';
      const described = $ref ? schema.$defs[$ref.split('/').at(-1)].description : description;
      const text = `${required.includes(name) ? '' : 'optional: '}${cell(described ?? '')}`;
      return [...(described ? [`| \`${path}${name}\` | ${text} |`] : []), ...rowsOf(items ?? field, `${path}${name}${list}.`)];
    });
  return ['| field | meaning |', '| --- | --- |', ...rowsOf(schema, '')].join('\n');
}

/** Table of the names of layouts: those of masks beside those of objects. */
function layoutTable() {
  const entry = ({ name, docs }) => `[\`${name}\`](docs/formats.md#${name}) | ${docs.title}`;
  const [masks, objects] = [layouts.filter(({ format }) => !format), layouts.filter(({ format }) => format)].map((list) => list.map(entry));
  return [
    '| class masks | | objects | |',
    '| --- | --- | --- | --- |',
    ...Array.from({ length: Math.max(masks.length, objects.length) }, (_, i) => `| ${masks[i] ?? ' | '} | ${objects[i] ?? ' | '} |`),
  ].join('\n');
}

/** Folders of a layout, ids that are not classes, and what happens to its files. */
function layoutFacts({ docs, background, ignore, format }) {
  const facts = {
    folders: docs.folders,
    ...(!format && { background: ranges(background), ignored: ranges(ignore) }),
    rewritten: docs.written,
    kept: docs.carried,
    lost: docs.lost,
  };
  const rows = Object.entries(facts).filter(([, text]) => text !== '–');
  return [`| | ${docs.title} |`, '| --- | --- |', ...rows.map(([name, text]) => `| ${name} | ${text} |`)].join('\n');
}

/** Ids as ranges: `0–6, 255`. */
function ranges(ids) {
  const runs = [];
  for (const id of [...ids].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last?.[1] === id - 1) last[1] = id;
    else runs.push([id, id]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ') || 'none';
}

function presetTable() {
  const names = [...new Set(Object.values(presets).flatMap(({ values }) => Object.keys(values)))];
  const show = (value = '') => (Array.isArray(value) ? value.join(',') : String(value));
  const value = (preset, name) => {
    const { kind, default: usual } = augmentOptions[name];
    const set = presets[preset].values[name] ?? usual;
    return kind === 'switch' ? (set ? 'yes' : '') : show(set);
  };
  const columns = Object.keys(presets);
  return [
    ...columns.map((name) => `- \`${name}\`: ${presets[name].when}`),
    '',
    `| | ${columns.map((name) => `\`${name}\``).join(' | ')} |`,
    `| --- |${' --- |'.repeat(columns.length)}`,
    ...names.map(
      (name) => `| \`${augmentOptions[name].flag.replace(/ <.*/, '')}\` | ${columns.map((preset) => value(preset, name)).join(' | ')} |`,
    ),
  ].join('\n');
}

/** Tables of what the benchmark has measured. */
function speedTables({ kinds, parts, ratios }) {
  const columns = Object.keys(kinds);
  const [base, ...others] = Object.keys(kinds[columns[0]]);
  const perSecond = (row) => row.toFixed(row < 10 ? 1 : 0);
  const beside = (rows, name) => `${perSecond(rate(rows[name]))} (${(rate(rows[base]) / rate(rows[name])).toFixed(2)})`;
  const named = (name) => (name.startsWith('copypaste ') ? `\`${name}\`` : name);
  const head = (titles) => [`| ${titles.join(' | ')} |`, `| --- |${' --- |'.repeat(titles.length - 1)}`];
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  const { samples } = parts.growth;
  const counts = Object.keys(samples).map(Number);
  const more = (from, to) => (samples[to].cpu - samples[from].cpu) / (to - from);
  const count = (n) => n.toLocaleString('en');
  return {
    speed: [
      ...head(['samples per second (time beside the codecs alone)', ...columns]),
      ...[base, ...others].map((name) => `| ${[named(name), ...columns.map((column) => beside(kinds[column], name))].join(' | ')} |`),
    ].join('\n'),
    'speed of parts': [
      ...head(['share of the processor time', ...columns]),
      ...Object.entries({ kernel: 'kernel', instances: 'finding instances', mainThread: 'main thread' }).map(
        ([key, name]) => `| ${[name, ...columns.map((column) => percent(parts[column][key]))].join(' | ')} |`,
      ),
    ].join('\n'),
    'speed of short runs': [
      ...head(['processor time of short runs', 'ratio']),
      ...Object.entries(ratios).map(([name, ratio]) => `| ${name} | ${ratio.toFixed(2)} |`),
    ].join('\n'),
    'speed by samples': [
      ...head(['samples', 'processor time of one sample more', 'peak memory']),
      ...counts.slice(1).map((to, n) => {
        const time = (more(counts[n], to) / more(counts[0], counts[1])).toFixed(2);
        return `| ${count(counts[n])} to ${count(to)} | ${time} | ${samples[to].mb} MB |`;
      }),
    ].join('\n'),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of Object.entries({ ...fileTexts(), ...pageTexts() })) writeFileSync(path, text);
}
