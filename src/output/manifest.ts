import { z } from 'zod';
import { isBelow } from '../base/paths.ts';
import { largestClassId } from '../formats/class-ids.ts';
import { limitReasons } from '../plan/measures.ts';
import { dropReasons, passReasons } from '../types.ts';

/** Version of the manifest's schema and of the meaning of its plans. */
export const schemaVersion = 3;

const byClass = z.record(z.string().regex(/^\d+$/), z.number().min(0));
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const byte = z.int().min(0).max(255);
const count = z.int().min(0);
const classId = z.int().min(0).max(largestClassId);
// Kernels compute coordinates in 32 bits; numbers beyond 53 bits are not even exact.
const edge = z.int32();
const box = z.tuple([edge, edge, edge, edge]).describe('half-open pixels [x0, y0, x1, y1)');
const path = z.string().refine(isBelow, 'leads out of its folder').describe('relative path with / as separator');

export { classId as classIdSchema, count as countSchema, path as pathSchema };

const inputFile = z.strictObject({ path, sha256 });
const outputFile = z.strictObject({
  path,
  sha256,
  codec: z.enum(['copy', 'png', 'jpeg', 'webp', 'tiff', 'avif', 'bmp', 'npy', 'npz', 'text']),
  quality: z.int().min(1).max(100).optional().describe('quality that a lossy image was encoded with'),
  sampling: z.enum(['4:4:4', '4:2:0']).optional().describe('chroma sampling of a JPEG in colour'),
  placement: z.int().min(1).optional().describe('order of the placement that a mask file of one shape shows'),
});
const files = <T extends z.ZodType>(file: T) =>
  z.strictObject({
    image: file,
    mask: file.optional(),
    labels: file.optional().describe('text file of shapes'),
    shapes: z.array(file).optional().describe('mask files of one shape each'),
    objects: file.optional(),
    views: z.array(file).optional().describe('files derived from the class mask'),
    drawn: z.array(file).optional().describe('masks drawn from shapes: the class mask, the object mask'),
  });

const channels = (low: number, high: number) =>
  z.tuple([z.int().min(low).max(high), z.int().min(low).max(high), z.int().min(low).max(high)]);

const placement = z.strictObject({
  order: z.int().min(1).describe('pasting order: a later placement covers an earlier one'),
  instance: count.describe("index among the source's instances"),
  classId,
  sourceBox: box,
  targetBox: box.describe(
    'box in the output; it may exceed the frame, which crops it. In a jittered scene: the pixels of the frame that show the source box',
  ),
  scale: z.number(),
  flip: z.boolean().describe('horizontal flip'),
  flipY: z.boolean().optional().describe('vertical flip'),
  transpose: z.boolean().optional().describe('exchange of x and y, before flips'),
  tone: z
    .strictObject({ gain: channels(0, 512), offset: channels(-16320, 16320) })
    .optional()
    .describe('change of red, green and blue: (value * gain + offset + 128) >> 8, clamped; with 16 bits the offset counts 257 times'),
  area: z.int().min(1).describe('pixels of the frame that the placement covers by half or more, before later placements cover it'),
  visible: count.describe('pixels in the final mask'),
  object: count.optional().describe('object id in the instance mask'),
});

const scene = z.strictObject({ targetBox: box, scale: z.number(), flip: z.boolean() });

const base = {
  id: z.string(),
  split: z.string(),
  copy: count.optional().describe('number of the copy, from 0; absent for a sample of another split and for an original'),
  files: files(outputFile),
  inputs: files(inputFile),
};

const dropped = z.array(z.strictObject({ instance: count, classId, reason: z.enum(dropReasons) }));

const unchanged = z.strictObject({
  ...base,
  status: z.literal('unchanged'),
  reason: z.enum(passReasons),
  source: z.string().optional(),
  dropped: dropped.optional(),
});

const augmented = z.strictObject({
  ...base,
  status: z.literal('augmented'),
  source: z
    .string()
    .describe('id of the sample that instances are copied from; it begins with sources: if the sample belongs to another data set'),
  sourceInputs: files(inputFile).optional().describe('input files of the source, if it belongs to another data set'),
  sourceCutouts: z
    .array(inputFile)
    .optional()
    .describe(
      'if the source belongs to a bank of objects: the cut-outs of the instances that were drawn; in a folder of cut-outs, all of the source',
    ),
  licence: z
    .strictObject({ id: count, name: z.string().optional(), url: z.string().optional() })
    .optional()
    .describe("licence of the source's image, if its data set states one"),
  scenes: z
    .strictObject({
      target: scene.describe('where the whole target lands on its canvas'),
      source: scene.describe('where the whole source lands on the canvas; its instances are resampled with the weights of the whole scene'),
    })
    .optional(),
  placements: z.array(placement),
  dropped: dropped.describe('instances that were drawn but not pasted, since none of ten jitter draws fitted (a jittered scene has one)'),
  covered: z
    .array(z.strictObject({ object: count, before: count, after: count, dropped: z.boolean() }))
    .optional()
    .describe('existing objects that are partly or completely covered'),
  pixels: z.record(z.string(), z.tuple([count, count])).describe('pixels of each class id, before and after'),
});

export const recordSchema = z.discriminatedUnion('status', [augmented, unchanged]);

/** Record of one sample. */
export type ManifestRecord = z.infer<typeof recordSchema>;

/** Record of a sample that was pasted into. */
export type AugmentedRecord = z.infer<typeof augmented>;

/** Record of one sample; a dry run writes no files, and its records have none. */
export type SampleRecord = (ManifestRecord extends infer R ? (R extends unknown ? Omit<R, 'files' | 'inputs'> : never) : never) &
  Partial<Pick<ManifestRecord, 'files' | 'inputs'>>;

const folder = z
  .string()
  .refine((one) => one === '' || isBelow(one), 'leads out of the data set')
  .describe('relative path with / as separator; empty for the data set itself');

const layout = {
  name: z.string(),
  folders: z.array(
    z.strictObject({
      split: z.string(),
      images: folder,
      masks: folder,
      objects: folder.optional(),
      parts: z
        .array(z.strictObject({ images: folder, masks: folder, list: path.optional().describe('list of its images') }))
        .readonly()
        .optional()
        .describe('parts of the split, if it is not all of the folder of images'),
    }),
  ),
  split: z.string().describe('split that is augmented, or that instances are copied from'),
  background: z.array(classId),
  ignore: z.array(classId),
  colours: z
    .array(z.tuple([byte, byte, byte]))
    .optional()
    .describe('colour of each class id, in masks that store colours'),
  threshold: count.optional().describe('smallest value of class 1, in masks of two classes, which are written as 0 and 255'),
  objectIds: z
    .strictObject({
      perClass: count.describe('an id is the class id · perClass + a number'),
      bare: z.enum(['class', 'product']).describe('value of pixels without an object: the class id, or class id · perClass'),
      things: z.array(classId).readonly().optional().describe('classes that have objects; absent if all may'),
    })
    .optional()
    .describe('encoding of the class in the ids of object masks'),
  stuffClasses: z.array(classId).optional().describe('ids of classes that are stuff, such as sky; absent if this is unknown'),
  documents: z.array(z.strictObject({ path, sha256 })).optional().describe('annotation documents that were read'),
};

const counts = { from: count.describe('index of the first number'), counts: z.array(count) };

const prior = z.strictObject({
  sha256: sha256.describe('SHA-256 of the JSON of all other fields, without white space'),
  instances: count.describe('instances that it was measured from'),
  gain: z.number().describe('information over places drawn uniformly, in bits per instance, by leave-one-out'),
  used: z.boolean().describe('false if the gain is so small that instances land anywhere'),
  classes: z.array(
    z.strictObject({
      id: classId,
      feet: z
        .array(z.strictObject({ under: classId, ...counts }))
        .describe('instances by row (32 in the height of the image), for each class under the foot'),
      sizes: z
        .array(z.strictObject({ row: count, ...counts }))
        .describe('instances by size, in each row; size n begins at 2^(n / 8 - 11) of the height of the image'),
    }),
  ),
  ground: z
    .array(z.strictObject({ id: classId, ...counts, samples: z.array(count) }))
    .describe('pixels by row of each class that lies under a foot, and samples that show it in each eighth of the height'),
});

const head = {
  schema: z.literal(schemaVersion, {
    error: ({ input }) => `version ${JSON.stringify(input)} is not supported, only version ${schemaVersion}`,
  }),
  tool: z.strictObject({ name: z.literal('copypaste'), version: z.string() }),
  codecs: z.record(z.string(), z.string()).describe('encoder of each kind of file, with its version'),
  seed: count,
  options: z.record(z.string(), z.json()).describe('all options that affect the output, including defaults'),
  layout: z.strictObject(layout),
  list: z
    .strictObject({ samples: count, sha256: sha256.describe('SHA-256 of their ids, sorted, each with a line end') })
    .optional()
    .describe('samples that a list named, so that all others were left out; those of other splits are among them'),
  sources: z
    .strictObject({
      ...layout,
      classes: z.strictObject({
        pairs: z
          .array(z.tuple([classId, classId.nullable()]))
          .describe('class ids of the other data set, each with the class id of this one; null if the class is not pasted'),
        others: z.enum(['same', 'none']).describe('meaning of all other class ids: same keeps the id, none excludes it'),
      }),
    })
    .optional()
    .describe('another data set that instances are copied from'),
  measures: z
    .strictObject({
      prior: prior.optional().describe('prior of places, with --place prior'),
      weights: z
        .strictObject({
          instances: byClass.describe('weight of an instance of each class id, by which it is drawn; 1 for other classes'),
          targets: byClass.optional().describe('factor of -p for samples that hold an instance of the class id; 1 for other classes'),
        })
        .optional(),
      balance: z
        .strictObject({
          of: z.enum(['pasted', 'result']).describe('histogram of what is pasted, or of the augmented samples as a whole'),
          by: z.enum(['instances', 'pixels']),
          asked: byClass.describe('share of each class id that was asked for'),
          existing: byClass.optional().describe('instances or pixels of each class id in the output without its pastes'),
          limited: z
            .array(
              z.strictObject({
                id: classId,
                reason: z.enum(limitReasons),
                batches: z.tuple([count, count]).describe('batches that have an instance of the class to paste, of all'),
              }),
            )
            .describe('classes that cannot reach their share, with the reason'),
        })
        .optional()
        .describe('histogram that the weights were made for'),
    })
    .optional()
    .describe('facts of the whole data set that the plans depend on'),
  input: z
    .strictObject({ files: count, bytes: count, listing: sha256 })
    .describe('number and total size of the input files; listing is the SHA-256 of lines "bytes path" and, for classes, "id name"'),
};

/** Head of a manifest, known before the run. Equal heads produce equal output. */
export const headSchema = z.strictObject(head);
export type ManifestHead = z.infer<typeof headSchema>;

/** Layout of a data set in a manifest. */
export type LayoutRecord = ManifestHead['layout'];

export const manifestSchema = z
  .strictObject({
    ...head,
    records: z.array(recordSchema),
    classes: z.array(
      z.strictObject({
        id: classId,
        name: z.string().optional(),
        instances: count.describe(
          'instances in the samples that were read as sources; a sample of another data set counts once per batch that uses it',
        ),
        pasted: count.describe('instances that were pasted'),
      }),
    ),
    skipped: z.array(z.strictObject({ id: z.string(), reason: z.string() })),
    documents: z
      .array(z.strictObject({ path, sha256 }))
      .describe('files that describe several samples: lists of ids, annotation documents'),
    inputDigest: sha256.describe('SHA-256 of lines "sha256 path", one per input file, sorted by path'),
    summary: z.strictObject({
      samples: count,
      augmented: count,
      unchanged: z.record(z.string(), count).describe('samples by reason'),
      pasted: count,
      dropped: z.record(z.string(), count).describe('instances by reason'),
      skipped: count,
    }),
  })
  .meta({ title: 'Manifest of copypaste', description: 'Instances pasted into each sample, with their source and geometry.' });

export type Manifest = z.infer<typeof manifestSchema>;
