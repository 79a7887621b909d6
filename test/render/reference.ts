import type { Shape } from '../../src/masks/spans.ts';
import { weightTable } from '../../src/masks/tables.ts';
import type { Paste, Rendered, Target } from '../../src/render/render.ts';
import type { Depth, Raster } from '../../src/types.ts';

const padding = [124, 116, 104, 255];

/** The op by its definition: two double sums for each pixel of each placement, in order, without optimisation. */
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
    for (const [k, paste] of pastes.entries()) {
      const { source, tone, blend = false } = paste;
      const shade = (value: number, c: number): number => {
        if (!tone || c === 3) return value;
        const [gain, offset] = [tone.gain[c] as number, (tone.offset[c] as number) * (depth === 8 ? 1 : 257)];
        return Math.min(white, Math.max(0, Math.floor((value * gain + offset + 128) / 256)));
      };
      forEachPixel(paste, (x, y, taps) => {
        let coverage = 0;
        const sums = [0, 0, 0, 0];
        taps((weight, i) => {
          coverage += weight;
          for (let c = 0; c < 4; c++) sums[c] = (sums[c] as number) + weight * (values[4 * (source.offset + i) + c] as number);
        });
        if (coverage < (blend ? 1 : 32768)) return;
        const at = y * width + x;
        if (coverage >= 32768) owner[at] = k + 1;
        else if ((owner[at] as number) <= 0) owner[at] = -1 - k;
        for (let c = 0; c < 4; c++) {
          const value = shade(Math.floor(((sums[c] as number) + Math.floor(coverage / 2)) / coverage), c);
          const under = shown[4 * at + c] as number;
          shown[4 * at + c] = blend ? Math.floor((coverage * value + (65536 - coverage) * under + 32768) / 65536) : value;
        }
      });
    }
    const bands = image || pastes[0] ? bandsAt((image ?? (pastes[0] as Paste).source).offset) : 4;
    return { pixels: Values.from(shown.filter((_, i) => i % 4 < bands)), owner };
  });
}

/** Pixels of the frame that a paste owns when it is rendered alone, row by row. */
export function ownedPlainly(paste: Paste): [x: number, y: number][] {
  const owned: [number, number][] = [];
  forEachPixel(paste, (x, y, taps) => {
    let coverage = 0;
    taps((weight) => (coverage += weight));
    if (coverage >= 32768) owned.push([x, y]);
  });
  return owned;
}

/** Visits each pixel of a paste inside the frame, with a function that visits its taps on the instance. */
function forEachPixel(
  paste: Paste,
  visit: (x: number, y: number, taps: (add: (weight: number, at: number) => void) => void) => void,
): void {
  const { source, instance, transpose, flip, flipY = false } = paste;
  // Along the target's axes.
  const [width, height] = transpose ? [source.height, source.width] : [source.width, source.height];
  const plane = instance && planeOf(instance, width, height);
  const columns = axis(paste, 0, width, flip);
  for (const row of axis(paste, 1, height, flipY)) {
    for (const column of columns) {
      visit(column.at, row.at, (add) => {
        row.weights.forEach((wy, v) => {
          column.weights.forEach((wx, u) => {
            const [x, y] = [column.first + u, row.first + v];
            if (!plane || plane[y * width + x]) add(wy * wx, transpose ? x * source.width + y : y * source.width + x);
          });
        });
      });
    }
  }
}

/** The pixels of a paste along one axis, inside the frame, with their taps. */
function axis({ from, onto, seen, transpose }: Paste, low: 0 | 1, limit: number, flip: boolean) {
  const high = (low + 2) as 2 | 3;
  const own = transpose ? 1 - low : low;
  const visible = [seen[low] - onto[low], seen[high] - onto[low]] as const;
  const { taps, data } = weightTable({
    start: from[own] as number,
    length: (from[own + 2] as number) - (from[own] as number),
    limit,
    target: onto[high] - onto[low],
    flip,
    visible,
  });
  return Array.from({ length: visible[1] - visible[0] }, (_, n) => {
    const entry = n * (1 + taps);
    return { at: seen[low] + n, first: data[entry] as number, weights: data.subarray(entry + 1, entry + 1 + taps) };
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
