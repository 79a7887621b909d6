import { describe, expect, test } from 'vitest';
import { describePlan, describeSummary, warnOfPrior } from '../../src/cli/summary.ts';
import type { AugmentSummary } from '../../src/engine/tally.ts';
import type { SampleRecord } from '../../src/output/manifest.ts';
import type { Limit } from '../../src/plan/measures.ts';

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
      '3 samples: 2 augmented; 1 unchanged: left out by chance (-p)',
      '1 instance pasted',
      'most pixels of sky (2 pasted), class 1 lie in instances that the image border cuts off; if these classes are scenery, exclude them with --exclude-classes 0,1',
      'wrote out with manifest.json, 12.3 samples/s',
    ]);
  });

  test('names the stuff that is skipped', () => {
    const stuff = { instances: 3, pasted: 0, before: 0, after: 0, allowed: false, skipped: true, stuff: true, scenery: false };
    const classes = [{ id: 0, name: 'sky', ...stuff }, { id: 2, name: 'road', ...stuff }, ...summary.classes.slice(3)];
    expect(describeSummary({ ...summary, classes }, given, 1)[2]).toBe('stuff, not pasted: sky, road (--stuff keep allows them)');
    expect(describeSummary({ ...summary, classes: classes.slice(1) }, given, 1)[2]).toBe(
      'stuff, not pasted: road (--stuff keep allows it)',
    );
  });

  test.each<[string, Partial<AugmentSummary>, string[]]>([
    ['nothing else', { samples: 2, unchanged: {} }, ['2 samples: 2 augmented', '1 instance pasted']],
    [
      'one reason, without its number',
      { unchanged: { 'no source': 1 }, dropped: { 'below min-area': 11 }, pasted: 290 },
      [
        '3 samples: 2 augmented; 1 unchanged: no source to paste from',
        '290 instances pasted; 11 not pasted: too small after scaling or cropping (--min-area)',
      ],
    ],
    [
      'several reasons, the most frequent first',
      { samples: 9, unchanged: { 'not a target': 2, 'nothing fits': 5 }, dropped: { 'above max-cover': 1, 'on --avoid': 4 } },
      [
        '9 samples: 2 augmented; 7 unchanged: 5 no drawn instance fits, 2 not to be pasted into (--targets)',
        '1 instance pasted; 5 not pasted: 4 would cover a class to avoid (--avoid), 1 would cover too much of an existing instance (--max-cover)',
      ],
    ],
  ])('says in words what was left out: %s', (_, change, lines) => {
    expect(describeSummary({ ...summary, ...change }, given, 1).slice(0, 2)).toEqual(lines);
  });

  test.each([
    ['repeats the classes that are excluded already', { excludeClasses: ['a b', 7] }, / --exclude-classes 'a b,7,0,1'$/],
    ['names those that look like scenery', {}, / --exclude-classes 0,1$/],
  ])('proposes to exclude scenery, and %s', (_, more, end) => {
    expect(describeSummary(summary, { ...given, ...more }, 1)[2]).toMatch(end);
  });

  test('does not propose to exclude all classes', () => {
    const lines = describeSummary({ ...summary, classes: summary.classes.slice(0, 3) }, given, 1);
    expect(lines.join()).not.toContain('scenery');
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
    expect(lines.at(-2)).toBe('  … 2 more classes; for all: copypaste report out');
    const dry = describeSummary({ ...summary, pixels: 10_000, classes: named }, { ...given, dryRun: true }, 1);
    expect(dry.at(-2)).toBe('  … 2 more classes; for all: --json');
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

  test('says how samples without a source could get one, if there is a way', () => {
    const lines = (ways: string[]) => describeSummary({ ...summary, classes: [], ways }, given, 1).slice(2, -1);
    expect(lines(['pass --allow-self', 'lower --min-area'])).toEqual([
      'for samples without a source: pass --allow-self, or lower --min-area',
    ]);
    expect(lines([])).toEqual([]);
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
    expect(lines[2]).toMatch(/^6 files not copied .*: a\/ \(2\), b\/1\.txt, c\.txt, d\.txt, … 1 more; for all: --json$/);
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
  const balanced = (reached: readonly [number, number], limit?: Limit['reason'], changed: Partial<AugmentSummary> = {}, more = {}) => {
    const [car, bus] = reached;
    const rows = [
      { id: 3, name: 'car', asked: 0.5, reached: car },
      { id: 4, asked: 0.5, reached: bus, ...(limit && { limit: { reason: limit, batches: [9, 23] as [number, number] } }) },
    ];
    const lines = describeSummary(
      { ...summary, classes: [], balance: { of: 'pasted', by: 'instances', classes: rows }, ...changed },
      { ...given, ...more },
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
    expect(balanced([0.6, 0.4], 'batches', { samples: 100 }).slice(4)).toEqual([
      'class 4: 50.0 % asked, 40.0 % reached: only 9 of 23 batches have an instance to paste; raise --batch-size',
    ]);
    expect(balanced([0.6, 0.4]).slice(4)).toEqual([
      'car: 50.0 % asked, 60.0 % reached: chance, with 1 paste; raise -p or --copies',
      'class 4: 50.0 % asked, 40.0 % reached: chance, with 1 paste; raise -p or --copies',
    ]);
  });

  const tooFew = 'the samples that hold it have too few instances of it';
  const [beside, batches] = ['there are too few pastes beside the existing instances', 'only 9 of 23 batches have an instance to paste'];
  const many = { samples: 100 };
  const [skip, all] = [{ unchanged: {} }, { maxInstances: 'all' as const }];
  test.each<[string, Limit['reason'] | undefined, Partial<AugmentSummary>, object]>([
    ['chance, with 1 paste; raise --copies', undefined, skip, {}],
    [`${beside}; raise -p or raise --max-instances`, 'pastes', {}, {}],
    [`${beside}; raise --max-instances`, 'pastes', skip, {}],
    [beside, 'pastes', skip, all],
    [`${batches}; raise --batch-size`, 'batches', many, {}],
    [batches, 'batches', {}, {}],
    [`${tooFew}; lower --max-instances or raise --batch-size`, 'samples', many, {}],
    [`${tooFew}; lower --max-instances`, 'samples', {}, {}],
    [`${tooFew}; raise --batch-size`, 'samples', many, { maxInstances: 1 }],
    [tooFew, 'samples', many, { maxInstances: 1, sources: 'bank' }],
    ['no instance may be pasted; lower --min-area or pass --truncated keep', 'unusable', {}, {}],
    ['no instance may be pasted; lower --min-area', 'unusable', {}, { truncated: 'keep' }],
  ])('offers only what can help: %s', (why, limit, changed, more) => {
    expect(balanced([0.6, 0.4], limit, changed, more).at(-1)).toBe(`class 4: 50.0 % asked, 40.0 % reached: ${why}`);
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
  expect(describePlan(augmented, new Map([[8, 'car']]))).toBe(
    'a copy 1: from b: car [0,0,4,4] -> [1,1,7,7] x1.500 flipped; class 3 [0,0,2,2] -> [5,5,7,7] x1.000',
  );
  const turned = augmented.placements.map((one) => ({ ...one, transpose: true, flipY: true }));
  const tone: NonNullable<(typeof turned)[number]['tone']> = { gain: [256, 320, 192], offset: [0, -256, 128] };
  expect(describePlan({ ...augmented, placements: turned.slice(0, 1) }, new Map())).toMatch(
    / x1.500 transposed flipped flipped vertically$/,
  );
  expect(describePlan({ ...augmented, placements: augmented.placements.slice(1).map((one) => ({ ...one, tone })) }, new Map())).toMatch(
    / x1.000 gain 1.00,1.25,0.75 offset 0.0,-1.0,0.5$/,
  );
  const scene = { targetBox: [0, 0, 9, 9] as [number, number, number, number], scale: 1, flip: true };
  expect(describePlan({ ...augmented, placements: [], scenes: { target: scene, source: scene } }, new Map())).toMatch(
    /; scene -> \[0,0,9,9\] flipped$/,
  );
  expect(describePlan({ ...base, status: 'unchanged', reason: 'not drawn' }, new Map())).toBe(
    'a copy 1: unchanged: left out by chance (-p)',
  );
});
