import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Metadata, default as Sharp } from 'sharp';
import { giveBack } from '../base/buffers.ts';
import { CopyPasteError, messageOf } from '../errors.ts';
import type { Bands, Depth, Image, ImageInfo, Mask, Size } from '../types.ts';
import { formatOf, type ImageFormat, isDeep } from './image-names.ts';
import { inDepth, withChannels } from './pixels.ts';
import { encodePng, iccChunk, maxPixels } from './png.ts';
import { encodeTiff, isTiff, tiffField } from './tiff.ts';

// An import would read the CommonJS modules that sharp stands on for their exports first, for longer than it takes to load them.
const sharp = createRequire(import.meta.url)('sharp') as typeof Sharp;

// libvips recognises files by content: an SVG named x.png would otherwise be rendered.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: ['Png', 'Jpeg', 'Webp', 'Tiff', 'Heif'].map((format) => `VipsForeignLoad${format}`) });
// Samples run beside one another; threads within one image and a cache would only add memory. With several, AVIF has other bytes.
sharp.concurrency(1);
sharp.cache(false);

// ICC profiles are carried over, never applied; a truncated or damaged file is an error, never grey pixels.
const strict = { failOn: 'warning', ignoreIcc: true, limitInputPixels: maxPixels, sequentialRead: true } as const;
// libtiff warns of what is only unusual, as OpenCV's files of four channels.
const strictTiff = { ...strict, failOn: 'error' } as const;

/** What an image's header says. */
export interface ImageHeader {
  readonly format: Omit<ImageInfo, 'upright'>;
  /** Size of the stored pixels. */
  readonly stored: Size;
  /** Size as shown, after EXIF orientation. */
  readonly upright: Size;
  /** EXIF orientation asks for a turn or a mirror. */
  readonly turned: boolean;
}

/**
 * Reads an image's header.
 *
 * @throws {CopyPasteError} `data` for what is not one picture of 8 or 16 bits a channel, grey, RGB or CMYK with a profile, `io` for
 * what cannot be read.
 */
export async function readImageHeader(path: string, name: string): Promise<ImageHeader> {
  return imageHeaderOf(path, name).catch(async (error: unknown) => {
    // sharp says of a file that it cannot read that its format is unknown: what we have read ourselves is damaged indeed.
    const bytes = await readWhole(path, name);
    return imageHeaderOf(bytes, name).catch(() => {
      throw error;
    });
  });
}

async function readWhole(path: string, name: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    throw new CopyPasteError('io', `${name}: cannot be read: ${messageOf(cause)}`, { cause });
  });
}

/** The header of an image that is in memory, or at a path. */
export async function imageHeaderOf(input: Uint8Array | string, name: string): Promise<ImageHeader> {
  let metadata: Metadata;
  try {
    metadata = await sharp(input, strict).metadata();
  } catch (cause) {
    throw damaged(name, cause);
  }
  const { width, height, space, channels, pages = 1, bitsPerSample, hasProfile, autoOrient, orientation = 1 } = metadata;
  const refuse = (what: string): CopyPasteError => new CopyPasteError('data', `${name}: ${what}`);
  if (pages > 1)
    throw refuse(metadata.format === 'tiff' ? `image has ${pages} pages; one is supported` : 'image is animated; one frame is supported');
  const depth = depths[metadata.depth];
  if (depth === undefined) throw refuse(`image has values of type ${metadata.depth}; unsigned ones of 8 or 16 bits are supported`);
  if (metadata.format === 'heif' && bitsPerSample !== 8) throw refuse(`image is AVIF of ${bitsPerSample} bits; 8 are supported`);
  const format = formatOf(name);
  if (depth === 16 && format && !isDeep(format)) throw refuse(`image has 16 bits a channel, ${format} has 8; call it .png or .tif`);
  const cmyk = space === 'cmyk' && depth === 8;
  // Without one of its own inks libvips would take some other.
  if (cmyk && !isCmykProfile(metadata.icc))
    throw refuse(
      `image is CMYK without an ICC profile${hasProfile ? ' of CMYK' : ''}, so that its colours are not known; convert it to RGB`,
    );
  if (cmyk && channels !== 4) throw refuse(`image is CMYK with ${channels - 4} more channels; convert it to RGB`);
  const colours = colourChannels[space];
  if (!cmyk && colours === undefined) throw refuse(`image is ${space.toUpperCase()}; grey, RGB, and CMYK of 8 bits are supported`);
  if (!cmyk && !colours?.includes(channels))
    throw refuse(`image has ${channels} channels; grey or RGB is supported, with alpha or without`);
  if (width * height > maxPixels) throw refuse(`image is ${width}×${height}; the limit is 64 megapixels`);
  return {
    stored: { width, height },
    upright: { width: autoOrient.width, height: autoOrient.height },
    turned: orientation > 1,
    format: { channels: cmyk ? 3 : (channels as ImageInfo['channels']), depth, icc: hasProfile && !cmyk, cmyk },
  };
}

/** Whether a profile's header says that it is of CMYK (ICC.1, section 7.2). */
function isCmykProfile(icc: Buffer | undefined): boolean {
  return icc?.toString('latin1', 16, 20) === 'CMYK' && icc.toString('latin1', 36, 40) === 'acsp';
}

const depths: Readonly<Record<string, Depth>> = { uchar: 8, ushort: 16 };

/** Channels that an image of a colour space may have. */
const colourChannels: Readonly<Record<string, readonly number[]>> = { 'b-w': [1, 2], grey16: [1, 2], srgb: [3, 4], rgb16: [3, 4] };

/**
 * Decodes an image that has the size of its mask.
 *
 * @throws {CopyPasteError} `data` where the file is damaged or does not fit.
 */
export async function decodeImage(
  bytes: Uint8Array,
  { width, height }: Size,
  name: string,
  { channels, depth, icc, cmyk, upright }: ImageInfo,
): Promise<Image> {
  try {
    const profile = icc ? (await sharp(bytes, strict).metadata()).icc : undefined;
    // sharp widens grey to RGB; the profile of CMYK is applied.
    const tiff = isTiff(bytes);
    const input = sharp(bytes, { ...(tiff ? strictTiff : strict), ignoreIcc: !cmyk, autoOrient: upright });
    const { data, info } = await (depth === 16 ? input.toColourspace('rgb16').raw({ depth: 'ushort' }) : input.raw()).toBuffer({
      resolveWithObject: true,
    });
    if (info.width !== width || info.height !== height) {
      throw new CopyPasteError('data', `${name}: image is ${info.width}×${info.height}, its mask ${width}×${height}`);
    }
    const Values = depth === 16 ? Uint16Array : Uint8Array;
    return {
      width,
      height,
      pixels: new Values(data.buffer, data.byteOffset, data.length / Values.BYTES_PER_ELEMENT),
      bands: info.channels as Bands,
      depth,
      channels,
      ...(profile && { icc: profile }),
      ...(isLosslessWebp(bytes) && { lossless: true }),
      // 1 and 2 stand for alpha.
      ...(tiff && channels % 2 === 0 && !tiffField(bytes, 'extraSamples') && { opaque: true }),
    };
  } catch (cause) {
    throw cause instanceof CopyPasteError ? cause : damaged(name, cause);
  }
}

/**
 * Reads the header of a TIFF of ids: grey, one page, 8 or 16 bits. Fewer bits would be stretched, palettes looked up.
 *
 * @throws {CopyPasteError} `data` for anything else, `io` for what cannot be read.
 */
export async function readTiffMaskHeader(path: string, name: string): Promise<Size> {
  // Its fields may lie anywhere in it.
  return tiffMaskHeader(await readWhole(path, name), name);
}

async function tiffMaskHeader(bytes: Uint8Array, name: string): Promise<Size & { readonly depth: Depth }> {
  const refuse = (what: string): CopyPasteError => new CopyPasteError('data', `${name}: ${what}`);
  let metadata: Metadata;
  try {
    metadata = await sharp(bytes, strictTiff).metadata();
  } catch (cause) {
    throw damaged(name, cause, 'mask');
  }
  const { format, width, height, channels, pages = 1, bitsPerSample = 0 } = metadata;
  const depth = depths[metadata.depth];
  if (format !== 'tiff') throw refuse('mask is named .tif but is not a TIFF');
  if (pages > 1) throw refuse(`mask has ${pages} pages; one is supported`);
  const photometric = tiffField(bytes, 'photometric');
  if (photometric === 0) throw refuse('mask is stored with white as 0, and readers differ on what its ids are; convert it to PNG');
  if (photometric !== 1 || channels > 1) throw refuse('mask stores colours or a palette, not ids; convert it to PNG');
  if (depth === undefined || bitsPerSample !== depth)
    throw refuse(`mask has ${bitsPerSample} bits of type ${metadata.depth}; unsigned ids of 8 or 16 bits are supported`);
  if (width * height > maxPixels) throw refuse(`mask is ${width}×${height}; the limit is 64 megapixels`);
  return { width, height, depth };
}

/**
 * Decodes a TIFF of ids.
 *
 * @throws {CopyPasteError} `data` where the file is damaged or holds no ids.
 */
export async function decodeTiffMask(bytes: Uint8Array, name: string): Promise<Mask> {
  const { width, height, depth } = await tiffMaskHeader(bytes, name);
  const input = sharp(bytes, strictTiff);
  const data = await (depth === 16 ? input.toColourspace('grey16').raw({ depth: 'ushort' }) : input.toColourspace('b-w').raw())
    .toBuffer()
    .catch((cause: unknown) => {
      throw damaged(name, cause, 'mask');
    });
  const ids = depth === 16 ? new Uint16Array(data.buffer, data.byteOffset, width * height) : new Uint8Array(data);
  return { width, height, ids };
}

/** Whether the bytes are a WebP file whose pixels are in a `VP8L` chunk (RFC 9649, section 2.6). */
function isLosslessWebp(bytes: Uint8Array): boolean {
  const text = (at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (text(0) !== 'RIFF' || text(8) !== 'WEBP') return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 12; at + 8 <= bytes.length; at += 8 + view.getUint32(at + 4, true) + (view.getUint32(at + 4, true) & 1)) {
    if (text(at) === 'VP8L') return true;
    if (text(at) === 'VP8 ') return false;
  }
  return false;
}

/** libvips keeps one log of errors for all images that are decoded at the time, so that only sharp's own words are of this one. */
function damaged(name: string, cause: unknown, what = 'image'): CopyPasteError {
  const why = /^Input [^:]*/.exec(messageOf(cause))?.[0] ?? 'its pixels are damaged or cut short';
  return new CopyPasteError('data', `${name}: cannot decode this ${what}: ${why}`, { cause });
}

/** How hard the AVIF encoder tries, of 9: beyond, it takes twice to ten times as long for a file that is as large. */
const avifEffort = 2;

/** What wrote an image, as the manifest names it: the bytes depend on nothing else. */
export const codecs: Record<ImageFormat, string> = {
  png: 'node:zlib RLE, filter Sub',
  jpeg: `sharp ${sharp.versions.sharp}, 4:4:4, baseline`,
  webp: `sharp ${sharp.versions.sharp}`,
  tiff: 'node:zlib RLE, predictor 2',
  avif: `sharp ${sharp.versions.sharp}, 4:4:4, effort ${avifEffort}`,
};

/**
 * Encodes an image; its ICC profile goes with it, its EXIF data does not.
 *
 * @param quality of JPEG, AVIF, and of WebP where the input was not lossless.
 * @throws {CopyPasteError} `usage` for 16 bits a channel in a format that holds 8.
 */
export async function encodeImage(image: Image, format: ImageFormat, quality: number): Promise<Uint8Array> {
  const { width, height, depth, icc, opaque } = image;
  if (depth === 16 && !isDeep(format)) throw new CopyPasteError('usage', `--image-format ${format}: it holds 8 bits a channel`);
  // JPEG has no alpha; WebP no grey.
  const channels = format === 'jpeg' && image.channels % 2 === 0 ? ((image.channels - 1) as 1 | 3) : image.channels;
  const data = withChannels(image, channels);
  try {
    if (format === 'tiff') return await encodeTiff({ width, height, depth, channels, data, opaque, ...(icc && { icc }) });
    const chunks = icc ? [await iccChunk(icc)] : [];
    if (data instanceof Uint16Array)
      return await encodePng({ width, height, depth, channels, data: bigEndian(data), filter: 'up', chunks });
    const png = { width, height, depth, channels, data, chunks };
    if (format === 'png') return await encodePng({ ...png, filter: 'sub' });
    // sharp attaches to raw pixels only a profile that it converts to: a stored PNG carries one unchanged.
    const input = icc
      ? sharp(await encodePng({ ...png, filter: 'none' }), strict).keepIccProfile()
      : sharp(data, { raw: { width, height, channels } });
    if (channels <= 2) input.toColourspace('b-w');
    if (format === 'jpeg') input.jpeg({ quality, chromaSubsampling: '4:4:4', optimiseCoding: false });
    else if (format === 'avif') input.avif({ quality, chromaSubsampling: '4:4:4', effort: avifEffort });
    else input.webp(image.lossless ? { lossless: true, exact: true } : { quality });
    return await input.toBuffer();
  } finally {
    if (data !== image.pixels) giveBack(data);
  }
}

/** As PNG has samples of 16 bits. */
function bigEndian({ buffer, byteOffset, byteLength }: Uint16Array): Uint8Array {
  return Buffer.from(new Uint8Array(buffer, byteOffset, byteLength)).swap16();
}

/** An image scaled to a width, as interleaved RGB bytes. */
export async function thumbnail(image: Image, width: number): Promise<{ data: Uint8Array; width: number; height: number }> {
  const raw = { width: image.width, height: image.height, channels: 3 } as const;
  const bytes = withChannels({ ...image, pixels: inDepth(image, 8), depth: 8 }, 3);
  const { data, info } = await sharp(bytes, { raw })
    .resize({ width, withoutEnlargement: true })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** Encodes interleaved RGB bytes. */
export function encodeRgb(data: Uint8Array, width: number, height: number, format: ImageFormat): Promise<Uint8Array> {
  const image = sharp(data, { raw: { width, height, channels: 3 } });
  return image.toFormat(format, format === 'png' ? { compressionLevel: 9 } : { quality: 90 }).toBuffer();
}
