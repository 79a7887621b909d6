import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openSourced } from '../../src/dataset/sources.ts';
import { moreSources, whyNothing } from '../../src/engine/nothing.ts';
import { augmentOptions, type Given } from '../../src/options.ts';
import { resolveOptions } from '../../src/schema.ts';
import { drawBox, filled, imageOf, temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();

/** A sample of 40×40 pixels with boxes of classes. */
type Boxes = readonly (readonly [id: number, x0: number, y0: number, x1: number, y1: number])[];

const inside: Boxes = [[7, 10, 10, 20, 20]];
const atBorder: Boxes = [[7, 0, 0, 20, 20]];
const tiny: Boxes = [[7, 30, 30, 31, 31]];
const tinyAtBorder: Boxes = [[7, 0, 0, 1, 1]];
const huge: Boxes = [[7, 4, 4, 36, 36]];
const none: Boxes = [];

let count = 0;

/** Writes samples. */
function written(samples: readonly Boxes[]): Promise<string> {
  const files = samples.flatMap((boxes, n): [string, Parameters<typeof writeTree>[1][string]][] => {
    const mask = filled(40, 40, 0);
    for (const [id, ...box] of boxes) drawBox(mask, box, id);
    return [
      [`images/${n}.png`, imageOf(40, 40, () => 1)],
      [`masks/${n}.png`, mask],
    ];
  });
  return writeTree(join(folder, `${count++}`), Object.fromEntries(files));
}

type More = Partial<Given<typeof augmentOptions>>;

async function opened(samples: readonly Boxes[], more: More, sources?: readonly Boxes[]) {
  const from = sources && { sources: await written(sources) };
  const options = resolveOptions(augmentOptions, { in: await written(samples), out: join(folder, 'out'), p: 1, ...from, ...more });
  return { options, dataset: await openSourced(options) };
}

type Outcome = Omit<Parameters<typeof whyNothing>[2], 'measures'>;

const sourceless: Outcome = { unchanged: { 'no source': 2 }, dropped: {} };
const undrawn: Outcome = { unchanged: { 'not drawn': 2 }, dropped: {} };
const twoSmall = 'no instance can be pasted: 2 too small';
const lowerBoth = 'lower --min-source-area and lower --min-area';
const alone = 'the data set has only one sample, and thus no other to paste from';
const allow = 'pass --allow-self, or other sources with --sources';

describe('a run that pasted nothing says why, and what helps', () => {
  test.each<[string, readonly Boxes[], More, Outcome, string | undefined]>([
    ['one sample', [inside], {}, sourceless, `${alone}; ${allow}`],
    ['one sample that chance left out', [inside], { p: 0.5 }, undrawn, `${alone}; ${allow}`],
    ['one sample and no chance', [inside], { p: 0 }, undrawn, undefined],
    ['one sample that may be its own source', [inside], { allowSelf: true, p: 0.5 }, undrawn, undefined],
    ['chance', [inside, inside], { p: 0.1 }, undrawn, undefined],
    [
      'one sample, truncated',
      [atBorder],
      {},
      sourceless,
      `no instance can be pasted: 1 cut off by the border of the image; ${alone}; pass --truncated keep, and ${allow}`,
    ],
    [
      'batches of one',
      [inside, inside],
      { batchSize: 1 },
      sourceless,
      'each batch has only one sample, and thus no other to paste from; raise --batch-size',
    ],
    [
      'everything truncated',
      [atBorder, atBorder],
      {},
      sourceless,
      'no instance can be pasted: 2 cut off by the border of the image; pass --truncated keep',
    ],
    [
      'truncated and too small',
      [tinyAtBorder, none],
      { minArea: '9px' },
      sourceless,
      'no instance can be pasted: 1 cut off by the border of the image; pass --truncated keep and lower --min-area',
    ],
    ['too small', [tiny, tiny], { minArea: '9px' }, sourceless, 'no instance can be pasted: 2 too small; lower --min-area'],
    [
      'too small at the lowest limit',
      [tiny, tiny],
      { minArea: '1px', scale: [0.1, 0.5] },
      sourceless,
      'no instance can be pasted: 2 too small; raise --scale',
    ],
    ['a small source', [tiny, tiny], { minSourceArea: '9px', minArea: '1px' }, sourceless, `${twoSmall}; lower --min-source-area`],
    ['small by both limits', [tiny, tiny], { minSourceArea: '9px', minArea: '9px' }, sourceless, `${twoSmall}; ${lowerBoth}`],
    ['too large', [huge, huge], { maxArea: '99px' }, sourceless, 'no instance can be pasted: 2 too large; raise --max-area'],
    [
      'the most frequent reason decides',
      [tiny, [...tiny, ...atBorder]],
      { minArea: '9px' },
      sourceless,
      'no instance can be pasted: 1 cut off by the border of the image, 2 too small; lower --min-area',
    ],
    ['classes', [inside, inside], { classes: [3] }, sourceless, 'no class found (7) may be pasted; change --classes'],
    ['excluded', [inside, inside], { excludeClasses: [7] }, sourceless, 'no class found (7) may be pasted; change --exclude-classes'],
    ['no instance', [none, none], {}, sourceless, 'masks hold only background (0) and ignore (255) ids; set --background and --ignore'],
    [
      'one source, and no other sample of its batch was drawn',
      [inside, none],
      {},
      sourceless,
      'no other sample of a batch has an instance that fits; pass --allow-self',
    ],
    [
      'background',
      [inside, inside],
      { targets: 'background' },
      { unchanged: { 'not a target': 2 }, dropped: {} },
      'every sample has annotations; change --targets',
    ],
    [
      'no target',
      [none, none],
      { targets: 'annotated' },
      { unchanged: { 'not a target': 2 }, dropped: {} },
      'no sample has annotations; change --targets',
    ],
    [
      'chance among background images',
      [inside, none],
      { targets: 'background', backgroundRatio: 0.1 },
      { unchanged: { 'not a target': 1, 'not drawn': 1 }, dropped: {} },
      undefined,
    ],
    [
      'rules',
      [inside, inside],
      { maxCover: 0 },
      { unchanged: { 'nothing fits': 2 }, dropped: { 'below min-area': 1, 'above max-cover': 3 } },
      'none of the 4 drawn instances fits: 3 would cover too much of an existing instance (--max-cover), 1 too small after scaling or cropping (--min-area); loosen --max-cover',
    ],
    [
      'one instance and a rule',
      [inside, inside],
      { pasteOn: [9] },
      { unchanged: { 'nothing fits': 2 }, dropped: { 'not on --paste-on': 1 } },
      'the only drawn instance does not fit: found no class to stand on (--paste-on); loosen --paste-on',
    ],
    [
      'full annotations',
      [inside, inside],
      {},
      { unchanged: { 'nothing fits': 2 }, dropped: {} },
      'no annotation can take another object: all ids of its mask are in use, or it has pixels without a label',
    ],
  ])('%s', async (_, samples, more, outcome, why) => {
    const { dataset, options } = await opened(samples, more);
    expect(await whyNothing(dataset, options, { ...outcome, measures: {} })).toBe(why);
  });

  test.each<[string, readonly Boxes[], More, string]>([
    ['truncated', [atBorder], {}, 'no instance can be pasted: 1 cut off by the border of the image; pass --truncated keep'],
    [
      'no class',
      [inside],
      { classes: [3] },
      'no instance in --sources is of a class that may be pasted; change --classes, --exclude-classes, --stuff or --class-map',
    ],
  ])('with --sources: %s', async (_, sources, more, why) => {
    const { dataset, options } = await opened([inside], more, sources);
    expect(await whyNothing(dataset, options, { ...sourceless, measures: {} })).toBe(why);
  });

  test('without classes of weight 0', async () => {
    const { dataset, options } = await opened([[...inside, [8, 0, 30, 9, 40]], none], {});
    expect(await whyNothing(dataset, options, { ...sourceless, measures: { weights: { instances: { 7: 0 } } } })).toBe(
      'no instance can be pasted: 1 cut off by the border of the image; pass --truncated keep',
    );
  });

  test('of one class that was wanted, though others were pasted', async () => {
    const { dataset, options } = await opened([[...inside, [8, 0, 30, 9, 40]], inside], {});
    const of = (only: number) => whyNothing(dataset, options, { ...undrawn, measures: {} }, undefined, only);
    expect(await of(8)).toBe('no instance can be pasted: 1 cut off by the border of the image; pass --truncated keep');
    expect(await of(7)).toBeUndefined();
    expect(await of(9)).toBe('no sample has an instance of 9; classes found: 7, 8');
  });

  test('and blames stuff, weights and options for the classes that they leave out', async () => {
    const opening = await opened([[...inside, [8, 22, 22, 30, 30]], inside], {});
    const dataset = { ...opening.dataset, stuff: new Set([8]) };
    const of = (weights: Record<number, number>, only?: number, more: Partial<typeof opening.options> = {}) =>
      whyNothing(
        dataset,
        { ...opening.options, ...more },
        { ...sourceless, measures: { weights: { instances: weights } } },
        undefined,
        only,
      );
    expect(await of({ 7: 0, 8: 1 }, 7, { classWeights: { 7: 0 } })).toBe(
      'all classes that may be pasted (7) have weight 0; change --class-weights',
    );
    expect(await of({ 7: 0, 8: 1 })).toBe('all classes that may be pasted (7) have weight 0; change --balance');
    expect(await of({ 7: 1, 8: 1 }, 8)).toMatch(/^no class found \(8\) may be pasted, since stuff is skipped/);
    expect(await of({ 7: 1, 8: 1 }, 7, { excludeClasses: [7] })).toBe('no class found (7) may be pasted; change --exclude-classes');
  });
});

test.each<[string, readonly Boxes[], More, string[]]>([
  ['batches that are not whole', [inside, none, none], { batchSize: 2 }, ['raise --batch-size']],
  ['the whole data set in a batch', [inside, none, none], {}, ['pass --allow-self']],
  ['nothing left to change', [inside, none, none], { allowSelf: true }, []],
  [
    'instances that do not fit',
    [inside, tiny, atBorder, atBorder],
    { minArea: '9px', allowSelf: true },
    ['pass --truncated keep', 'lower --min-area'],
  ],
  ['truncated ones are kept already', [inside, atBorder], { truncated: 'keep', allowSelf: true }, []],
])('samples without a source get ways that can help: %s', async (_, samples, more, ways) => {
  const { dataset, options } = await opened(samples, more);
  expect(await moreSources(dataset, options, { measures: {} })).toEqual(ways);
});
