// Requirements of cases on the machine: each is tried, and returns the reason if it is missing.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from './strace.js';
import { program } from './tool.js';

export const isRoot = process.getuid?.() === 0;

/** Tries a command. @returns its error message, or `undefined` if it succeeds. */
export function complaint(command, ...args) {
  const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error) return `${command}: ${error.code === 'ENOENT' ? 'not installed' : error.message}`;
  return status === 0 ? undefined : `${command}: ${stderr.trim().split('\n')[0] || `exit code ${status}`}`;
}

const once = (probe) => {
  let result;
  return () => (result ??= { why: probe() }).why;
};

export const strace = once(() => complaint(...inject('/dev/null', 'rename', 'error=EIO', '1'), 'true'));
export const taskset = once(() => complaint('taskset', '-c', '0', 'true'));

/** Prefix of a command that runs it as an unprivileged user. */
export const asNobody = isRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
export const nobody = once(() => complaint(...asNobody, ...program, '--version'));

export const mounts = once(() => {
  if (!isRoot) return 'mounting needs root';
  const folder = mkdtempSync(join(tmpdir(), 'copypaste-faults-'));
  const why = complaint('mount', '-t', 'tmpfs', '-o', 'size=64k', 'none', folder);
  if (why === undefined) complaint('umount', folder);
  rmSync(folder, { recursive: true, force: true });
  return why;
});

export const loops = once(() => mounts() ?? complaint('losetup', '-f') ?? complaint('mkfs.ext4', '-V'));

/** A case-insensitive file system; NTFS is the most common one on Linux. */
export const caseless = once(() => mounts() ?? complaint('mkntfs', '--version') ?? complaint('lowntfs-3g', '--version'));

/** Folder of control groups that limit memory, and the name of the file with the limit of a group. */
export const memoryGroups = once(() => {
  const lines = readFileSync('/proc/mounts', 'utf8').split('\n');
  const found = lines.map((line) => line.split(' ')).filter(([, , type]) => type === 'cgroup' || type === 'cgroup2');
  for (const [, folder, type, flags] of found) {
    if (type === 'cgroup' && flags.split(',').includes('memory')) return { folder, limit: 'memory.limit_in_bytes' };
    if (type === 'cgroup2' && readFileSync(join(folder, 'cgroup.subtree_control'), 'utf8').includes('memory'))
      return { folder, limit: 'memory.max' };
  }
  return undefined;
});
export const memoryLimit = once(() => {
  if (!isRoot) return 'a memory limit needs root';
  return memoryGroups() ? undefined : 'no control groups that limit memory';
});
