// Tries what can go wrong with a run, for real: processes are killed, file systems fill up, system calls fail.
//   node test/faults/run.js [--long] [--only NAME]
// Prints a table, and ends with 1 where anything is wrong. A case that cannot run on this machine says why; ALL_FAULTS=1 makes
// that a failure.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { disks } from './disks.js';
import { errors } from './errors.js';
import { kills } from './kills.js';
import { poison } from './poison.js';
import { same } from './same.js';
import { signals } from './signals.js';
import { createWorkload } from './tool.js';

const { values } = parseArgs({ options: { long: { type: 'boolean', default: false }, only: { type: 'string', default: '' } } });
const cases = [...kills, ...errors, ...disks, ...signals, ...poison, ...same].filter(({ name }) => name.startsWith(values.only));
if (cases.length === 0) throw new Error(`--only ${values.only}: no case begins so`);

const began = performance.now();
const folder = mkdtempSync(join(tmpdir(), 'copypaste-faults-'));
// Another user has to reach it, where permissions are tried.
chmodSync(folder, 0o755);
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

const world = {
  folder,
  long: values.long,
  /** `short` of something in the short form, `long` in the long one. */
  count: (short, long) => (values.long ? long : short),
  small: await createWorkload(folder, 'small', ['-p', '1', '--batch-size', '2', '--copies', '2']),
  threaded: await createWorkload(folder, 'threaded', ['-p', '1', '--batch-size', '4', '--copies', '26']),
  /** A place for something to be tried in. */
  place(label) {
    const home = join(folder, label.replaceAll(/[^\w.+-]+/g, '-'));
    mkdirSync(home);
    const place = { label, folder: home, out: join(home, 'out'), steps: [], faults: [] };
    return Object.assign(place, { wrong: (what) => place.faults.push(what) });
  },
};

const rows = [];
let failed = false;
for (const one of cases) {
  const why = (await Promise.all((one.needs ?? []).map((need) => need()))).find((text) => text !== undefined);
  if (why !== undefined) {
    console.error(`${one.name}: NOT RUN: ${why}`);
    failed ||= Boolean(process.env.ALL_FAULTS);
    rows.push([one.name, one.what, 0, 0, `**not run: ${why}**`]);
    continue;
  }
  const from = performance.now();
  const attempts = await one.attempts(world);
  let wrong = 0;
  let missed = 0;
  const attempt = async ({ label, run }) => {
    const at = world.place(`${one.name} ${label}`);
    // Whatever goes wrong in one attempt, the others are made.
    await run(at).catch((error) => at.wrong(error.stack));
    if (at.missed) missed++;
    if (at.faults.length === 0) return rmSync(at.folder, { recursive: true, force: true });
    wrong++;
    console.error(`\nWRONG: ${at.label} (left in ${at.folder}; again: node test/faults/run.js --only ${one.name})`);
    for (const step of at.steps) console.error(`  $ ${step}`);
    for (const fault of at.faults.slice(0, 5)) console.error(`  ${fault.trimEnd().replaceAll('\n', '\n  ')}`);
  };
  await beside(attempts, one.alone ? 1 : Math.min(4, Math.max(2, availableParallelism())), attempt);
  // A fault that seldom happens proves little.
  if (missed * 4 > attempts.length) {
    wrong++;
    console.error(`\nWRONG: ${one.name}: ${missed} of ${attempts.length} faults never happened`);
  }
  failed ||= wrong > 0;
  const seconds = (performance.now() - from) / 1000;
  console.error(`${one.name}: ${attempts.length} tried, ${wrong} wrong, ${missed} missed, ${seconds.toFixed(1)} s`);
  rows.push([one.name, one.what, attempts.length, wrong, missed > 0 ? `${missed} missed` : '']);
}

console.log(['', '| case | what was tried | tried | wrong | |', '| --- | --- | --- | --- | --- |'].join('\n'));
for (const row of rows) console.log(`| ${row.join(' | ')} |`);
console.log(`\n${failed ? 'FAILED' : 'nothing wrong'} after ${((performance.now() - began) / 1000).toFixed(0)} s`);
if (!failed) rmSync(folder, { recursive: true, force: true });
// What is left of processes that were tried does not hold this one up.
process.exit(failed ? 1 : 0);

/** Does something for each of a list, `width` at a time. */
async function beside(list, width, step) {
  const rest = [...list];
  const lane = async () => {
    for (let one = rest.shift(); one !== undefined; one = rest.shift()) await step(one);
  };
  await Promise.all(Array.from({ length: width }, lane));
}
