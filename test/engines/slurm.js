/** Slurm: three nodes on this machine. One is lost, a task of another is preempted, and one of the third is killed, all of them midway. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  copypaste,
  doneIn,
  end,
  env,
  folder,
  installed,
  isMerged,
  kill,
  parentOf,
  planIn,
  run,
  shards,
  start,
  stoppedMidway,
  until,
  variableOf,
} from './tool.js';

const nodes = ['node1', 'node2', 'node3'];
const cluster = join(folder, 'cluster');
const conf = join(cluster, 'slurm.conf');
const inCluster = { env: { ...env, SLURM_CONF: conf } };

/** Why Slurm cannot run here. */
export function missing() {
  if (process.getuid?.() !== 0) return 'a cluster of its own needs root';
  return installed(['slurmctld', 'slurmd', 'slurm-client', 'munge'], ['slurmctld', 'slurmd', 'sbatch', 'munged']);
}

/** Free ports of this machine. */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Starts a cluster whose nodes have room for one task each. All of it lies in the folder of the test. */
async function startCluster({ cpus, memory }) {
  const key = join(cluster, 'key');
  mkdirSync(key, { recursive: true, mode: 0o711 });
  writeFileSync(join(key, 'munge.key'), randomBytes(64), { mode: 0o600 });
  mkdirSync(join(cluster, 'state'));
  const host = hostname().split('.')[0];
  const [port, ...ports] = await freePorts(1 + nodes.length);
  const lines = [
    'ClusterName=test',
    `SlurmctldHost=${host}(127.0.0.1)`,
    `SlurmctldPort=${port}`,
    `SlurmctldPidFile=${cluster}/slurmctld.pid`,
    `SlurmctldLogFile=${cluster}/slurmctld.log`,
    'SlurmUser=root',
    `StateSaveLocation=${cluster}/state`,
    'AuthType=auth/munge',
    'CredType=cred/munge',
    `AuthInfo=socket=${key}/socket`,
    `SlurmdSpoolDir=${cluster}/%n`,
    `SlurmdPidFile=${cluster}/%n.pid`,
    `SlurmdLogFile=${cluster}/%n.log`,
    'SlurmdParameters=config_overrides',
    // No cgroups and no accounting in a container.
    'ProctrackType=proctrack/pgid',
    'TaskPlugin=task/none',
    'SwitchType=switch/none',
    'MpiDefault=none',
    'JobAcctGatherType=jobacct_gather/none',
    'AccountingStorageType=accounting_storage/none',
    'SelectType=select/cons_tres',
    'SelectTypeParameters=CR_CPU_Memory',
    'SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0,requeue_setup_env_fail',
    'PreemptType=preempt/partition_prio',
    'PreemptMode=REQUEUE',
    'ReturnToService=2',
    'KillWait=2',
    ...nodes.map(
      (name, n) => `NodeName=${name} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${ports[n]} CPUs=${cpus} RealMemory=${memory}`,
    ),
    'PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1',
    'PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=2 PreemptMode=OFF',
  ];
  writeFileSync(conf, `${lines.join('\n')}\n`);
  const places = ['socket', 'seed'].map((name) => `--${name === 'seed' ? 'seed-file' : name}=${join(key, name)}`);
  const daemon = (name, args) => run(name, args, { ...inCluster, stdio: 'inherit' });
  daemon('munged', [
    '--force',
    ...places,
    `--key-file=${key}/munge.key`,
    `--pid-file=${cluster}/munged.pid`,
    `--log-file=${cluster}/munged.log`,
  ]);
  daemon('slurmctld', ['-c']);
  for (const name of nodes) daemon('slurmd', ['-N', name]);
  // Commands fail until the daemon answers.
  await until('idle nodes', () => {
    const { stdout } = spawnSync('sinfo', ['--noheader', '--Node', '--states=idle', '--format=%N'], { ...inCluster, encoding: 'utf8' });
    return new Set(stdout.split('\n').filter(Boolean)).size === nodes.length;
  });
}

const nodeOf = ({ pid }) => variableOf(pid, 'SLURMD_NODENAME');
const queue = () => run('squeue', ['--noheader', '--format=%i %T %r'], inCluster).trim();
/** Tests if a task waits, queued again once; before, its time to start is not yet set. */
const isQueuedAgain = (job) =>
  / JobState=PENDING Reason=BeginTime .* Restarts=1 /.test(run('scontrol', ['show', 'job', job, '--oneliner'], inCluster));
const submit = async (place) => {
  const { code, text } = await start('bash', ['set.job'], { ...inCluster, cwd: place });
  if (code !== 0) throw new Error(`the job file ends with ${code}: ${text}`);
  return text.trim().replaceAll(/^/gm, '  ');
};

export async function test() {
  const place = planIn('slurm');
  const [, cpus] = /--cpus-per-task=(\d+)/.exec(readFileSync(join(place, 'set.job'), 'utf8'));
  const [, memory] = /--mem=(\d+)M/.exec(readFileSync(join(place, 'set.job'), 'utf8'));
  mkdirSync(cluster);
  try {
    await startCluster({ cpus, memory });
    console.log(await submit(place));
    // Each node has a task that stands still midway, so that no chance decides what is hit.
    const tasks = [];
    while (tasks.length < nodes.length) tasks.push(await stoppedMidway(place, (task) => !tasks.some(({ pid }) => pid === task.pid)));
    const [lost, preempted, killed] = tasks.map((task) => ({
      ...task,
      node: nodeOf(task),
      job: `${variableOf(task.pid, 'SLURM_ARRAY_JOB_ID')}_${variableOf(task.pid, 'SLURM_ARRAY_TASK_ID')}`,
    }));
    console.log(`  after ${doneIn(place).length} of ${shards} shards: ${lost.node} is lost with shard ${lost.shard}`);
    console.log(`  shard ${preempted.shard} is preempted on ${preempted.node}, shard ${killed.shard} is killed on ${killed.node}`);
    await end([lost.pid, parentOf(lost.pid), Number(readFileSync(join(cluster, `${lost.node}.pid`), 'utf8'))]);
    run('scontrol', ['update', `nodename=${lost.node}`, 'state=down', 'reason=lost'], inCluster);
    run(
      'sbatch',
      ['--partition=urgent', `--nodelist=${preempted.node}`, `--cpus-per-task=${cpus}`, '--output=/dev/null', '--wrap=true'],
      inCluster,
    );
    for (const { job } of [lost, preempted]) {
      await until(`task ${job} that is queued again`, () => isQueuedAgain(job));
      // It would wait for two minutes.
      run('scontrol', ['update', `jobid=${job}`, 'starttime=now'], inCluster);
    }
    kill(killed.pid, 'SIGKILL');
    await until('an empty queue', () => queue() === '');
    // The merge is cancelled, since a shard has failed; the same command submits that shard alone, and the merge.
    if (isMerged(place)) throw new Error('the merge did not wait for a shard that failed');
    const { text } = await start(copypaste, ['status', '--run', 'set.run', '--missing', 'slurm'], { cwd: place });
    if (text !== `${killed.shard}\n`) throw new Error(`shard ${killed.shard} alone should be missing: ${text}`);
    console.log(await submit(place));
    await until('the merge', () => queue() === '');
    return place;
  } catch (error) {
    error.message += `\n${spawnSync('squeue', [], { ...inCluster, encoding: 'utf8' }).stdout}`;
    throw error;
  }
}
