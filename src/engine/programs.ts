/** Files of the built program that worker threads and child processes run; the caller of a verb or command passes them. */
export interface Programs {
  /** The command itself. */
  readonly command: URL;
  readonly worker: URL;
  readonly suspects: URL;
  readonly judge: URL;
}

/** @public Programs beside this file; they exist once the tool is built. */
export const programs: Programs = {
  command: new URL('../../bin/copypaste.cjs', import.meta.url),
  worker: new URL('./worker.js', import.meta.url),
  suspects: new URL('./suspects-process.js', import.meta.url),
  judge: new URL('../codecs/judge-process.js', import.meta.url),
};
