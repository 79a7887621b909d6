import type { Backend } from '../types.ts';

/** One line that says what renders, and why. */
export function describeBackend({ name, device, version }: Backend, why: string): string {
  return `backend ${name}: ${device}, ${version} (${why})`;
}
