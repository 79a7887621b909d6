import { expect, test } from 'vitest';
import { countClasses } from '../../src/engine/class-counts.ts';

const car = { classId: 8, area: 9, truncated: false };

test('classes are counted by samples, pixels and instances, without crowds', () => {
  const counts = countClasses([
    {
      pixels: new Map([
        [0, 60],
        [8, 13],
      ]),
      instances: [car, { ...car, area: 4, truncated: true }],
    },
    { pixels: new Map([[8, 50]]), instances: [{ ...car, area: 50, crowd: true }] },
  ]);
  expect([...counts]).toEqual([
    [0, { samples: 1, pixels: 60, instances: 0, area: 0, truncated: 0 }],
    [8, { samples: 2, pixels: 63, instances: 2, area: 13, truncated: 4 }],
  ]);
});
