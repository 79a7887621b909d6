/** GNU parallel: tasks are killed midway, and done by the same command; then the same with its own log of jobs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkBytes, copypaste, doneIn, env, installed, isMerged, kill, planIn, shards, start, stoppedMidway } from './tool.js';

export const missing = () => installed(['parallel'], ['parallel']);

/** Runs a command, and kills two of its shards midway. @returns its exit code, and the shards that were killed. */
async function killing(place, command, args) {
  const ended = start(command, args, { cwd: place, env });
  const killed = [];
  while (killed.length < 2) {
    const { pid, shard } = await stoppedMidway(place, (task) => !killed.includes(task.shard), ended);
    kill(pid, 'SIGKILL');
    killed.push(shard);
  }
  return { ...(await ended), killed };
}

/** Rows of a log of jobs. */
const rowsOf = (log) => readFileSync(log, 'utf8').trim().split('\n').slice(1);

/** Exit codes of shards in a log of jobs, by shard; 128 and the signal if one was killed. */
function codesIn(log) {
  return new Map(
    rowsOf(log).map((row) => {
      const [, , , , , , code, signal, command] = row.split('\t');
      return [Number(/ (\d+)\/\d+/.exec(command)?.[1]), Number(code) || 128 * (signal > 0) + Number(signal)];
    }),
  );
}

/** Checks that shards, and no others, were killed. */
function checkLog(log, killed) {
  const codes = codesIn(log);
  const failed = [...codes].filter(([, code]) => code !== 0);
  if (
    codes.size !== shards ||
    failed
      .map(([shard]) => shard)
      .sort()
      .join() !== killed.sort().join() ||
    failed.some(([, code]) => code !== 137)
  )
    throw new Error(`${log} has other exit codes: ${[...codes].join(' ')}`);
}

export async function test() {
  const place = planIn('parallel');
  const first = await killing(place, 'sh', ['set.job']);
  checkLog(join(place, 'set.run.joblog'), first.killed);
  if (isMerged(place) || doneIn(place).length !== shards - 2) throw new Error('the job file goes on after a shard that failed');
  const second = await start('sh', ['set.job'], { cwd: place });
  console.log(`  killed shards ${first.killed.join(' and ')}: exit code ${first.code}, then ${second.code}`);
  if (first.code !== 2 || second.code !== 0) throw new Error(`GNU parallel ends with other codes: ${first.text}${second.text}`);
  checkBytes(join(place, 'aug'));

  // The line of a user who keeps a log of jobs.
  const logged = planIn('parallel-log', 'parallel');
  const line = `seq ${shards} | parallel --jobs 2 --joblog log --resume-failed copypaste augment --run set.run --shard {}/${shards} --quiet`;
  const { killed } = await killing(logged, 'sh', ['-c', line]);
  checkLog(join(logged, 'log'), killed);
  const resumed = await start('sh', ['-c', line], { cwd: logged });
  const again = rowsOf(join(logged, 'log')).length - shards;
  console.log(`  killed shards ${killed.join(' and ')}: --resume-failed does ${again} shards`);
  if (again !== 2 || doneIn(logged).length !== shards) throw new Error(`--resume-failed does other shards: ${resumed.text}`);
  const { code, text } = await start(copypaste, ['merge', '--run', 'set.run'], { cwd: logged });
  if (code !== 0) throw new Error(text);
  return logged;
}
