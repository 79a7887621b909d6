import { z } from 'zod';
import { isBelow } from '../base/paths.ts';
import { dropReasons, passReasons } from '../types.ts';

/** Version of the manifest's shape and of what its plans mean. */
export const schemaVersion = 3;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const byte = z.int().min(0).max(255);
const count = z.int().min(0);
const id = z.int().min(0).max(65535);
// Kernels count in 32 bits; past 53, adding one to a pixel does not lead to the next.
const edge = z.int32();
const box = z.tuple([edge, edge, edge, edge]).describe('half-open pixels [x0, y0, x1, y1)');
const path = z.string().refine(isBelow, 'leaves its folder').describe('relative, with /');

const inputFile = z.strictObject({ path, sha256 });
const outputFile = z.strictObject({ path, sha256, codec: z.enum(['copy', 'png', 'jpeg', 'webp', 'tiff', 'avif', 'text']) });
const files = <T extends z.ZodType>(file: T) =>
  z.strictObject({
    image: file,
    mask: file.optional(),
    labels: file.optional().describe('text file of shapes'),
    objects: file.optional(),
    views: z.array(file).optional().describe('files that follow from the class mask'),
    drawn: z.array(file).optional().describe('masks that are drawn of shapes: of classes, of objects'),
  });

const placement = z.strictObject({
  order: z.int().min(1).describe('pasting order: a later placement covers an earlier one'),
  instance: count.describe("index among the source's instances"),
  classId: id,
  sourceBox: box,
  targetBox: box.describe(
    'may leave the frame, the part outside is cropped; of a jittered scene, the pixels of the frame that have a tap in the source box',
  ),
  scale: z.number(),
  flip: z.boolean(),
  area: z.int().min(1).describe('pixels of the frame that it covers by half or more, before later placements'),
  visible: count.describe('pixels in the final mask'),
  object: count.optional().describe('its id in the instance mask'),
});

const scene = z.strictObject({ targetBox: box, scale: z.number(), flip: z.boolean() });

const base = {
  id: z.string(),
  split: z.string(),
  copy: count.optional().describe('which variant, from 0; absent where a sample is passed through as a whole'),
  files: files(outputFile),
  inputs: files(inputFile),
};

const dropped = z.array(z.strictObject({ instance: count, classId: id, reason: z.enum(dropReasons) }));

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
  source: z.string().describe('id of the sample that instances are copied from; one of another data set begins with sources:'),
  sourceInputs: files(inputFile).optional().describe('its files, where it is of another data set'),
  scenes: z
    .strictObject({
      target: scene.describe('where the target lands on its canvas'),
      source: scene.describe('where the source lands there: its instances have the tables of the whole scene'),
    })
    .optional(),
  placements: z.array(placement),
  dropped: dropped.describe('instances that were drawn and for which none of ten draws fitted, or which did not fit where their scene was'),
  covered: z
    .array(z.strictObject({ object: count, before: count, after: count, dropped: z.boolean() }))
    .optional()
    .describe('existing objects that are covered in part or whole'),
  pixels: z.record(z.string(), z.tuple([count, count])).describe('pixels of each class id before and after'),
});

export const recordSchema = z.discriminatedUnion('status', [augmented, unchanged]);

/** Record of one sample. */
export type ManifestRecord = z.infer<typeof recordSchema>;

/** Record of one sample, without its files where nothing is written. */
export type SampleRecord = (ManifestRecord extends infer R ? (R extends unknown ? Omit<R, 'files' | 'inputs'> : never) : never) &
  Partial<Pick<ManifestRecord, 'files' | 'inputs'>>;

const layout = {
  name: z.string(),
  folders: z.array(z.strictObject({ split: z.string(), images: z.string(), masks: z.string(), objects: z.string().optional() })),
  split: z.string().describe('the split that is augmented, or that instances are taken from'),
  background: z.array(id),
  ignore: z.array(id),
  colours: z
    .array(z.tuple([byte, byte, byte]))
    .optional()
    .describe('what stands for each class id in masks that hold colours'),
  documents: z.array(z.strictObject({ path, sha256 })).optional().describe('documents of annotations that were read'),
};

const head = {
  schema: z.literal(schemaVersion, { error: ({ input }) => `version ${JSON.stringify(input)} is not supported, only ${schemaVersion}` }),
  tool: z.strictObject({ name: z.literal('copypaste'), version: z.string() }),
  codecs: z.record(z.string(), z.string()).describe('what wrote each kind of file'),
  seed: count,
  options: z.record(z.string(), z.json()).describe('all options that output follows from, defaults included'),
  layout: z.strictObject(layout),
  sources: z
    .strictObject({
      ...layout,
      classes: z.strictObject({
        pairs: z.array(z.tuple([id, id.nullable()])).describe('class ids there and here; null where the class is not pasted'),
        others: z.enum(['same', 'none']).describe('what other ids there stand for'),
      }),
    })
    .optional()
    .describe('another data set that instances are taken from'),
  input: z
    .strictObject({ files: count, bytes: count, listing: sha256 })
    .describe('SHA-256 over lines "bytes path" of all input files, sorted by path'),
};

/** Head of a manifest, known before the run. Equal heads give equal output. */
export const headSchema = z.strictObject(head);
export type ManifestHead = z.infer<typeof headSchema>;

export const manifestSchema = z
  .strictObject({
    ...head,
    records: z.array(recordSchema),
    classes: z.array(
      z.strictObject({
        id,
        name: z.string().optional(),
        instances: count.describe(
          'in the samples that were read as sources; in those of another data set each time that one is used by a batch',
        ),
        pasted: count.describe('instances pasted and kept'),
      }),
    ),
    skipped: z.array(z.strictObject({ id: z.string(), reason: z.string() })),
    documents: z.array(z.strictObject({ path, sha256 })).describe('files of several samples: lists of ids, documents of annotations'),
    inputDigest: sha256.describe('SHA-256 over lines "sha256 path" of all input files, sorted by path'),
    summary: z.strictObject({
      samples: count,
      augmented: count,
      unchanged: z.record(z.string(), count).describe('samples by reason'),
      pasted: count,
      dropped: z.record(z.string(), count).describe('instances by reason'),
      skipped: count,
    }),
  })
  .meta({ title: 'Manifest of copypaste', description: 'Instances that were pasted into each sample, with their source and geometry.' });

export type Manifest = z.infer<typeof manifestSchema>;

const outcome = z.strictObject({
  id: z.string(),
  skipped: z.string().optional(),
  record: recordSchema.optional(),
});
const classCount = z.strictObject({ classId: id, instances: count, pixels: count, truncated: count });
const journalBatch = z.strictObject({ end: z.string(), outcomes: z.array(outcome), read: z.array(classCount) });

/** One line of a run's journal. */
export const journalLine = z.union([
  z.strictObject({ head: headSchema }),
  z.strictObject({ begin: z.string(), files: z.array(path) }),
  // Entry of a document for a sample of a batch; it comes before the line that ends the batch.
  z.strictObject({ entry: z.string(), of: z.unknown() }),
  journalBatch,
  z.strictObject({ poison: z.string(), reason: z.string() }),
  // No batch is under way any more.
  z.strictObject({ stopped: z.literal(true) }),
]);
export type JournalLine = z.infer<typeof journalLine>;

/** A batch of which all files are written. */
export type JournalBatch = z.infer<typeof journalBatch>;
