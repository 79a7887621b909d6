import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { captureStreams, filled, imageOf, temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();

/** Runs `inspect` with a terminal of a width. */
async function inspected(args: readonly string[], columns?: number) {
  const streams = captureStreams();
  const stdout = Object.assign(streams.stdout, columns === undefined ? {} : { columns });
  const code = await main(['inspect', ...args], { ...streams, stdout });
  return { code, ...streams.text, lines: streams.text.stdout.split('\n') };
}

describe('inspect of two data sets', () => {
  test('shows the classes side by side, and how they differ', async () => {
    const { code, lines, stderr } = await inspected(['fixtures/camvid', 'fixtures/voc']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(lines[0]).toBe('A: fixtures/camvid: camvid layout: 10 samples: train 8, val 2; compared: train');
    expect(lines[2]).toBe('B: fixtures/voc: voc layout: 3 samples: trainval 3; compared: trainval');
    const rows = lines.map((line) => line.trim().split(/ {2,}/).join('|'));
    expect(rows).toContain('id|samples|instances|pixels in %');
    expect(rows).toContain('car|8|7|8|1|54|1|6.99|1.33');
    expect(rows).toContain('sky|0|–|8|–|60|–|17.34|–');
    expect(rows).toContain('background (left out)|–|0|–|3|–|51.69');
    const text = lines.join(' ').replaceAll(/ +/g, ' ');
    expect(text).toContain('only in B: bottle, bus, chair, person, sofa one name');
    expect(text).toContain('one name, different ids (A/B): car 8/7 one id, different names (A/B): 5 tree/bottle');
  });

  test.each([40, 80])('fits into %i columns', async (columns) => {
    for (const other of ['fixtures/voc', 'fixtures/panoptic']) {
      const { code, lines } = await inspected(['fixtures/camvid', other], columns);
      expect(code).toBe(0);
      expect(lines.filter((line) => line.length > columns)).toEqual([]);
      expect(lines.some((line) => /instances +pixels in %$/.test(line))).toBe(true);
    }
  });

  test('says so if the classes are the same, and prints both findings with --json', async () => {
    const { lines } = await inspected(['fixtures/camvid', 'fixtures/camvid']);
    expect(lines.at(-2)).toBe('both have the same classes, with the same ids');
    const { compared, ...first } = JSON.parse((await inspected(['fixtures/camvid', 'fixtures/coco', '--json'])).stdout);
    expect(first).toEqual(JSON.parse((await inspected(['fixtures/camvid', '--json'])).stdout));
    expect(compared.other).toEqual(JSON.parse((await inspected(['fixtures/coco', '--json'])).stdout));
    expect(compared.classes.every(({ a, b }: { a?: object; b?: object }) => a !== undefined || b !== undefined)).toBe(true);
  });

  test('applies options of a layout to both data sets of that layout, and to no other', async () => {
    const [one, two] = [join(folder, 'one'), join(folder, 'two')];
    for (const place of [one, two]) {
      await mkdir(place);
      await cp('fixtures/camvid/val', join(place, 'pics'), { recursive: true });
      await cp('fixtures/camvid/valannot', join(place, 'segs'), { recursive: true });
    }
    const flags = ['--images', 'pics', '--masks', 'segs', '--ignore', '9'];
    const alike = JSON.parse((await inspected([one, two, ...flags, '--json'])).stdout);
    expect(alike.compared.other.classes).toEqual(alike.classes);
    const other = JSON.parse((await inspected([one, 'fixtures/coco', ...flags, '--instances', 'class', '--json'])).stdout);
    expect(other.compared.other).toEqual(JSON.parse((await inspected(['fixtures/coco', '--json'])).stdout));
    await writeFile(join(one, 'copypaste.yaml'), 'images: pics\nmasks: segs\nignore: 9\n');
    const configured = JSON.parse((await inspected([one, two, '--json'])).stdout);
    expect(configured.compared.classes).toEqual(alike.compared.classes);
    await rename(join(two, 'segs'), join(two, 'masks'));
    expect(await inspected([one, two])).toMatchObject({ code: 2, stderr: expect.stringContaining(`copypaste: ${two}: `) });
    await rm(two, { recursive: true });
    expect(await inspected([one, two])).toMatchObject({
      code: 66,
      stderr: expect.stringContaining(`copypaste: ${two}: no such directory`),
    });
  });

  test('names the second data set in its errors, and refuses a list', async () => {
    const split = await inspected(['fixtures/camvid', 'fixtures/voc', '--split', 'train']);
    expect(split).toMatchObject({ code: 2, stderr: 'copypaste: fixtures/voc: --split train: no such split; splits are trainval\n' });
    const list = join(folder, 'list.txt');
    await writeFile(list, '0006R0_f00930\n');
    expect(await inspected(['fixtures/camvid', 'fixtures/voc', '--list', list])).toMatchObject({
      code: 2,
      stderr: 'copypaste: --list: names samples of one data set, so two are not compared by it; leave it out\n',
    });
  });

  test('names the data set that a note is about, also if both are the same', async () => {
    const place = await writeTree(join(folder, 'noted'), {
      'images/a.png': imageOf(8, 8, () => 0xff000000),
      'labels.json': JSON.stringify({
        images: [{ id: 1, file_name: 'a.png', width: 8, height: 8 }],
        categories: [{ id: 1, name: 'car' }],
        annotations: [{ id: 1, image_id: 1, category_id: 1, bbox: [1, 1, 4, 4], area: 16, iscrowd: 0 }],
      }),
    });
    const { stderr } = await inspected([place, place]);
    const notes = stderr.split('\n').filter((line) => /^[AB]: /.test(line));
    expect(notes.length).toBeGreaterThan(0);
    expect(notes.map((line) => line[0])).toEqual([
      ...notes.slice(notes.length / 2).map(() => 'A'),
      ...notes.slice(notes.length / 2).map(() => 'B'),
    ]);
  });

  test('does not call no classes the same classes', async () => {
    const empty = await writeTree(join(folder, 'empty'), {
      'images/a.png': imageOf(8, 8, () => 0xff000000),
      'masks/a.png': filled(8, 8, 0),
    });
    expect((await inspected([empty, empty])).lines).toContain('no class was found');
  });

  test('points to possible problems of either', async () => {
    const out = join(folder, 'out');
    await cp('fixtures/camvid', out, { recursive: true });
    await writeFile(join(out, 'manifest.json'), '{"files": []}');
    const { lines } = await inspected(['fixtures/camvid', out]);
    expect(lines.join(' ')).toContain('possible problems: 0 in A, 1 in B; inspect one data set alone');
  });
});
