// Makes an output with real schedulers, kills parts of it midway, and compares the bytes with those of one augment.
//
//   node test/engines/run.js            all engines
//   node test/engines/run.js slurm k8s  some
//
// Each engine installs what it needs. One that cannot run here is named and skipped; with ALL_ENGINES set it fails.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as k8s from './k8s.js';
import * as parallel from './parallel.js';
import * as ray from './ray.js';
import * as slurm from './slurm.js';
import * as snakemake from './snakemake.js';
import { checkBytes, end, folder, killAll } from './tool.js';

const engines = { slurm, parallel, snakemake, ray, k8s };

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !Object.hasOwn(engines, name));
if (unknown !== undefined) {
  console.error(`${unknown} is no engine; choose among ${Object.keys(engines).join(', ')}`);
  process.exit(2);
}

/** Daemons must not outlive this process, however it ends. */
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.once(signal, () => {
    killAll();
    process.exit(1);
  });

const counts = { passed: 0, failed: 0, skipped: 0 };
const count = (what, text) => {
  counts[what]++;
  console.log(`  ${text}`);
};
for (const [name, { missing, test }] of Object.entries(engines)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(name);
  const reason = missing();
  if (reason !== undefined) {
    count(process.env.ALL_ENGINES ? 'failed' : 'skipped', `${name} cannot run here: ${reason}`);
    continue;
  }
  const began = Date.now();
  try {
    const place = await test();
    if (place !== undefined) checkBytes(join(place, 'aug'));
    count('passed', `${place ? 'the bytes of one augment' : 'valid'}, ${((Date.now() - began) / 1000).toFixed(0)} s`);
  } catch (error) {
    count('failed', `${name} failed: ${error.message}\n  its files are in ${folder}`);
  } finally {
    await end(killAll());
  }
}
if (counts.failed === 0 && existsSync(folder)) rmSync(folder, { recursive: true, force: true });
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 ? 1 : 0;
