/** Samples of source sets that consist of cut-outs. */
import type { Annotations, Instance, Sample } from '../types.ts';
import { isBankSet, readBankSample } from './bank.ts';
import { isCutoutFolder, readCutoutSample } from './cutouts.ts';
import type { Dataset } from './open.ts';

/** Tests if the samples of a source set are cut-outs, which `readCutouts` reads. */
export function isOfCutouts(dataset: Pick<Dataset, 'layout'>): boolean {
  return isBankSet(dataset) || isCutoutFolder(dataset);
}

/**
 * Reads the instances of a sample of cut-outs.
 *
 * @param wanted tests if the mask of an instance is needed.
 */
export function readCutouts(
  sample: Sample,
  dataset: Pick<Dataset, 'root' | 'digests' | 'layout' | 'encoding' | 'folders'>,
  wanted: (instance: Pick<Instance, 'classId' | 'truncated'>) => boolean,
): Promise<Annotations> {
  return isBankSet(dataset) ? readBankSample(sample, dataset, wanted) : readCutoutSample(sample, dataset);
}
