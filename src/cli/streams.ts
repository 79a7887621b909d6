/** The process's standard streams, or a test's. */
export interface Streams {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
}

export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Width of the terminal; changes with it. */
  readonly columns?: number;
}

/** Width of output that is not printed on a terminal, in columns. */
export const usualWidth = 80;
