// A data set of any number of samples without pixels of their own, and the record files of its run: hard links to a few small files.
import { execFileSync } from 'node:child_process';
import { closeSync, copyFileSync, existsSync, linkSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { encodeMask } from '../dist/codecs/png-masks.js';
import { optionsOfRun } from '../dist/engine/part.js';
import { openRunFile, pixelsOfSample } from '../dist/output/run-file.js';
import { batchesByKey, orderKey, shardOf } from '../dist/plan/batches.js';

/** Samples that differ; all others are links to their files. */
const distinct = 64;
/** Links that a file may have: ext4 allows 65,000. */
const linksOfFile = 60_000;
const [width, height] = [48, 32];

/** Id of the n-th sample. Ids are in order. */
function nameOf(n) {
  return `${String(Math.floor(n / 1000)).padStart(5, '0')}/${String(n).padStart(8, '0')}`;
}

/** Makes many links to the same files. */
function createLinker(folder) {
  mkdirSync(folder, { recursive: true });
  const made = new Set();
  const uses = new Map();
  let files = 0;
  return (file, link) => {
    const parent = dirname(link);
    if (!made.has(parent)) mkdirSync(parent, { recursive: true });
    made.add(parent);
    let known = uses.get(file);
    if (known === undefined || known.left === 0) {
      known = { path: join(folder, `${files++}`), left: linksOfFile };
      copyFileSync(file, known.path);
      uses.set(file, known);
    }
    linkSync(known.path, link);
    known.left--;
  };
}

/** Makes the samples that differ: a gradient each, and a mask of two rectangles. */
async function makeDistinct(folder) {
  for (const part of ['images', 'masks']) mkdirSync(join(folder, part), { recursive: true });
  for (let n = 0; n < distinct; n++) {
    const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * (n + 3)) & 255);
    const ids = new Uint8Array(width * height);
    for (const [id, left, top] of [
      [1, 2 + (n % 8), 3],
      [2, 24 + (n % 16), 12 + (n % 5)],
    ])
      for (let y = 0; y < 8; y++) ids.fill(id, (top + y) * width + left, (top + y) * width + left + 7);
    const name = String(n).padStart(2, '0');
    await sharp(pixels, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(join(folder, 'images', `${name}.png`));
    const mask = await encodeMask({ width, height, ids });
    const file = openSync(join(folder, 'masks', `${name}.png`), 'w');
    writeSync(file, mask);
    closeSync(file);
  }
}

/** Makes a data set of `count` samples, in folders of a thousand. @returns its folder. */
export async function makeSamples(folder, count) {
  const data = join(folder, `data-${count}`);
  if (existsSync(data)) return data;
  const few = join(folder, 'distinct');
  if (!existsSync(few)) await makeDistinct(few);
  const link = createLinker(join(folder, `files-${count}`));
  for (const part of ['images', 'masks']) {
    for (let n = 0; n < count; n++)
      link(join(few, part, `${String(n % distinct).padStart(2, '0')}.png`), join(data, part, `${nameOf(n)}.png`));
  }
  return data;
}

/**
 * Makes the files and record files that the shards of a run leave. The samples that differ are augmented; all others have their records and
 * links to their files.
 */
export async function makeShards(folder, path, command) {
  const run = await openRunFile(path);
  const { shards, augmented } = run.head;
  const options = optionsOfRun(run, {});
  const made = join(folder, 'distinct-out');
  if (!existsSync(made))
    execFileSync(process.execPath, [command, 'augment', '--in', join(folder, 'distinct'), '--out', made, '-p', '0.5', '-q']);
  const records = JSON.parse(readFileSync(join(made, 'manifest.json'), 'utf8')).records;
  const byName = new Map(records.map((record) => [record.id, JSON.stringify(record)]));
  const link = createLinker(join(folder, `files-of-shards-${augmented.samples}`));
  const recordOf = (n) => {
    const own = n % distinct;
    const text = byName
      .get(String(own).padStart(2, '0'))
      .replace(/"(id|source|path)":"((?:images|masks)\/)?(\d\d)/g, (_, key, part = '', name) => {
        return `"${key}":"${part}${nameOf(Math.min(augmented.samples - 1, n - own + Number(name)))}`;
      });
    for (const part of ['images', 'masks'])
      link(join(made, part, `${String(own).padStart(2, '0')}.png`), join(options.out, part, `${nameOf(n)}.png`));
    return text;
  };
  const keys = new Float64Array(augmented.samples);
  let n = 0;
  let pixels = 0;
  for await (const line of run.lines()) {
    if (line.kind !== 'sample') continue;
    pixels = pixelsOfSample(line.sample);
    keys[n++] = orderKey(line.sample.id, 0, options.seed);
  }
  mkdirSync(options.out, { recursive: true });
  const batches = batchesByKey(keys, options.batchSize);
  let start = 0;
  let [shard, file, done] = [-1, undefined, []];
  const open = (next) => {
    while (shard < next) {
      if (file !== undefined) {
        writeSync(file, `${JSON.stringify({ done })}\n`);
        closeSync(file);
      }
      if (++shard === shards) return;
      file = openSync(join(options.out, `shard-${shard + 1}-of-${shards}.jsonl`), 'w');
      done = [];
      writeSync(file, `${JSON.stringify({ head: { run: run.digest, shard: shard + 1, of: shards } })}\n`);
    }
  };
  for (let batch = 0; batch < batches.count; batch++) {
    const places = batches.of(batch);
    open(shardOf(start, places.length * pixels, augmented.samples * pixels, shards));
    start += places.length * pixels;
    const outcomes = Array.from(places, (place) => `{"id":"${nameOf(place)}","record":${recordOf(place)}}`);
    writeSync(file, `{"end":"0.${batch}","outcomes":[${outcomes.join(',')}],"read":[]}\n`);
    done.push(`0.${batch}`);
  }
  open(shards);
  return readdirSync(options.out).length;
}
