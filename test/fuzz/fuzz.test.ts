/** Every format with changed structure, sizes and numbers: it is read, and all that follows is consistent, or it is refused in lines. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CopyPasteError } from '../../src/errors.ts';
import { augment } from '../../src/verbs/augment.ts';
import { check } from '../../src/verbs/check.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { verify } from '../../src/verbs/verify.ts';
import { temporaryFolder, writeTree } from '../make.ts';
import { sets } from './sets.ts';
import { changed } from './trees.ts';

const folder = temporaryFolder();
/** Multiple of the usual number of changes. */
const fuzz = Number(process.env.FUZZ ?? 1);
let number = 0;

/** Result of a verb, or undefined if it refuses the data set in lines. @throws any other error. */
async function outcomeOf<T>(step: Promise<T>): Promise<T | undefined> {
  try {
    return await step;
  } catch (error) {
    if (!(error instanceof CopyPasteError)) throw error;
    expect(error.code).not.toBe('bug');
    expectLines([error.message, ...error.offenders]);
    return undefined;
  }
}

function expectLines(lines: readonly string[]): void {
  for (const line of lines) {
    expect(line).toMatch(/^[^\n\r]+$/);
    expect(line.length).toBeLessThan(1500);
  }
}

/** Largest processor time of a verb, in milliseconds: a document of a few kilobytes and two images of 200 pixels take a hundredth. */
const budgetMs = 2000;

/** Processor time of a step. */
async function within<T>(step: () => Promise<T>): Promise<T> {
  for (let round = 0; ; round++) {
    const before = process.cpuUsage();
    const result = await step();
    const { user, system } = process.cpuUsage(before);
    if (user + system < 1000 * budgetMs) return result;
    // Other work may have got in between.
    if (round === 2) throw new Error(`takes ${(user + system) / 1000} ms`);
  }
}

const options = { p: 1, minArea: '1px', maxArea: 1, truncated: 'keep', seed: 7, skipBad: true } as const;

describe.each(sets)('$name', ({ file, files, tree, text, made = (node) => ({ [file]: text(node) }) }) => {
  const root = join(folder, `in${number++}`);
  let before: readonly string[] = [];
  const write = async (node: typeof tree): Promise<void> => {
    for (const path of before) rmSync(join(root, path), { force: true });
    const now = made(node);
    before = Object.keys(now);
    await writeTree(root, now);
  };
  const verbs = async (withOutput: boolean): Promise<void> => {
    const before = await within(() => outcomeOf(check({ in: root })));
    // A path may hold any character; the command line escapes them.
    expectLines((before?.differences ?? []).map(({ what }) => what));
    if (!withOutput) return;
    const looked = await within(() => outcomeOf(inspect({ in: root })));
    const out = join(folder, `out${number++}`);
    try {
      const summary = await within(() => outcomeOf(augment({ in: root, out, ...options })));
      if (!summary) return;
      expect(looked, 'augment reads what inspect refuses').toBeDefined();
      expect((await verify({ out })).differences).toEqual([]);
      expect((await verify({ out, in: root, deep: true })).differences).toEqual([]);
      // An output without annotations may not show its layout.
      const after = await outcomeOf(check({ in: out }));
      if (summary.pasted > 0) expect(after).toBeDefined();
      if (after && before?.differences.length === 0) expect(after.differences).toEqual([]);
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  };

  test('is sound as it is', async () => {
    await writeTree(root, files);
    await write(tree);
    await check({ in: root });
    const { augmented } = await augment({ in: root, out: join(folder, `out${number++}`), ...options, skipBad: false });
    expect(augmented).toBeGreaterThan(0);
    await verbs(true);
  });

  test.each([
    ['read', 80, 4, false],
    ['augmented consistently', 4, 2, true],
  ] as const)(
    'with changes is %s, or refused in lines',
    async (_, numRuns, most, withOutput) => {
      const property = fc.asyncProperty(changed(tree, most), async ({ node }) => {
        await write(node);
        await verbs(withOutput);
      });
      // Without the limit, runs would go on beside the tests that follow.
      const limit = { interruptAfterTimeLimit: 100_000 * fuzz, markInterruptAsFailure: true };
      await fc.assert(property, { ...limit, numRuns: numRuns * fuzz });
    },
    120_000 * fuzz,
  );
});
