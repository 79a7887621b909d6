import { createHash } from 'node:crypto';
import { access, readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { digestOf } from '../base/digest.ts';
import { inParts } from '../base/parts.ts';
import { readMask, readObjects } from '../codecs/masks.ts';
import { jobsOf } from '../engine/budget.ts';
import type { Hooks } from '../engine/hooks.ts';
import { openOrigin } from '../engine/origin.ts';
import { documentsAgain, type Entries, passAgain, type Remaker, remake } from '../engine/remake.ts';
import { CopyPasteError, interrupted, messageOf } from '../errors.ts';
import { contradictionsOf, countIds } from '../masks/invariants.ts';
import { vocColours } from '../masks/palette.ts';
import { type Given, verifyOptions } from '../options.ts';
import { type Difference, describeDifference } from '../output/compare.ts';
import { journalName } from '../output/journal.ts';
import { type Manifest, type ManifestRecord, recordSchema } from '../output/manifest.ts';
import { manifestName, readManifest } from '../output/manifest-file.ts';
import { augmentedRecord, filesOf, outputsOf } from '../output/records.ts';
import { encodeSample } from '../output/samples.ts';
import { withBackend } from '../render/backend.ts';
import { resolveOptions } from '../schema.ts';

/** What was compared, and what was found. */
export interface Verification {
  readonly samples: number;
  readonly files: number;
  /** Samples that were rendered anew. */
  readonly rendered: number;
  readonly differences: readonly Difference[];
}

/**
 * Compares an output with its manifest: every file is there with its digest, none is extra, and annotations hold what
 * records say. `deep` renders samples anew from the input, and compares bytes.
 *
 * @throws {CopyPasteError} `noInput` where there is no manifest, `data` where the input has changed.
 */
export async function verify(given: Given<typeof verifyOptions>, hooks: Hooks = {}): Promise<Verification> {
  const options = resolveOptions(verifyOptions, given as Readonly<Record<string, unknown>>);
  const { out, deep, in: input } = options;
  if (deep && input === undefined) throw new CopyPasteError('usage', '--deep renders anew from the input: say --in DIR');
  if (!deep && (input ?? options.sources ?? options.sample) !== undefined)
    throw new CopyPasteError('usage', '--in, --sources and --sample go with --deep');
  const manifest = await readComplete(out);
  const again = deep ? spread(manifest.records, options.sample) : [];
  hooks.started?.(manifest.records.length + again.length);

  const differences: Difference[] = [];
  const jobs = jobsOf(options);
  const files = filesOf(manifest);
  const known = new Set([manifestName]);
  for (const { path } of files) {
    if (known.has(path)) differences.push({ path, what: 'is named twice in the manifest' });
    known.add(path);
  }
  const damaged = new Set<string>();
  const found = await inParts(files, jobs, async ({ path, sha256 }): Promise<Difference | undefined> => {
    const what = await compareDigest(join(out, path), path, sha256);
    if (what !== undefined) damaged.add(path);
    return what === undefined ? undefined : { path, what };
  });
  differences.push(...found.filter((one) => one !== undefined));
  for (const path of await filesBelow(out)) {
    if (!known.has(path)) differences.push({ path, what: 'is not in the manifest' });
  }
  const annotations = await inParts(manifest.records, jobs, async (record) => {
    if (hooks.stop?.aborted) throw interrupted();
    const result = outputsOf(record).some(({ path }) => damaged.has(path)) ? [] : await checkRecord(out, record, manifest);
    hooks.done?.(record.id, record);
    return result;
  });
  differences.push(...annotations.flat());

  if (input !== undefined && again.length > 0) {
    const origin = await openOrigin(manifest, { in: input, sources: options.sources }, { out, jobs: options.jobs, memory: options.memory });
    const compare: Remaker<Difference[]> = {
      paste: async (pasted, record, suffix) => {
        const results: Difference[] = [];
        const encoding = { ...origin.options, classNames: origin.dataset.classNames };
        const written = await encodeSample(pasted, suffix, encoding, async ({ path }, bytes) => {
          const there = await readFile(join(out, path)).catch(() => undefined);
          const what = there && (await describeDifference(path, there, bytes));
          if (what !== undefined) results.push({ path, what });
        });
        const remade = recordSchema.safeParse(augmentedRecord(pasted, written));
        if (results.length === 0 && JSON.stringify(remade.data) !== JSON.stringify(record)) {
          results.push({ path: manifestName, what: `says otherwise of ${record.id} than what comes out` });
        }
        return results;
      },
      pass: async (sample, record) => {
        const { files } = await passAgain(origin, sample, record, async () => {});
        const expected = new Map(files.map(({ path, sha256 }) => [path, sha256]));
        const what = 'is not what its input gives, though the sample is unchanged';
        const there = new Map(outputsOf(record).map(({ path, sha256 }) => [path, sha256]));
        return [...new Set([...expected.keys(), ...there.keys()])].flatMap((path) =>
          expected.get(path) === there.get(path) ? [] : [{ path, what }],
        );
      },
    };
    const entries: Entries = new Map();
    await withBackend(options.backend, async (backend) => {
      hooks.chosen?.(backend);
      let n = 0;
      for await (const results of remake(origin, again, backend, compare, entries, hooks.stop)) {
        for (const one of results) {
          // That the digest differs says less than where.
          const known = differences.findIndex(({ path }) => path === one.path && damaged.has(path));
          if (known >= 0) differences[known] = one;
          else differences.push(one);
        }
        const record = again[n++] as ManifestRecord;
        hooks.done?.(record.id, record);
      }
    });
    // A document has something of every sample.
    if (again.length === manifest.records.length) {
      const digests = new Map(manifest.documents.map(({ path, sha256 }) => [path, sha256]));
      for (const { path, text } of documentsAgain(origin, entries)) {
        const hash = createHash('sha256');
        for await (const part of text()) hash.update(part);
        if (digests.has(path) && hash.digest('hex') !== digests.get(path))
          differences.push({ path, what: 'holds something else than what comes out' });
      }
    }
  }
  return { samples: manifest.records.length, files: files.length, rendered: again.length, differences };
}

async function readComplete(out: string): Promise<Manifest> {
  try {
    return await readManifest(join(out, manifestName));
  } catch (error) {
    const journal = await access(join(out, journalName)).then(
      () => true,
      () => false,
    );
    if (!journal) throw error;
    throw new CopyPasteError('noInput', `${out}: the run is not complete; run its augment command again to go on`, { cause: error });
  }
}

/** So many of the records, spread evenly; all where no number is given. */
function spread(records: readonly ManifestRecord[], count = records.length): ManifestRecord[] {
  const wanted = Math.min(count, records.length);
  return Array.from({ length: wanted }, (_, i) => records[Math.floor((i * records.length) / wanted)] as ManifestRecord);
}

async function compareDigest(file: string, path: string, digest: string): Promise<string | undefined> {
  try {
    return (await digestOf(file, path)) === digest ? undefined : 'has another SHA-256 than the manifest says';
  } catch (error) {
    const cause = (error as CopyPasteError).cause as NodeJS.ErrnoException | undefined;
    return cause?.code === 'ENOENT' ? 'is missing' : messageOf(error);
  }
}

/** All files below a folder, with `/`. */
async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) =>
      relative(root, join(entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join('/'),
    )
    .sort();
}

/** Whether the annotation files of a sample hold what its record says. */
async function checkRecord(out: string, record: ManifestRecord, { layout }: Manifest): Promise<Difference[]> {
  if (record.status !== 'augmented') return [];
  const { mask, objects } = record.files;
  // A panoptic PNG holds no class ids.
  if (!mask || layout.name === 'panoptic') return [];
  const results: Difference[] = [];
  const say = (path: string, what: string): void => void results.push({ path, what });
  try {
    const ids = await readMask(await readFile(join(out, mask.path)), mask.path, layout.colours);
    const pixels = countIds(ids);
    for (const [id, [, after]] of Object.entries(record.pixels)) {
      const there = pixels.get(Number(id)) ?? 0;
      if (there !== after) say(mask.path, `has ${there} pixels of class ${id}, the manifest says ${after}`);
      pixels.delete(Number(id));
    }
    for (const id of pixels.keys()) say(mask.path, `has pixels of class ${id}, of which the manifest says nothing`);
    for (const { order, area, visible, dropped } of record.placements) {
      if (visible > area || (dropped === undefined ? area < record.minArea : area !== 0)) {
        say(manifestName, `placement ${order} of ${record.id} cannot have area ${area} and ${visible} visible pixels`);
      }
    }
    if (objects) {
      const planes = await readObjects(await readFile(join(out, objects.path)), objects.path);
      // Other colours have ids in the order in which they come, which pastes change.
      if (planes.colours && planes.colours.byId !== vocColours) return results;
      const counts = countIds(planes);
      for (const { object, visible } of record.placements) {
        if (object !== undefined && (counts.get(object) ?? 0) !== visible)
          say(objects.path, `has ${counts.get(object) ?? 0} pixels of object ${object}, the manifest says ${visible}`);
      }
      for (const { object, after, dropped } of record.covered ?? []) {
        const left = counts.get(object) ?? 0;
        if (left !== (dropped ? 0 : after))
          say(objects.path, `has ${left} pixels of object ${object}, the manifest says ${dropped ? 0 : after}`);
      }
      const leftOut = new Set([...layout.background, ...layout.ignore]);
      const pasted = new Map(
        record.placements.flatMap(({ object, classId }) => (object === undefined ? [] : [[object, classId] as const])),
      );
      for (const what of contradictionsOf(ids, planes, leftOut, leftOut, pasted)) say(objects.path, what);
    }
  } catch (error) {
    say(mask.path, messageOf(error));
  }
  return results;
}
