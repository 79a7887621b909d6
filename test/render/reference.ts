import { weightTable } from '../../src/masks/tables.ts';
import type { Paste, Rendered, Target } from '../../src/render/render.ts';
import type { Depth, Raster, Shape } from '../../src/types.ts';

const padding = [124, 116, 104, 255];

/** What the op computes, as its definition reads: two double sums for each pixel of each placement, and nothing clever. */
export function renderPlainly(images: readonly Raster[], targets: readonly Target[], depth: Depth = 8): Rendered[] {
  const Values = depth === 8 ? Uint8Array : Uint16Array;
  const white = 2 ** depth - 1;
  const values = images.flatMap(({ pixels, bands }) =>
    Array.from({ length: (4 * pixels.length) / bands }, (_, i) =>
      i % 4 < bands ? (pixels[bands * Math.floor(i / 4) + (i % 4)] as number) : white,
    ),
  );
  const bandsAt = (offset: number): number => {
    let before = 0;
    return images.find(({ pixels, bands }) => offset < (before += pixels.length / bands))?.bands as number;
  };
  return targets.map(({ width, height, image, pastes }) => {
    const shown = image
      ? values.slice(4 * image.offset, 4 * (image.offset + width * height))
      : Array.from({ length: 4 * width * height }, (_, i) => ((padding[i % 4] as number) / 255) * white);
    const owner = new Int32Array(width * height);
    const areas = pastes.map((paste, k) => {
      const { source, instance } = paste;
      const plane = instance && planeOf(instance, source.width, source.height);
      const columns = axis(paste, 0, source.width, width, paste.flip);
      const covered = new Map<number, number[]>();
      for (const row of axis(paste, 1, source.height, height, false)) {
        for (const column of columns) {
          let coverage = 0;
          const sums = [32768, 32768, 32768, 32768];
          row.weights.forEach((wy, v) => {
            column.weights.forEach((wx, u) => {
              const at = (row.first + v) * source.width + column.first + u;
              if (!plane || plane[at]) coverage += wy * wx;
              for (let c = 0; c < 4; c++) sums[c] = (sums[c] as number) + wy * wx * (values[4 * (source.offset + at) + c] as number);
            });
          });
          if (coverage < 32768) continue;
          covered.set(
            row.at * width + column.at,
            sums.map((sum) => Math.floor(sum / 65536)),
          );
        }
      }
      if (covered.size < paste.minArea) return 0;
      for (const [at, colour] of covered) {
        owner[at] = k + 1;
        shown.splice(4 * at, 4, ...colour);
      }
      return covered.size;
    });
    const bands = image || pastes[0] ? bandsAt((image ?? (pastes[0] as Paste).source).offset) : 4;
    return { pixels: Values.from(shown.filter((_, i) => i % 4 < bands)), owner, areas };
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
