/** Exit code of each kind of error, from sysexits.h if it defines one. */
export const exitCodes = {
  differs: 1,
  usage: 2,
  skipped: 3,
  data: 65,
  noInput: 66,
  unavailable: 69,
  bug: 70,
  cannotCreate: 73,
  io: 74,
  interrupted: 130,
} as const;

export type ErrorCode = keyof typeof exitCodes;

/** A problem with one file. */
export interface Fault {
  readonly path: string;
  readonly what: string;
  /** Split of the file, if it is known. */
  readonly split?: string;
  /** Set if only some annotations of the file are left out. */
  readonly part?: 'annotations';
}

/** An error that a user can act on: one line with the file, the problem and the remedy. */
export class CopyPasteError extends Error {
  readonly code: ErrorCode;
  /** One line for each bad sample or file, when there are several. */
  readonly offenders: readonly string[];
  /** File with the problem, which begins the message; `undefined` if the error is not about a single file. */
  readonly path: string | undefined;
  /** Message without the path. */
  readonly what: string;

  /** @param options `line` is the number of the line in the file, from 1. */
  constructor(
    code: ErrorCode,
    what: string,
    options: { cause?: unknown; offenders?: readonly string[]; path?: string; line?: number | undefined } = {},
  ) {
    const { path, line, offenders = [] } = options;
    const place = path === undefined ? '' : `${path}${line === undefined ? '' : `:${line}`}: `;
    super(inLine(`${place}${what}`), 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'CopyPasteError';
    this.code = code;
    this.offenders = offenders.map(inLine);
    this.path = path === undefined ? undefined : printable(path);
    this.what = inLine(what);
  }
}

/** The error of a run that a signal has stopped. */
export function interrupted(): CopyPasteError {
  return new CopyPasteError('interrupted', 'stopped; to continue, run the same command again');
}

/** Escapes control characters as JSON does, since file names may contain line ends or move a terminal's cursor. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the point.
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Largest number of characters in a message: names of files and classes may have any number. */
const longest = 1000;

/** A message on one line, without control characters. The middle of a very long one is left out; remedies are at its end. */
export function inLine(text: string): string {
  const line = printable(text);
  return line.length <= longest ? line : `${line.slice(0, longest - 250)} … ${line.slice(-240)}`;
}

/** Message of a system error without its absolute path, which differs between machines. */
export function systemMessageOf(cause: unknown): string {
  return messageOf(cause).replace(/, \w+ '.*'$/, '');
}

/** Code of a system error, such as `ENOENT`; `undefined` for anything else that is thrown. */
export function codeOf(cause: unknown): string | undefined {
  return typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}

/** Kind of the error of a file that cannot be read: `noInput` if there is none, so that another has to be named, else `io`. */
export function kindOfUnread(cause: unknown): 'noInput' | 'io' {
  const none = ['ENOENT', 'ENOTDIR', 'EISDIR', 'ENOTREG', 'ELOOP', 'ENAMETOOLONG'];
  return none.includes(codeOf(cause) ?? '') ? 'noInput' : 'io';
}

/** Message of an error about a file, without the path of the file. */
export function whatOf(error: unknown, path: string): string {
  return error instanceof CopyPasteError && error.path === printable(path) ? error.what : messageOf(error);
}

/** Message of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '').join(' ');
}
