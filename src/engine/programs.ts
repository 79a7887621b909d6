/** Files of the built program that worker threads and child processes run; the caller of a verb passes them. */
export interface Programs {
  readonly worker: URL;
  readonly suspects: URL;
}

/** @public Programs beside this file; they exist once the tool is built. */
export const programs: Programs = {
  worker: new URL('./worker.js', import.meta.url),
  suspects: new URL('./suspects-process.js', import.meta.url),
};
