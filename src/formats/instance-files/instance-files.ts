/** The format with one mask file per shape, as in the Data Science Bowl of 2018. Names of files may name classes. */
import { giveBack } from '../../base/buffers.ts';
import { readInput } from '../../base/digest.ts';
import { inParts } from '../../base/parts.ts';
import { maskFormatOf } from '../../codecs/image-names.ts';
import { CopyPasteError, type Fault } from '../../errors.ts';
import { instanceOfSpans } from '../../masks/instances.ts';
import type { Shaped, ShapeFiles } from '../../types.ts';
import { type FilesFormat, pathsOfShapes, type ShapeFile, unnamedClass } from '../format.ts';
import { imagesWithFiles } from './find.ts';
import { type Coding, decodeShape, encodeShape, isBlank } from './masks.ts';
import { newNames, readName } from './names.ts';

/** Mask file of a shape. */
interface OwnFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly coding: Coding;
}

/** Number of mask files that are decoded before a run. */
const firstFiles = 16;

export const instanceFiles: FilesFormat<undefined, OwnFile> = {
  kind: 'files',
  images: imagesWithFiles,

  async names({ root }, { files, own, threshold }, bad) {
    const names = [...new Set(files.flatMap((one) => one.names.map((name) => readName(name).className)))].sort();
    // Other formats are refused by their headers.
    const paths = own.flatMap((one) => pathsOfShapes(one)).filter((path) => maskFormatOf(path) !== undefined);
    const step = Math.max(1, Math.floor(paths.length / firstFiles));
    let blank = 0;
    await inParts([...paths.entries()], 16, async ([n, path]) => {
      const { bytes } = await readInput({ root }, path);
      if (await isBlank(bytes, path)) blank++;
      else if (n % step === 0) await decodeShape(bytes, path, threshold).catch((error: unknown) => note(error, path, bad));
      giveBack(bytes);
    });
    const crowds = own.flatMap((one) => one.names).filter((name) => readName(name).crowd).length;
    const unpasted = { ...(blank > 0 && { 'no area': blank }), ...(crowds > 0 && { crowd: crowds }) };
    return { classNames: new Map(names.map((name, id) => [id, name])), counts: { annotations: paths.length, unpasted } };
  },

  async shapes({ parts: names, masks = [], size, classNames, threshold }) {
    const ids = new Map([...classNames].map(([id, name]) => [name, id]));
    const shapes: Shaped<OwnFile>[] = [];
    for (const [id, { path, bytes }] of masks.entries()) {
      const { spans, coding, size: own } = await decodeShape(bytes, path, threshold);
      if (own.width !== size.width || own.height !== size.height)
        throw new CopyPasteError('data', `is ${own.width}×${own.height}, but its image is ${size.width}×${size.height}`, { path });
      const name = names[id] as string;
      const { className, crowd } = readName(name);
      const classId = ids.get(className);
      const instance = classId === undefined || spans.length === 0 ? undefined : instanceOfSpans(classId, spans, size);
      // A copy, since the buffer of the file is used again.
      shapes.push({
        id,
        own: { name, bytes: bytes.slice(), coding },
        ...(instance && { instance: { ...instance, ...(crowd && { crowd }) } }),
      });
    }
    return { size, own: undefined, shapes };
  },

  async pasted({ sample, before: { size, shapes }, kept, pasted }, _paths, { classNames }) {
    const files: ShapeFile[] = [];
    for (const { shape, spans } of kept) {
      const { name, bytes, coding } = shape.own;
      files.push({ name, ...(spans ? await encodeShape(spans, size, name, coding) : { bytes, codec: 'copy' }) });
    }
    const { names, infix } = sample.shapeFiles as ShapeFiles;
    const nameOf = newNames(names, infix);
    for (const { classId, spans, placement, origin } of pasted) {
      const name = nameOf(classNames.get(classId) ?? unnamedClass);
      const coding = (origin?.shape ?? shapes[0])?.own.coding;
      files.push({ name, ...(await encodeShape(spans, size, name, coding)), placement });
    }
    return files;
  },

  contradictions({ shapes }, classNames) {
    return shapes.flatMap(({ own: { name }, instance }) => {
      const { className } = readName(name);
      if (![...classNames.values()].includes(className)) return [`its mask ${name} has class ${className}, which is not defined`];
      return instance ? [] : [`its mask ${name} has no pixels`];
    });
  },
};

function note(error: unknown, path: string, bad: Map<string, Fault>): void {
  if (!(error instanceof CopyPasteError) || error.code !== 'data') throw error;
  bad.set(path, { path, what: error.what });
}
