import { z } from 'zod';
import { absolutePath } from './base/paths.ts';
import { isKnownEncoding } from './base/text.ts';
import { CopyPasteError } from './errors.ts';
import { configured, type Kinds, keyOf, type Option, presets, type Resolved } from './options.ts';
import { isRemote } from './storage/store.ts';
import type { AreaLimit, Balancing } from './types.ts';

const area = z.union([z.number().min(0).max(1), z.string().regex(/^\d+(\.\d+)?px$/)]) as z.ZodType<AreaLimit>;

const range = z.tuple([z.number().positive(), z.number().positive()]).refine(([low, high]) => low <= high);

const ranges = z.record(z.string(), range);
const weights = z.record(z.string(), z.number().min(0)).refine((all) => Object.keys(all).length > 0);

/** Shares of a balance file; the histogram is that of the result, by instances, unless it says otherwise. */
export const sharesSchema = z.strictObject({
  of: z.enum(['pasted', 'result']).default('result'),
  by: z.enum(['instances', 'pixels']).default('instances'),
  shares: weights.refine((all) => Object.values(all).some((share) => share > 0)),
});

/** How values of a kind are read. */
interface Reading<T> {
  readonly expects: string;
  readonly parse: (text: string) => unknown;
  readonly schema: z.ZodType<T>;
  /** Schema of values in a configuration, if they may also be written otherwise. */
  readonly written?: z.ZodType;
}

const path = z.string().min(1);

/** Parser, schema and description of each kind of value. */
const kinds: { readonly [K in keyof Kinds]: Reading<Kinds[K]> } = {
  path: { expects: 'a path', parse: String, schema: path },
  'path inside': { expects: 'a path inside --in', parse: String, schema: path },
  text: { expects: 'text', parse: String, schema: z.string(), written: z.union([z.string(), z.number()]) },
  probability: { expects: 'a number from 0 to 1', parse: number, schema: z.number().min(0).max(1) },
  fraction: { expects: 'a number from 0 to 1', parse: number, schema: z.number().min(0).max(1) },
  'fraction or official': {
    expects: 'a number from 0 to 1, or official',
    parse: (text) => (text === 'official' ? text : number(text)),
    schema: z.union([z.number().min(0).max(1), z.literal('official')]),
  },
  natural: { expects: 'an integer of at least 0', parse: number, schema: z.int().min(0) },
  count: { expects: 'an integer of at least 1', parse: number, schema: z.int().min(1) },
  'count or all': {
    expects: 'an integer of at least 1, or all',
    parse: (text) => (text === 'all' ? text : number(text)),
    schema: z.union([z.int().min(1), z.literal('all')]),
  },
  quality: { expects: 'an integer from 1 to 100', parse: number, schema: z.int().min(1).max(100) },
  bytes: {
    expects: 'a size such as 512MB or 4GB',
    parse: (text) => {
      const [, size, unit = ''] = /^(\d+(?:\.\d+)?) ?([kmgt]?)i?b?$/i.exec(text) ?? [];
      return Math.round(Number(size) * 1024 ** ['', 'k', 'm', 'g', 't'].indexOf(unit.toLowerCase()));
    },
    schema: z.int().min(1),
    written: z.union([z.int().min(1), z.string().regex(/^\d+(\.\d+)? ?[kmgtKMGT]?i?[bB]?$/)]),
  },
  area: {
    expects: 'a fraction from 0 to 1, or pixels such as 25px',
    parse: (text) => (text.endsWith('px') ? text : number(text)),
    schema: area,
  },
  pixels: {
    expects: 'a whole number of pixels of at least 1, such as 6px',
    parse: String,
    schema: z.string().regex(/^[1-9]\d{0,5}px$/) as unknown as z.ZodType<Kinds['pixels']>,
  },
  range: {
    expects: 'two numbers LO,HI with 0 < LO ≤ HI',
    parse: (text) => text.split(',').map(number),
    schema: range,
  },
  interval: {
    expects: 'two numbers LO,HI with LO < HI',
    parse: (text) => text.split(',').map(number),
    schema: z.tuple([z.number(), z.number()]).refine(([low, high]) => low < high),
  },
  quantiles: {
    expects: 'two numbers LO,HI with 0 ≤ LO < HI ≤ 1',
    parse: (text) => text.split(',').map(number),
    schema: z.tuple([z.number().min(0), z.number().max(1)]).refine(([low, high]) => low < high),
  },
  ids: {
    expects: 'ids from 0 to 65535 such as 0,255, or none',
    parse: (text) => (text === 'none' ? [] : text.split(',').map(number)),
    schema: z.array(z.int().min(0).max(65535)),
    written: z.union([z.array(z.int().min(0).max(65535)), z.int().min(0).max(65535), z.literal('none')]),
  },
  names: {
    expects: 'ids or names such as car,person',
    parse: (text) => text.split(',').map((name) => name.trim()),
    schema: z.array(z.union([z.string().min(1), z.int().min(0)])).min(1),
    written: z.union([z.array(z.union([z.string().min(1), z.int().min(0)])).min(1), z.string().min(1), z.int().min(0)]),
  },
  list: { expects: 'sample ids or paths of images', parse: String, schema: z.array(z.string().min(1)).min(1) },
  encoding: {
    expects: 'an encoding such as utf-8, latin1 or gbk',
    parse: String,
    schema: z.string().refine(isKnownEncoding),
  },
  ranges: { expects: 'ranges LO,HI by class, such as {"car": [0.5, 1.5]}, with 0 < LO ≤ HI', parse: String, schema: ranges },
  'file of ranges': {
    expects: "lines such as 'car: [0.5, 1.5]', with 0 < LO ≤ HI",
    parse: String,
    schema: ranges,
    written: z.union([ranges, path]),
  },
  weights: {
    expects: 'classes, each once, with weights of at least 0, such as car=1,bicyclist=8',
    parse: (text) => {
      const pairs = text
        .split(',')
        .map((pair) => [pair.slice(0, pair.lastIndexOf('=')).trim(), pair.slice(pair.lastIndexOf('=') + 1)] as const);
      const isTwice = new Set(pairs.map(([name]) => name)).size < pairs.length;
      return isTwice ? undefined : Object.fromEntries(pairs.map(([name, weight]) => [name, name === '' ? Number.NaN : number(weight)]));
    },
    schema: weights,
  },
  balance: {
    expects: 'rfs, rfs:T with T above 0, inverse, or target:FILE',
    parse: (text) => {
      const [whole, threshold] = /^rfs(?::(.*))?$/.exec(text) ?? [];
      if (whole === undefined) return text;
      return { rfs: threshold === undefined ? 0.001 : number(threshold) };
    },
    schema: z.union([z.literal('inverse'), z.strictObject({ rfs: z.number().positive() }), sharesSchema]) as z.ZodType<Balancing>,
    written: z.union([
      z.literal('inverse'),
      z.string().regex(/^(rfs(:.+)?|target:.+)$/),
      z.strictObject({ rfs: z.number().positive() }),
      sharesSchema,
    ]),
  },
  sweeps: { expects: "options with values, such as 'scale=0.5,1|1,2'", parse: (text) => [text], schema: z.array(z.string()) },
  switch: { expects: 'true or false', parse: (text) => ({ true: true, false: false })[text] ?? text, schema: z.boolean() },
};

function number(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}

function readingOf({ choices, kind }: Option): Reading<unknown> {
  if (choices) return { expects: choices.join(', '), parse: String, schema: z.enum(choices as [string]) };
  return kinds[kind as keyof Kinds];
}

/** JSON Schema of a configuration, for editors. Unlike the tool, it wants numbers without quotes, and lists and maps of YAML. */
export function configSchema(): object {
  const rows = Object.entries(configured).filter(([, { config }]) => config !== false);
  const properties = rows.map(([name, option]) => {
    const { schema, written = schema } = readingOf(option);
    const { description, default: value } = option;
    return [keyOf(name), written.optional().meta({ description, ...(value !== undefined && { default: value }) })] as const;
  });
  const schema = z.strictObject(Object.fromEntries(properties));
  return z.toJSONSchema(schema.meta({ title: 'Configuration of copypaste', description: 'Options by the long names of their flags.' }), {
    io: 'input',
  });
}

/**
 * Checks the value of an option.
 *
 * @param value or its text as on a command line.
 * @throws {CopyPasteError} `usage` if it is not valid.
 */
export function parseOption(option: Option, value: unknown): unknown {
  const { expects, parse, schema } = readingOf(option);
  const result = schema.safeParse(typeof value === 'string' ? parse(value) : value);
  if (result.success) return option.kind === 'path' ? checkedPath(result.data as string, option) : result.data;
  throw new CopyPasteError(
    'usage',
    `${flagOf(option)}: expected ${expects}, got ${typeof value === 'string' ? `'${value}'` : JSON.stringify(value)}`,
  );
}

/** Checks a path of a store, without its last slashes. Messages do not repeat it, since addresses may hold passwords. @throws {CopyPasteError} `usage`. */
function checkedPath(path: string, option: Option): string {
  const [, scheme] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(path) ?? [];
  if (scheme === undefined) return path;
  if (!isRemote(path))
    throw new CopyPasteError('usage', `${flagOf(option)}: ${scheme}:// is not supported; pass a folder of a disk, or s3://BUCKET/PREFIX`);
  if (!/^[^:]+:\/\/[A-Za-z0-9][\w.-]+(\/|$)/.test(path))
    throw new CopyPasteError('usage', `${flagOf(option)}: the name of the bucket is not valid; pass s3://BUCKET/PREFIX`);
  return absolutePath(path);
}

/** The long flag of an option, or its only one; of an argument, its name. */
export function flagOf({ flag }: Option): string {
  return /--[\w-]+|^-?\w+/.exec(flag)?.[0] ?? flag;
}

/**
 * Checks options and fills in defaults: given values override the preset, which overrides defaults.
 *
 * @param given values, or strings as on a command line.
 * @throws {CopyPasteError} `usage` for an invalid value, an unknown option or a missing one.
 */
export function resolveOptions<T extends Readonly<Record<string, Option>>>(
  table: T,
  given: Readonly<Record<string, unknown>>,
): Resolved<T> {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(table, name))
      throw new CopyPasteError('usage', `${name}: no such option; choose from ${Object.keys(table).join(', ')}`);
  }
  const value = (name: string): unknown => {
    const option = table[name] as Option;
    if (given[name] !== undefined) return parseOption(option, given[name]);
    if (option.required && option.unless !== undefined && resolvesTrue(given[option.unless])) return '';
    if (option.required) {
      const form = option.argument === undefined ? option.flag : `<${option.argument}> or ${option.flag}`;
      throw new CopyPasteError('usage', `${form} is missing; pass the ${option.description.replace(/:.*/, '')}`);
    }
    return option.kind === 'switch' ? false : option.default;
  };
  const preset: Readonly<Record<string, unknown>> = 'preset' in table ? presets[value('preset') as keyof typeof presets].values : {};
  const resolved: Readonly<Record<string, unknown>> = Object.fromEntries(
    Object.keys(table).map((name) => [name, given[name] === undefined && name in preset ? preset[name] : value(name)]),
  );
  refuseTogether(table, resolved, preset);
  return resolved as Resolved<T>;
}

/** Tests if a switch is given. */
function resolvesTrue(value: unknown): boolean {
  return value === true || value === 'true';
}

/** Value of an option that is not given: that of the preset, else its default. @param preset name of a preset; an unknown one has no values. */
export function usualValue(table: Readonly<Record<string, Option>>, name: string, preset: unknown): unknown {
  const values: Readonly<Record<string, unknown>> =
    typeof preset === 'string' && Object.hasOwn(presets, preset) ? presets[preset as keyof typeof presets].values : {};
  const { kind, default: value } = table[name] ?? {};
  return values[name] ?? (kind === 'switch' ? false : value);
}

/**
 * Refuses options that have no effect beside others.
 *
 * @param preset values of the preset. Manifests hold these and the defaults as if they were given, so they are allowed.
 */
function refuseTogether(
  table: Readonly<Record<string, Option>>,
  resolved: Readonly<Record<string, unknown>>,
  preset: Readonly<Record<string, unknown>>,
): void {
  const flagNamed = (name: string): string => flagOf(table[name] as Option);
  const usualOf = (name: string): unknown => (name in preset ? preset[name] : table[name]?.default);
  const originOf = (name: string): string => {
    if (!areEqual(resolved[name], usualOf(name))) return '';
    return name in preset ? ` of ${flagNamed('preset')} ${resolved.preset}` : ', the default';
  };
  const named = (name: string): string =>
    `${flagNamed(name)}${typeof resolved[name] === 'string' ? ` ${resolved[name]}` : ''}${originOf(name)}`;
  for (const [name, { scene, replaces = [], notWith = {}, kind, default: usual }] of Object.entries(table)) {
    if (areEqual(resolved[name], kind === 'switch' ? false : usual)) continue;
    const refuse = (why: string): never => {
      throw new CopyPasteError('usage', `${flagNamed(name)}${originOf(name)}: ${why}; omit or change one of the two`);
    };
    if (scene === false && resolved.jitter === 'scene') refuse(`has no effect with ${named('jitter')}, which places whole scenes`);
    for (const [other, excluded] of Object.entries(notWith)) {
      if (resolved[other] === excluded) refuse(`not possible with ${named(other)}`);
    }
    for (const other of replaces) {
      if (!areEqual(resolved[other], usualOf(other)))
        throw new CopyPasteError('usage', `${flagNamed(other)}: has no effect with ${named(name)}; omit or change one of the two`);
    }
  }
}

/** Tests if two values of options are equal, as lists or objects too. */
export function areEqual(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
