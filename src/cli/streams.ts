/** The process's standard streams, or a test's. */
export interface Streams {
  readonly stdout: Output;
  readonly stderr: Output;
}

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}
