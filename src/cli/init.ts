import { realpath, stat, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isInside } from '../base/paths.ts';
import { plural } from '../base/plural.ts';
import { quoted } from '../base/shell.ts';
import { yamlLine } from '../base/yaml.ts';
import type { Dataset } from '../dataset/open.ts';
import { describeUnpasted } from '../dataset/unpasted.ts';
import { readConfiguration } from '../engine/configuration.ts';
import type { ClassRow, Inspection } from '../engine/inspection.ts';
import { measure } from '../engine/measure.ts';
import { withFiles } from '../engine/option-files.ts';
import { CopyPasteError, codeOf, printable, systemMessageOf } from '../errors.ts';
import { layoutNamed } from '../formats/layouts.ts';
import { augmentOptions, configured, type Given, initOptions, keyOf, presets, type Resolved } from '../options.ts';
import { smallestGain } from '../plan/prior.ts';
import { resolveOptions } from '../schema.ts';
import { configName, type Reason } from '../types.ts';
import { inspect } from '../verbs/inspect.ts';
import { commentLines } from './comment.ts';
import { idText } from './dataset.ts';
import { remedies } from './inspect.ts';
import type { Streams } from './streams.ts';
import { tableLines } from './table.ts';
import { withProgress } from './with-progress.ts';

type InitOptions = Resolved<typeof initOptions>;

/** The prior of places of a data set, as far as a preset depends on it. */
type Places = { readonly instances: number; readonly gain: number; readonly used: boolean } | undefined;

/** What is known of a data set. */
interface Known {
  readonly options: InitOptions;
  readonly dataset: Dataset;
  readonly inspection: Inspection;
  readonly places: Places;
}

/** Runs `init`: looks at a data set, and writes a configuration of it that changes nothing until it is edited. */
export async function run(given: Given<typeof initOptions>, streams: Streams): Promise<number> {
  // Standard input can be read only once.
  const read = await withFiles(initOptions, given);
  const options = resolveOptions(initOptions, read);
  if (!options.print) await refuseExisting(options.out);
  const { out, print, ...ofInspection } = read;
  return withProgress({
    given,
    streams,
    run: async (hooks) => {
      let dataset: Dataset | undefined;
      const inspection = await inspect(ofInspection, { ...hooks, opened: (opened) => void (dataset = opened) });
      if (!dataset)
        throw new CopyPasteError(
          'usage',
          `${options.in}: is a bank of objects, not a data set; augment and preview take it with --sources`,
        );
      const places = await placesOf(dataset, options, hooks);
      const known = { options, dataset, inspection, places };
      const text = await configurationOf(known, ofInspection);
      if (!options.print) await write(options.out, text);
      return { known, text };
    },
    tell: async ({ known, text }, say) => {
      const { odd } = known.inspection;
      if (options.print) streams.stdout.write(text);
      else {
        describeKnown(known).forEach(say);
        say(`wrote ${options.out}; edit it, and run ${await previewCommand(known)} to see what it does`);
      }
      if (odd.length > 0) say(`${plural(odd.length, 'possible problem')}: copypaste inspect ${options.in} lists them`);
      return 0;
    },
  });
}

/** Refuses a file that exists. @throws {CopyPasteError} `cannotCreate` */
async function refuseExisting(out: string): Promise<void> {
  if (await stat(out).catch(() => undefined)) throw await exists(out);
}

async function exists(out: string): Promise<CopyPasteError> {
  const configuration = await readConfiguration(out).catch(() => undefined);
  const input = configuration?.settings.get('in')?.value;
  const data = input === undefined ? '' : `, for ${input}`;
  return new CopyPasteError('cannotCreate', `${out} exists already${data}; remove it, or pass --out FILE and then --config FILE`);
}

async function write(out: string, text: string): Promise<void> {
  await writeFile(out, text, { flag: 'wx' }).catch(async (cause: unknown) => {
    if (codeOf(cause) === 'EEXIST') throw await exists(out);
    throw new CopyPasteError('cannotCreate', `--out ${out}: cannot be written: ${systemMessageOf(cause)}; choose another path`, { cause });
  });
}

/** Lines on what was found in a data set. */
function describeKnown(known: Known): string[] {
  const { classes, annotations, pastable } = known.inspection;
  const found = classes.filter(({ leftOut, instances }) => !leftOut && instances > 0).sort((a, b) => b.instances - a.instances);
  const named = found.slice(0, mostListed).map(({ id, name = '', instances }) => `${name === '' ? `class ${id}` : name} ${instances}`);
  const more = found.length > mostListed ? `, and ${found.length - mostListed} more` : '';
  return [
    describe(known),
    `instances by class: ${named.length > 0 ? `${named.join(', ')}${more}` : 'none'}`,
    `usable as pastes by default: ${pastable} of ${annotations}`,
    ...(known.places ? [describePlaces(known.places)] : []),
  ];
}

/** Command that shows what a configuration does. */
async function previewCommand({ options, dataset }: Known): Promise<string> {
  const data = (await liesIn(resolve(dirname(options.out)), dataset)) ? ` ${quoted(options.in)}` : '';
  const config = resolve(options.out) === resolve(configName) ? '' : ` --config ${quoted(options.out)}`;
  return `copypaste preview${data}${config} --out sheet.png`;
}

/** Tests if a folder lies in a data set. */
async function liesIn(folder: string, { root }: Dataset): Promise<boolean> {
  const [real, data] = await Promise.all([folder, root].map((path) => realpath(path).catch(() => path)));
  return isInside(real as string, data as string);
}

/** Measures the prior of places; `undefined` if no instance may be pasted. */
async function placesOf(dataset: Dataset, { instances, join, jobs }: InitOptions, hooks: Parameters<typeof measure>[2]): Promise<Places> {
  const options = resolveOptions(augmentOptions, { in: '.', out: '.', place: 'prior', skipBad: true, instances, join, jobs });
  const { prior } = await measure(dataset, options, hooks?.stop ? { stop: hooks.stop } : {});
  return prior && prior.instances > 0 ? prior : undefined;
}

/** Text of a configuration. @param given options that the configuration keeps. */
async function configurationOf(known: Known, given: Readonly<Record<string, unknown>>): Promise<string> {
  const { options, dataset } = known;
  const folder = options.print ? resolve() : resolve(dirname(options.out));
  const isInData = await liesIn(folder, dataset);
  const from = (path: string): string => posix(relative(folder, resolve(path)) || '.');
  const kept = Object.keys(given)
    .filter((name) => !['in', 'jobs'].includes(name) && configured[name]?.config !== false && given[name] !== undefined)
    .map((name) => [name, options[name as keyof InitOptions]] as const);
  const named = kept.find(([name]) => configured[name]?.kind === 'path');
  if (isInData && named)
    throw new CopyPasteError(
      'usage',
      `--${keyOf(named[0])}: a configuration in the data set sets no path; pass --out with a file elsewhere`,
    );
  const set = async (name: string, value: unknown): Promise<string> => `${keyOf(name)}: ${await yamlLine(value)}`;
  const lines = [
    `# yaml-language-server: $schema=${from(fileURLToPath(new URL('../../config.schema.json', import.meta.url)))}`,
    '#',
    ...commentLines(`Options of copypaste for ${describe(known)}.`),
    '#',
    ...commentLines(
      `copypaste reads this file in the folder where it runs${isInData ? ', or in that of the data set' : ''}; options of the command line override it. Lines such as #p: 0.5 are options to choose from; remove the # to use one. copypaste augment --help describes all.`,
    ),
    '',
    ...(isInData ? [] : [await set('in', from(options.in))]),
    ...(await Promise.all(kept.map(([name, value]) => set(name, configured[name]?.kind === 'path' ? from(String(value)) : value)))),
    ...(isInData && kept.length === 0 ? [] : ['']),
    ...(await presetLines(known)),
    '',
    'seed: 0',
    'copies: 1',
    ...(await suggestions([
      ['p', 0.5],
      ['maxInstances', 5],
    ])),
    '',
    ...(await classLines(known)),
    '',
    ...(await idLines(known)),
    ...(await otherLines(known, isInData)),
  ];
  return `${lines.map(printable).join('\n')}\n`;
}

function posix(path: string): string {
  return isAbsolute(path) ? path : path.split(sep).join('/');
}

/** Layout and number of samples. */
function describe({ options, dataset, inspection: { split, splits } }: Known): string {
  const total = plural(dataset.samples.length, 'sample');
  const others = Object.entries(splits).filter(([name]) => name !== split);
  const rest = others.length > 0 ? `, beside ${others.map(([name, n]) => `${n} of ${name}`).join(', ')}` : '';
  return `${options.in}: ${dataset.layout} layout, ${total}${split === '' ? '' : ` of ${split}`}${rest}`;
}

/** Lines of options to choose from, each with the beginning of its description. */
async function suggestions(rows: readonly (readonly [name: string, value: unknown, why?: string])[]): Promise<string[]> {
  const lines = await Promise.all(rows.map(async ([name, value]) => `#${keyOf(name)}: ${await yamlLine(value)}`));
  const width = Math.max(...lines.map((line) => line.length).filter((length) => length <= 28), 0);
  return lines.flatMap((line, i) => {
    const [name = '', , why = configured[name]?.description.split(/[;:(]/)[0]?.trim()] = rows[i] ?? [];
    return line.length > width ? [...commentLines(why ?? ''), line] : [`${line.padEnd(width)}  # ${why}`];
  });
}

/** The preset, with what speaks for another one. */
async function presetLines({ places }: Known): Promise<string[]> {
  const width = Math.max(...Object.keys(presets).map((name) => name.length));
  return [
    ...commentLines('A preset is a set of values for several options; options in this file override it.'),
    ...Object.entries(presets).flatMap(([name, { when }]) => commentLines(`  ${name.padEnd(width)}  ${when}`, ' '.repeat(width + 4))),
    ...(places ? commentLines(describePlaces(places)) : []),
    'preset: default',
  ];
}

/** What the places of the instances say for or against a preset. */
function describePlaces({ instances, gain, used }: NonNullable<Places>): string {
  const bits = `(${Math.max(0, gain).toFixed(2)} bits each; placed needs ${smallestGain})`;
  return used
    ? `The places of ${plural(instances, 'instance')} are not random ${bits}: try placed.`
    : `The places of ${plural(instances, 'instance')} are close to random ${bits}. For images without an upright direction, try overhead.`;
}

/** Largest number of classes in the table, and in lists. */
const [mostRows, mostListed] = [100, 8];

/** The classes with their counts, and options that choose among them. */
async function classLines({ dataset, inspection }: Known): Promise<string[]> {
  const { classes, annotations, pastable, unpasted, split } = inspection;
  const pixels = classes.reduce((sum, row) => sum + row.pixels, 0);
  const cells = classes
    .slice(0, mostRows)
    .map(({ id, name = '', kind, leftOut, instances, pastable: usable, pixels: own }) => [
      idText({ id, leftOut }),
      name === '' && leftOut ? 'unlabelled' : name,
      leftOut ? 'never pasted' : kind,
      leftOut ? '' : `${instances}`,
      leftOut ? '' : `${usable}`,
      `${((100 * own) / Math.max(1, pixels)).toFixed(2)} %`,
    ]);
  const hasStuff = classes.some(({ kind }) => kind === 'stuff');
  const usable = classes.filter((row) => row.pastable > 0).sort((a, b) => b.pastable - a.pastable);
  const word = ({ id, name }: ClassRow): string | number => (name === undefined || name === '' ? id : name);
  const chosen = usable.slice(0, mostListed).map(word);
  const [most] = usable;
  const weights = Object.fromEntries(
    usable.slice(0, mostListed).map((row) => [word(row), Math.max(1, Math.round((most as ClassRow).pastable / row.pastable))]),
  );
  const reasons = (Object.keys(unpasted) as Reason[]).map((reason) => {
    const remedy = remedies[reason]?.replace(/^--([\w-]+)(?: (.*))?$/, (_, key, value) => ` (${key}${value ? `: ${value}` : ''})`) ?? '';
    return `#   ${describeUnpasted({ [reason]: unpasted[reason] })}${remedy}`;
  });
  return [
    ...commentLines(
      `Classes${split === '' ? '' : ` of the split ${split}`}, with their instances, those that may be pasted by default, and their share of the pixels.${
        hasStuff ? ' Things are pasted, and stuff is not, unless stuff is keep or classes names it.' : ''
      }`,
    ),
    ...tableLines([['id', 'class', 'kind', 'instances', 'usable', 'pixels'], ...cells], [1, 2]).map((line) => `#   ${line}`),
    ...(classes.length > mostRows ? [`#   and ${classes.length - mostRows} more`] : []),
    `# Usable by default: ${pastable} of ${annotations}${reasons.length > 0 ? '; not used, with the option that pastes them:' : ''}`,
    ...reasons,
    ...(await suggestions([
      ...(chosen.length > 1 ? [['classes', chosen] as const, ['excludeClasses', chosen.slice(-1)] as const] : []),
      ...(Object.values(weights).some((weight) => weight > 1)
        ? [['classWeights', weights, 'rare classes as often as the most common one'] as const]
        : []),
      ...(hasStuff ? [['stuff', 'keep', 'paste stuff too'] as const] : []),
      ['truncated', 'keep', 'paste instances that the border of their image cuts off, too'],
      ...(dataset.crowds === undefined && unpasted['crowd of run lengths'] ? [['crowd', 'objects'] as const] : []),
    ])),
  ];
}

/** Ids that are no class, in masks. */
async function idLines({ dataset, options }: Known): Promise<string[]> {
  const { layout, background, ignore, folders } = dataset;
  const objects = folders.find((one) => one.objects)?.objects;
  if (layoutNamed(layout).format) return [];
  const lines = await suggestions([
    ...(options.background === undefined
      ? [['background', background.size > 0 ? [...background] : 'none', 'as it is read now'] as const]
      : []),
    ...(options.ignore === undefined ? [['ignore', ignore.size > 0 ? [...ignore] : 'none', 'as it is read now'] as const] : []),
    ...(objects !== undefined && options.instances === 'component'
      ? [['instances', 'object', `paste the objects of ${objects}/, not connected components`] as const]
      : []),
  ]);
  if (lines.length === 0) return [];
  return [
    ...commentLines(
      'Ids in the masks that are no classes: background is all that has no class, and ignored pixels are those that nobody labelled. Neither is pasted.',
    ),
    ...lines,
    '',
  ];
}

/** Options that people often change. */
async function otherLines({ dataset, inspection, options }: Known, isInData: boolean): Promise<string[]> {
  const { splits, skipped } = dataset;
  return [
    '# Sizes, looks and data. All other options are in copypaste augment --help.',
    ...(await suggestions([
      ['scale', [0.5, 2]],
      ['minArea', 0.0005, 'smallest area of a paste, as a fraction of the image'],
      ['blend', 'antialias', 'soft edges; masks stay the same'],
      ['tone', 0.2, 'change contrast and brightness of pastes by up to this fraction'],
      ...(splits.length > 0 && options.split === undefined ? [['split', inspection.split, 'split to augment'] as const] : []),
      ...(splits.length > 1 ? [['onlySplit', true] as const] : []),
      ...(skipped.length > 0 ? [['skipBad', true, `leave out ${plural(skipped.length, 'bad sample')} instead of stopping`] as const] : []),
      ...(isInData ? [] : [['sources', 'more', 'folder of another data set to take instances from'] as const]),
    ])),
  ];
}
