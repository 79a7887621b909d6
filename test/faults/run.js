// Injects real faults into runs: processes are killed, file systems fill up, system calls fail.
//   node test/faults/run.js [--long] [--only NAME]
// Prints a table, and exits with 1 if anything is wrong. A case that cannot run on this machine prints the reason; with ALL_FAULTS=1
// that is a failure.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { disks } from './disks.js';
import { errors } from './errors.js';
import { kills } from './kills.js';
import { limits } from './limits.js';
import { memory } from './memory.js';
import { poison } from './poison.js';
import { same } from './same.js';
import { signals } from './signals.js';
import { cleanRun } from './strace.js';
import { swaps } from './swaps.js';
import { countRuns, createWorkload } from './tool.js';

const { values } = parseArgs({ options: { long: { type: 'boolean', default: false }, only: { type: 'string', default: '' } } });
const cases = [...kills, ...errors, ...disks, ...signals, ...poison, ...same, ...memory, ...limits, ...swaps].filter(({ name }) =>
  name.startsWith(values.only),
);
if (cases.length === 0) throw new Error(`--only ${values.only}: no case begins with this name`);

const began = performance.now();
const folder = mkdtempSync(join(tmpdir(), 'copypaste-faults-'));
// Cases of permissions run as another user, who must reach the folder.
chmodSync(folder, 0o755);
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

/** Place of one attempt: its output folder, its steps as shell commands, and its faults. */
function place(label) {
  const home = join(folder, label.replaceAll(/[^\w.+-]+/g, '-'));
  mkdirSync(home);
  const at = { label, folder: home, out: join(home, 'out'), steps: [], faults: [] };
  return Object.assign(at, { wrong: (what) => at.faults.push(what) });
}

let clean;
const world = {
  folder,
  long: values.long,
  place,
  /** Number of attempts: `short`, or `long` with --long. */
  count: (short, long) => (values.long ? long : short),
  /** Ten small samples in one copy, in two copies, and in enough copies for worker threads. */
  single: await createWorkload(folder, 'single', ['-p', '1', '--batch-size', '2'], 2),
  small: await createWorkload(folder, 'small', ['-p', '1', '--batch-size', '2', '--copies', '2'], 2),
  threaded: await createWorkload(folder, 'threaded', ['-p', '1', '--batch-size', '4', '--copies', '26'], 4),
  /** The calls of a run of `single`. */
  cleanRun: () => (clean ??= cleanRun(place('clean'), world.single)),
};

let failed = false;
const rows = [];
const queue = [];
for (const one of cases) {
  const row = { one, tried: 0, wrong: 0, missed: 0, why: (await Promise.all((one.needs ?? []).map((need) => need()))).find(Boolean) };
  rows.push(row);
  if (row.why !== undefined) {
    console.error(`${one.name}: NOT RUN: ${row.why}`);
    failed ||= Boolean(process.env.ALL_FAULTS);
    continue;
  }
  const failing = (error) => [{ label: 'preparation', run: () => Promise.reject(error) }];
  const attempts = await Promise.resolve(world).then(one.attempts).catch(failing);
  queue.push(...attempts.map((attempt) => ({ row, attempt })));
}

const total = queue.length;
let begun = 0;
console.error(`${total} faults`);
const lane = async () => {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (++begun % 25 === 0) console.error(`${begun} of ${total} begun, ${seconds()} s`);
    await make(next);
  }
};
// Many cases wait for a clock or a disk.
await Promise.all(Array.from({ length: 1 + Math.max(2, availableParallelism()) }, lane));

console.log('\n| case | what was tried | tried | wrong | |\n| --- | --- | --- | --- | --- |');
for (const { one, tried, wrong, missed, why } of rows) {
  // A fault that seldom happens tests little.
  const seldom = missed * 4 > tried;
  failed ||= wrong > 0 || seldom;
  const remark = why ? `**not run: ${why}**` : missed > 0 ? `${seldom ? '**' : ''}${missed} did not happen${seldom ? '**' : ''}` : '';
  console.log(`| ${one.name} | ${one.what} | ${tried} | ${wrong} | ${remark} |`);
}
console.log(`\n${failed ? 'FAILED' : 'nothing wrong'} after ${seconds()} s and ${countRuns()} runs of the tool`);
if (!failed) rmSync(folder, { recursive: true, force: true });
// Remaining child processes must not keep this one alive.
process.exit(failed ? 1 : 0);

async function make({ row, attempt: { label, run } }) {
  const at = place(`${row.one.name} ${label}`);
  // A failed attempt does not stop the others.
  await run(at).catch((error) => at.wrong(error.stack));
  row.tried++;
  if (at.missed) row.missed++;
  if (at.faults.length === 0) return rmSync(at.folder, { recursive: true, force: true });
  row.wrong++;
  console.error(`\nWRONG: ${at.label} (left in ${at.folder}; again: node test/faults/run.js --only ${row.one.name})`);
  for (const step of at.steps) console.error(`  $ ${step}`);
  for (const fault of at.faults.slice(0, 5)) console.error(`  ${fault.trimEnd().replaceAll('\n', '\n  ')}`);
}

function seconds() {
  return ((performance.now() - began) / 1000).toFixed(0);
}
