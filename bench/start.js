// Processor time of short runs, in which loading and compiling the program count most.
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeData, median, printRow, run } from './common.js';

/** Decodes and encodes all files, as a short script would with sharp. */
const script = `
  const [{ default: sharp }, { mkdirSync, readdirSync }, { join }] = await Promise.all([import('sharp'), import('node:fs'), import('node:path')]);
  const [data, out] = process.argv.slice(1);
  for (const part of ['train', 'trainannot']) {
    mkdirSync(join(out, part), { recursive: true });
    for (const file of readdirSync(join(data, part))) {
      const { data: pixels, info } = await sharp(join(data, part, file)).raw().toBuffer({ resolveWithObject: true });
      await sharp(pixels, { raw: info }).png().toFile(join(out, part, file));
    }
  }`;

/** @returns ratio of the processor time of a run of ten samples to that of sharp alone, with the start of both programs. */
export async function shortRun(data, folder) {
  const input = join(folder, 'ten');
  if (!existsSync(input)) await makeData(data, { size: [480, 360], samples: 10, ext: 'png' }, input);
  const time = (argv) => {
    const out = join(folder, 'out');
    const seconds = processorTime([process.execPath, ...argv(out)]);
    rmSync(out, { recursive: true });
    return seconds;
  };
  return (
    time((out) => ['bin/copypaste.cjs', 'augment', '--in', input, '--out', out, '-p', '1', '--only-split', '--quiet', '--no-config']) /
    time((out) => ['--input-type=module', '-e', script, input, out])
  );
}

/** Seconds of processor time of a command. @param times number of runs. */
export function processorTime(argv, times = 1) {
  // The shell's `times` prints the processor time of its children.
  const text = execFileSync('sh', ['-c', `for n in $(seq ${times}); do "$@" >/dev/null || exit 1; done; times`, 'sh', ...argv], {
    encoding: 'utf8',
  });
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

/** Seconds of processor time and of the clock that a command takes. */
function timeOf(argv) {
  const start = performance.now();
  return { processor: processorTime(argv), clock: (performance.now() - start) / 1000 };
}

export async function measureStart(data, folder, rounds) {
  const cli = ['node', 'bin/copypaste.cjs'];
  const all = { help: [], firstOutput: [], processor: [], clock: [] };
  // One sample pastes into the other; both are too small for their pixels to count.
  const two = await makeData(data, { size: [48, 36], samples: 2, ext: 'png' }, join(folder, 'two'));
  for (let round = 0; round < rounds; round++) {
    const out = join(folder, `two-${round}`);
    const whole = timeOf([...cli, 'augment', '--in', two, '--out', out, '-p', '1', '--only-split', '--quiet', '--no-config']);
    const alone = timeOf(['node', '-e', "require('sharp')"]);
    for (const name of ['processor', 'clock']) all[name].push(whole[name] - alone[name]);
    all.help.push(processorTime([...cli, '--help'], 5) / processorTime(['node', '-e', '0'], 5));
    const augment = firstOutput([...cli, 'augment', '--in', 'fixtures/camvid', '--out', join(folder, `first-${round}`)]);
    const sharp = firstOutput(['node', '-e', "import('sharp').then(() => console.log(1))"]);
    all.firstOutput.push(augment / sharp);
  }
  const row = Object.fromEntries(Object.entries(all).map(([name, values]) => [name, Number(median(values).toFixed(2))]));
  console.log('\nStart');
  printRow('--help', [[row.help, 'x the processor time of node alone']]);
  printRow('start of augment', [
    [row.clock, 's,'],
    [row.processor, 's of processor time beyond importing sharp'],
  ]);
  printRow('first output of augment', [[row.firstOutput, 'x the time of importing sharp']]);
  return row;
}
