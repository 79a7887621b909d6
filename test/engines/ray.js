/** Ray: a cluster of a head and two nodes on this machine, one of which is lost midway, and exit codes that end a shard for good or not. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  copypaste,
  doneIn,
  env,
  folder,
  kill,
  parentOf,
  planIn,
  pythonOf,
  root,
  shards,
  start,
  stoppedMidway,
  until,
  writeProgram,
} from './tool.js';

export const missing = () => undefined;

/** Exit codes of shards, and how often each shard ends so; the other shards are done. */
const codes = { 1: [2, 9], 2: [65, 9], 3: [66, 9], 4: [70, 9], 5: [74, 1], 6: [74, 9] };

export async function test() {
  const python = pythonOf('ray');
  // Where a folder has a file for a shard, the tool ends with the codes in it, one for each call.
  const bin = join(folder, 'ray-bin');
  mkdirSync(bin);
  writeProgram(
    join(bin, 'copypaste'),
    `#!/bin/sh
if [ "$1" = augment ] && [ -d codes ]; then
  shard=\${5%/*}
  echo "$shard" >> calls
  code=$(sed -n "$(grep -cx "$shard" calls)p" "codes/$shard" 2>/dev/null)
  [ -z "$code" ] || exit "$code"
fi
exec '${copypaste}' "$@"
`,
  );
  const inRay = { env: { ...env, PATH: `${bin}:${env.PATH}`, RAY_USAGE_STATS_ENABLED: '0', RAY_DEDUP_LOGS: '0' } };
  const cluster = start(python, [join(root, 'test/engines/ray_cluster.py')], { ...inRay, cwd: folder });
  const answer = (pattern) =>
    until(`the cluster's ${pattern.source}`, async () => {
      if (cluster.child.exitCode !== null) throw new Error(`the cluster ends: ${cluster.text()}`);
      return pattern.exec(cluster.text())?.slice(1);
    });
  const [address] = await answer(/^address (\S+)$/m);
  const nodes = (await answer(/^nodes (\d+) (\d+)$/m)).map(Number);
  const script = (place) => start(python, ['set.job'], { cwd: place, env: { ...inRay.env, RAY_ADDRESS: address } });

  const place = planIn('ray');
  const first = script(place);
  const isOf = (pid, node) => pid === node || (pid > 1 && isOf(parentOf(pid), node));
  const task = await stoppedMidway(place, () => true, first);
  const lost = nodes.find((node) => isOf(task.pid, node));
  if (lost === undefined) throw new Error(`no node has a task: ${first.text()}`);
  cluster.child.stdin.write(`${lost}\n`);
  await answer(new RegExp(`^removed (${lost})$`, 'm'));
  // The tool outlives its node, and goes on beside the task that does its shard again.
  kill(task.pid, 'SIGCONT');
  console.log(`  lost a node of two with shard ${task.shard} midway`);
  const { code, text } = await first;
  if (code !== 0) throw new Error(`the script ends with ${code}: ${text}`);

  const failing = planIn('ray-codes', 'ray');
  mkdirSync(join(failing, 'codes'));
  for (const [shard, [ending, times]] of Object.entries(codes)) writeFileSync(join(failing, 'codes', shard), `${ending}\n`.repeat(times));
  const second = await script(failing);
  const calls = readFileSync(join(failing, 'calls'), 'utf8').trim().split('\n');
  const counts = Object.keys(codes).map((shard) => calls.filter((call) => call === shard).length);
  console.log(`  exit codes ${Object.values(codes).map(([ending]) => ending)} of shards that are called ${counts} times`);
  if (second.code !== 1 || counts.join() !== '1,1,1,1,2,4') throw new Error(`the script ends with ${second.code}: ${second.text}`);
  for (const [shard, [ending]] of Object.entries(codes)) {
    const isNamed = new RegExp(`^shard ${shard} of \\d+ has failed: .*${ending}$`, 'm').test(second.text);
    if (isNamed !== (shard !== '5')) throw new Error(`the script does not name what has failed: ${second.text}`);
  }
  if (doneIn(failing).length !== shards - 5) throw new Error('a shard that fails for good ends others');
  return place;
}
