import { describe, expect, test } from 'vitest';
import { openSourced } from '../../src/dataset/sources.ts';
import { refuseUnfit } from '../../src/engine/unfit.ts';
import { type AugmentOptions, augmentOptions, type Given } from '../../src/options.ts';
import { resolveOptions } from '../../src/schema.ts';

const optionsOf = (given: Partial<Given<typeof augmentOptions>>): AugmentOptions =>
  resolveOptions(augmentOptions, { in: 'fixtures/camvid', out: 'nowhere', batchSize: 4, ...given });
const dataset = await openSourced(optionsOf({}));

describe('options', () => {
  test.each<[string, Partial<Given<typeof augmentOptions>>]>([
    ['--background-ratio', { targets: 'annotated', backgroundRatio: 0.5 }],
    ['--classes', { classes: ['dog'] }],
    ['--paste-on', { pasteOn: ['road', 'lawn'] }],
    ['--avoid', { avoid: ['dog'] }],
    ['--scale-by-class', { scaleByClass: { dog: [1, 2] } }],
    ['--scale-by-class: class 8 occurs twice', { scaleByClass: { car: [1, 2], 8: [1, 2] } }],
    ['--jitter', { jitter: 'scene', ignore: [] }],
  ])('that do not fit the data set are refused: %s', async (flag, given) => {
    const options = optionsOf(given);
    const opened = given.ignore ? await openSourced(options) : dataset;
    expect(() => refuseUnfit(opened, options)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringMatching(`^${flag}`) }),
    );
    expect(() => refuseUnfit(dataset, optionsOf({}))).not.toThrow();
  });

  test('that join components are refused where instances are no components', async () => {
    const join = '6px' as const;
    const refused = (message: RegExp) => expect.objectContaining({ code: 'usage', message: expect.stringMatching(message) });
    expect(() => refuseUnfit(dataset, optionsOf({ join }))).not.toThrow();
    expect(() => refuseUnfit(dataset, optionsOf({ join, preset: 'composer' }))).toThrow(refused(/^--join: .* one class;/));
    const coco = await openSourced(optionsOf({ in: 'fixtures/coco' }));
    expect(() => refuseUnfit(coco, optionsOf({ join }))).toThrow(refused(/^--join: does not apply to the coco layout/));
    const taken = await openSourced(optionsOf({ sources: 'fixtures/yolo' }));
    expect(() => refuseUnfit(taken, optionsOf({ join }))).toThrow(refused(/^--join: does not apply to the yolo layout/));
    const given = await openSourced(optionsOf({ in: 'fixtures/yolo', sources: 'fixtures/camvid' }));
    expect(() => refuseUnfit(given, optionsOf({ join }))).not.toThrow();
    for (const wrong of ['0px', '6', '1.5px', '-1px', 'px']) expect(() => optionsOf({ join: wrong as '6px' })).toThrow(/^--join: expected/);
  });

  test('that write 16-bit images in a format of 8 bits are refused', () => {
    const [sample] = dataset.samples as [(typeof dataset.samples)[0]];
    const deep = { ...dataset, samples: [{ ...sample, format: { ...sample.format, depth: 16 as const } }] };
    expect(() => refuseUnfit(deep, optionsOf({ imageFormat: 'jpeg' }))).toThrow(/^--image-format jpeg: .* 16 bits/);
    for (const imageFormat of ['png', 'tiff'] as const) expect(() => refuseUnfit(deep, optionsOf({ imageFormat }))).not.toThrow();
  });
});
