import { CopyPasteError } from '../errors.ts';
import { layoutNamed } from '../formats/layouts.ts';
import type { InstanceMode } from '../masks/instances.ts';
import { isOfCutouts } from './source-samples.ts';

/** Definition of an instance. */
export interface Join {
  readonly instances: InstanceMode;
  /** Largest number of pixels between components that are one instance; for `component` only. */
  readonly join?: `${number}px` | undefined;
}

/** Number of pixels that `join` gives; 0 without it. */
export function gapOf({ join }: Pick<Join, 'join'>): number {
  return join === undefined ? 0 : Number.parseInt(join, 10);
}

/**
 * Refuses `join` where it has no effect.
 *
 * @param layout of the data set that provides the instances, if they come from files.
 * @throws {CopyPasteError} `usage`
 */
export function refuseIdleJoin({ join, instances }: Join, layout?: string): void {
  if (join === undefined) return;
  if (instances !== 'component')
    throw new CopyPasteError(
      'usage',
      `--join: joins components, but an instance is one ${instances}; leave it out, or pass --instances component`,
    );
  if (layout !== undefined && (isOfCutouts({ layout }) || layoutNamed(layout).format))
    throw new CopyPasteError('usage', `--join: does not apply to the ${layout} layout, whose annotations are the instances; leave it out`);
}

/**
 * Refuses `--instances class` where annotations or cut-outs are the instances. A preset may have it, since its other values apply.
 *
 * @param given value of the option, if it is given.
 * @param layout of the data set that provides the instances.
 * @throws {CopyPasteError} `usage`
 */
export function refuseIdleInstances(given: InstanceMode | undefined, layout: string): void {
  if (given === 'class' && (isOfCutouts({ layout }) || layoutNamed(layout).format))
    throw new CopyPasteError(
      'usage',
      `--instances class: does not apply to the ${layout} layout, whose ${isOfCutouts({ layout }) ? 'cut-outs' : 'annotations'} are the instances; leave it out`,
    );
}
