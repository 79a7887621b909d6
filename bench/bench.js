// Samples per second of the whole pipeline, compared with decoding and encoding alone and with peers; shares of its parts, start-up and
// growth. The contenders take turns, each in its own process; ratios are of medians. Writes bench/results.json.
//
//   npm run bench -- DATA [ROUNDS]     DATA in CamVid's layout; PYTHON=… an interpreter with bench/peers/requirements.txt; TMPDIR=… the
//                                      folder of all files: a file system in memory (20 GB) avoids the noise of a disk
//   npm run bench -- --check [DATA]    only ratios of processor time, in a few minutes, without peers; exits with 1 if one is half
//                                      above that in bench/results.json
//   npm run bench -- --record [DATA]   writes only these ratios to bench/results.json
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { compareRatios, measureRatios } from './check.js';
import { makeData, rate, run, work } from './common.js';
import { measureGrowth } from './growth.js';
import { measureKernel, measureShares } from './shares.js';
import { measureStart } from './start.js';

const [first = 'fixtures/camvid', second] = process.argv.slice(2);
const short = ['--check', '--record'].includes(first);
const data = short ? (second ?? 'fixtures/camvid') : first;
const rounds = short ? 0 : Number(second ?? 5);
const results = 'bench/results.json';
const folder = mkdtempSync(join(tmpdir(), 'copypaste-bench-'));

/** Kinds of data, made by repeating DATA's samples until start-up hardly counts; peers process only `some` of them. */
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
  'OpenCV decode + encode alone': python('opencv'),
  AlbumentationsX: python('albumentationsx'),
  Ultralytics: python('ultralytics_flip'),
  "Composer's form": python('composer'),
};

try {
  if (first === '--check') await compare();
  else if (first === '--record') await record();
  else await measure();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function compare() {
  const grown = compareRatios(await measureRatios(data, folder), JSON.parse(readFileSync(results, 'utf8')).ratios);
  for (const line of grown) console.error(line);
  if (grown.length > 0) process.exitCode = 1;
}

async function record() {
  const ratios = await measureRatios(data, folder);
  writeFileSync(results, `${JSON.stringify({ ...JSON.parse(readFileSync(results, 'utf8')), ratios }, undefined, 1)}\n`);
}

async function measure() {
  const table = {};
  const parts = {};
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
          console.log(`${name}: left out, because it is not installed; install bench/peers/requirements.txt`);
          rows[name] = null;
        }
      }
    }
    table[kind.name] = Object.fromEntries(Object.entries(rows).filter(([, row]) => row));
    print(kind, table[kind.name]);
    parts[kind.name] = measureShares(input, join(place, 'shares'), rounds);
    // Files are deleted only here, because deleting slows the file system down.
    rmSync(place, { recursive: true });
  }
  Object.assign(parts, {
    kernel: measureKernel(),
    start: await measureStart(data, folder, rounds),
    growth: await measureGrowth(data, folder),
  });
  const ratios = await measureRatios(data, folder);
  const machine = { cpu: cpus()[0].model, cores: cpus().length, node: process.version, ...sharp.versions };
  writeFileSync(results, `${JSON.stringify({ machine, data: basename(data), rounds, kinds: table, parts, ratios }, undefined, 1)}\n`);
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
