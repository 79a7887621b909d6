import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ByteWriter, parquetWrite } from 'hyparquet-writer';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { resourcesOf } from '../../src/engine/resources.ts';
import type { Given, planOptions } from '../../src/options.ts';
import { openRunFile } from '../../src/output/run-file.ts';
import { temporaryFolder } from '../make.ts';
import { planned } from '../shards.ts';

const folder = temporaryFolder();

/** A data set of noise, whose files differ only in name, with a mask of four large instances. */
async function setOf(name: string, width: number, height: number, count: number, format: 'jpeg' | 'png'): Promise<string> {
  const root = join(folder, name);
  for (const part of ['images', 'masks']) await mkdir(join(root, part), { recursive: true });
  const noise = { type: 'gaussian' as const, mean: 120, sigma: 50 };
  const small = { width: Math.ceil(width / 8), height: Math.ceil(height / 8), channels: 3 as const, background: '#000', noise };
  const tile = await sharp({ create: small }).png().toBuffer();
  const image = await sharp(tile).resize(width, height, { fit: 'fill' }).toFormat(format, { compressionLevel: 1, quality: 90 }).toBuffer();
  const ids = Buffer.alloc(width * height);
  for (let y = height >> 3; y < height >> 1; y++)
    for (let k = 0; k < 4; k++) ids.fill(1 + k, y * width + ((k * width) >> 2), y * width + ((k * width) >> 2) + (width >> 3));
  const mask = await sharp(ids, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
  for (let n = 0; n < count; n++) {
    await writeFile(join(root, `images/${n}.${format}`), image);
    await writeFile(join(root, `masks/${n}.png`), mask);
  }
  return root;
}

/** A Parquet file of noise, whose images are in one page. */
async function pageOf(name: string, width: number, height: number, count: number): Promise<string> {
  const files = await setOf(`${name}-files`, width, height, 1, 'png');
  const root = join(folder, name);
  await mkdir(root, { recursive: true });
  const writer = new ByteWriter();
  const noise = { type: 'gaussian' as const, mean: 120, sigma: 50 };
  const image = await sharp({ create: { width, height, channels: 3, background: '#000', noise } })
    .png()
    .toBuffer();
  const mask = await readFile(join(files, 'masks/0.png'));
  parquetWrite({
    writer,
    columnData: Object.entries({ image, mask }).map(([name, bytes]) => ({
      name,
      data: Array(count).fill(bytes),
      type: 'BYTE_ARRAY' as const,
      encoding: 'PLAIN' as const,
    })),
    codec: 'UNCOMPRESSED',
    rowGroupSize: count,
    pageSize: 2 ** 30,
  });
  await writeFile(join(root, 'a.parquet'), writer.getBytes());
  return root;
}

/** Peak of the resident memory of the first shard, in MiB. */
async function peakOf(run: string, shards: number, jobs: number, pixelMemory: number): Promise<number> {
  const path = `${run}.peak`;
  const hook = `${run}.cjs`;
  const write = `require('node:fs').writeFileSync(${JSON.stringify(path)}, String(process.resourceUsage().maxRSS / 1024))`;
  await writeFile(hook, `if (require('node:worker_threads').isMainThread) process.on('exit', () => ${write});`);
  const args = ['--require', hook, 'bin/copypaste.cjs', 'augment', '--run', run, '--shard', `1/${shards}`];
  const { NODE_V8_COVERAGE: _, ...env } = process.env;
  await promisify(execFile)(process.execPath, [...args, '--jobs', `${jobs}`, '--memory', `${pixelMemory}MB`, '--quiet'], { env });
  return Number(await readFile(path, 'utf8'));
}

const masks = { layout: 'paired', images: 'images', masks: 'masks', p: 1, maxInstances: 4, truncated: 'keep' } as const;

test.each<[string, () => Promise<Given<typeof planOptions>>, number?]>([
  ['a few small images', async () => ({ in: 'fixtures/camvid', out: join(folder, 'few'), shards: 2, p: 1 })],
  [
    'a few images of a page of 100 MB',
    async () => ({ in: await pageOf('page', 480, 360, 200), out: join(folder, 'page-out'), shards: 50, batchSize: 4, p: 1 }),
    // The run file does not know the sizes of pages.
    4,
  ],
  ['many small images, for threads', async () => ({ in: 'fixtures/camvid', out: join(folder, 'many'), shards: 2, copies: 50, p: 1 })],
  [
    'images of 2048 x 1024',
    async () => ({ in: await setOf('mid', 2048, 1024, 8, 'png'), out: join(folder, 'mid-out'), shards: 1, ...masks }),
  ],
  [
    'images of 6000 x 4000',
    async () => ({ in: await setOf('big', 6000, 4000, 4, 'jpeg'), out: join(folder, 'big-out'), shards: 1, ...masks }),
  ],
])(
  'the memory that is requested suits the peak of a shard: %s',
  async (_, make, most = 2.2) => {
    const given = await make();
    const run = await planned(given);
    const { cpus, pixelMemory, memory } = await resourcesOf(await openRunFile(run));
    const peak = await peakOf(run, Number(given.shards), cpus, pixelMemory);
    await rm(given.out, { recursive: true });
    expect(peak).toBeLessThan(memory);
    expect(memory).toBeLessThan(most * peak);
  },
  300_000,
);
