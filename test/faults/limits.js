// Limits of memory and of processes, a killed process that tries suspects, and a full standard output: sound samples are never left out.
import { chownSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { asNobody, isRoot, nobody } from './machine.js';
import { checkSame, createWorkload, filesOf, goOn, patient, run, signal, sleep, start, startAndStop } from './tool.js';

let workload;
/** Ten samples, of which bad ones would be left out. */
const skipping = ({ folder }) => (workload ??= createWorkload(folder, 'skipping', ['-p', '1', '--batch-size', '2', '--skip-bad']));

/** Prefix that runs a command in a shell after another command. */
const after = (command) => ['bash', '-c', `${command}; exec "$@"`, 'bash'];

/** Time after which a run is killed, as its user would do: Node may wait forever for a thread while it starts. */
const patienceMs = 8000;

/** Runs under a limit until a run ends well or three have failed, and then without it. */
const limited = (work, under) => async (at) => {
  for (let n = 0; n < 3; n++) {
    const going = start(at, work, { under });
    const killed = setTimeout(() => signal(-going.pid, 'SIGKILL'), patient(patienceMs));
    const { code, said } = await going.ended;
    clearTimeout(killed);
    if (code === 3) at.wrong(`leaves sound samples out: ${said}`);
    if (code === 1 || code === 2 || (code > 3 && code < 69)) at.wrong(`ends with exit code ${code}: ${said}`);
    if (code === 0) {
      // A limit that stops nothing tests nothing.
      at.missed = n === 0;
      checkSame(at, work);
      return;
    }
  }
  await goOn(at, work);
};

/** Processes of a program whose parent is a process. */
function childrenOf(pid, program) {
  return readdirSync('/proc').filter((name) => {
    try {
      if (!/^\d+$/.test(name) || readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1].split(' ')[1] !== String(pid)) return false;
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(program);
    } catch {
      return false;
    }
  });
}

/** Kills the process that tries suspects once, and lets the run go on. */
async function killSuspects(at, work) {
  let killed = false;
  // On a busy machine the process may have ended before it is seen.
  for (let tries = 0; !killed && tries < 5; tries++) {
    rmSync(at.out, { recursive: true, force: true });
    const first = await startAndStop(at, work);
    signal(-first.pid, 'SIGKILL');
    await first.ended;
    const second = start(at, work);
    while (!killed && second.child.exitCode === null) {
      for (const child of childrenOf(second.pid, 'suspects-process')) {
        await sleep(150);
        signal(Number(child), 'SIGKILL');
        at.steps.push('# the process that tries suspects is killed');
        killed = true;
      }
      await sleep(2);
    }
    const { code, said } = await second.ended;
    if (code === 3) at.wrong(`leaves sound samples out: ${said}`);
  }
  at.missed = !killed;
  await goOn(at, work);
}

export const limits = [
  {
    name: 'limits memory',
    what: 'less address space than a run needs, three times, then enough',
    attempts: async (world) => {
      const work = await skipping(world);
      return (world.long ? [650, 750, 800, 850, 900, 1000, 1200, 1300] : [650, 850, 1100]).map((mega) => ({
        label: `${mega}`,
        run: limited(work, after(`ulimit -v ${mega * 1000}`)),
      }));
    },
  },
  {
    name: 'limits processes',
    what: 'fewer processes and threads than a run needs, three times, then enough',
    needs: [nobody],
    attempts: async (world) => {
      const work = await skipping(world);
      const attempt = (most, label, work) => ({
        label: `${label} ${most}`,
        run: async (at) => {
          if (isRoot) chownSync(at.folder, 65534, 65534);
          await limited(work, [...asNobody, ...after(`ulimit -u ${most}`)])(at);
        },
      });
      return [
        ...(world.long ? [12, 14, 16, 18, 20] : [12, 16]).map((most) => attempt(most, 'process', work)),
        ...(world.long ? [11, 12, 14, 18, 22] : [12]).map((most) => attempt(most, 'threads', world.threaded)),
      ];
    },
  },
  {
    name: 'limits suspects',
    what: 'the process that tries suspects is killed',
    attempts: async (world) => {
      const work = await skipping(world);
      return Array.from({ length: world.count(1, 10) }, (_, n) => ({ label: `${n + 1}`, run: (at) => killSuspects(at, work) }));
    },
  },
  {
    name: 'limits output',
    what: 'a full disk behind standard output or standard error',
    attempts: async (world) => {
      const work = await skipping(world);
      return [
        ['>', ['-q', '--json']],
        ['2>', []],
      ].map(([redirection, flags]) => ({
        label: redirection === '>' ? 'stdout' : 'stderr',
        run: async (at) => {
          const under = ['sh', '-c', `exec "$@" ${redirection} /dev/full`, 'sh'];
          const { code, said } = await run(at, work, { under, flags });
          if (code !== 74) at.wrong(`ends with exit code ${code}: ${said}`);
          if (redirection === '>' && said.trim().split('\n').length !== 1) at.wrong(`prints more than one line: ${said}`);
          await goOn(at, work);
          if (filesOf(join(at.out)).size === 0) at.wrong('wrote nothing');
        },
      }));
    },
  },
];
