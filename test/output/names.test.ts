import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkNames, possibleFiles } from '../../src/output/names.ts';
import { variantSuffix } from '../../src/output/variants.ts';
import type { Sample } from '../../src/types.ts';

/** Tests if two files of a run have the same name, by listing those of all copies. */
function collide(samples: readonly Sample[], options: { copies: number; includeOriginals: boolean }): boolean {
  const suffixes = Array.from({ length: options.copies }, (_, copy) => variantSuffix(copy, options));
  const own = [...suffixes, ...(options.includeOriginals ? [''] : [])];
  const paths = samples.flatMap((sample) => own.flatMap((suffix) => possibleFiles(sample, suffix, options as never)));
  return new Set(paths).size < paths.length;
}

test('names of all copies are compared by those of a few', () => {
  const part = fc.constantFrom('a', '_aug', '_aug1', '_aug12', '5', '12', '_aug123', 'b');
  const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''));
  const ending = fc.constantFrom('', '5', '12', '_x', '_aug1', '_aug12');
  const sample = fc.record({ name, ending }).map(({ name, ending }): Sample => {
    const endings = { image: ending, mask: '', objects: '' };
    return { id: name, split: '', image: `${name}${ending}.png`, endings } as unknown as Sample;
  });
  const options = fc.record({ copies: fc.constantFrom(1, 2, 13, 130), includeOriginals: fc.boolean() });
  fc.assert(
    fc.property(fc.uniqueArray(sample, { minLength: 1, maxLength: 4, selector: ({ image }) => image }), options, (samples, options) => {
      const dataset = { samples, others: [], lists: new Map(), imageLists: new Map(), documents: new Map(), carried: [] };
      const check = () => checkNames(dataset as never, options as never);
      if (collide(samples, options)) expect(check).toThrow('output files would overwrite one another');
      else expect(check).not.toThrow();
    }),
    { numRuns: 300 * Number(process.env.FUZZ ?? 1) },
  );
});
