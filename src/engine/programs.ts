/** Files of the built program that threads and processes of their own run; whoever starts the program hands them in. */
export interface Programs {
  readonly worker: URL;
  readonly suspects: URL;
}

/** @public Those beside this file: there once it is built. */
export const programs: Programs = {
  worker: new URL('./worker.js', import.meta.url),
  suspects: new URL('./suspects-process.js', import.meta.url),
};
