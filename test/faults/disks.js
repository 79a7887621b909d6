// Full and read-only disks, missing permissions, power cuts, too few file descriptors, too little memory, and inputs that change.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { asNobody, caseless, complaint, isRoot, loops, memoryGroups, memoryLimit, mounts, nobody } from './machine.js';
import {
  checkError,
  checkNoTemporaries,
  checkSame,
  checkWhole,
  filesOf,
  goOn,
  run,
  signal,
  sleep,
  start,
  startAndStop,
  underWay,
  withOwnData,
} from './tool.js';

const mounted = new Set();
process.on('exit', () => {
  for (const folder of mounted) complaint('umount', '-l', folder);
});

/** Runs a system command. @throws {Error} if it fails. */
function must(at, ...argv) {
  at.steps.push(argv.join(' '));
  const { status, stderr, error } = spawnSync(argv[0], argv.slice(1), { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${error ?? stderr}`);
}

/** Mounts a file system for the duration of a step. */
async function withMount(at, folder, words, step) {
  mkdirSync(folder, { recursive: true });
  must(at, 'mount', ...words, folder);
  mounted.add(folder);
  try {
    await step();
  } finally {
    must(at, 'umount', folder);
    mounted.delete(folder);
  }
}

/** Runs on a small file system, and again after it is enlarged. */
const tooSmall = (label, work, options, enough) => ({
  label,
  run: async (at) => {
    const disk = join(at.folder, 'disk');
    at.out = join(disk, 'out');
    await withMount(at, disk, ['-t', 'tmpfs', '-o', options, 'none'], async () => {
      checkError(at, await run(at, work));
      checkWhole(at, work);
      checkNoTemporaries(at);
      must(at, 'mount', '-o', `remount,${enough}`, disk);
      await goOn(at, work);
    });
  },
});

/** Starts a run and kills it halfway. */
async function begun(at, work, images) {
  const going = await startAndStop(at, work, images);
  signal(going.pid, 'SIGKILL');
  at.steps.push('# killed');
  await going.ended;
}

/** Runs without a permission, and again with it. */
const forbidden = (label, prepare) => ({
  label,
  run: async (at) => {
    const { work, path, mode, codes } = await prepare(at);
    at.steps.push(`# chmod ${mode.toString(8)} ${path}`);
    chmodSync(path, mode);
    checkError(at, await run(at, work, { under: asNobody }), codes);
    chmodSync(path, 0o755);
    checkWhole(at, work);
    await goOn(at, work);
  },
});

/** Pauses a run, changes an input file, and resumes the run; then runs again with the original file. */
const inputChanges = (label, work, name, change, codes) => ({
  label: `${name} ${label}`,
  run: async (at) => {
    const own = withOwnData(at, work);
    const file = join(own.data, name);
    let end;
    for (let tries = 0; tries < 4; tries++) {
      const going = await startAndStop(at, own);
      change(file);
      at.steps.push(`# ${name} ${label}, and the run goes on`);
      signal(going.pid, 'SIGCONT');
      end = await going.ended;
      if (end.code !== 0) break;
      // On a busy machine the run may have read the file before it was paused.
      rmSync(at.out, { recursive: true });
      copyFileSync(join(work.data, name), file);
    }
    checkError(at, end, codes);
    if (!end.said.includes(name)) at.wrong(`does not name ${name}: ${end.said}`);
    checkNoTemporaries(at);
    copyFileSync(join(work.data, name), file);
    // Output of the changed file must not be reused.
    const next = await run(at, own);
    if (next.code === 2 && next.said.includes('--overwrite')) await goOn(at, { ...own, args: [...own.args, '--overwrite'] });
    else if (next.code !== 0) at.wrong(`the next run ends with exit code ${next.code}: ${next.said}`);
    else checkSame(at, own);
  },
});

/** Two samples whose names differ only in case. */
const caseTwins = (label, work) => ({
  label,
  run: async (at) => {
    const own = withOwnData(at, work);
    for (const folder of ['train', 'trainannot']) {
      const [name] = readdirSync(join(own.data, folder)).sort();
      for (const twin of ['Twin', 'twin']) copyFileSync(join(own.data, folder, name), join(own.data, folder, twin + extname(name)));
    }
    const elsewhere = at.out;
    const disk = join(at.folder, 'disk');
    writeFileSync(`${disk}.img`, '');
    truncateSync(`${disk}.img`, 64 * 2 ** 20);
    must(at, 'mkntfs', '-F', '-Q', '-q', `${disk}.img`);
    await withMount(at, disk, ['-t', 'lowntfs-3g', '-o', 'loop,ignore_case', `${disk}.img`], async () => {
      at.out = join(disk, 'out');
      const end = await run(at, own);
      checkError(at, end, [73]);
      if (!/twin/i.test(end.said)) at.wrong(`does not name the samples: ${end.said}`);
      if (filesOf(at.out).size > 0) at.wrong('leaves files behind');
    });
    at.out = elsewhere;
    const { code, said } = await run(at, own);
    if (code !== 0) at.wrong(`on another disk it ends with exit code ${code}: ${said}`);
  },
});

export const disks = [
  {
    name: 'disk-caseless',
    what: 'a case-insensitive disk',
    needs: [caseless],
    attempts: ({ single }) => [caseTwins('two samples', single)],
  },
  {
    name: 'disk-full',
    what: 'a full disk, then a larger one',
    needs: [mounts],
    attempts: ({ small, threaded, long }) => {
      const attempt = (work, part, kind) => {
        const bytes = [...filesOf(work.out).keys()].reduce((sum, name) => sum + readFileSync(join(work.out, name)).length, 0);
        return tooSmall(`${kind} ${part * 100} %`, work, `size=${Math.ceil((bytes * part) / 1024)}k`, 'size=200m');
      };
      return [...(long ? [0.01, 0.5, 0.97] : [0.01, 0.97]).map((part) => attempt(small, part, 'small')), attempt(threaded, 0.5, 'threads')];
    },
  },
  {
    name: 'disk-inodes',
    what: 'no inodes left, then more',
    needs: [mounts],
    attempts: ({ small, threaded, long }) => [
      ...(long ? [2, 5, 30] : [2, 30]).map((nodes) => tooSmall(`small ${nodes}`, small, `nr_inodes=${nodes}`, 'nr_inodes=2000')),
      tooSmall('threads 100', threaded, 'nr_inodes=100', 'nr_inodes=2000'),
    ],
  },
  {
    name: 'disk-read-only',
    what: 'a read-only file system, new and with half a run, then writable',
    needs: [mounts],
    attempts: ({ small }) =>
      ['new', 'empty', 'half'].map((state) => ({
        label: state,
        run: async (at) => {
          const disk = join(at.folder, 'disk');
          at.out = join(disk, 'out');
          await withMount(at, disk, ['-t', 'tmpfs', 'none'], async () => {
            if (state === 'empty') mkdirSync(at.out);
            if (state === 'half') await begun(at, small);
            must(at, 'mount', '-o', 'remount,ro', disk);
            checkError(at, await run(at, small));
            must(at, 'mount', '-o', 'remount,rw', disk);
            checkWhole(at, small);
            await goOn(at, small);
          });
        },
      })),
  },
  {
    name: 'permission',
    what: 'folders and files without permission to write or read, then with it',
    needs: [nobody],
    attempts: ({ small }) => [
      forbidden('output cannot be made', (at) => {
        at.out = join(at.folder, 'shut', 'out');
        mkdirSync(join(at.folder, 'shut'));
        return { work: small, path: join(at.folder, 'shut'), mode: 0o555 };
      }),
      forbidden('output cannot be written', (at) => {
        mkdirSync(at.out);
        return { work: small, path: at.out, mode: 0o555 };
      }),
      forbidden('output cannot be listed', (at) => {
        mkdirSync(at.out);
        return { work: small, path: at.out, mode: 0o000 };
      }),
      forbidden('folder of half a run cannot be written', async (at) => {
        await begun(at, small);
        if (isRoot) must(at, 'chown', '-R', '65534:65534', at.out);
        return { work: small, path: join(at.out, 'train'), mode: 0o555 };
      }),
      ...['train/0016E5_01920.jpg', 'trainannot/0016E5_01920.png', 'val/0016E5_07959.jpg'].map((name) =>
        forbidden(`${name} cannot be read`, (at) => {
          chmodSync(at.folder, 0o777);
          const work = withOwnData(at, small);
          return { work, path: join(work.data, name), mode: 0o000, codes: [74] };
        }),
      ),
      forbidden('input cannot be listed', (at) => {
        chmodSync(at.folder, 0o777);
        const work = withOwnData(at, small);
        return { work, path: work.data, mode: 0o000, codes: [66, 74] };
      }),
    ],
  },
  {
    name: 'descriptors',
    what: 'few file descriptors: the run succeeds, or fails with one line',
    attempts: ({ small, threaded, long }) => {
      const attempt = (work, most, kind) => ({
        label: `${kind} ${most}`,
        run: async (at) => {
          const end = await run(at, work, { under: ['sh', '-c', `ulimit -n ${most}; exec "$@"`, 'sh'] });
          if (end.code === 0) checkSame(at, work);
          else {
            checkError(at, end);
            checkWhole(at, work);
            checkNoTemporaries(at);
          }
          await goOn(at, work);
        },
      });
      return [
        ...(long ? [24, 48, 128] : [24, 128]).map((most) => attempt(small, most, 'small')),
        ...(long ? [64, 256] : [64]).map((most) => attempt(threaded, most, 'threads')),
      ];
    },
  },
  {
    name: 'memory',
    what: 'a memory limit of 512 MB, and one that kills the run, then none',
    needs: [memoryLimit],
    attempts: ({ small, threaded }) => {
      const attempt = (work, megabytes, kind) => ({
        label: `${kind} ${megabytes} MB`,
        run: async (at) => {
          const { folder, limit } = memoryGroups();
          const group = join(folder, `copypaste-faults-${process.pid}-${kind}-${megabytes}`);
          mkdirSync(group);
          writeFileSync(join(group, limit), `${megabytes * 2 ** 20}`);
          const { code, said } = await run(at, work, { under: ['sh', '-c', `echo $$ > ${group}/cgroup.procs; exec "$@"`, 'sh'] });
          rmdirSync(group);
          if (megabytes >= 512 && code !== 0) at.wrong(`exit code ${code}: ${said}`);
          if (![0, 137].includes(code)) at.wrong(`exit code ${code}: ${said}`);
          checkWhole(at, work);
          await goOn(at, work);
        },
      });
      return [
        attempt(small, 512, 'small'),
        attempt(threaded, 512, 'threads'),
        attempt(small, 64, 'small'),
        attempt(threaded, 80, 'threads'),
      ];
    },
  },
  {
    name: 'input',
    what: 'an input file that is removed, truncated or replaced during the run, then restored',
    attempts: ({ small }) => {
      const [image, mask, passing] = ['train/0016E5_01920.jpg', 'trainannot/0016E5_01920.png', 'val/0016E5_07959.jpg'];
      const replaceBy = (name) => (file) => copyFileSync(join(small.data, name), file);
      return [
        ...[image, mask, passing].map((name) => inputChanges('vanishes', small, name, (file) => rmSync(file), [74])),
        ...[image, mask].map((name) => inputChanges('is cut off', small, name, (file) => truncateSync(file, 3000), [65])),
        inputChanges('is replaced', small, image, replaceBy('train/0016E5_07740.jpg'), [2, 65]),
        inputChanges('is replaced', small, mask, replaceBy('trainannot/0016E5_07740.png'), [2, 65]),
      ];
    },
  },
  {
    name: 'lost',
    what: 'files of half a run that are missing or truncated when it continues',
    attempts: ({ small }) => [
      {
        label: 'gone and cut off',
        run: async (at) => {
          await begun(at, small, 8);
          const done = [...filesOf(at.out).keys()].filter((name) => small.ref.has(name)).map((name) => join(at.out, name));
          for (const [i, path] of done.entries()) {
            if (i % 2 === 0) rmSync(path);
            else truncateSync(path, 100);
          }
          at.steps.push('# half of the files are removed, the others truncated');
          await goOn(at, small);
        },
      },
    ],
  },
  {
    name: 'power',
    what: 'power cuts: an ext4 file system copied at random moments, mounted again, then continued',
    needs: [loops],
    attempts: ({ small, count }) =>
      Array.from({ length: count(2, 50) }, (_, i) => ({ label: `${i + 1}`, run: (at) => powerCut(at, small) })),
  },
];

async function powerCut(at, work) {
  const disk = join(at.folder, 'disk.img');
  const cut = join(at.folder, 'cut.img');
  must(at, 'truncate', '-s', '48M', disk);
  must(at, 'mkfs.ext4', '-q', '-F', '-J', 'size=4', disk);
  at.out = join(at.folder, 'before', 'out');
  await withMount(at, dirname(at.out), ['-o', 'loop', disk], async () => {
    const going = start(at, work);
    await underWay(at, going, 'train');
    await sleep(Math.random() * work.ms * 0.5);
    // Nothing may change during the copy, so wait for system calls in progress.
    signal(going.pid, 'SIGSTOP');
    await sleep(50);
    must(at, 'cp', '--sparse=always', disk, cut);
    signal(going.pid, 'SIGKILL');
    await going.ended;
  });
  at.out = join(at.folder, 'after', 'out');
  await withMount(at, dirname(at.out), ['-o', 'loop', cut], async () => {
    checkWhole(at, work);
    await goOn(at, work);
  });
}
