// A sample whose decoding crashes the process costs a second run, and only that sample is skipped.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesOf, run } from './tool.js';

const victim = '0016E5_01920';

const attempt = (label, work) => ({
  label,
  run: async (at) => {
    // Headers are read by the same calls as whole files, so that the process itself tells them apart; its threads and child processes too.
    const killer = fileURLToPath(new URL('../engine/killer.cjs', import.meta.url));
    const env = {
      NODE_OPTIONS: `--require ${JSON.stringify(killer)}`,
      KILLER_SIGNAL: 'SIGKILL',
      KILLER_FILES: `trainannot/${victim}.png`,
    };
    const first = await run(at, work, { env });
    if (first.code !== 137) at.wrong(`the first run ends with exit code ${first.code}: ${first.said}`);
    for (const [which, options] of [
      ['second', { env }],
      ['third', {}],
    ]) {
      const { code, said } = await run(at, work, options);
      if (code !== 3) at.wrong(`the ${which} run ends with exit code ${code}: ${said}`);
      if (said.trimEnd().split('\n').length !== 1 || !said.includes(victim)) at.wrong(`the ${which} run does not name the sample: ${said}`);
    }
    const files = filesOf(at.out);
    for (const name of work.ref.keys()) {
      if (name.includes(victim) === files.has(name)) at.wrong(`${name} is ${files.has(name) ? '' : 'not '}there`);
    }
    for (const name of files.keys()) if (!work.ref.has(name)) at.wrong(`${name} was left`);
    const { skipped } = JSON.parse(readFileSync(join(at.out, 'manifest.json'), 'utf8'));
    if (skipped.length !== 1 || skipped[0].id !== `train/${victim}`) at.wrong(`the manifest has ${JSON.stringify(skipped)} skipped`);
  },
});

export const poison = [
  {
    name: 'poison',
    what: 'a sample whose decoding kills the process, three runs',
    attempts: ({ small, threaded }) => [attempt('small', small), attempt('threads', threaded)],
  },
];
