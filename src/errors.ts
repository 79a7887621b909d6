/** What can go wrong, and the exit code that says so (sysexits.h where it has one). */
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

/** An error that a user can act on: one line that says what, in which file, and what to do. */
export class CopyPasteError extends Error {
  readonly code: ErrorCode;
  /** One line for each offender, where there are several. */
  readonly offenders: readonly string[];

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; offenders?: readonly string[] } = {}) {
    super(printable(message), 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'CopyPasteError';
    this.code = code;
    this.offenders = (options.offenders ?? []).map(printable);
  }
}

/** What a run that is to stop ends with. */
export function interrupted(): CopyPasteError {
  return new CopyPasteError('interrupted', 'stopped; run the same command again to go on');
}

/** A text that may hold names of files, for a terminal: what would end a line or move the cursor is written as in JSON. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are meant.
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** What the system said of a file, without the absolute path, which is another on another machine. */
export function systemMessageOf(cause: unknown): string {
  return messageOf(cause).replace(/, \w+ '.*'$/, '');
}

/** The message of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message || error.name : String(error)).replaceAll(/\s*\n\s*/g, ' ').trim();
}
