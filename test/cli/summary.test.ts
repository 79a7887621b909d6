import { describe, expect, test } from 'vitest';
import { describePlan, describeSummary, nothingPasted, warnOfPrior } from '../../src/cli/summary.ts';
import { openSourced } from '../../src/dataset/sources.ts';
import type { AugmentSummary } from '../../src/engine/tally.ts';
import { augmentOptions } from '../../src/options.ts';
import type { SampleRecord } from '../../src/output/manifest.ts';
import type { Limit } from '../../src/plan/measures.ts';
import { resolveOptions } from '../../src/schema.ts';

const summary: AugmentSummary = {
  layout: 'camvid',
  split: 'train',
  backend: 'cpu',
  reused: 0,
  samples: 3,
  augmented: 2,
  unchanged: { 'not drawn': 1 },
  copied: 0,
  pasted: 1,
  dropped: {},
  skipped: [],
  pixels: 0,
  classes: [
    { id: 0, name: 'sky', instances: 3, pasted: 2, before: 0, after: 0, allowed: true, skipped: false, scenery: true },
    { id: 1, instances: 3, pasted: 0, before: 0, after: 0, allowed: true, skipped: false, scenery: true },
    { id: 2, name: 'road', instances: 3, pasted: 0, before: 0, after: 0, allowed: false, skipped: false, scenery: true },
    { id: 3, name: 'car', instances: 3, pasted: 2, before: 0, after: 0, allowed: true, skipped: false, scenery: false },
  ],
  leftBehind: [],
};
const given = { in: 'data', out: 'out' };

describe('a summary', () => {
  test('says how much a prior of places knows, or warns that it is not used', () => {
    const road = { id: 3, name: 'road', share: 0.7 };
    const prior = {
      instances: 1234,
      gain: 2.4,
      used: true,
      classes: [
        { id: 8, name: 'car', under: [road] },
        { id: 9, under: [{ id: 65535, share: 1 }] },
      ],
    };
    expect(describeSummary({ ...summary, prior }, given, 1)).toContain(
      'placed by the prior of 1234 instances (2.40 bits better than anywhere): car on road 70 %, class 9 on no category 100 %',
    );
    expect(warnOfPrior(prior)).toBeUndefined();
    expect(warnOfPrior(undefined)).toBeUndefined();
    const unused = { ...prior, gain: 0.07, used: false };
    expect(describeSummary({ ...summary, prior: unused }, given, 1).join()).not.toContain('prior');
    expect(warnOfPrior(unused)).toMatch(/^--place prior: .* \(0\.07 bits, below 0\.25\), .* instances land anywhere$/);
  });

  test('counts samples and instances, and names classes that may be scenery, if they may be pasted', () => {
    expect(describeSummary(summary, given, 12.34)).toEqual([
      '3 samples: 2 augmented, 1 unchanged (1 not drawn)',
      '1 instance pasted, 0 dropped',
      'most pixels of sky (2 pasted), class 1 lie in instances that the image border cuts off; if these classes are scenery, exclude them with --exclude-classes 0,1',
      'wrote out with manifest.json, 12.3 samples/s',
    ]);
  });

  test('names the stuff that is skipped, and that nothing but stuff was found', async () => {
    const stuff = { instances: 3, pasted: 0, before: 0, after: 0, allowed: false, skipped: true, stuff: true, scenery: false };
    const classes = [{ id: 0, name: 'sky', ...stuff }, { id: 2, name: 'road', ...stuff }, ...summary.classes.slice(3)];
    expect(describeSummary({ ...summary, classes }, given, 1)[2]).toBe('stuff, not pasted: sky, road (--stuff keep pastes them)');
    expect(describeSummary({ ...summary, classes: classes.slice(1) }, given, 1)[2]).toBe(
      'stuff, not pasted: road (--stuff keep pastes it)',
    );
    const dataset = await openSourced(resolveOptions(augmentOptions, { in: 'fixtures/camvid', out: 'nowhere' }));
    const none = { ...summary, augmented: 0, unchanged: { 'no source': 3 } };
    expect(nothingPasted({ ...none, classes: classes.slice(0, 2) }, dataset, given)).toBe(
      'no class found (sky, road) may be pasted, since stuff is skipped; pass --stuff keep, or name classes with --classes',
    );
    expect(nothingPasted({ ...none, classes: classes.slice(0, 2).map((row) => ({ ...row, skipped: false })) }, dataset, given)).toBe(
      'no class found (sky, road) may be pasted; change --classes or --exclude-classes',
    );
  });

  test('names the rules that stood in the way if nothing was pasted, the most frequent first', async () => {
    const dataset = await openSourced(resolveOptions(augmentOptions, { in: 'fixtures/camvid', out: 'nowhere' }));
    const none = { ...summary, augmented: 0, unchanged: { 'nothing fits': 3 } };
    const dropped = { 'below min-area': 2, 'above max-cover': 1, 'on --avoid': 4, 'not on --paste-on': 7 };
    expect(nothingPasted({ ...none, dropped }, dataset, given)).toBe(
      'no instance fits (7 not on --paste-on, 4 on --avoid, 2 below min-area, 1 above max-cover); loosen --paste-on, --avoid, --min-area, --max-cover',
    );
  });

  test('has a table of the first twenty classes, with their share of the pixels before and after', () => {
    const row = { pasted: 2, allowed: true, skipped: false, scenery: false };
    const classes = Array.from({ length: 22 }, (_, id) => ({ id, ...row, instances: 100 + id, before: 10 * id, after: 12 * id }));
    const named = classes.map((one) => (one.id === 1 ? { ...one, name: `car ${'x'.repeat(40)}` } : one));
    const lines = describeSummary({ ...summary, pixels: 10_000, classes: named }, given, 1).slice(2);
    expect(lines.slice(0, 4)).toEqual([
      'classes, with the share of their pixels in 2 augmented samples:',
      '  class                                 instances  pasted  before -> after',
      '  class 0                                     100       2   0.00 -> 0.00 %',
      `  car ${'x'.repeat(31)}…        101       2   0.10 -> 0.12 %`,
    ]);
    expect(lines).toHaveLength(24);
    expect(lines.at(-2)).toBe('  and 2 more classes; --json lists all');
    expect(lines.every((line) => line.length <= 80)).toBe(true);
    const without = describeSummary({ ...summary, pixels: 0, classes: named }, given, 1);
    expect(without.some((line) => line.startsWith('classes'))).toBe(false);
  });

  test('fits its table into 40 columns, without the instances', () => {
    const row = { instances: 812, pasted: 2, before: 10, after: 12, allowed: true, skipped: false, scenery: false };
    const classes = [{ id: 0, name: 'traffic light of the left lane', ...row }];
    const lines = describeSummary({ ...summary, pixels: 100, classes }, given, 1, 40).slice(3, 5);
    expect(lines).toEqual(['  class         pasted   before -> after', '  traffic lig…       2  10.00 -> 12.00 %']);
  });

  test('advises what is true of the run if samples found no source', () => {
    const sourceless = { ...summary, classes: [], unchanged: { 'no source': 1 } };
    const advice = (more: object, samples = 3) => describeSummary({ ...sourceless, samples }, { ...given, ...more }, 1)[2];
    expect(advice({})).toBe('1 sample found no source in the batch; pass --allow-self, lower --min-area, or pass --truncated keep');
    expect(advice({}, 300)).toBe('1 sample found no source in the batch; raise --batch-size, lower --min-area, or pass --truncated keep');
    expect(advice({ allowSelf: true, truncated: 'keep' })).toBe('1 sample found no source in the batch; lower --min-area');
    expect(advice({ sources: 'bank', truncated: 'keep' })).toBe('1 sample found no source; lower --min-area');
  });

  test('advises --allow-self for a single sample, and --batch-size for batches of one', async () => {
    const dataset = await openSourced(resolveOptions(augmentOptions, { in: 'fixtures/camvid', out: 'nowhere' }));
    const none = { ...summary, augmented: 0, unchanged: { 'no source': 3 } };
    const single = { ...dataset, samples: dataset.samples.slice(0, 1) };
    expect(nothingPasted(none, single, given)).toMatch(/only one sample.*; pass --allow-self, or other sources with --sources$/);
    expect(nothingPasted(none, dataset, { ...given, batchSize: 1 })).toMatch(/only one sample.*; raise --batch-size$/);
  });

  test('says how large the output of a dry run would be, and if it would not fit', () => {
    const expected = { samples: 12, bytes: 3.14e9 };
    const lines = (free?: number) =>
      describeSummary({ ...summary, classes: [], expected: { ...expected, ...(free && { free }) } }, { ...given, dryRun: true }, 1);
    expect(lines().at(-2)).toBe('the output would have 12 samples in about 3.1 GB');
    expect(lines(5e9)).toEqual(lines());
    expect(lines(2.5e6).at(-2)).toBe('the output would have 12 samples in about 3.1 GB, but only 2.5 MB are free there');
  });

  test('groups files that were left behind by folder, and names the first four groups', () => {
    const leftBehind = ['a/1.txt', 'a/2.txt', 'b/1.txt', 'c.txt', 'd.txt', 'e.txt'];
    const lines = describeSummary({ ...summary, classes: [], leftBehind }, given, 1);
    expect(lines[2]).toMatch(/^6 files not copied .*: a\/ \(2\), b\/1\.txt, c\.txt, d\.txt, …$/);
  });

  test('ends with what was written: nothing by a dry run or for a complete output, the rest after an interruption', () => {
    const lines = (change: Partial<AugmentSummary>, more = {}) =>
      describeSummary({ ...summary, classes: [], ...change }, { ...given, ...more }, 1).slice(2);
    const { backend: _, ...complete } = summary;
    expect(lines({ copied: 2 }, { dryRun: true })).toEqual(['dry run: nothing was written']);
    expect(describeSummary({ ...complete, classes: [] }, given, 1).at(-1)).toMatch(/^out is already complete/);
    expect(lines({ copied: 2, reused: 1 })).toEqual([
      '2 more samples copied unchanged',
      '1 sample reused from an earlier run',
      'wrote out with manifest.json, 1.0 samples/s',
    ]);
  });
});

describe('a balance', () => {
  const balanced = (reached: readonly [number, number], limit?: Limit['reason'], changed: Partial<AugmentSummary> = {}) => {
    const [car, bus] = reached;
    const rows = [
      { id: 3, name: 'car', asked: 0.5, reached: car },
      { id: 4, asked: 0.5, reached: bus, ...(limit && { limit: { reason: limit, batches: [9, 23] as [number, number] } }) },
    ];
    const lines = describeSummary(
      { ...summary, classes: [], balance: { of: 'pasted', by: 'instances', classes: rows }, ...changed },
      given,
      1,
    );
    return lines.slice(2, -1);
  };

  test('is a table of the asked and reached shares', () => {
    expect(balanced([0.49, 0.51])).toEqual([
      'shares of pasted instances:',
      '  class     asked  reached',
      '  car      50.0 %   49.0 %',
      '  class 4  50.0 %   51.0 %',
    ]);
  });

  test('names what stood in the way of a class, or chance', () => {
    expect(balanced([0.6, 0.4], 'batches').slice(4)).toEqual([
      'class 4: 50.0 % asked, 40.0 % reached: only 9 of 23 batches have an instance to paste; raise --batch-size',
    ]);
    expect(balanced([0.6, 0.4]).slice(4)).toEqual([
      'car: 50.0 % asked, 60.0 % reached: chance, with 1 paste; raise -p or --copies',
      'class 4: 50.0 % asked, 40.0 % reached: chance, with 1 paste; raise -p or --copies',
    ]);
  });

  test('does not advise a larger -p when all samples were drawn', () => {
    expect(balanced([0.6, 0.4], undefined, { unchanged: {} }).at(-1)).toMatch(/chance, with 1 paste; raise --copies$/);
    expect(balanced([0.6, 0.4], 'pastes', { unchanged: {} }).at(-1)).toMatch(/existing instances; raise --max-instances$/);
  });

  test('says nothing when nothing was pasted', () => {
    expect(balanced([0, 0], 'samples', { pasted: 0 })).toEqual([]);
  });
});

test('a plan is a line with its source, its placements and its jittered scene', () => {
  const base = { id: 'a', split: '', copy: 1 };
  const augmented: SampleRecord = {
    ...base,
    status: 'augmented',
    source: 'b',
    placements: [
      {
        order: 1,
        instance: 0,
        classId: 8,
        sourceBox: [0, 0, 4, 4],
        targetBox: [1, 1, 7, 7],
        scale: 1.5,
        flip: true,
        area: 36,
        visible: 30,
      },
      { order: 2, instance: 1, classId: 3, sourceBox: [0, 0, 2, 2], targetBox: [5, 5, 7, 7], scale: 1, flip: false, area: 4, visible: 4 },
    ],
    dropped: [],
    pixels: {},
  };
  expect(describePlan(augmented)).toBe(
    'a copy 1: from b: class 8 [0,0,4,4] -> [1,1,7,7] x1.500 flipped; class 3 [0,0,2,2] -> [5,5,7,7] x1.000',
  );
  const turned = augmented.placements.map((one) => ({ ...one, transpose: true, flipY: true }));
  const tone: NonNullable<(typeof turned)[number]['tone']> = { gain: [256, 320, 192], offset: [0, -256, 128] };
  expect(describePlan({ ...augmented, placements: turned.slice(0, 1) })).toMatch(/ x1.500 transposed flipped flipped vertically$/);
  expect(describePlan({ ...augmented, placements: augmented.placements.slice(1).map((one) => ({ ...one, tone })) })).toMatch(
    / x1.000 gain 1.00,1.25,0.75 offset 0.0,-1.0,0.5$/,
  );
  const scene = { targetBox: [0, 0, 9, 9] as [number, number, number, number], scale: 1, flip: true };
  expect(describePlan({ ...augmented, placements: [], scenes: { target: scene, source: scene } })).toMatch(
    /; scene -> \[0,0,9,9\] flipped$/,
  );
  expect(describePlan({ ...base, status: 'unchanged', reason: 'not drawn' })).toBe('a copy 1: unchanged, not drawn');
});
