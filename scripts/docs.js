// Rewrites what is made from the source: README's tables of options and the manifest's JSON Schema.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { describe } from '../dist/cli/flags.js';
import { augmentOptions, batchOptions, presets, previewOptions, replayOptions, verifyOptions } from '../dist/options.js';
import { manifestSchema } from '../dist/output/manifest.js';

/** The manifest's JSON Schema as text. */
export function schemaText() {
  return `${JSON.stringify(z.toJSONSchema(manifestSchema), undefined, 2)}\n`;
}

/** README with its generated parts as they have to be. */
export function readmeText(readme) {
  const own = Object.entries(previewOptions).filter(([name]) => !(name in augmentOptions) || name === 'out');
  const batch = Object.entries(batchOptions).filter(([name, option]) => option !== augmentOptions[name]);
  const rest = (options) => table(Object.values(options).filter((option) => !Object.values(augmentOptions).includes(option)));
  const parts = {
    verify: rest(verifyOptions),
    replay: rest(replayOptions),
    augment: table(Object.values(augmentOptions)),
    preview: table(own.map(([, option]) => option)),
    batch: table(batch.map(([flag, option]) => ({ ...option, flag }))),
    presets: presetTable(),
  };
  return Object.entries(parts).reduce(
    (text, [name, part]) =>
      text.replace(new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- end -->)`), (_, begin, end) => `${begin}${part}\n${end}`),
    readme,
  );
}

const cell = (text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

function table(options) {
  return ['| option | meaning |', '| --- | --- |', ...options.map((option) => `| \`${option.flag}\` | ${cell(describe(option))} |`)].join(
    '\n',
  );
}

function presetTable() {
  const names = [...new Set(Object.values(presets).flatMap(Object.keys))];
  const show = (value) => (Array.isArray(value) ? value.join(',') : String(value));
  const value = (preset, name) => show(presets[preset][name] ?? augmentOptions[name].default);
  const columns = Object.keys(presets);
  return [
    `| | ${columns.map((name) => `\`${name}\``).join(' | ')} |`,
    `| --- |${' --- |'.repeat(columns.length)}`,
    ...names.map(
      (name) => `| \`${augmentOptions[name].flag.replace(/ <.*/, '')}\` | ${columns.map((preset) => value(preset, name)).join(' | ')} |`,
    ),
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync('manifest.schema.json', schemaText());
  writeFileSync('README.md', readmeText(readFileSync('README.md', 'utf8')));
}
