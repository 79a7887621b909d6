// Growth of plan, status, merge, verify and augment with the number of samples, without pixels to speak of: processor time and memory of the
// real commands on data sets of links to 64 small samples. Memory per sample is that beyond the smallest set.
//
//   npm run bench:scale -- [--to N] [--augment N]       up to 1,000,000 samples, and 20,000 of augment; --to 10000000 takes ten times as long
//   npm run bench:scale -- --simulate [RUN]             time of 1,000 shards on some workers, by the amounts of a run file; without one, of
//                                                       a run of 100,000 samples
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeSamples, makeShards } from './growing.js';
import { simulate } from './simulate.js';

const { values, positionals } = parseArgs({
  options: {
    to: { type: 'string', default: '1000000' },
    augment: { type: 'string', default: '20000' },
    simulate: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const command = 'bin/copypaste.cjs';
const folder = mkdtempSync(join(tmpdir(), 'copypaste-scale-'));
const shards = 1000;

/** Runs a command. @param output file of its standard output. @returns its processor time in seconds, and its memory in bytes. */
function measured(argv, output = '/dev/null') {
  const usage = join(folder, 'usage.json');
  const stdout = openSync(output, 'w');
  const env = { ...process.env, USAGE: usage, NODE_OPTIONS: `--import=${new URL('usage.js', import.meta.url).href}` };
  const { status } = spawnSync(process.execPath, [command, ...argv], { env, stdio: ['ignore', stdout, 'inherit'] });
  closeSync(stdout);
  if (status !== 0) throw new Error(`copypaste ${argv.join(' ')} ended with ${status}`);
  return JSON.parse(readFileSync(usage, 'utf8'));
}

/** Measures all commands on `count` samples. */
async function measureAll(count) {
  const data = await makeSamples(folder, count);
  const [run, out] = [join(folder, `${count}.run`), join(folder, `out-${count}`)];
  const planning = ['plan', '--in', data, '--out', out, '-q', '--shards', `${Math.min(shards, count / 50)}`];
  const found = { plan: measured(planning, run) };
  await makeShards(folder, run, command);
  found.status = measured(['status', '--run', run]);
  found.merge = measured(['merge', '--run', run, '-q']);
  found.verify = measured(['verify', out, '-q']);
  rmSync(out, { recursive: true });
  if (count <= Number(values.augment)) {
    found.augment = measured(['augment', '--in', data, '--out', out, '-q']);
    rmSync(out, { recursive: true });
  }
  for (const name of [data, join(folder, `files-${count}`), join(folder, `files-of-shards-${count}`)]) rmSync(name, { recursive: true });
  return found;
}

try {
  if (values.simulate) {
    let [run] = positionals;
    if (run === undefined) {
      const data = await makeSamples(folder, 100_000);
      run = join(folder, 'simulated.run');
      const argv = [command, 'plan', '--in', data, '--out', join(folder, 'out'), '-q', '--fast', '--shards', `${shards}`];
      execFileSync(process.execPath, argv, { stdio: ['ignore', openSync(run, 'w'), 'inherit'] });
    }
    await simulate(run, [10, 30, 100, 300, 1000]);
  } else {
    console.log('| command | samples | processor time a sample | memory | a sample more |');
    console.log('| --- | ---: | ---: | ---: | ---: |');
    let smallest;
    for (let count = 1000; count <= Number(values.to); count *= 10) {
      const found = await measureAll(count);
      smallest ??= { count, found };
      for (const [name, { cpu, bytes }] of Object.entries(found)) {
        const first = smallest.found[name];
        const more = count - smallest.count;
        const time = more > 0 ? `${((1000 * (cpu - first.cpu)) / more).toFixed(3)} ms` : '–';
        const memory = more > 0 ? `${Math.round((bytes - first.bytes) / more)} bytes` : '–';
        console.log(`| ${name} | ${count.toLocaleString('en')} | ${time} | ${Math.round(bytes / 1e6)} MB | ${memory} |`);
      }
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
