import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readAnnotations } from '../../src/dataset/annotations.ts';
import { openDataset } from '../../src/dataset/open.ts';
import type { CvatElement, CvatImage } from '../../src/formats/cvat/read.ts';
import type { Stacked } from '../../src/formats/stacks.ts';
import type { augmentOptions, Given } from '../../src/options.ts';
import type { ShapeSet } from '../../src/types.ts';
import { augment } from '../../src/verbs/augment.ts';
import { check } from '../../src/verbs/check.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { expectSound } from '../contract.ts';
import { imageOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { readManifest } from '../manifest.ts';
import { expectSameInShards } from '../shards.ts';

const folder = temporaryFolder();
const cvat = 'fixtures/cvat';
let number = 0;

async function run(options: Partial<Given<typeof augmentOptions>> = {}, root = cvat): Promise<string> {
  const out = join(folder, `out${number++}`);
  await augment({ in: root, out, p: 1, truncated: 'keep', ...options });
  return out;
}

type CvatShapes = ShapeSet<CvatImage, Stacked>;

/** Shapes of each image of a data set, by its id. */
async function shapesIn(root: string, split?: string): Promise<Map<string, CvatShapes>> {
  const dataset = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false, lookOnly: true, split });
  const read = [...dataset.samples, ...dataset.others].map(async (sample) => {
    const { shapes } = await readAnnotations(sample, dataset, { instances: 'component', jitter: 'instance' });
    return [sample.id, shapes as CvatShapes] as const;
  });
  return new Map(await Promise.all(read));
}

const picture = imageOf(20, 10, (x, y) => 0xff000000 + 9 * x + 256 * y);
const meta = '<meta><task><labels><label><name>cat</name></label><label><name>dog</name></label></labels></task></meta>';
const documentOf = (...images: string[]): string =>
  `<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  ${meta}\n  ${images.join('\n  ')}\n</annotations>\n`;
const image = (name: string, content: string, more = ''): string =>
  `<image id="${name.codePointAt(0)}" name="${name}"${more} width="20" height="10">${content}</image>`;
const square = '<polygon label="cat" points="4,2;12,2;12,8;4,8" z_order="0"></polygon>';
const tree = (text: string, images: readonly string[] = ['a.png', 'b.png']): Promise<string> =>
  writeTree(join(folder, `in${number++}`), {
    'annotations.xml': text,
    ...Object.fromEntries(images.map((name) => [`images/${name}`, picture])),
  });

describe('a CVAT data set', () => {
  test('is written unchanged if nothing is pasted', async () => {
    const { 'manifest.json': _, ...after } = await treeDigests(await run({ p: 0 }));
    expect(after).toEqual(await treeDigests(cvat));
  });

  test.each([false, true])('has the pixels of pasted and covered instances, and all others unchanged; polygons %s', async (polygons) => {
    const out = await run({ copies: 4, includeOriginals: true, polygons });
    const [before, after] = [await shapesIn(cvat), await shapesIn(out)];
    const kinds = new Set<string>();
    for (const { id, copy, ...record } of (await readManifest(join(out, 'manifest.json'))).records) {
      if (record.status !== 'augmented') continue;
      const [was, is] = [before.get(id), after.get(`${id}_aug${(copy as number) + 1}`)] as [CvatShapes, CvatShapes];
      const covered = new Map(record.covered?.map((one) => [one.object, one]));
      const kept = was.shapes.filter(({ id }) => !covered.get(id)?.dropped);
      const placements = record.placements.filter(({ visible }) => visible > 0);
      const pasted = is.shapes.filter(({ id }) => is.own.elements[id]?.attributes.source === 'copypaste');
      const rest = is.shapes.filter((one) => !pasted.includes(one));
      expect(pasted.map(({ instance }) => instance?.area)).toEqual(placements.map(({ visible }) => visible));
      expect(rest.map(({ instance }) => instance?.area)).toEqual(kept.map(({ id, instance }) => covered.get(id)?.after ?? instance?.area));
      const textOf = (set: CvatShapes, numbers: readonly number[] = []) => numbers.map((n) => set.own.elements[n]?.text);
      kept.forEach(({ id, own: { elements } }, n) => {
        if (covered.has(id)) for (const element of rest[n]?.own.elements ?? []) kinds.add(is.own.elements[element]?.name as string);
        else expect(textOf(is, rest[n]?.own.elements)).toEqual(textOf(was, elements));
      });
      const tags = (set: CvatShapes) => set.own.elements.filter(({ name }) => name === 'tag').map(({ text }) => text);
      expect(tags(is)).toEqual(tags(was));
      for (const [n, one] of pasted.entries()) {
        const { name, inner, attributes } = is.own.elements[one.id] as CvatElement;
        kinds.add(name);
        const from = {
          image: `${record.source}.jpg`,
          element: expect.any(Number),
          placement: record.placements.indexOf(placements[n] as never) + 1,
        };
        expect(JSON.parse(/"copypaste">(.*)<\//.exec(inner)?.[1] as string)).toEqual(from);
        expect(attributes).not.toHaveProperty('group_id');
        expect(one.own.order).toBeGreaterThan(Math.max(...rest.map(({ own }) => own.order)));
      }
    }
    // Holes and parts are kept.
    expect([...kinds].sort()).toEqual(polygons ? ['mask', 'polygon'] : ['mask']);
    await expectSound(out, cvat);
  });

  test("can be jittered as whole scenes (the paper's form): elements with pixels move, tags stay, all others are left out", async () => {
    const out = await run({ preset: 'paper', copies: 2 });
    await expectSound(out, cvat);
    const text = readFileSync(join(out, 'annotations.xml'), 'utf8');
    expect(text.match(/<tag /g)).toHaveLength(2);
    expect(text).not.toMatch(/<(points|polyline|box|polygon|ellipse) /);
  });

  test('fills polygons, masks, ellipses and rotated boxes; other boxes, lines and points have no pixels', async () => {
    const all = [
      '<polygon label="cat" points="4.00,2.00;12.00,2.00;12.00,8.00;4.00,8.00"/>',
      '<mask label="cat" rle="0, 2, 1, 3" left="17" top="8" width="3" height="2"/>',
      '<ellipse label="dog" cx="10" cy="5" rx="6" ry="3"/>',
      '<ellipse label="dog" cx="10" cy="5" rx="3" ry="4.5" rotation="90"/>',
      '<box label="dog" xtl="8" ytl="1" xbr="12" ybr="9" rotation="90.0"/>',
      '<box label="dog" xtl="8" ytl="1" xbr="12" ybr="9" rotation="0.0"/>',
      '<polyline label="dog" points="1,1;2,2"/>',
      '<points label="dog" points="1,1"/>',
      '<skeleton label="dog"><points label="nose" points="1,1"/></skeleton>',
      '<polygon label="unknown" points="0,0;2,0;2,2;0,2"/>',
    ].join('');
    const { shapes } = (await shapesIn(await tree(documentOf(image('a.png', all), image('b.png', square))))).get('a') as CvatShapes;
    const areas = shapes.map(({ instance }) => instance?.area);
    expect(areas.toSpliced(2, 2)).toEqual([48, 5, 32, undefined, undefined, undefined, undefined, 4]);
    expect(Math.abs((areas[2] as number) - Math.PI * 18)).toBeLessThan(3);
    expect(Math.abs((areas[3] as number) - Math.PI * 13.5)).toBeLessThan(3);
    expect(shapes[1]?.instance?.spans).toEqual(Int32Array.from([8, 17, 19, 9, 17, 20]));
    expect(shapes[3]?.instance?.box).toEqual([6, 2, 14, 8]);
    expect(shapes[4]?.instance?.box).toEqual([6, 3, 14, 7]);
  });

  test('joins elements of one group and label, and lets higher elements cover lower ones', async () => {
    const grouped = '<box label="cat" xtl="4" ytl="2" xbr="16" ybr="8" group_id="1"/>';
    const content = [
      square.replace('z_order="0"', 'z_order="1" group_id="1"'),
      grouped,
      '<polygon label="dog" points="0,0;20,0;20,10;0,10" z_order="-1"/>',
      '<polygon label="cat" points="14,2;16,2;16,8;14,8" z_order="0" group_id="1"/>',
      '<polygon label="dog" points="14,2;16,2;16,4;14,4" z_order="0" group_id="1"/>',
    ].join('');
    const { shapes } = (await shapesIn(await tree(documentOf(image('a.png', content), image('b.png', square))))).get('a') as CvatShapes;
    expect(shapes.map(({ id, own: { elements, order }, instance }) => [id, elements, order, instance?.area])).toEqual([
      [2, [2], -1, 200 - 48 - 12],
      // Elements of the same z-order share pixels.
      [4, [4], 0, 4],
      [0, [0, 1, 3], 1, 60],
    ]);
  });

  test('names its own splits: one is augmented, the others stay, in one document', async () => {
    const text = documentOf(
      image('a.png', square, ' subset="Train"'),
      image('c.png', square, ' subset="Validation"'),
      image('b.png', square, " subset='Train'"),
    );
    const root = await tree(text, ['Train/a.png', 'Train/b.png', 'Validation/c.png']);
    const out = await run({ minArea: '1px', copies: 2 }, root);
    const after = readFileSync(join(out, 'annotations.xml'), 'utf8');
    expect([...after.matchAll(/<image id="(\d+)" name="([^"]+)"/g)].map(([, id, name]) => [Number(id), name])).toEqual([
      [97, 'a_aug1.png'],
      [100, 'a_aug2.png'],
      [99, 'c.png'],
      [98, 'b_aug1.png'],
      [101, 'b_aug2.png'],
    ]);
    expect(after).toContain(image('c.png', square, ' subset="Validation"'));
    await expectSound(out, root, 'Train');
    const only = await run({ minArea: '1px', onlySplit: true }, root);
    expect(readFileSync(join(only, 'annotations.xml'), 'utf8')).not.toContain('Validation');
    await expectSound(only, root, 'Train');
    await expect(run({ split: 'test' }, root)).rejects.toThrow('--split test: no such split; splits are Train, Validation');
    await expectSameInShards({ in: root, p: 1, minArea: '1px' }, `${root}-out`, [1, 2]);
  });

  test('is found in folders of splits, or named after a split', async () => {
    const text = documentOf(image('a.png', square), image('b.png', square));
    const around = await writeTree(join(folder, `in${number++}`), {
      'train/annotations.xml': text,
      'train/images/a.png': picture,
      'train/images/b.png': picture,
      'val/annotations.xml': documentOf(image('a.png', square)),
      'val/images/a.png': picture,
    });
    const named = await writeTree(join(folder, `in${number++}`), { 'train.xml': text, 'images/a.png': picture, 'images/b.png': picture });
    for (const root of [around, named]) {
      const out = await run({ minArea: '1px' }, root);
      await expectSound(out, root);
    }
    const { 'manifest.json': _, ...after } = await treeDigests(await run({ p: 0 }, around));
    expect(after).toEqual(await treeDigests(around));
  });

  test('may be several exports in folders, each with images and splits of its own', async () => {
    const root = await writeTree(join(folder, `in${number++}`), {
      'task/train2017.xml': documentOf(image('a.png', square), image('b.png', square)),
      'task/images/a.png': picture,
      'task/images/b.png': picture,
      'project/annotations.xml': documentOf(image('a.png', square, ' subset="Train"')),
      'project/images/Train/a.png': picture,
      'more/annotations.xml': documentOf(image('a.png', square, ' subset="Train"'), image('a.png', square, ' subset="Validation"')),
      'more/images/Train/a.png': picture,
      'more/images/Validation/a.png': picture,
      'others/Any.xml': documentOf(image('a.png', square)),
      'others/images/a.png': picture,
    });
    const out = await run({ minArea: '1px' }, root);
    const { splits, samples, others } = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
    expect(splits).toEqual(['Any', 'more/Train', 'more/Validation', 'project', 'train2017']);
    expect(samples.map(({ image }) => image)).toEqual(['task/images/a.png', 'task/images/b.png']);
    expect(others.map(({ image }) => image).sort()).toEqual([
      'more/images/Train/a.png',
      'more/images/Validation/a.png',
      'others/images/a.png',
      'project/images/Train/a.png',
    ]);
    await expectSound(out, root, 'train2017');
    const equal = await writeTree(join(folder, `in${number++}`), {
      'one/train.xml': documentOf(image('a.png', square)),
      'one/images/a.png': picture,
      'two/train.xml': documentOf(image('a.png', square)),
      'two/images/a.png': picture,
    });
    await expect(run({}, equal)).rejects.toThrow('splits are one/train, two/train; pass --split NAME');
  });

  test('has one list of classes, whichever of its exports is augmented', async () => {
    const dog = square.replace('"cat"', '"dog"');
    const root = await writeTree(join(folder, `in${number++}`), {
      'train/annotations.xml': documentOf(image('a.png', dog), image('b.png', square)),
      'train/images/a.png': picture,
      'train/images/b.png': picture,
      'val/annotations.xml': documentOf(image('a.png', square.replace('"cat"', '"bird"')), image('b.png', dog)).replace(meta, ''),
      'val/images/a.png': picture,
      'val/images/b.png': picture,
    });
    const options = { in: root, maskSuffix: '', skipBad: false };
    const namesOf = async (split: string, onlySplit: boolean) => [
      ...(await openDataset({ ...options, split, onlySplit })).classNames.entries(),
    ];
    const [cat, two, bird] = ['cat', 'dog', 'bird'].map((name, id) => [id, name]);
    for (const onlySplit of [false, true]) {
      expect(await namesOf('train', onlySplit)).toEqual([cat, two]);
      expect(await namesOf('val', onlySplit)).toEqual([two, bird]);
    }
    await expectSound(await run({ split: 'val', onlySplit: true, minArea: '1px' }, root), root, 'val');
    expect((await inspect({ in: root })).odd.filter(({ what }) => !what.includes('same image'))).toEqual([]);
    expect((await check({ in: root })).differences).toEqual([]);
  });

  test('counts the elements that are never pasted, by reason; they are kept', async () => {
    const odd = [
      '<polygon label="cat" points=""/>',
      '<polygon label="cat" points="1,1;2,2"/>',
      '<polygon label="cat" points="30,1;40,1;40,8"/>',
      '<polygon points="1,1;4,1;4,4"/>',
      '<polygon label="" points="1,1;4,1;4,4"/>',
      '<polyline label="cat" points="1,1;2,2"/>',
      '<box label="cat" xtl="1" ytl="2" xbr="3" ybr="4"/>',
    ];
    const root = await tree(documentOf(image('a.png', square + odd.join('')), image('b.png', square)));
    const { documents } = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
    const unpasted = { box: 1, 'line or point': 1, 'too few points': 2, 'outside the image': 1, 'unknown label': 2 };
    expect(documents.get('')).toMatchObject({ annotations: 9, unpasted });
    const text = readFileSync(join(await run({ minArea: '1px' }, root), 'annotations.xml'), 'utf8');
    for (const one of odd) expect(text).toContain(one);
  });

  test('may have an empty split beside others', async () => {
    const root = await writeTree(join(folder, `in${number++}`), {
      'train.xml': documentOf(image('a.png', square), image('b.png', square)),
      'val.xml': '<annotations><version>1.1</version></annotations>',
      'images/a.png': picture,
      'images/b.png': picture,
    });
    const out = await run({ minArea: '1px' }, root);
    expect(readFileSync(join(out, 'val.xml'), 'utf8')).toBe(readFileSync(join(root, 'val.xml'), 'utf8'));
    await expectSound(out, root, 'train');
    await expect(run({ split: 'val' }, root)).rejects.toThrow('nothing to augment in split val: it has no images with masks');
  });

  test('keeps comments, entities, quotes and empty images, in any form', async () => {
    const name = 'x &amp; &#39;y&#39; &gt;.png';
    const odd = `<image name = '${name}' id='7' width="20" height="10" note="a > b"><!-- one --><polygon label='cat'\n points="4,2;12,2;12,8;4,8"><attribute name="a">&lt;1&gt;</attribute></polygon><!-- two --></image>`;
    const text = documentOf(odd, '<image id="2" name="b.png" width="20" height="10"/>', image('c.png', square)).replaceAll('\n', '\r\n');
    const root = await tree(text, ["x & 'y' >.png", 'b.png', 'c.png']);
    expect(readFileSync(join(await run({ p: 0 }, root), 'annotations.xml'), 'utf8')).toBe(text);
    const out = await run({ minArea: '1px', copies: 3, includeOriginals: true }, root);
    const after = readFileSync(join(out, 'annotations.xml'), 'utf8');
    expect(after).toContain('<image name = "x &amp; \'y\' &gt;_aug1.png"');
    expect(after.match(/<!-- one -->/g)).toHaveLength(4);
    expect(after).toMatch(/<image id="\d+" name="b_aug1.png" width="20" height="10">\s+<mask label="cat" source="copypaste"/);
    await expectSound(out, root);
  });

  test('may have many shapes in one image, of one group or each above the other', async () => {
    const many = (more: (n: number) => string): string =>
      Array.from({ length: 20_000 }, (_, n) => `<polygon label="cat" points="4,2;${5 + (n % 9)},2;9,8" ${more(n)}/>`).join('');
    for (const more of [(n: number) => `z_order="${n}"`, () => 'group_id="1"']) {
      const { shapes } = (await shapesIn(await tree(documentOf(image('a.png', many(more)), image('b.png', square))))).get(
        'a',
      ) as CvatShapes;
      expect(shapes.filter(({ instance }) => instance).length).toBeLessThan(20);
      expect(shapes.reduce((sum, { own }) => sum + own.elements.length, 0)).toBe(20_000);
    }
  });

  test('lists the faults of all images at once, leaves these images out with --skip-bad, and copies those of other splits', async () => {
    const wrong = '<polygon label="cat" points="1,2;3,4;x,7"/><box label="cat" xtl="1" ytl="2" xbr="3"/>';
    const turned = '<tag label="cat"/><box label="cat" xtl="1" ytl="2" xbr="3" ybr="4" rotation="x"/>';
    const text = documentOf(
      image('a.png', wrong, ' subset="train"'),
      image('b.png', square, ' subset="train"'),
      image('c.png', turned, ' subset="train"'),
      image('d.png', square, ' subset="train"').replace('id="100"', 'id="x"'),
      image('e.png', wrong, ' subset="val"'),
      image('f.png', square, ' subset="train"'),
    );
    const root = await tree(text, ['train/a.png', 'train/b.png', 'train/c.png', 'train/d.png', 'train/f.png', 'val/e.png']);
    const reasons = [
      "image 'a.png': element 0: a polygon needs points x,y, and none may be far outside the image",
      "image 'a.png': element 1: a box needs xtl, ytl, xbr, ybr, and none may be far outside the image",
      "image 'c.png': element 1: a box has the rotation 'x', which is not a number of degrees",
      "image 'd.png': id is 'x', not an integer from 0",
    ].map((what) => `annotations.xml: ${what}`);
    await expect(run({}, root)).rejects.toMatchObject({
      message: '4 faults in annotations; correct them, or pass --skip-bad to leave them out',
      offenders: reasons,
    });
    const out = await run({ skipBad: true, minArea: '1px' }, root);
    const after = readFileSync(join(out, 'annotations.xml'), 'utf8');
    expect([...after.matchAll(/name="(.\.png)"/g)].map(([, name]) => name)).toEqual(['b.png', 'e.png', 'f.png']);
    expect(after).toContain(wrong);
    expect((await readManifest(join(out, 'manifest.json'))).skipped.map(({ reason }) => reason)).toEqual(reasons);
    expect((await check({ in: root, split: 'train' })).differences).toHaveLength(6);
  });

  const bad = (content: string): string => documentOf(image('a.png', content), image('b.png', square));
  test.each([
    ['annotations\\.xml: not a valid CVAT document: 1:\\d+: unclosed tag', '<annotations><image'],
    ['annotations\\.xml: not a valid CVAT document: the root element is svg, not annotations', '<svg/>'],
    [
      "annotations\\.xml: .*the document contains tracks of a video; export it as 'CVAT for images'",
      '<annotations><track id="0" label="cat"/></annotations>',
    ],
    ['annotations\\.xml: .*DOCTYPE', `<!DOCTYPE x [<!ENTITY a "aaa"><!ENTITY b "&a;&a;">]>${bad(square)}`],
    ['annotations\\.xml: .*the element job is between images', documentOf(image('a.png', square), '<job/>', image('b.png', square))],
    [
      "annotations\\.xml: image '../c.png': file name '../c.png' points outside the folder of images",
      documentOf(image('../c.png', square)),
    ],
    ["annotations\\.xml: image 'a.png': height is missing", documentOf('<image id="1" name="a.png" width="20"/>')],
    ['image is 20×10, but its annotation is 21×10', documentOf(image('a.png', square).replace('"20"', '"21"'), image('b.png', square))],
    ['images/c.png: missing, but annotations.xml lists it; add the file', documentOf(image('a.png', square), image('c.png', square))],
    [
      "annotations.xml: .*a polygon has the z_order 'x', which is not an integer",
      bad('<polygon label="cat" z_order="x" points="1,2;3,4"/>'),
    ],
    ["annotations.xml: image 'a.png': element 0: a polygon needs points x,y", bad('<polygon label="cat" points="1,2;3,4;1e9,7"/>')],
    ["annotations.xml: .*a polygon has the group_id '1.5', which is not an integer", bad('<polygon label="cat" group_id="1.5"/>')],
    [
      "annotations.xml: image 'a.png': element 0: a mask reaches outside its image",
      bad('<mask label="cat" rle="4" left="19" top="0" width="2" height="2"/>'),
    ],
    [
      "image 'a.png': element 0: a mask needs left, top, width, height",
      bad('<mask label="cat" rle="4" left="x" top="0" width="2" height="2"/>'),
    ],
    ["image 'a.png': element 0: the run lengths of a mask", bad('<mask label="cat" rle="1,2" left="1" top="0" width="2" height="2"/>')],
    ["image 'a.png': element 0: the run lengths of a mask", bad('<mask label="cat" rle="1,-2,5" left="1" top="0" width="2" height="2"/>')],
    ["image 'a.png': element 0: an ellipse needs cx, cy, rx, ry", bad('<ellipse label="cat" cx="1" cy="2" rx="1e300" ry="1"/>')],
    ["image 'a.png': element 0: a box has the rotation 'x'", bad('<box label="cat" xtl="1" ytl="2" xbr="3" ybr="4" rotation="x"/>')],
    ['none of its annotations has a mask: 1 box', documentOf(image('a.png', '<box label="cat" xtl="1" ytl="2" xbr="3" ybr="4"/>'))],
  ])('is refused with the reason if it is invalid: %s', async (why, text) => {
    const error = await run({}, await tree(text)).then(
      () => undefined,
      (thrown: { code: string; message: string; offenders: string[] }) => thrown,
    );
    expect(error?.code).toBe('data');
    const said = [error?.message, ...(error?.offenders ?? [])];
    expect(said.join('\n')).toMatch(new RegExp(why));
    for (const line of said) expect(line).not.toContain('\n');
  });

  test('is checked by check, which lists contradictions', async () => {
    const root = await tree(documentOf(image('a.png', '<polygon label="cat" points="1,2;3,4;5"/>'), image('b.png', square)));
    expect((await check({ in: root })).differences).toMatchObject([
      { path: 'annotations.xml', what: expect.stringContaining("image 'a.png'") },
    ]);
    const [names, other] = [join(folder, 'names.txt'), await tree(documentOf(image('a.png', square), image('b.png', square)))];
    writeFileSync(names, 'horse\n');
    const named = (await check({ in: other, classNames: names })).differences;
    expect(named[0]).toEqual({ path: 'annotations.xml', what: "image 'a.png': element 0 refers to the label 'cat', which is not defined" });
  });
});
