/** Snakemake: a task is killed midway, Snakemake itself is killed, and a record file is lost; only what is missing is done again. */
import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { doneIn, end, env, isMerged, kill, planIn, pythonOf, shards, start, stoppedMidway, tasksIn, until } from './tool.js';

export const missing = () => undefined;

export async function test() {
  // As a module: the program snakemake names the folder in which its environment was made.
  const python = pythonOf('snakemake');
  const place = planIn('snakemake');
  const set = { cwd: place, env: { ...env, XDG_CACHE_HOME: join(place, 'cache') }, detached: true };
  const args = ['-m', 'snakemake', '--snakefile', 'set.job', '--cores', '4', '--nocolor'];
  const again = async (...more) => {
    const { code, text } = await start(python, [...args, ...more], set);
    if (code !== 0) throw new Error(`Snakemake ends with ${code}: ${text}`);
    return text;
  };
  const rulesIn = (text) => [...text.matchAll(/^(?:local)?rule (\w+):$/gm)].map(([, name]) => name);
  const expectRules = (what, text, expected) => {
    if (rulesIn(text).sort().join() !== expected.sort().join()) throw new Error(`${what}: Snakemake runs ${rulesIn(text)}: ${text}`);
  };

  // A task is killed, and tried again; then Snakemake itself is killed, while a task is midway.
  const first = start(python, args, set);
  const killed = await stoppedMidway(place, () => true, first);
  kill(killed.pid, 'SIGKILL');
  await until('the shard that is tried again', () => tasksIn(place).some(({ pid, shard }) => shard === killed.shard && pid !== killed.pid));
  const left = await stoppedMidway(place, ({ shard }) => shard !== killed.shard, first);
  kill(-first.pid, 'SIGKILL');
  await end(tasksIn(place).map(({ pid }) => pid));
  await first;
  console.log(
    `  killed shard ${killed.shard}, then Snakemake with shard ${left.shard} midway, after ${doneIn(place).length} of ${shards} shards`,
  );

  // A record file is lost before the merge.
  await again('--unlock');
  await again('--rerun-incomplete', '--until', 'shard');
  if (doneIn(place).length !== shards || isMerged(place)) throw new Error('shards are missing');
  rmSync(join(place, `aug/shard-2-of-${shards}.jsonl`));
  expectRules('a lost record file', await again(), ['shard', 'merge']);

  expectRules('a second call', await again(), []);
  const later = statSync(join(place, 'aug/manifest.json')).mtimeMs / 1000 + 100;
  utimesSync(join(place, 'set.run'), later, later);
  expectRules('a run file that is only newer', await again(), []);
  // Another digest: Snakemake would do all again.
  const other = readFileSync(join(place, 'set.job'), 'utf8').replace('text=True).stdout', 'text=True).stdout + "other"');
  writeFileSync(join(place, 'other.job'), other);
  const { text } = await start(python, ['-m', 'snakemake', '--snakefile', 'other.job', ...args.slice(4), '--dry-run'], set);
  if (rulesIn(text).filter((name) => name === 'shard').length !== shards) throw new Error(`another run is not done again: ${text}`);
  return place;
}
