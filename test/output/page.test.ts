import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { augment } from '../../src/verbs/augment.ts';
import { report } from '../../src/verbs/report.ts';
import { openChromium } from '../chromium.ts';
import { drawBox, filled, imageOf, temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();
const browser = await openChromium();
/** Folder for pictures of the page, for a look at it. */
const { SCREENSHOTS: screenshots } = process.env;
if (screenshots) mkdirSync(screenshots, { recursive: true });
afterAll(() => browser?.close());

/** Time for slow steps on a busy machine, in milliseconds. */
const busyTimeout = 120_000;

let url = '';
beforeAll(async () => {
  const out = join(folder, 'aug');
  await augment({ in: 'fixtures/camvid', out, p: 1, minArea: 0.001 });
  const page = join(folder, 'report.html');
  await report({ out, in: 'fixtures/camvid', page });
  url = pathToFileURL(page).href;
}, busyTimeout);

/** Width and colours of a window. */
interface Look {
  readonly width?: number;
  readonly colorScheme?: 'light' | 'dark';
}

/** Messages and errors of the page, and files that it asks for. */
const noise: string[] = [];
afterEach(async () => {
  for (const context of browser?.contexts() ?? []) await context.close();
  expect(noise.splice(0)).toEqual([]);
});

/** Opens the report. */
async function open({ width = 1280, colorScheme = 'light' }: Look = {}, address = url): Promise<Page> {
  const page = await (browser as NonNullable<typeof browser>).newPage({ viewport: { width, height: 800 }, colorScheme });
  page.on('console', (message) => noise.push(message.text()));
  page.on('pageerror', (error) => noise.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith('data:') && request.url() !== address) noise.push(request.url());
  });
  await page.goto(address);
  await page.waitForSelector('svg[role=img]');
  return page;
}

const cards = (page: Page) => page.locator('.sample');

describe.skipIf(!browser)('the page of a report', () => {
  const looks: [string, Look][] = [
    ['light', {}],
    ['phone in the dark', { width: 360, colorScheme: 'dark' }],
  ];

  test.each(looks)(
    'is accessible and fits its width: %s',
    async (name, look) => {
      const page = await open(look);
      await page.addScriptTag({ content: axe.source });
      const violations = await page.evaluate(async () => {
        const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run(document);
        return violations.map(({ id, nodes }: { id: string; nodes: { html: string }[] }) => `${id}: ${nodes[0]?.html}`);
      });
      expect(violations).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
      if (screenshots) await page.screenshot({ path: join(screenshots, `report ${name}.png`), fullPage: true });
    },
    busyTimeout,
  );

  test('breaks long names within their card', async () => {
    const name = (n: number): string => `${n}`.repeat(70);
    const scene = drawBox(filled(90, 60, 0), [30, 20, 50, 40], 1);
    const files = [1, 2].flatMap((n) => [
      [`images/${name(n)}.png`, imageOf(90, 60, (x) => x * n)] as const,
      [`masks/${name(n)}.png`, scene] as const,
    ]);
    const root = await writeTree(join(folder, 'long'), Object.fromEntries(files));
    await augment({ in: root, out: join(folder, 'long-aug'), p: 1 });
    await report({ out: join(folder, 'long-aug'), in: root, page: join(folder, 'long.html') });
    const page = await open({ width: 360 }, pathToFileURL(join(folder, 'long.html')).href);
    expect(await cards(page).evaluateAll((all) => all.map((card) => card.scrollWidth - card.clientWidth))).toEqual([0, 0]);
  });

  test('says first where pastes lie and which classes gained pixels', async () => {
    const lead = await (await open()).locator('.lead').textContent();
    expect(lead).toMatch(
      /\. By the area of their boxes, about \d+ % of the pastes and \d+ % of the same classes in the data lie in the lower half of the image\. /,
    );
    expect(lead).toMatch(/ Most pixels gained: [a-z ]+ \([\d.]+ % → [\d.]+ %\).*\. Most lost: [a-z ]+ \([\d.]+ % → [\d.]+ %\)\./);
    expect(lead).toMatch(/ were copied as they are: samples of other splits\./);
  });

  test('has the numbers of a class at the end of its bar', async () => {
    const page = await open();
    const row = page.locator('tbody tr', { has: page.locator('button.link', { hasText: 'car' }) }).first();
    const [instances, pasted] = await row.locator('td').allTextContents();
    expect(await page.locator('.chart').first().locator('text').allTextContents()).toContain(`${instances} + ${pasted}`);
  });

  test('draws lines outside of silhouettes alone', async () => {
    const page = await open();
    const lines = await page.locator('.pastes .light').evaluateAll((paths) =>
      paths.map((path) => {
        const id = /#(.*)\)/.exec(path.parentElement?.getAttribute('clip-path') ?? '')?.[1];
        const outside = document.querySelector(`#${id} path`);
        return outside?.getAttribute('clip-rule') === 'evenodd' && outside.getAttribute('d')?.endsWith(path.getAttribute('d') as string);
      }),
    );
    expect(lines.length).toBeGreaterThan(8);
    expect(lines.every(Boolean)).toBe(true);
  });

  test('follows the colours of the system', async () => {
    const grounds = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await open({ colorScheme });
      grounds.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
    }
    expect(grounds[0]).toBe('rgb(255, 255, 255)');
    expect(grounds[1]).not.toBe(grounds[0]);
  });

  test('shows pictures and masks, before and after', async () => {
    const page = await open();
    expect(await cards(page).count()).toBe(8);
    await page.waitForFunction(() => [...document.querySelectorAll<HTMLImageElement>('.sample img')].every((one) => one.naturalWidth > 0));
    expect(await page.locator('.sample img').count()).toBe(5 * 8);
    const masks = page.locator('.mask').first();
    await page.getByLabel('masks', { exact: true }).uncheck();
    expect(await masks.isVisible()).toBe(false);
  });

  test('moves the line between before and after with the keyboard', async () => {
    const page = await open();
    const slider = page.getByRole('slider').first();
    await slider.focus();
    for (const key of ['End', 'ArrowLeft']) await page.keyboard.press(key);
    expect(await slider.getAttribute('aria-valuetext')).toBe('99 % before');
    expect(
      await page
        .locator('.stage')
        .first()
        .evaluate((stage) => stage.style.getPropertyValue('--cut')),
    ).toBe('99%');
  });

  test('says the numbers and the source of a paste that is pointed at or focused', async () => {
    const page = await open();
    const card = cards(page)
      .filter({ has: page.locator('.box + .box') })
      .first();
    const details = card.locator('.details');
    await card.locator('.box').first().focus();
    expect(await details.textContent()).toMatch(
      /^1: [a-z ]+ from train\/\S+, box \[\d+.*\] → \[.*\]; \d\.\d\d times its size.*; [\d,]+ pixels \(/,
    );
    await page.keyboard.press('ArrowRight');
    expect(await details.textContent()).toMatch(/^2: /);
    await page.locator('h1').hover();
    await card.locator('.pastes .reach').last().hover({ force: true });
    expect(await details.textContent()).toMatch(/^\d: /);
  });

  test('filters by class and by text, clears the filters, and keeps the focus', async () => {
    const page = await open();
    const button = page.locator('button.link', { hasText: 'car' }).first();
    await button.focus();
    await page.keyboard.press('Enter');
    const withCar = await cards(page).count();
    expect(withCar).toBeGreaterThan(0);
    expect(withCar).toBeLessThan(8);
    expect(await page.getByRole('status').textContent()).toBe(`${withCar} samples of 8 shown`);
    expect(
      await page.getByLabel('Class', { exact: true }).evaluate((select: HTMLSelectElement) => select.selectedOptions[0]?.text),
    ).toMatch(/^car /);
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('car');
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByLabel('Search').fill('no such sample');
    expect(await cards(page).count()).toBe(0);
    expect(await page.getByText('No sample matches the filters.').isVisible()).toBe(true);
    await page.getByRole('button', { name: 'Clear' }).click();
    expect(await cards(page).count()).toBe(8);
  });

  test('orders classes by rarity and by name', async () => {
    const page = await open();
    const names = () => page.locator('button.link').allTextContents();
    const rare = await names();
    await page.getByLabel('Order').selectOption('common');
    expect(await names()).not.toEqual(rare);
    await page.getByLabel('Order').selectOption('name');
    expect(await names()).toEqual(rare.toSorted());
  });

  test('says that nothing was pasted', async () => {
    const out = join(folder, 'none');
    await augment({ in: 'fixtures/camvid', out, p: 0 });
    const file = join(folder, 'none.html');
    await report({ out, page: file });
    const page = await open({}, pathToFileURL(file).href);
    expect(await page.locator('.lead').textContent()).toContain('Nothing was pasted into any of 8 samples.');
    expect(await cards(page).count()).toBe(0);
  });

  test('leads to each of its parts with Tab and Enter', async () => {
    const page = await open();
    for (const key of ['Tab', 'Enter']) await page.keyboard.press(key);
    expect(await page.evaluate(() => location.hash)).toBe('#samples');
  });
});
