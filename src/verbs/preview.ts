import { dirname } from 'node:path';
import { refuseIdleInstances } from '../dataset/join.ts';
import { knownStuff, openSourced } from '../dataset/sources.ts';
import { refuseUnknownIds } from '../dataset/unknown-ids.ts';
import { refuseStrangeValues } from '../dataset/values.ts';
import type { Hooks } from '../engine/hooks.ts';
import { inOrder } from '../engine/in-order.ts';
import { measure } from '../engine/measure.ts';
import { withFiles } from '../engine/option-files.ts';
import { createPipeline } from '../engine/pipeline.ts';
import { createPlanner } from '../engine/planner.ts';
import { type PriorSummary, priorSummary, whyDropped } from '../engine/tally.ts';
import { refuseUnfit } from '../engine/unfit.ts';
import { CopyPasteError, systemMessageOf } from '../errors.ts';
import { type Given, previewOptions } from '../options.ts';
import { makeFolders, writeAtomic } from '../output/files.ts';
import { refuseOverlaps } from '../output/overlap.ts';
import { contactSheet, type SheetRow, sheetFormatOf, sheetRow } from '../output/sheet.ts';
import { withBackend } from '../render/backend.ts';
import { resolveOptions } from '../schema.ts';
import type { DropReason, PassPlan, Pasted, Sample } from '../types.ts';

/**
 * Draws a contact sheet of the first samples that `augment` with the same options pastes into: the original, the
 * augmented image, and the new mask in colours over it with outlines of the pasted instances.
 *
 * @returns the number of rows, and the prior of places, if there is one.
 * @throws {CopyPasteError} with one of the codes of `exitCodes`.
 */
export async function preview(given: Given<typeof previewOptions>, hooks: Hooks = {}): Promise<{ rows: number; prior?: PriorSummary }> {
  const options = resolveOptions(previewOptions, await withFiles(previewOptions, given));
  const format = sheetFormatOf(options.out);
  if (format === undefined)
    throw new CopyPasteError('usage', `--out ${options.out}: unknown picture format; name a .png, .jpg or .webp file`);
  await refuseOverlaps(options);
  const dataset = await openSourced({ ...options, onlySplit: true });
  if (!options.skipBad) await refuseStrangeValues(dataset.sources ?? dataset);
  refuseIdleInstances(given.instances, (dataset.sources ?? dataset).layout);
  refuseUnfit(dataset, options);
  await refuseUnknownIds(dataset, options);
  const dropped: Partial<Record<DropReason, number>> = {};
  const sink = {
    keepsOriginal: true,
    paste: async (pasted: Pasted) => ({ id: pasted.sample.id, row: await sheetRow(pasted, dataset.leftOut) }),
    pass: async (_: Sample, plan: PassPlan): Promise<undefined> => {
      for (const { reason } of plan.dropped) dropped[reason] = (dropped[reason] ?? 0) + 1;
    },
    skip: (): undefined => undefined,
  };
  let prior: PriorSummary | undefined;
  const rows = await withBackend(options.backend, async (backend) => {
    hooks.chosen?.(backend);
    hooks.opened?.(dataset);
    hooks.started?.(options.rows);
    const drawn: SheetRow[] = [];
    const measures = await measure(dataset, options, hooks);
    prior = measures.prior && priorSummary(measures.prior, dataset);
    const planner = createPlanner(dataset, options, 1, measures);
    const { begin } = createPipeline(dataset, options, backend, planner, () => sink, {
      poison: new Map(),
      stopped: () => hooks.stop?.aborted === true,
    });
    for await (const { results } of inOrder(planner.batches(), begin, 0)) {
      for (const result of results) {
        const pasted = await result;
        if (!pasted) continue;
        drawn.push(pasted.row);
        hooks.done?.(pasted.id);
        if (drawn.length === options.rows) return drawn;
      }
    }
    return drawn;
  });
  if (rows.length === 0) {
    const why = whyDropped(dropped);
    const keep = options.stuff === 'skip' && knownStuff(dataset)?.size ? '--truncated keep or --stuff keep' : '--truncated keep';
    const more = why === undefined ? `; raise -p, lower --min-area, or pass ${keep}` : `: ${why}`;
    throw new CopyPasteError('data', `nothing was pasted into any of ${dataset.samples.length} samples${more}`);
  }
  const bytes = await contactSheet(rows, format);
  await makeFolders(dirname(options.out)).catch((cause: unknown) => {
    throw new CopyPasteError(
      'cannotCreate',
      `--out ${options.out}: its folder cannot be created: ${systemMessageOf(cause)}; choose another path`,
      { cause },
    );
  });
  await writeAtomic(options.out, bytes);
  return { rows: rows.length, ...(prior && { prior }) };
}
