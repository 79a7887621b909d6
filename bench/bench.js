// Samples per second of the whole pipeline beside decoding and encoding alone and beside peers, what its parts take, how it starts and how
// it grows. All take turns, in processes of their own; ratios are of medians. Numbers go to bench/results.json.
//
//   npm run bench -- DATA [ROUNDS]     DATA in CamVid's layout; PYTHON=… an interpreter with bench/peers/requirements.txt; TMPDIR=… where
//                                      files go: a disk's moods are kept out by a file system in memory (12 GB)
//   npm run bench -- DATA --check      compares the ratios with those in bench/results.json; exits with 1 where one grew
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { makeData, median, run, work } from './common.js';
import { measureGrowth } from './growth.js';
import { measureKernel, measureShares, measureStart } from './shares.js';

const [data = 'fixtures/camvid', second = '5'] = process.argv.slice(2);
const check = second === '--check';
const rounds = check ? 3 : Number(second);
const results = 'bench/results.json';
const folder = mkdtempSync(join(tmpdir(), 'copypaste-bench-'));

/** The kinds of data, made of DATA's samples over and over: so many that start-up hardly counts; peers take some of them. */
const kinds = [
  { name: '480×360 PNG', size: [480, 360], samples: 2640, some: 176, ext: 'png' },
  { name: '640×480 JPEG', size: [640, 480], samples: 2640, some: 176, ext: 'jpg' },
  { name: '1920×1440 JPEG', size: [1920, 1440], samples: 396, some: 16, ext: 'jpg' },
];
const base = 'decode + encode alone';
const node = (what, options) => (input, out) => work(what, input, out, options);
const python =
  (script) =>
  (input, out, { some }) =>
    run(process.env.PYTHON ?? 'python3', [`bench/peers/${script}.py`, input, out, String(some)]);
const contenders = {
  [base]: node('codecs'),
  'copypaste augment -p 1': node('augment', { p: 1 }),
  'copypaste augment -p 0.5': node('augment', { p: 0.5 }),
  ...(!check && {
    'OpenCV decode + encode alone': python('opencv'),
    AlbumentationsX: python('albumentationsx'),
    Ultralytics: python('ultralytics_flip'),
    "Composer's form": python('composer'),
  }),
};

const table = {};
const parts = {};
try {
  for (const kind of kinds) {
    const place = join(folder, kind.ext + kind.size[0]);
    const input = join(place, 'data');
    await makeData(data, kind, input);
    const rows = {};
    for (let round = 0; round < rounds; round++) {
      for (const [name, contend] of Object.entries(contenders)) {
        if (rows[name] === null) continue;
        try {
          const { samples, seconds, mb } = contend(input, join(place, `${round}-${name.replace(/\W/g, '')}`), kind);
          rows[name] ??= { samples, seconds: [], ...(mb && { mb }) };
          rows[name].seconds.push(Number(seconds.toFixed(4)));
        } catch (error) {
          if (!/No module named|ENOENT/.test(`${error.stderr} ${error.message}`)) throw error;
          console.log(`${name}: left out, since it is not installed (bench/peers/requirements.txt)`);
          rows[name] = null;
        }
      }
    }
    table[kind.name] = Object.fromEntries(Object.entries(rows).filter(([, row]) => row));
    print(kind, table[kind.name]);
    if (!check) parts[kind.name] = measureShares(input, join(place, 'shares'), rounds);
    // Not sooner: a file system that is busy deleting is slow.
    rmSync(place, { recursive: true });
  }
  if (!check)
    Object.assign(parts, { kernel: measureKernel(), start: measureStart(folder, rounds), growth: await measureGrowth(data, folder) });
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function rate({ samples, seconds }) {
  return samples / median(seconds);
}

function print({ name, samples }, rows) {
  console.log(`\n${name}, ${samples} samples, median of ${rounds}`);
  for (const [contender, row] of Object.entries(rows)) {
    const ratio = (rate(rows[base]) / rate(row)).toFixed(2);
    console.log(
      `  ${contender.padEnd(30)} ${rate(row).toFixed(1).padStart(7)} samples/s ${ratio.padStart(6)} x ${row.mb ? `  ${row.mb} MB` : ''}`,
    );
  }
}

if (check) {
  const recorded = JSON.parse(readFileSync(results, 'utf8')).kinds;
  for (const [kind, rows] of Object.entries(table)) {
    for (const name of Object.keys(rows)) {
      const [now, then] = [rows, recorded[kind]].map((set) => rate(set[base]) / rate(set[name]));
      // Two cores that others use too: a tenth is noise.
      if (now > 1.15 * then) {
        console.error(`${kind}: ${name} takes ${now.toFixed(2)} x, where it took ${then.toFixed(2)} x`);
        process.exitCode = 1;
      }
    }
  }
} else {
  const machine = { cpu: cpus()[0].model, cores: cpus().length, node: process.version, ...sharp.versions };
  writeFileSync(results, `${JSON.stringify({ machine, data: basename(data), rounds, kinds: table, parts }, undefined, 1)}\n`);
}
