import type { Candidate, PlanOptions } from '../../src/plan/plan.ts';
import type { Box } from '../../src/types.ts';
import { instanceOf } from '../make.ts';

/** Options of plans that paste into every sample. */
export const defaults: PlanOptions = {
  seed: 0,
  p: 1,
  targets: 'all',
  maxInstances: 5,
  minArea: 0.0005,
  maxArea: 0.25,
  minSourceArea: '1px',
  scale: [0.5, 2],
  flip: 0.5,
  turns: false,
  tone: 0,
  maxTranslation: 1,
  jitter: 'instance',
  truncated: 'skip',
  allowSelf: false,
  mayPaste: () => true,
  measures: {},
};

/** A sample with one instance in each box, of the classes 1, 2, …; it is 200 pixels wide and 100 high. */
export function candidate(id: string, boxes: readonly Box[], rest: Partial<Candidate> = {}): Candidate {
  const instances = boxes.map((box, i) => instanceOf(i + 1, box));
  return {
    id,
    annotated: instances.length > 0,
    width: 200,
    height: 100,
    ids: new Uint8Array(200 * 100),
    instances,
    capacity: Number.POSITIVE_INFINITY,
    largestId: 255,
    ...rest,
  };
}
