import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { philox4x32, replayOf, stream } from '../../src/plan/rng.ts';

describe('philox4x32', () => {
  // Random123's kat_vectors for philox4x32-10.
  const vectors: [string, string, string][] = [
    ['00000000 00000000 00000000 00000000', '00000000 00000000', '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    ['ffffffff ffffffff ffffffff ffffffff', 'ffffffff ffffffff', '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    ['243f6a88 85a308d3 13198a2e 03707344', 'a4093822 299f31d0', 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ];
  const words = (text: string): number[] => text.split(' ').map((word) => Number.parseInt(word, 16));

  test.each(vectors)('gives the published words for counter %s', (counter, key, expected) => {
    expect(philox4x32(words(counter), words(key))).toEqual(words(expected));
  });
});

describe('stream', () => {
  const draw = (seed: number, copy: number, sample: string, purpose: string): number[] => {
    const random = stream(seed, copy, sample, purpose);
    return Array.from({ length: 6 }, () => random.uniform());
  };

  test('repeats itself and differs by seed, copy, sample and purpose', () => {
    const base = draw(1, 0, 'a', 'x');
    expect(draw(1, 0, 'a', 'x')).toEqual(base);
    for (const other of [
      draw(2, 0, 'a', 'x'),
      draw(1, 1, 'a', 'x'),
      draw(1, 0, 'b', 'x'),
      draw(1, 0, 'a', 'y'),
      draw(2 ** 32 + 1, 0, 'a', 'x'),
    ]) {
      expect(other).not.toEqual(base);
    }
  });

  test('is uniform in [0, 1)', () => {
    const random = stream(7, 0, 'sample', 'test');
    const bins = new Array(10).fill(0);
    for (let i = 0; i < 20_000; i++) bins[Math.floor(random.uniform() * 10)]++;
    for (const n of bins) expect(n).toBeGreaterThan(1800);
    for (const n of bins) expect(n).toBeLessThan(2200);
  });

  test('shuffles to a permutation and stays in its ranges', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.integer(), { maxLength: 20 }), (seed, values) => {
        const random = stream(seed, 0, 's', 'p');
        expect([...random.shuffle(values)].sort((a, b) => a - b)).toEqual([...values].sort((a, b) => a - b));
        const n = random.below(5);
        expect(Number.isInteger(n) && n >= 0 && n < 5).toBe(true);
        const x = random.between(2, 3);
        expect(x >= 2 && x < 3).toBe(true);
      }),
    );
  });
});

test('a replay gives the numbers of its stream, again after each rewind', () => {
  const own = stream(1, 2, 'a', 'test');
  const numbers = [own.uniform(), own.between(3, 9), own.below(100), own.uniform()];
  const replay = replayOf(stream(1, 2, 'a', 'test'));
  expect([replay.uniform(), replay.between(3, 9)]).toEqual(numbers.slice(0, 2));
  replay.rewind();
  expect([replay.uniform(), replay.between(3, 9), replay.below(100), replay.uniform()]).toEqual(numbers);
});
