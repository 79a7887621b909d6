/** What `inspect` finds, and the comparison of two data sets. */
import { z } from 'zod';

const count = z.int().min(0);
const counts = z.record(z.string(), count);
const id = z.int().min(0).describe('class id');

const classRow = z.strictObject({
  id,
  name: z.string().optional().describe('absent if nothing names the class'),
  leftOut: z.boolean().describe('true for background and ignore ids, which are never pasted'),
  kind: z.enum(['thing', 'stuff', 'unknown']).describe('`thing`, `stuff` or `unknown`, as the layout or a file of the data set states it'),
  samples: count.describe('number of samples whose masks hold the class'),
  instances: count.describe('number of instances; crowds are not counted'),
  pastable: count.describe('number of instances that may be pasted if no option is given'),
  pixels: count.describe('its pixels in those masks'),
  pasted: count.optional().describe('number of instances that were pasted; only of an output of `augment`'),
  before: count.optional().describe('its pixels in the samples that were pasted into, before; only of an output of `augment`'),
  after: count.optional().describe('the same, after'),
});

const splitCounts = {
  classes: z.array(classRow).describe('classes that occur in the first split, by id'),
  annotations: count.describe('number of annotations, including those without pixels'),
  pastable: count.describe('number of annotations that may be pasted if no option is given'),
  unpasted: counts.describe('number of all other annotations, by reason'),
};

const inspection = {
  layout: z.string().describe('name of the layout; `bank` for a bank of objects'),
  split: z.string().describe('the first split, which `augment` would augment; empty for a data set without splits'),
  splits: counts.describe('number of samples by split; the name is empty for a data set without splits'),
  sizes: counts.describe('number of samples by size of the image, such as `640×480`, the most common first'),
  images: counts.describe('number of samples by format and channels of the image, such as `JPEG RGB`'),
  ...splitCounts,
  others: z
    .strictObject(splitCounts)
    .meta({ id: 'others', description: 'the same of all other splits together: `classes`, `annotations`, `pastable`, `unpasted`' })
    .optional(),
  augmented: z
    .strictObject({
      samples: count.describe('number of samples that were pasted into'),
      pixels: count.describe('number of their pixels'),
    })
    .optional()
    .describe('only of an output of `augment`, by its manifest'),
  odd: z
    .array(z.strictObject({ path: z.string().describe('file, relative to the data set'), what: z.string().describe('the problem') }))
    .describe('possible problems'),
  leftBehind: z.array(z.string()).describe('files that belong to no sample'),
};

const classCounts = z.strictObject({
  ids: z.array(z.int().min(0)).describe('ids of the class; more than one if the data set gives several the same name'),
  samples: count.describe('number of samples whose masks hold the class; a sample counts once for each id'),
  instances: count.describe('number of instances'),
  pixels: count.describe('number of pixels'),
  share: z.number().min(0).max(1).describe('share of all pixels of the split'),
});

const comparedClass = z.strictObject({
  name: z.string().optional().describe('absent if neither data set names the class'),
  leftOut: z.boolean().describe('true for background and ignored pixels, which match no class'),
  a: classCounts.optional().describe('counts in the first data set; absent if it does not occur there'),
  b: classCounts
    .meta({ id: 'counts', description: 'the same in the second data set: `ids`, `samples`, `instances`, `pixels`, `share`' })
    .optional(),
});

const comparison = z.strictObject({
  other: z.strictObject(inspection).meta({ id: 'other', description: 'all fields above, of the second data set' }),
  classes: z.array(comparedClass).describe('classes of the first splits of both, matched by name, else by id'),
});

/** Schema of the result of `inspect`, from which its JSON Schema and its table of fields are made. */
export const inspectionSchema = z.strictObject({
  ...inspection,
  compared: comparison.optional().describe('comparison with a second data set, if one is given'),
});

/** Class counts of the augmented split, and possible problems of a data set; with a second data set also the comparison. */
export type Inspection = z.infer<typeof inspectionSchema>;

/** Counts of the annotations of some splits. */
export type SplitCounts = NonNullable<Inspection['others']>;

/** Counts of one class. */
export type ClassRow = z.infer<typeof classRow>;

/** Counts of a class in two data sets. */
export type ComparedClass = z.infer<typeof comparedClass>;

/** A class as it is compared. */
type CountedClass = Pick<ClassRow, 'id' | 'name' | 'leftOut' | 'samples' | 'instances' | 'pixels'>;

/**
 * Compares the classes of two data sets. Classes match by name, in any case, as with `sources`; those without names, and all if a data set has
 * no names, match by id. Background and ignored pixels match no class.
 *
 * @returns the classes of the first in their order, then those of the second alone.
 */
export function compareClasses(first: readonly CountedClass[], second: readonly CountedClass[]): ComparedClass[] {
  const byName = [first, second].every((rows) => rows.some(({ name }) => name !== undefined));
  const keyOf = ({ id, name, leftOut }: CountedClass): string =>
    JSON.stringify([leftOut, byName && name !== undefined ? name.toLowerCase() : id]);
  return [...new Set([...first, ...second].map(keyOf))].map((key) => {
    const [ours, theirs] = [first, second].map((rows) => rows.filter((row) => keyOf(row) === key)) as [CountedClass[], CountedClass[]];
    const both = [...ours, ...theirs];
    const name = both.find((row) => row.name !== undefined)?.name;
    return {
      ...(name !== undefined && { name }),
      leftOut: both.every(({ leftOut }) => leftOut),
      ...(ours.length > 0 && { a: sumOf(ours, first) }),
      ...(theirs.length > 0 && { b: sumOf(theirs, second) }),
    };
  });
}

/** Counts of the rows of a class. @param all rows of the data set. */
function sumOf(rows: readonly CountedClass[], all: readonly CountedClass[]): NonNullable<ComparedClass['a']> {
  const total = all.reduce((sum, row) => sum + row.pixels, 0);
  const sum = (field: 'samples' | 'instances' | 'pixels'): number => rows.reduce((total, row) => total + row[field], 0);
  const pixels = sum('pixels');
  return {
    ids: rows.map(({ id }) => id),
    samples: sum('samples'),
    instances: sum('instances'),
    pixels,
    share: total === 0 ? 0 : pixels / total,
  };
}
