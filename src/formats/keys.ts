/** Checks of the keys of documents: a known key with a value of the wrong type is a fault, and is never taken for absent. */

/** A test of a value, and its words in messages. */
interface Kind {
  readonly expects: string;
  fits(value: unknown): boolean;
}

export type Keys = Readonly<Record<string, Kind>>;

/** A kind that may also be absent or null. */
export function optional({ expects, fits }: Kind): Kind {
  return { expects, fits: (value) => value === undefined || value === null || fits(value) };
}

export const text: Kind = { expects: 'text', fits: (value) => typeof value === 'string' };
export const list: Kind = { expects: 'a list', fits: Array.isArray };
export const object: Kind = { expects: 'an object', fits: (value) => typeof value === 'object' && value !== null && !Array.isArray(value) };
export const truth: Kind = { expects: 'true or false', fits: (value) => typeof value === 'boolean' };
export const number: Kind = { expects: 'a number', fits: Number.isFinite };
export const integer: Kind = { expects: 'an integer', fits: Number.isInteger };
export const length: Kind = { expects: 'a positive integer', fits: (value) => Number.isSafeInteger(value) && (value as number) > 0 };

/** Names the first key with a wrong or missing value, and what was found; `undefined` if all are right. */
export function problemOfKeys(value: unknown, keys: Keys): string | undefined {
  if (!object.fits(value)) return `is ${shown(value)}, not an object`;
  // Each annotation is checked; a list of the entries takes half of the time.
  for (const key in keys) {
    const found = (value as Readonly<Record<string, unknown>>)[key];
    const { fits, expects } = keys[key] as Kind;
    if (!fits(found)) return found === undefined ? `${key} is missing` : `${key} is ${shown(found)}, not ${expects}`;
  }
  return undefined;
}

/** Largest number of problems in one message. */
const mostListed = 6;

/** The problems of a file in one message: the first ones, and the number of the others. */
export function listed(problems: readonly string[]): string {
  const rest = problems.length - mostListed;
  return [...problems.slice(0, mostListed), ...(rest > 0 ? [`and ${rest} more`] : [])].join('; ');
}

/** A value in a message. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value !== 'string') return String(value);
  return `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
}
