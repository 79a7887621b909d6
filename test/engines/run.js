// Makes an output with real schedulers, kills parts of it midway, and compares the bytes with those of one augment.
// `node test/engines/run.js [NAME...]`; an engine that is not installed is skipped with a message, and fails with ALL_ENGINES set.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const tool = join(here, '../../bin/copypaste.cjs');
const data = join(here, '../../fixtures/camvid');
const folder = mkdtempSync(join(tmpdir(), 'copypaste-engines-'));
const shards = 12;

/** The built tool on the path of all jobs. */
const bin = join(folder, 'bin');
mkdirSync(bin);
writeFileSync(join(bin, 'copypaste'), `#!/bin/sh\nexec '${process.execPath}' '${tool}' "$@"\n`);
chmodSync(join(bin, 'copypaste'), 0o755);
const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };

const run = (command, args, options = {}) => execFileSync(command, args, { encoding: 'utf8', env, ...options });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const isInstalled = (...commands) => commands.every((one) => spawnSync('which', [one]).status === 0);

/** Digest of the files below a folder. */
function digestOf(root) {
  const hash = createHash('sha256');
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const path of entries.map((entry) => join(entry.parentPath, entry.name)).sort())
    hash.update(`${path.slice(root.length)} ${createHash('sha256').update(readFileSync(path)).digest('hex')}\n`);
  return hash.digest('hex');
}

const options = ['--in', data, '--copies', '12', '--batch-size', '2', '-p', '0.8'];

/** A folder with a run file and the job file of a scheduler. */
function planIn(name) {
  const place = join(folder, name);
  mkdirSync(place);
  const planned = run(join(bin, 'copypaste'), ['plan', ...options, '--out', 'aug', '--shards', `${shards}`, '--quiet'], { cwd: place });
  writeFileSync(join(place, 'set.run'), planned);
  writeFileSync(join(place, 'set.job'), run(join(bin, 'copypaste'), ['jobfile', name, '--run', 'set.run'], { cwd: place }));
  return place;
}

/** Number of shards that are done. */
function doneIn(place) {
  const found = existsSync(join(place, 'aug')) ? readdirSync(join(place, 'aug')) : [];
  return found.includes('manifest.json') ? shards : found.filter((name) => /^shard-\d+-of-\d+\.jsonl$/.test(name)).length;
}

async function until(what, test, seconds = 300) {
  for (let n = 0; n < 10 * seconds; n++) {
    if (test()) return;
    await sleep(100);
  }
  throw new Error(`${what}: not within ${seconds} s`);
}

const engines = {
  /** A node is lost midway, a task is preempted, and a task is cancelled, so that its shard must be submitted again. */
  async slurm() {
    if (!isInstalled('slurmctld', 'slurmd', 'sbatch', 'munged') || process.getuid?.() !== 0) return 'needs root and Slurm';
    const cluster = join(folder, 'cluster');
    mkdirSync(cluster);
    const slurm = { env: { ...env, SLURM_CONF: join(cluster, 'slurm.conf') } };
    const sh = (...args) => run('sh', [join(here, 'slurm.sh'), ...args], { stdio: 'inherit' });
    try {
      sh('up', cluster, '3');
      const place = planIn('slurm');
      const inPlace = { ...slurm, cwd: place };
      const submit = () => process.stdout.write(run('bash', ['set.job'], inPlace));
      const queue = (...args) => run('squeue', ['--noheader', ...args], slurm).trim();
      submit();
      await until('shards', () => doneIn(place) >= 2);
      const lost = queue('--states=R', '--format=%N').split('\n')[0];
      // The node loses its daemon and its jobs, and is found to be down.
      for (const pid of childrenOf(Number(readFileSync(join(cluster, `${lost}.pid`), 'utf8')), lost)) process.kill(pid, 'SIGKILL');
      run('scontrol', ['update', `nodename=${lost}`, 'state=down', 'reason=lost'], slurm);
      const running = queue('--states=R', '--format=%i').split('\n').filter(Boolean);
      if (running[0]) run('scontrol', ['requeue', running[0]], slurm);
      if (running[1]) run('scancel', ['--signal=KILL', '--full', running[1]], slurm);
      console.log(`  lost ${lost} after ${doneIn(place)} shards; preempted ${running[0]}; killed ${running[1]}`);
      await until('an empty queue', () => queue() === '');
      if (!existsSync(join(place, 'aug/manifest.json'))) {
        console.log(
          `  missing: ${spawnSync(join(bin, 'copypaste'), ['status', '--run', 'set.run', '--missing', 'slurm'], { ...inPlace, encoding: 'utf8' }).stdout.trim()}`,
        );
        submit();
        await until('the merge', () => existsSync(join(place, 'aug/manifest.json')) && queue() === '');
      }
      return place;
    } finally {
      sh('down', cluster);
    }
  },

  /** Tasks fail at random, and are done by the same command. */
  async parallel() {
    if (!isInstalled('parallel')) return 'needs GNU parallel';
    const place = planIn('parallel');
    // Every third command is killed at its start or midway.
    writeFileSync(
      join(place, 'copypaste'),
      `#!/bin/sh
n=$(($(cat count 2>/dev/null || echo 0) + 1)); echo $n > count
case $1-$((n % 3)) in augment-0) '${bin}/copypaste' "$@" & sleep 0.\${n}; kill -9 $!; exit 137;; esac
exec '${bin}/copypaste' "$@"
`,
    );
    chmodSync(join(place, 'copypaste'), 0o755);
    const failing = { ...env, PATH: `${place}:${env.PATH}` };
    for (let attempt = 1; attempt <= 20; attempt++) {
      const { status } = spawnSync('sh', ['set.job'], { cwd: place, env: failing, encoding: 'utf8' });
      console.log(`  attempt ${attempt}: exit code ${status}, ${doneIn(place)} of ${shards} shards`);
      if (status === 0) return place;
    }
    throw new Error('GNU parallel does not end');
  },
};

/** Processes of a node: its daemon, and what it has started. */
function childrenOf(daemon, node) {
  const all = run('ps', ['-eo', 'pid=,ppid=,args='])
    .trim()
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line));
  const found = new Set([daemon]);
  // Steps are no children of the daemon, but name their node or job in their arguments.
  for (const [, pid, , args] of all)
    if (args.startsWith('slurmstepd') && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(node)) found.add(Number(pid));
  for (let size = 0; size < found.size; ) {
    size = found.size;
    for (const [, pid, parent] of all) if (found.has(Number(parent))) found.add(Number(pid));
  }
  return found;
}

const names = process.argv.slice(2);
const reference = join(folder, 'reference');
run(join(bin, 'copypaste'), ['augment', ...options, '--out', reference, '--quiet']);
const expected = digestOf(reference);
let failed = 0;
try {
  for (const [name, engine] of Object.entries(engines)) {
    if (names.length > 0 && !names.includes(name)) continue;
    console.log(name);
    const began = Date.now();
    const result = await engine();
    if (!existsSync(result)) {
      console.log(`  skipped: ${result}`);
      if (process.env.ALL_ENGINES) failed++;
      continue;
    }
    const same = digestOf(join(result, 'aug')) === expected;
    console.log(`  ${same ? 'the bytes of one augment' : 'OTHER BYTES'}, ${((Date.now() - began) / 1000).toFixed(0)} s`);
    if (!same) failed++;
  }
} finally {
  if (failed === 0) rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed > 0 ? 1 : 0;
