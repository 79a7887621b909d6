import type { Paste, Rendered, Target } from '../../src/render/render.ts';
import { weightTable } from '../../src/render/tables.ts';
import type { Shape } from '../../src/types.ts';

const padding = 124 | (116 << 8) | (104 << 16) | (255 << 24);

/** What the op computes, as its definition reads: two double sums for each pixel of each placement, and nothing clever. */
export function renderPlainly(images: Int32Array, targets: readonly Target[]): Rendered[] {
  return targets.map(({ width, height, image, pastes }) => {
    const pixels = image ? images.slice(image.offset, image.offset + width * height) : new Int32Array(width * height).fill(padding);
    const owner = new Int32Array(width * height);
    const areas = pastes.map((paste, k) => {
      const { source, instance } = paste;
      const plane = instance && planeOf(instance, source.width, source.height);
      const columns = axis(paste, 0, source.width, width, paste.flip);
      const covered = new Map<number, number>();
      for (const row of axis(paste, 1, source.height, height, false)) {
        for (const column of columns) {
          let [coverage, r, g, b, a] = [0, 32768, 32768, 32768, 32768];
          row.weights.forEach((wy, v) => {
            column.weights.forEach((wx, u) => {
              const at = (row.first + v) * source.width + column.first + u;
              const word = images[source.offset + at] as number;
              if (!plane || plane[at]) coverage += wy * wx;
              r += wy * wx * (word & 255);
              g += wy * wx * ((word >> 8) & 255);
              b += wy * wx * ((word >> 16) & 255);
              a += wy * wx * ((word >> 24) & 255);
            });
          });
          if (coverage < 32768) continue;
          covered.set(row.at * width + column.at, (r >> 16) | ((g >> 16) << 8) | ((b >> 16) << 16) | ((a >> 16) << 24));
        }
      }
      if (covered.size < paste.minArea) return 0;
      for (const [at, colour] of covered) {
        owner[at] = k + 1;
        pixels[at] = colour;
      }
      return covered.size;
    });
    return { pixels, owner, areas };
  });
}

/** The pixels of a paste along one axis, inside the frame, with their taps. */
function axis({ sourceBox, targetBox }: Paste, from: 0 | 1, limit: number, frame: number, flip: boolean) {
  const [start, end] = [sourceBox[from], sourceBox[from + 2] as number];
  const [low, high] = [targetBox[from], targetBox[from + 2] as number];
  const visible = [Math.max(0, low) - low, Math.min(frame, high) - low] as const;
  if (visible[0] >= visible[1]) return [];
  const { taps, data } = weightTable({ start, length: end - start, limit, target: high - low, flip, visible });
  return Array.from({ length: visible[1] - visible[0] }, (_, n) => {
    const entry = n * (1 + taps);
    return { at: low + visible[0] + n, first: data[entry] as number, weights: data.subarray(entry + 1, entry + 1 + taps) };
  });
}

function planeOf({ spans, start, end }: Shape, width: number, height: number): Uint8Array {
  const plane = new Uint8Array(width * height);
  for (let i = start; i < end; i += 3) {
    const row = (spans[i] as number) * width;
    plane.fill(1, row + (spans[i + 1] as number), row + (spans[i + 2] as number));
  }
  return plane;
}
