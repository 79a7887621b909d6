import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../../src/cli/report.ts';
import type { PageData } from '../../src/output/page-data.ts';
import { augment } from '../../src/verbs/augment.ts';
import { extract } from '../../src/verbs/extract.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { report } from '../../src/verbs/report.ts';
import { captureStreams, temporaryFolder } from '../make.ts';

const folder = temporaryFolder();
const page = join(folder, 'report.html');
const at = (name: string): string => join(folder, name);

/** Data in a page. */
function dataOf(path: string): PageData {
  const text = readFileSync(path, 'utf8');
  return JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(text)?.[1] ?? '');
}

/** Area of a path whose outer rings run clockwise, and holes anticlockwise. */
function areaOfPath(path = ''): number {
  let [area, x, y, first] = [0, 0, 0, 0];
  for (const [, command, one, other] of path.matchAll(/([Mhvz])(-?\d+)?(?: (-?\d+))?/g)) {
    if (command === 'M') [x, y, first] = [Number(one), Number(other), Number(other)];
    if (command === 'h') x += Number(one);
    // The last edge of a ring may be vertical too.
    const down = command === 'v' ? Number(one) : command === 'z' ? first - y : 0;
    area += x * down;
    y += down;
  }
  return area;
}

describe('the numbers of a report', async () => {
  const out = at('camvid');
  const summary = await augment({ in: 'fixtures/camvid', out, p: 0.7, copies: 2, minArea: 0.001 });
  const result = await report({ out, in: 'fixtures/camvid', page });

  test('are those of the summary of the run', () => {
    const { samples, augmented, unchanged, pasted, dropped, copied, pixels } = summary;
    expect(result).toMatchObject({ samples, augmented, unchanged, pasted, dropped, copied, pixels });
    for (const { id, pasted, before, after } of summary.classes)
      expect(result.classes.find((one) => one.id === id)).toMatchObject({ pasted, before, after });
  });

  test('hold each paste once, by place and size', () => {
    for (const { pasted, pastes } of result.classes) {
      expect(pastes.instances).toBe(pasted);
      expect(pastes.sizes.reduce((sum, n) => sum + n, 0)).toBe(pasted);
    }
  });

  test('hold the instances of the data that inspect counts', async () => {
    for (const name of ['train', 'trainannot']) cpSync(`fixtures/camvid/${name}`, at(`split/${name}`), { recursive: true });
    const { classes } = await inspect({ in: at('split') });
    const { measured, classes: ours } = result;
    expect(measured).toEqual({ samples: 8, of: 8 });
    expect(ours.filter(({ leftOut }) => !leftOut).map(({ id, data }) => [id, data?.instances])).toEqual(
      classes.filter(({ leftOut }) => !leftOut).map(({ id, instances }) => [id, instances]),
    );
  });

  test('are in the page, which shows each sample before and after', () => {
    const { shown, ...facts } = dataOf(page);
    const { page: _, bytes, shown: count, ...expected } = result;
    expect(facts).toEqual(JSON.parse(JSON.stringify(expected)));
    expect(shown).toHaveLength(count);
    expect(bytes).toBe(readFileSync(page).length);
    expect(shown.length).toBe(summary.augmented);
    for (const { before, after, from, width, height, variant, pastes } of shown) {
      expect([after.width, after.height, from?.width, from?.height]).toEqual([480, 360, 320, 240]);
      for (const { outline, sourceOutline, visible } of pastes) {
        expect(areaOfPath(outline)).toBe(visible);
        expect(areaOfPath(sourceOutline)).toBeGreaterThan(0);
      }
      expect([before?.image.slice(0, 16), after.mask.slice(0, 15)]).toEqual(['data:image/webp;', 'data:image/png;']);
      expect([width, height]).toEqual([480, 360]);
      expect([1, 2]).toContain(variant);
      expect(pastes.length).toBeGreaterThan(0);
    }
  });

  test('and pictures are the same each time, and as many as asked for', async () => {
    const again = at('again.html');
    await report({ out, in: 'fixtures/camvid', page: again });
    expect(readFileSync(again).equals(readFileSync(page))).toBe(true);
    expect((await report({ out, in: 'fixtures/camvid', page: again, samples: 3 })).shown).toBe(3);
    expect(dataOf(again).shown.map(({ id }) => id)).toEqual(
      dataOf(page)
        .shown.slice(0, 3)
        .map(({ id }) => id),
    );
  });

  test('are printed as JSON, without the pictures', async () => {
    const streams = captureStreams();
    expect(await run({ out, page: at('json.html'), samples: 2, json: true }, streams)).toBe(0);
    const { shown, pasted, noBefore } = JSON.parse(streams.text.stdout);
    expect([shown, pasted]).toEqual([2, summary.pasted]);
    expect(noBefore).toContain('--in DATA');
    expect(streams.text.stderr).toContain('without pictures of the samples before; pass --in DATA');
    expect(dataOf(at('json.html')).shown.every(({ before }) => before === undefined)).toBe(true);
  });
});

describe('a report', () => {
  test.each(['coco', 'cvat', 'datumaro', 'labelme', 'panoptic', 'voc', 'yolo'])('reads the layout of fixtures/%s', async (name) => {
    const out = at(name);
    const { pasted, augmented } = await augment({ in: `fixtures/${name}`, out, p: 1, allowSelf: true, truncated: 'keep' });
    const result = await report({ out, in: `fixtures/${name}`, page });
    expect(result).toMatchObject({ pasted, augmented, shown: augmented });
    expect(pasted).toBeGreaterThan(0);
    expect(dataOf(page).shown.every(({ before }) => before !== undefined)).toBe(true);
  });

  test('needs neither the data nor the bank that instances came from', async () => {
    await extract({ in: 'fixtures/voc', out: at('bank') });
    writeFileSync(at('map.yaml'), 'cow: car\nhorse: car\nperson: pedestrian\n');
    const out = at('banked');
    await augment({ in: 'fixtures/camvid', out, sources: at('bank'), classMap: at('map.yaml'), p: 1 });
    rmSync(at('bank'), { recursive: true });
    const result = await report({ out, page });
    expect(result).toMatchObject({ otherSources: true });
    expect(result.commands.replay).toContain('--sources SOURCES');
    expect(dataOf(page).shown[0]?.source).toMatch(/^sources:/);
  });

  test('shows the originals in the output if it has them', async () => {
    const out = at('originals');
    await augment({ in: 'fixtures/camvid', out, p: 1, includeOriginals: true });
    const result = await report({ out, page });
    expect(result.measured).toEqual({ samples: 8, of: 8 });
    expect(result.noBefore).toBeUndefined();
    expect(dataOf(page).shown.every(({ before }) => before !== undefined)).toBe(true);
  });

  test('escapes names that look like markup', async () => {
    const out = at('<b>aug');
    await augment({ in: 'fixtures/camvid', out, p: 1 });
    await report({ out, page });
    const text = readFileSync(page, 'utf8');
    expect(text).toContain('<title>Report on &lt;b>aug');
    expect(text).not.toContain('<b>aug');
    expect(dataOf(page).name).toBe('<b>aug');
  });

  test('refuses a page inside the output, a bank, a folder without a manifest, and data that have changed', async () => {
    const [out, bank, data] = [at('camvid'), at('other bank'), at('changed')];
    await extract({ in: 'fixtures/voc', out: bank });
    cpSync('fixtures/camvid', data, { recursive: true });
    const { shown } = await report({ out, in: data, page }).then(() => dataOf(page));
    const image = join(data, `${shown[0]?.id}.jpg`);
    writeFileSync(image, Buffer.concat([readFileSync(image), Buffer.from('x')]));
    await expect(report({ out, page: join(out, 'report.html') })).rejects.toMatchObject({ code: 'usage' });
    await expect(report({ out: bank, page })).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('bank') });
    await expect(report({ out: 'fixtures', page })).rejects.toMatchObject({ code: 'noInput' });
    await expect(report({ out, in: data, page })).rejects.toMatchObject({ code: 'data', message: expect.stringContaining('has changed') });
  });

  test('refuses a page inside the data set, which stays as it is', async () => {
    const data = at('data');
    cpSync('fixtures/camvid', data, { recursive: true });
    const inside = join(data, 'report.html');
    await expect(report({ out: at('camvid'), in: data, page: inside })).rejects.toMatchObject({
      code: 'usage',
      message: `--page ${inside}: lies in ${data}, which is the data set, and never changed; choose a path outside it`,
    });
  });
});
