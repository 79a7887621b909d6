/**
 * JSON values that remember their text, so that what is not changed is written to the letter: integers beyond 2^53, `1.50`, `1e3`, and
 * the escapes of strings. Copies by spread (`{ ...object, key: value }`) remember the text of the members that they keep.
 */

import { mostNested } from '../base/text.ts';
import { tooDeep } from './json.ts';

/** Text of a member, as long as it has this value. */
interface Member {
  readonly value: unknown;
  readonly text: string;
}

/** Text of a whole object, and of its members. */
interface Texts {
  readonly whole: string;
  readonly members: ReadonlyMap<string, Member>;
}

const texts = Symbol('texts');
type Remembering = Readonly<Record<string, unknown>> & { readonly [texts]?: Texts };

/** Parses JSON, like `JSON.parse`. @throws {Error} when the text is not JSON, or is nested too deeply. */
export function parseJson<T = unknown>(text: string): T {
  // Also refuses text that is not JSON, so that the scan below need not.
  const plain: unknown = JSON.parse(text);
  return remember(plain, text.trim(), 0) as T;
}

/** Adds the texts to a parsed value. Lists of numbers, which are most of a document, are not scanned further. */
function remember(value: unknown, text: string, depth: number): unknown {
  if (typeof value !== 'object' || value === null || !text.includes('{')) return value;
  if (depth > mostNested) throw new Error(tooDeep);
  if (Array.isArray(value)) {
    const parts = partsOf(text);
    return value.map((element, i) => remember(element, parts[i] as string, depth + 1));
  }
  // Of a key that occurs twice, the last value counts.
  const owns = new Map<string, string>();
  for (const part of partsOf(text)) owns.set(...memberOf(part));
  const members = new Map<string, Member>();
  const object: Record<string | symbol, unknown> = {};
  for (const [key, own] of owns) {
    const member = remember((value as Remembering)[key], own, depth + 1);
    members.set(key, { value: member, text: own });
    Object.defineProperty(object, key, { value: member, enumerable: true, writable: true, configurable: true });
  }
  object[texts] = { whole: text, members } satisfies Texts;
  return object;
}

/**
 * Replaces the text of a value in an object, and no other character. Of a key that occurs twice, the last value counts; without the key,
 * nothing is replaced.
 */
export function withValue(text: string, key: string, replace: (value: string) => string): string {
  const start = text.indexOf('{');
  const object = text.slice(start).trimEnd();
  let from = 1;
  let found: { readonly start: number; readonly end: number } | undefined;
  for (const part of partsOf(object)) {
    // Only space and a comma lie between two parts.
    const end = object.indexOf(part, from) + part.length;
    const [name, value] = memberOf(part);
    if (name === key) found = { start: start + end - value.length, end: start + end };
    from = end;
  }
  return found ? text.slice(0, found.start) + replace(text.slice(found.start, found.end)) + text.slice(found.end) : text;
}

/** Key of a member, and the text of its value. */
function memberOf(part: string): [key: string, value: string] {
  const colon = endOfString(part, 0) + 1;
  return [JSON.parse(part.slice(0, colon)), part.slice(part.indexOf(':', colon) + 1).trim()];
}

/** Divides the text of a list or an object into its elements or members. */
function partsOf(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 1;
  for (let at = 1; at < text.length; at++) {
    const c = text[at];
    if (c === '"') at = endOfString(text, at);
    else if (c === '{' || c === '[') depth++;
    else if (depth > 0 && (c === '}' || c === ']')) depth--;
    else if (depth === 0 && (c === ',' || at === text.length - 1)) {
      const part = text.slice(from, at).trim();
      if (part !== '') parts.push(part);
      from = at + 1;
    }
  }
  return parts;
}

/** Position of the closing quote of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}

/**
 * Writes JSON, like `JSON.stringify`; values that were parsed and not changed keep their text.
 *
 * @param line begins each line of new values; without it, they are written in one line.
 */
export function jsonText(value: unknown, line?: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const deeper = line === undefined ? undefined : `${line}  `;
  const within = ([open, close]: string, parts: readonly string[]): string => {
    if (line === undefined || parts.length === 0) return `${open}${parts.join(',')}${close}`;
    return `${open}\n${parts.map((part) => `${deeper}${part}`).join(',\n')}\n${line}${close}`;
  };
  if (Array.isArray(value))
    return within(
      '[]',
      value.map((element) => jsonText(element ?? null, deeper)),
    );
  const object = value as Remembering;
  const known = object[texts];
  const keys = Object.keys(object).filter((key) => object[key] !== undefined);
  const kept = (key: string): Member | undefined => {
    const member = known?.members.get(key);
    return member && Object.is(member.value, object[key]) ? member : undefined;
  };
  if (known && keys.length === known.members.size && keys.every(kept)) return known.whole;
  const colon = line === undefined ? ':' : ': ';
  return within(
    '{}',
    keys.map((key) => `${JSON.stringify(key)}${colon}${kept(key)?.text ?? jsonText(object[key], deeper)}`),
  );
}
