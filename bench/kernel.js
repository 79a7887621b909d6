// Processor time of the cpu's kernel, per pixel of the placement's box when it enlarges, and per covered pixel of the source when it
// shrinks; bilinear and with any number of taps. Prints JSON: nanoseconds by case.
import { inFrame } from '../dist/masks/tables.js';
import { renderOnCpu } from '../dist/render/render.js';

const source = { offset: 0, width: 1920, height: 1440 };
const target = { offset: 1920 * 1440, width: 1920, height: 1440 };
const images = [255, 0].map((value) => ({ pixels: new Uint8Array(3 * 1920 * 1440).fill(value), bands: 3 }));

/** An ellipse that fills its box, as rows of spans: three quarters of a box's pixels, like a typical object. */
function ellipse([x0, y0, x1, y1]) {
  const [w, h] = [x1 - x0, y1 - y0];
  const spans = [];
  for (let y = 0; y < h; y++) {
    const half = (w / 2) * Math.sqrt(Math.max(0, 1 - ((y + 0.5) / (h / 2) - 1) ** 2));
    const [from, to] = [Math.round(w / 2 - half), Math.round(w / 2 + half)];
    if (to > from) spans.push(y0 + y, x0 + from, x0 + to);
  }
  return { box: [x0, y0, x1, y1], spans: Int32Array.from(spans), start: 0, end: spans.length };
}

/** Seconds of processor time of one call: the minimum of several, since other processes use the machine too. */
async function secondsOf(pastes) {
  const { width, height } = target;
  const seconds = [];
  for (let n = 0; n < 30; n++) {
    const before = process.cpuUsage();
    await renderOnCpu(images, [{ width, height, image: target, pastes }]);
    const { user, system } = process.cpuUsage(before);
    seconds.push((user + system) / 1e6);
  }
  return Math.min(...seconds);
}

async function nanoseconds([width, height], scale) {
  const from = [100, 100, 100 + width, 100 + height];
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  const onto = [50, 50, 50 + w, 50 + h];
  const paste = { source, instance: ellipse(from), from, onto, seen: inFrame(onto, target), flip: true };
  const seconds = (await secondsOf([paste])) - (await secondsOf([]));
  return Number(((seconds * 1e9) / (scale > 1 ? w * h : width * height)).toFixed(2));
}

console.log(
  JSON.stringify({
    'enlarged 1.5 times, to 600×450': await nanoseconds([400, 300], 1.5),
    'enlarged 1.5 times, to 1800×1350': await nanoseconds([1200, 900], 1.5),
    'shrunk to 0.7, from 600×450': await nanoseconds([600, 450], 0.7),
    'shrunk to 0.7, from 1800×1300': await nanoseconds([1800, 1300], 0.7),
    'shrunk to 0.2, from 1800×1300': await nanoseconds([1800, 1300], 0.2),
  }),
);
