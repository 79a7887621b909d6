import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** Folder of the tool in the user's cache; `undefined` if the user has no folder of their own. @param kind of what is kept in it. */
export function cacheFolder(kind: 'digests' | 'journals'): string | undefined {
  const { XDG_CACHE_HOME: xdg = '', LOCALAPPDATA: windows = '' } = process.env;
  const parts = ['copypaste', kind];
  if (isAbsolute(xdg)) return join(xdg, ...parts);
  if (process.platform === 'win32') return isAbsolute(windows) ? join(windows, ...parts) : undefined;
  try {
    return join(homedir(), process.platform === 'darwin' ? 'Library/Caches' : '.cache', ...parts);
  } catch {
    // The user is not in the list of users.
    return undefined;
  }
}
