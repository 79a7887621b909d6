import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { readMask, writeMask } from '../../src/codecs/masks.ts';
import { encodePng } from '../../src/codecs/png.ts';
import type { Mask } from '../../src/types.ts';
import { augment } from '../../src/verbs/augment.ts';
import { check } from '../../src/verbs/check.ts';
import { extract } from '../../src/verbs/extract.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { replay } from '../../src/verbs/replay.ts';
import { verify } from '../../src/verbs/verify.ts';
import { drawBox, filled, imageOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';

const folder = temporaryFolder();
const side = 48;

/** An object of 255; its rim has grey levels. */
function soft(): Mask {
  const mask = drawBox(filled(side, side, 0), [12, 12, 32, 32], 255);
  for (let i = 0; i < 10; i++) mask.ids.set([20 + 20 * i], 11 * side + 14 + i);
  return mask;
}
const hard = (): Mask => drawBox(filled(side, side, 0), [12, 12, 32, 32], 255);
const many = (): Mask => {
  const mask = filled(side, side, 0);
  for (let n = 0; n < 200; n++) mask.ids[2 * n] = n + 1;
  return mask;
};

/** The same in 16 bits. */
const deep = (mask: Mask): Mask => ({ ...mask, ids: Uint16Array.from(mask.ids, (value) => 257 * value) });

const layouts = {
  paired: (id: string) => [`images/${id}.png`, `masks/${id}.png`],
  mmsegmentation: (id: string) => [`img_dir/train/${id}.png`, `ann_dir/train/${id}.png`],
} as const;

async function setOf(name: string, layout: keyof typeof layouts, mask: Mask | Uint8Array, count = 3, ending = '.png'): Promise<string> {
  const files: Record<string, Parameters<typeof writeTree>[1][string]> = {};
  for (let n = 0; n < count; n++) {
    const [image, masks] = layouts[layout](`s${n}`) as [string, string];
    files[image] = imageOf(side, side, (x, y) => x * y + n);
    files[masks.replace('.png', ending)] = mask;
  }
  return writeTree(join(folder, name), files);
}

const cases = [
  ['rims', soft(), '--threshold 128'],
  ['deep-rims', deep(soft()), '--threshold 32768'],
  ['many', many(), '--threshold 1'],
  ['binary', hard(), '--threshold 128'],
] as const;

test.each(cases.flatMap((one) => (Object.keys(layouts) as (keyof typeof layouts)[]).map((layout) => [...one, layout] as const)))(
  'names %s masks and the option for them in each command: %#',
  async (name, mask, flag, layout): Promise<void> => {
    // In MMSegmentation's layout 0 is a class, so 255 beside it may be an ignore id.
    if (name === 'binary' && layout === 'mmsegmentation') return;
    const root = await setOf(`${name}-${layout}`, layout, mask);
    const told = expect.stringMatching(new RegExp(`^\\d+\\.\\d+ % of the pixels .*${flag}|${flag}`));
    const refused = async (work: Promise<unknown>): Promise<void> => {
      const error = (await work.catch((cause: unknown) => cause)) as { code: string; message: string; offenders: string[] };
      expect(error.code).toBe('data');
      expect([error.message, ...error.offenders].join('\n')).toContain(flag);
    };
    await refused(augment({ in: root, out: join(folder, 'none') }));
    await refused(extract({ in: root, out: join(folder, 'none') }));
    expect((await inspect({ in: root })).odd.map(({ what }) => what)).toContainEqual(told);
    expect((await check({ in: root })).differences.map(({ what }) => what)).toContainEqual(told);
    const names = join(folder, 'names.txt');
    await writeTree(folder, { 'names.txt': Array.from({ length: 65_536 }, (_, id) => `class ${id}`).join('\n') });
    expect((await check({ in: root, classNames: names })).differences).toEqual([]);
  },
);

/** Masks with 8 to 12 objects, whose ids are their numbers. */
const numbered = (n: number): Mask => {
  const mask = filled(side, side, 0);
  for (let id = 1; id <= 8 + n; id++)
    drawBox(mask, [9 * (id % 5), 12 * Math.floor(id / 5), 9 * (id % 5) + 6, 12 * Math.floor(id / 5) + 8], id);
  return mask;
};
/** Masks with two classes of the levels 127 and 255. */
const levels = (): Mask => drawBox(drawBox(filled(side, side, 0), [12, 12, 32, 32], 127), [2, 2, 8, 8], 255);

test.each([
  ['numbers of objects', numbered, '--layout instance-ids', { layout: 'instance-ids' }],
  ['levels at equal distances', levels, '--ignore none', { ignore: [] }],
] as const)('names masks of %s and the option for them in each command', async (name, maskOf, flag, option) => {
  const masks = Array.from({ length: 5 }, (_, n) => [`masks/s${n}.png`, maskOf(n)]);
  const root = await writeTree(await setOf(name, 'paired', soft(), 5), Object.fromEntries(masks));
  const told = expect.stringContaining(flag);
  await expect(augment({ in: root, out: join(folder, 'none') })).rejects.toMatchObject({ code: 'data', message: told });
  expect((await inspect({ in: root })).odd).toContainEqual({ path: 'masks/', what: told });
  expect((await check({ in: root })).differences).toEqual([{ path: 'masks/', what: told }]);
  expect((await check({ in: root, ...option })).differences).toEqual([]);
  expect((await augment({ in: root, out: join(folder, `${name} out`), p: 1, truncated: 'keep', ...option })).augmented).toBe(5);
});

test('levels at equal distances are classes if the user ignores the last one', async () => {
  const masks = Array.from({ length: 5 }, (_, n) => [`masks/s${n}.png`, levels()]);
  const root = await writeTree(await setOf('ignored levels', 'paired', soft(), 5), Object.fromEntries(masks));
  const options = { in: root, ignore: [255] };
  expect((await check(options)).differences).toEqual([]);
  expect((await augment({ ...options, out: join(folder, 'ignored levels out'), p: 1, truncated: 'keep' })).augmented).toBe(5);
});

test('--skip-bad leaves out the masks with rims alone', async () => {
  const root = await setOf('mixed', 'paired', drawBox(filled(side, side, 0), [12, 12, 32, 32], 1));
  await writeTree(root, { 'images/x.png': imageOf(side, side, () => 9), 'masks/x.png': soft() });
  const { skipped } = await augment({ in: root, out: join(folder, 'mixed-out'), p: 1, skipBad: true });
  expect(skipped).toHaveLength(1);
});

const tiff = await sharp(soft().ids, { raw: { width: side, height: side, channels: 1 } })
  .toColourspace('b-w')
  .tiff({ compression: 'lzw' })
  .toBuffer();

const deepTiff = await writeMask(deep(soft()), 'm.tif').then(({ bytes }) => bytes);

test.each([
  ['PNG', soft(), '.png', 255],
  ['TIFF', tiff, '.tif', 255],
  ['PNG of 16 bits', deep(soft()), '.png', 65_535],
  ['TIFF of 16 bits', deepTiff, '.tif', 65_535],
] as const)('--threshold reads a mask of two classes and writes 0 and white: %s', async (kind, mask, ending, white) => {
  const threshold = (white + 1) / 2;
  const root = await setOf(`two-${kind}`, 'paired', mask, 4, ending);
  const out = join(folder, `two-${kind}-out`);
  const { augmented } = await augment({ in: root, out, p: 1, threshold, flip: 0 });
  expect(augmented).toBe(4);
  for (let n = 0; n < 4; n++) {
    const file = `masks/s${n}${ending}`;
    const { ids } = await readMask(await readFile(join(out, file)), file);
    expect([...new Set(ids)].sort()).toEqual([0, white]);
  }
  expect((await verify({ out })).differences).toEqual([]);
  const again = join(folder, `two-${kind}-again`);
  await replay({ manifest: join(out, 'manifest.json'), in: root, out: again });
  expect(await treeDigests(again)).toEqual(await treeDigests(out));
  expect((await inspect({ in: out, threshold })).classes.map(({ id }) => id)).toEqual([0, 1]);
});

test('ids stored as equal red, green and blue are read, and written in the same way', async () => {
  const { ids } = drawBox(filled(side, side, 0), [12, 12, 32, 32], 3);
  for (const channels of [3, 4] as const) {
    const data = new Uint8Array(channels * ids.length).fill(255);
    for (const [i, id] of ids.entries()) data.fill(id, channels * i, channels * i + 3);
    const mask = await encodePng({ width: side, height: side, depth: 8, channels, data, filter: 'up' });
    const root = await setOf(`grey-${channels}`, 'paired', mask, 4);
    const out = join(folder, `grey-${channels}-out`);
    expect((await augment({ in: root, out, p: 1 })).classes.map(({ id }) => id)).toEqual([3]);
    expect((await sharp(join(out, 'masks/s0.png')).metadata()).channels).toBe(channels);
    expect((await check({ in: out })).differences).toEqual([]);
    expect((await verify({ out })).differences).toEqual([]);
  }
});

test('a transparent pixel has no id', async () => {
  const data = new Uint8Array(4 * side * side);
  const root = await setOf('clear', 'paired', await encodePng({ width: side, height: side, depth: 8, channels: 4, data, filter: 'up' }));
  const why = expect.stringContaining('remove its alpha channel');
  await expect(augment({ in: root, out: join(folder, 'none') })).rejects.toMatchObject({ offenders: expect.arrayContaining([why]) });
  expect((await inspect({ in: root })).odd).toContainEqual({ path: 'masks/s0.png', what: why });
  expect((await check({ in: root })).differences).toContainEqual({ path: 'masks/s0.png', what: why });
});
