import { readFile } from 'node:fs/promises';
import sharp, { type Metadata } from 'sharp';
import { giveBack } from './buffers.ts';
import { CopyPasteError, messageOf } from './errors.ts';
import { packPixels, unpackPixels } from './pixels.ts';
import { encodePng, iccChunk, maxPixels } from './png.ts';
import type { Image, ImageInfo, Size } from './types.ts';

// libvips recognises files by content: an SVG named x.png would otherwise be rendered.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: ['VipsForeignLoadPng', 'VipsForeignLoadJpeg', 'VipsForeignLoadWebp'] });
// Samples run beside one another; threads within one image and a cache would only add memory.
sharp.concurrency(1);
sharp.cache(false);

const imageFormats = ['png', 'jpeg', 'webp'] as const;
export type ImageFormat = (typeof imageFormats)[number];

/** The format that a file name asks for. */
export function formatOf(path: string): ImageFormat | undefined {
  const extension = /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase();
  return extension === 'jpg' ? 'jpeg' : imageFormats.find((format) => format === extension);
}

// ICC profiles are carried over, never applied; a truncated or damaged file is an error, never grey pixels.
const strict = { failOn: 'warning', ignoreIcc: true, limitInputPixels: maxPixels, sequentialRead: true } as const;

/** What an image's header says. */
export interface ImageHeader extends Omit<ImageInfo, 'upright'> {
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
 * @throws {CopyPasteError} `data` for what is not an 8-bit grey or RGB image in PNG, JPEG or WebP, `io` for what cannot be read.
 */
export async function readImageHeader(path: string, name: string): Promise<ImageHeader> {
  return imageHeaderOf(path, name).catch(async (error: unknown) => {
    // sharp says of a file that it cannot read that its format is unknown: what we have read ourselves is damaged indeed.
    const bytes = await readFile(path).catch((cause: unknown) => {
      throw new CopyPasteError('io', `${name}: cannot be read: ${messageOf(cause)}`, { cause });
    });
    return imageHeaderOf(bytes, name).catch(() => {
      throw error;
    });
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
  const { width, height, depth, space, channels, pages, hasProfile, autoOrient, orientation = 1 } = metadata;
  const refuse = (what: string): CopyPasteError => new CopyPasteError('data', `${name}: ${what}`);
  if (depth !== 'uchar') throw refuse(`image has ${depth === 'ushort' ? 16 : depth} bits a channel; 8 are supported`);
  if (space !== 'srgb' && space !== 'b-w') throw refuse(`image is ${space.toUpperCase()}; grey and RGB are supported`);
  if ((pages ?? 1) > 1) throw refuse('image is animated; one frame is supported');
  if (width * height > maxPixels) throw refuse(`image is ${width}×${height}; the limit is 64 megapixels`);
  return {
    stored: { width, height },
    upright: { width: autoOrient.width, height: autoOrient.height },
    turned: orientation > 1,
    channels: channels as ImageInfo['channels'],
    icc: hasProfile,
  };
}

/**
 * Decodes an image that has the size of its mask.
 *
 * @param pixels takes the pixels, `width · height` words.
 * @throws {CopyPasteError} `data` where the file is damaged or does not fit.
 */
export async function decodeImage(
  bytes: Uint8Array,
  { width, height }: Size,
  pixels: Int32Array,
  name: string,
  { channels, icc, upright }: ImageInfo,
): Promise<Image> {
  try {
    const profile = icc ? (await sharp(bytes, strict).metadata()).icc : undefined;
    const { data, info } = await sharp(bytes, { ...strict, autoOrient: upright })
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.width !== width || info.height !== height) {
      throw new CopyPasteError('data', `${name}: image is ${info.width}×${info.height}, its mask ${width}×${height}`);
    }
    // sharp widens grey to RGB here.
    packPixels(data, info.channels, pixels);
    return { width, height, pixels, channels, ...(profile && { icc: profile }), ...(isLosslessWebp(bytes) && { lossless: true }) };
  } catch (cause) {
    throw cause instanceof CopyPasteError ? cause : damaged(name, cause);
  }
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
function damaged(name: string, cause: unknown): CopyPasteError {
  const why = /^Input [^:]*/.exec(messageOf(cause))?.[0] ?? 'its pixels are damaged or cut short';
  return new CopyPasteError('data', `${name}: cannot decode this image: ${why}`, { cause });
}

/** What wrote an image, as the manifest names it: the bytes depend on nothing else. */
export const codecs: Record<ImageFormat, string> = {
  png: 'node:zlib RLE, filter Sub',
  jpeg: `sharp ${sharp.versions.sharp}, 4:4:4, baseline`,
  webp: `sharp ${sharp.versions.sharp}`,
};

/**
 * Encodes an image; its ICC profile goes with it, its EXIF data does not.
 *
 * @param quality of JPEG, and of WebP where the input was not lossless.
 */
export async function encodeImage(image: Image, format: ImageFormat, quality: number): Promise<Uint8Array> {
  const { width, height, icc } = image;
  // JPEG has no alpha; WebP no grey.
  const channels = format === 'jpeg' && image.channels % 2 === 0 ? ((image.channels - 1) as 1 | 3) : image.channels;
  const data = unpackPixels(image.pixels, channels);
  try {
    const chunks = icc ? [await iccChunk(icc)] : [];
    if (format === 'png') return await encodePng({ width, height, depth: 8, channels, data, filter: 'sub', chunks });
    // sharp attaches to raw pixels only a profile that it converts to: a stored PNG carries one unchanged.
    const input = icc
      ? sharp(await encodePng({ width, height, depth: 8, channels, data, filter: 'none', chunks }), strict).keepIccProfile()
      : sharp(data, { raw: { width, height, channels } });
    if (channels <= 2) input.toColourspace('b-w');
    return await (format === 'jpeg'
      ? input.jpeg({ quality, chromaSubsampling: '4:4:4', optimiseCoding: false }).toBuffer()
      : input.webp(image.lossless ? { lossless: true, exact: true } : { quality }).toBuffer());
  } finally {
    giveBack(data);
  }
}

/** An image scaled to a width, as interleaved RGB bytes. */
export async function thumbnail(image: Image, width: number): Promise<{ data: Uint8Array; width: number; height: number }> {
  const raw = { width: image.width, height: image.height, channels: 3 } as const;
  const bytes = unpackPixels(image.pixels, 3);
  try {
    const { data, info } = await sharp(bytes, { raw })
      .resize({ width, withoutEnlargement: true })
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height };
  } finally {
    giveBack(bytes);
  }
}

/** Encodes interleaved RGB bytes. */
export function encodeRgb(data: Uint8Array, width: number, height: number, format: ImageFormat): Promise<Uint8Array> {
  const image = sharp(data, { raw: { width, height, channels: 3 } });
  return image.toFormat(format, format === 'png' ? { compressionLevel: 9 } : { quality: 90 }).toBuffer();
}
