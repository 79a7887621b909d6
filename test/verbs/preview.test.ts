import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { shortened } from '../../src/output/font.ts';
import type { Manifest } from '../../src/output/manifest.ts';
import { describePastes, narrowest } from '../../src/output/sheet.ts';
import { augment } from '../../src/verbs/augment.ts';
import { preview } from '../../src/verbs/preview.ts';
import { drawBox, filled, imageOf, temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();
const camvid = 'fixtures/camvid';
let pictures = 0;
const newPicture = (): string => join(folder, `${pictures++}.png`);

/** Samples of a manifest that were pasted into, with the captions that they have in a preview. */
function captionsOf({ records, classes }: Manifest): Map<string, string[]> {
  const names = new Map(classes.map(({ id, name }) => [id, name ?? `class ${id}`]));
  return new Map(
    records.flatMap((record) =>
      record.status === 'augmented' && record.copy === 0
        ? [
            [
              record.id,
              [
                `${record.id}: ${describePastes(record.placements.map(({ classId }) => names.get(classId) as string))}`,
                `from ${record.source}`,
              ],
            ] as const,
          ]
        : [],
    ),
  );
}

describe('preview', () => {
  test.each([
    ['the default options', {}],
    ['a balance over several copies', { balance: 'inverse', copies: 3, includeOriginals: true } as const],
    ['a prior of places', { preset: 'placed' } as const],
  ])('shows what augment does, in its order: %s', async (name, given) => {
    const out = join(folder, name);
    await augment({ in: camvid, out, p: 0.8, ...given });
    const captions = captionsOf(JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')));
    const { rows, among, sheet } = await preview({ in: camvid, out: newPicture(), p: 0.8, ...given });
    expect(new Map(sheet.blocks.map(({ caption }) => [caption[0]?.split(':')[0], caption]))).toEqual(captions);
    expect([rows, among]).toEqual([captions.size, 8]);
    for (const { rows: cells } of sheet.blocks) {
      const names = cells.map((row) => row.flatMap(({ caption }) => caption));
      expect(names).toEqual([['before', 'after', 'after, with its mask and the outlines of pastes']]);
    }
  });

  test('names narrow pictures in few letters', async () => {
    const scene = drawBox(filled(90, 60, 0), [30, 20, 50, 40], 1);
    const files = ['a', 'b'].flatMap((n) => [[`images/${n}.png`, imageOf(90, 60, (x) => x)] as const, [`masks/${n}.png`, scene] as const]);
    const root = await writeTree(join(folder, 'narrow'), Object.fromEntries(files));
    const { sheet } = await preview({ in: root, out: newPicture(), p: 1 });
    const names = sheet.blocks[0]?.rows[0]?.flatMap(({ caption }) => caption) ?? [];
    expect(names).toEqual(['before', 'after', 'new mask, pastes outlined']);
    for (const name of names) expect(shortened(name, narrowest)).toBe(name);
  });

  test('has a legend of the classes in its masks, and its options in the footer', async () => {
    const { sheet } = await preview({ in: camvid, out: newPicture(), rows: 1, p: 1, classes: ['car'], scale: [1, 2], jobs: 1 });
    expect(sheet.legend.map(({ name }) => name)).toContain('car');
    expect(sheet.legend.find(({ name }) => name === 'unlabelled')?.colour).toEqual([0, 0, 0]);
    expect(sheet.footer.slice(1)).toEqual(['with', '--classes car', '-p 1', '--scale 1,2']);
  });

  test('is the same picture on every machine', async () => {
    const [one, other] = await Promise.all([newPicture(), newPicture()].map((out) => preview({ in: camvid, out, rows: 1, p: 1 })));
    expect(Buffer.compare(one?.picture.data as Uint8Array, other?.picture.data as Uint8Array)).toBe(0);
    expect(await sharp(join(folder, `${pictures - 1}.png`)).metadata()).toMatchObject({
      width: one?.picture.width,
      height: one?.picture.height,
    });
  });

  test('shows the samples that got an instance of a class, by name or id', async () => {
    const all = await preview({ in: camvid, out: newPicture(), p: 1 });
    const ids = ({ sheet }: typeof all) => sheet.blocks.map(({ caption }) => caption[0]);
    const withCyclist = await preview({ in: camvid, out: newPicture(), p: 1, withClass: 'Bicyclist' });
    expect(ids(withCyclist)).toEqual(ids(all).filter((text) => text?.includes('bicyclist')));
    expect(ids(await preview({ in: camvid, out: newPicture(), p: 1, withClass: '10' }))).toEqual(ids(withCyclist));
    expect(ids(await preview({ in: camvid, out: newPicture(), p: 1, withClass: 'bicyclist', rows: 1 }))).toEqual(
      ids(withCyclist).slice(0, 1),
    );
  });

  test.each([
    ['no sample got one', { p: 0 }, 'data', /^no instance of --with-class bicyclist was pasted into any of 8 samples; raise -p/],
    [
      'none fits',
      { p: 1, avoid: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11'] },
      'data',
      /any of 8 samples: none of the \d+ drawn instances fits: would cover a class to avoid \(--avoid\); loosen --avoid/,
    ],
    ['it is unknown', { withClass: 'cat' }, 'usage', /^--with-class: unknown class 'cat' \(did you mean car\?\); classes are sky,/],
    ['it is never pasted', { excludeClasses: ['bicyclist'] }, 'usage', /^--with-class: class bicyclist is never pasted; allow it with/],
  ])('says so if %s, and writes nothing', async (_, given, code, message) => {
    const out = newPicture();
    await expect(preview({ in: camvid, out, withClass: 'bicyclist', ...given })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(existsSync(out)).toBe(false);
  });
});

describe('a preview with --sweep', () => {
  test('shows the same samples with each pair of values, as they are alone', async () => {
    const given = { in: camvid, rows: 2, seed: 3 };
    const { sheet, rows } = await preview({ ...given, out: newPicture(), sweep: ['p=1|0.9', 'scale=0.5,1|1,2|2,2'] });
    expect(rows).toBe(2);
    for (const block of sheet.blocks) {
      expect(block.rows.map((row) => row.map(({ caption }) => caption[0]))).toEqual([
        ['before', 'p 1, scale 0.5 to 1', 'p 1, scale 1 to 2', 'p 1, scale 2 to 2'],
        [undefined, 'p 0.9, scale 0.5 to 1', 'p 0.9, scale 1 to 2', 'p 0.9, scale 2 to 2'],
      ]);
    }
    const alone = await preview({ ...given, out: newPicture(), p: 1, scale: [2, 2], rows: 8 });
    for (const { caption, rows: cells } of sheet.blocks) {
      const [first, from] = alone.sheet.blocks.find((block) => block.caption[0]?.startsWith(`${caption[0]}:`))?.caption ?? [];
      expect(cells[0]?.[3]?.caption.slice(1)).toEqual([first?.replace(/^.*: /, ''), from]);
    }
    expect(sheet.footer.slice(1)).toEqual(['with', '--seed 3']);
  });

  test('says why nothing is pasted where a value leaves nothing', async () => {
    const { sheet } = await preview({ in: camvid, out: newPicture(), rows: 1, p: 1, sweep: ['min-area=1|0.001'], maxArea: 1 });
    const [, none, some] = sheet.blocks[0]?.rows[0] ?? [];
    expect(none?.caption).toEqual(['min-area 1', 'nothing pasted: no source to paste from']);
    expect([none?.tile, some?.tile?.width]).toEqual([undefined, 480]);
  });

  test('reads the data set again only if an option of reading is swept', async () => {
    let opened = 0;
    const hooks = { opened: () => void opened++ };
    const { sheet } = await preview({ in: camvid, out: newPicture(), rows: 1, p: 1, sweep: ['instances=component|class'] }, hooks);
    expect(opened).toBe(1);
    expect(sheet.blocks[0]?.rows[0]).toHaveLength(3);
  });

  test.each([
    ['a value that its option refuses', ['scale=2,1|1,2'], "--scale: expected two numbers LO,HI with 0 < LO ≤ HI, got '2,1'"],
    ['a preset that does not exist', ['preset=placed|best'], /^--preset: expected default, composer, .*, got 'best'$/],
    ['options that exclude one another', ['turns=true|false', 'flip=0.2'], /^--flip: has no effect with --turns/],
    [
      'too many pictures',
      ['p=0.5|1', 'tone=0|0.1|0.2|0.3|0.4|0.5'],
      /^--sweep: 2 × 6 values for each of 12 samples are 144 pictures, more than 120; give fewer/,
    ],
  ])('refuses %s in one line', async (_, sweep, message) => {
    await expect(preview({ in: camvid, out: newPicture(), sweep })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(message),
    });
  });
});
