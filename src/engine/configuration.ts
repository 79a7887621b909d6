/** Configurations: files of options, in YAML, and the options that a manifest holds. */
import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import type { Document, Node, Pair } from 'yaml';
import { nearest } from '../base/nearest.ts';
import { isInside, joinPath } from '../base/paths.ts';
import { openRegular } from '../base/regular.ts';
import { decodeText } from '../base/text.ts';
import { yamlDocument } from '../base/yaml.ts';
import { CopyPasteError, codeOf, kindOfUnread, messageOf, systemMessageOf } from '../errors.ts';
import { configured, keyOf, type Option } from '../options.ts';
import { readOptions } from '../output/manifest-file.ts';
import { areEqual, parseOption, usualValue } from '../schema.ts';
import { isRemote } from '../storage/store.ts';
import { configName } from '../types.ts';

/** Largest configuration in bytes; parsing takes a hundred times as much memory. */
const mostBytes = 1 << 20;

/** Value of an option, with the line of the file that sets it. */
interface Setting {
  readonly value: unknown;
  readonly line?: number;
  readonly isPath?: true;
}

/** Options of a file, by name. Their paths are relative to the working folder. */
export interface Configuration {
  readonly path: string;
  readonly settings: ReadonlyMap<string, Setting>;
}

/** A configuration that was looked for. */
interface Found {
  readonly configuration: Configuration;
  /** Another one, which is not read. */
  readonly unread?: string;
}

const optionNames: ReadonlyMap<string, string> = new Map(Object.keys(configured).map((name) => [keyOf(name), name]));

/**
 * Reads the configuration of the working folder, else that of the data set's.
 *
 * @param data folder of the data set, if an option names it; else the configuration of the working folder may.
 * @throws {CopyPasteError} `data` if it is not valid, or lies in the data set and sets a path.
 */
export async function findConfiguration(data: string | undefined): Promise<Found | undefined> {
  const inData = data === undefined ? undefined : joinPath(data, configName);
  const here = await readIfExists(configName);
  const there = inData === undefined ? undefined : await readIfExists(inData);
  if (inData !== undefined && there && (!here || (await isSame(inData, configName))))
    return { configuration: refusePaths(await parseConfiguration(there, inData)) };
  if (!here) return undefined;
  const configuration = await parseConfiguration(here, configName);
  const set = data ?? configuration.settings.get('in')?.value;
  const isOfData = typeof set === 'string' && isInside(await realpath('.'), await realpath(set).catch(() => set));
  return { configuration: isOfData ? refusePaths(configuration) : configuration, ...(inData !== undefined && there && { unread: inData }) };
}

/**
 * Reads a configuration that an option names: YAML, or the options of a manifest if its name ends with `.json`.
 *
 * @throws {CopyPasteError} `noInput` if it cannot be read, `data` if it is not valid.
 */
export async function readConfiguration(path: string): Promise<Configuration> {
  if (path.endsWith('.json')) return configurationOf(path, await readOptions(path));
  return parseConfiguration(await readBytes(path), path);
}

async function isSame(path: string, other: string): Promise<boolean> {
  return !isRemote(path) && (await realpath(path)) === (await realpath(other));
}

/** Reads a configuration. @throws {CopyPasteError} `noInput` or `io` if it cannot be read, `data` if it is too large. */
async function readBytes(path: string): Promise<Buffer> {
  const unread = (cause: unknown): never => {
    if (cause instanceof CopyPasteError) throw cause;
    const remedy = isRemote(path) ? '' : '; check the path, or pass --no-config';
    const what = `the configuration cannot be read: ${systemMessageOf(cause)}${remedy}`;
    throw new CopyPasteError(kindOfUnread(cause), what, { path, cause });
  };
  const file = await openRegular(path, false, true).catch(unread);
  try {
    if ((await file.stat().catch(unread)).size > mostBytes)
      throw new CopyPasteError('data', 'is too large for a configuration: over 1 MB', { path });
    return await file.readFile().catch(unread);
  } finally {
    await file.close();
  }
}

async function readIfExists(path: string): Promise<Buffer | undefined> {
  return readBytes(path).catch((error: unknown) => {
    if (error instanceof CopyPasteError && ['ENOENT', 'ENOTDIR'].includes(codeOf(error.cause) ?? '')) return undefined;
    throw error;
  });
}

/** Parses a configuration. @throws {CopyPasteError} `data` with the first error and its line. */
async function parseConfiguration(bytes: Buffer, path: string): Promise<Configuration> {
  const { isMap } = await import('yaml');
  const text = decodeText(bytes, path);
  const document = await plainDocument(text).catch((cause: unknown) => {
    const [, what, line] = /^(.*?) at line (\d+), column \d+/.exec(messageOf(cause)) ?? [];
    const why = `is not valid YAML: ${what ?? messageOf(cause)}; correct it`;
    throw new CopyPasteError('data', why, { path, line: line === undefined ? undefined : Number(line), cause });
  });
  const { contents } = document;
  if (contents !== null && !isMap(contents))
    throw new CopyPasteError('data', "holds no options; write lines such as 'max-instances: 5'", { path });
  const settings = new Map<string, Setting>();
  for (const { key, value: node } of (contents?.items ?? []) as Pair<Node, Node | null>[]) {
    const line = text.slice(0, key.range?.[0] ?? 0).split('\n').length;
    const refuse = (what: string): never => {
      throw new CopyPasteError('data', what, { path, line });
    };
    const [name, option] = optionOf(String(key.toJS(document)), refuse);
    const given = await contentOf(node, option, document);
    if (given === null) refuse(`${keyOf(name)}: has no value; give one, or remove the line`);
    settings.set(name, { ...settingOf(option, given, path, refuse), line });
  }
  return { path, settings };
}

/** Parses YAML of which every part has a value: aliases lead to anchors, and do not multiply without bound. */
async function plainDocument(text: string): Promise<Document> {
  const document = await yamlDocument(text);
  document.toJS({ mapAsMap: true });
  return document;
}

/** The option that a key names. */
function optionOf(key: string, refuse: (what: string) => never): [string, Option] {
  const name = optionNames.get(key);
  const option = name === undefined ? undefined : configured[name];
  if (name === undefined || !option) {
    const near = nearest(key, [...optionNames.keys()]);
    const remedy = near === undefined ? 'keys are the long names of the options, such as max-instances' : `did you mean ${near}?`;
    return refuse(`${key}: no such option; ${remedy}`);
  }
  if (option.config === false) return refuse(`${key}: concerns a single call; remove the line, and pass --${key}`);
  return [name, option];
}

/** The value of a node: numbers as they are written, like the text of a flag, and names as text. */
async function contentOf(node: Node | null, { kind }: Option, document: Document): Promise<unknown> {
  const { isAlias, isScalar, isSeq } = await import('yaml');
  const target = node && isAlias(node) ? node.resolve(document) : node;
  if (isScalar(target)) return typeof target.value === 'number' ? target.source : target.value;
  if (isSeq(target) && kind === 'names') return target.items.map((one) => (isScalar(one) ? (one.source ?? String(one.value)) : one));
  return target?.toJS(document) ?? null;
}

/** Tests if text for an option is a path, in the working folder unless it is absolute. */
function namesFile({ flag, kind }: Option): boolean {
  return kind !== 'path inside' && / <(dir|file)>$/.test(flag);
}

/** A checked value. Paths become relative to the working folder. */
function settingOf(option: Option, given: unknown, path: string, refuse: (what: string) => never): Setting {
  const place = (file: string): string => (isAbsolute(file) || isRemote(file) ? file : join(dirname(path), file));
  if (typeof given === 'string' && given !== '') {
    if (namesFile(option)) return { value: place(given), isPath: true };
    const [, file] = (option.kind === 'balance' && /^target:(.+)/s.exec(given)) || [];
    if (file !== undefined) return { value: `target:${place(file)}`, isPath: true };
  }
  return { value: checked(option, given, refuse) };
}

function checked(option: Option, given: unknown, refuse: (what: string) => never): unknown {
  try {
    return parseOption(option, given);
  } catch (error) {
    return refuse(messageOf(error));
  }
}

/** Refuses paths in the configuration of a data set, which may come from elsewhere. @throws {CopyPasteError} `data` with the first one. */
function refusePaths({ path, settings }: Configuration): Configuration {
  for (const [name, { isPath, line }] of settings) {
    if (isPath)
      throw new CopyPasteError(
        'data',
        `${keyOf(name)}: a configuration in the data set sets no path; pass --${keyOf(name)}, or name the file with --config`,
        {
          path,
          line,
        },
      );
  }
  return { path, settings };
}

/** Options of a manifest as they were given: those that differ from its preset and the defaults. */
function configurationOf(path: string, options: Readonly<Record<string, unknown>>): Configuration {
  const settings = new Map<string, Setting>();
  for (const [name, value] of Object.entries(options)) {
    const refuse = (what: string): never => {
      throw new CopyPasteError('data', what, { path });
    };
    const option = Object.hasOwn(configured, name) ? configured[name] : undefined;
    if (!option || option.kind === 'path') return refuse(`has the option ${keyOf(name)}, which this version does not know`);
    if (areEqual(value, usualValue(configured, name, name === 'preset' ? undefined : options.preset))) continue;
    settings.set(name, { value: checked(option, value, refuse) });
  }
  return { path, settings };
}
