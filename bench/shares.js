// Shares of the parts of `augment -p 1` in its processor time, by bench/work.js and bench/kernel.js.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { median, printRow, run, work } from './common.js';

/** @param input data of the kind. @returns shares of the whole's processor time. */
export function measureShares(input, out, rounds) {
  const shares = { kernel: [], instances: [], mainThread: [], instancesPerPixel: [] };
  for (let round = 0; round < rounds; round++) {
    const whole = work('augment', input, `${out}-${round}`, { p: 1 });
    const [kernel, instances] = [work('kernel', input, out), work('instances', input, out)];
    shares.kernel.push(kernel.cpu / whole.cpu);
    shares.instances.push(instances.cpu / whole.cpu);
    shares.instancesPerPixel.push((instances.cpu * 1e9) / instances.pixels);
    if (whole.main !== undefined) shares.mainThread.push(whole.main / whole.cpu);
  }
  const row = Object.fromEntries(
    Object.entries(shares).flatMap(([name, all]) => (all.length === 0 ? [] : [[name, Number(median(all).toFixed(4))]])),
  );
  const percent = (share) => [`${(100 * share).toFixed(1)} %`, ''];
  printRow('kernel', [percent(row.kernel)]);
  printRow('finding instances', [percent(row.instances), [row.instancesPerPixel.toFixed(2), 'ns a pixel']]);
  if (row.mainThread !== undefined) printRow('main thread', [percent(row.mainThread)]);
  return row;
}

/** @returns nanoseconds by case. */
export function measureKernel() {
  console.log('\nKernel, nanoseconds for a pixel of the target box enlarging, of the source box shrinking');
  const cases = run(process.execPath, ['bench/kernel.js']);
  for (const [name, ns] of Object.entries(cases)) printRow(name, [[ns.toFixed(1), 'ns']]);
  return cases;
}

/** Seconds of processor time of a command that a shell runs five times. */
function processorTime(argv) {
  // The shell's `times` prints the processor time of its children.
  const text = execFileSync('sh', ['-c', 'for n in 1 2 3 4 5; do "$@" >/dev/null; done; times', 'sh', ...argv], { encoding: 'utf8' });
  const [user, system] = text
    .trim()
    .split('\n')
    .at(-1)
    .split(/\s+/)
    .map((time) => {
      const [minutes, seconds] = time.replace('s', '').split('m').map(Number);
      return 60 * minutes + seconds;
    });
  return user + system;
}

/** Seconds until a command prints its first output. */
function firstOutput(argv) {
  const script = `
    const { spawn } = require('node:child_process');
    const start = performance.now();
    const child = spawn(process.argv[1], process.argv.slice(2));
    const said = () => { console.log(JSON.stringify({ seconds: (performance.now() - start) / 1000 })); child.kill(); process.exit(); };
    child.stdout.once('data', said);
    child.stderr.once('data', said);`;
  return run(process.execPath, ['-e', script, ...argv]).seconds;
}

export function measureStart(folder, rounds) {
  const cli = ['node', 'bin/copypaste.cjs'];
  const ratios = { help: [], firstOutput: [] };
  for (let round = 0; round < rounds; round++) {
    ratios.help.push(processorTime([...cli, '--help']) / processorTime(['node', '-e', '0']));
    const augment = firstOutput([...cli, 'augment', '--in', 'fixtures/camvid', '--out', join(folder, `first-${round}`)]);
    const sharp = firstOutput(['node', '-e', "import('sharp').then(() => console.log(1))"]);
    ratios.firstOutput.push(augment / sharp);
  }
  const row = Object.fromEntries(Object.entries(ratios).map(([name, all]) => [name, Number(median(all).toFixed(2))]));
  console.log('\nStart');
  printRow('--help', [[row.help, 'x the processor time of node alone']]);
  printRow('first output of augment', [[row.firstOutput, 'x the time of importing sharp']]);
  return row;
}
