import { createRequire } from 'node:module';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import type { JpegOptions, Metadata, default as Sharp } from 'sharp';
import { giveBack } from '../base/buffers.ts';
import { readRegular } from '../base/regular.ts';
import { cannotRead, readStart } from '../base/tree.ts';
import { CopyPasteError, messageOf } from '../errors.ts';
import { isRemote } from '../storage/store.ts';
import type { Bands, Depth, Image, ImageInfo, JpegCoding, Mask, Size } from '../types.ts';
import { bmpHeader, bmpStart, decodeBmp, encodeBmp, isBmp } from './bmp.ts';
import { formatOf, type ImageFormat, isDeep } from './image-names.ts';
import { jpegCoding, unreadJpeg } from './jpeg.ts';
import { type FileTrial, isDamaged } from './judge.ts';
import { inDepth, takePixels, withChannels } from './pixels.ts';
import { plainHeader, pngStart } from './plain-headers.ts';
import { encodePng, iccChunk, maxPixels } from './png.ts';
import { encodeTiff, isTiff, tiffField } from './tiff.ts';

// An import would first scan sharp's CommonJS modules for names of exports, which takes longer than to load them.
const sharp = loadSharp();

function loadSharp(): typeof Sharp {
  try {
    return createRequire(import.meta.url)('sharp');
  } catch (cause) {
    const [why] = messageOf(cause).split(/(?<=[a-z]) Possible solutions/);
    const remedy = `install it with: npm install --include=optional --os=${process.platform} --cpu=${process.arch} sharp`;
    throw new CopyPasteError('unavailable', `the image library sharp cannot be loaded (${why}); ${remedy}`, { cause });
  }
}

// libvips detects formats by content, so without this block it would render an SVG named x.png. Threads share libvips, and inherit the
// environment data of the thread that starts them: the mark in it keeps a thread from blocking again, which would fail images that other
// threads are reading.
const blocked = 'copypaste: formats are blocked';
if (getEnvironmentData(blocked) === undefined) {
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: ['Png', 'Jpeg', 'Webp', 'Tiff', 'Heif'].map((format) => `VipsForeignLoad${format}`) });
  setEnvironmentData(blocked, true);
}
// Samples are processed in parallel, so threads within one image and a cache would only add memory. AVIF's bytes depend on the number of threads.
sharp.concurrency(1);
sharp.cache(false);

// ICC profiles are kept, not applied. A truncated or damaged file is an error; libvips would otherwise fill it with grey.
const strict = { failOn: 'warning', ignoreIcc: true, limitInputPixels: maxPixels, sequentialRead: true } as const;
// libtiff also warns about valid but unusual files, such as OpenCV's with four channels.
const strictTiff = { ...strict, failOn: 'error' } as const;

/** Header of an image file. */
export interface ImageHeader {
  readonly format: Omit<ImageInfo, 'upright'>;
  /** Size of the stored pixels. */
  readonly stored: Size;
  /** Size as shown, after EXIF orientation. */
  readonly upright: Size;
  /** True if EXIF orientation rotates or mirrors the image. */
  readonly turned: boolean;
}

/**
 * Reads the header of an image file.
 *
 * @throws {CopyPasteError} `data` if the image is damaged or of an unsupported kind, or its name is not UTF-8; `io` if it cannot be read.
 */
export async function readImageHeader(path: string, name: string): Promise<ImageHeader> {
  if (isRemote(path)) return storedHeader(path, name);
  const format = formatOf(name);
  const length = { bmp: bmpStart, jpeg: jpegStart, png: pngStart }[format as string] ?? 0;
  const known = length > 0 ? knownHeader(await readStart(path, name, length), name) : undefined;
  if (known) return known;
  return imageHeaderOf(path, name).catch(async (error: unknown) => {
    // sharp reports an unreadable file as an unknown format. If the file can be read here, it is damaged.
    const bytes = await readWhole(path, name);
    return imageHeaderOf(bytes, name).catch((second: unknown) => {
      throw second instanceof CopyPasteError && second.code === 'io' ? second : error;
    });
  });
}

/** Bytes in which the header of a PNG, JPEG or BMP ends, unless much metadata precedes its pixels. */
const headerBytes = 2 ** 16;

/** Reads the header of an image in a store, from its start alone if its format has its header there. */
async function storedHeader(path: string, name: string): Promise<ImageHeader> {
  if (['png', 'jpeg', 'bmp'].includes(formatOf(name) ?? '')) {
    const start = await readStart(path, name, headerBytes);
    const header = await imageHeaderOf(start, name).catch((error: unknown) => {
      if (start.length < headerBytes) throw error;
      return undefined;
    });
    if (header) return header;
  }
  return imageHeaderOf(await readWhole(path, name), name);
}

async function readWhole(path: string, name: string): Promise<Uint8Array> {
  return readRegular(path).catch((cause: unknown) => {
    throw cannotRead(name, cause);
  });
}

/** Header of an image in memory or at a path. */
export async function imageHeaderOf(input: Uint8Array | string, name: string): Promise<ImageHeader> {
  const known = typeof input === 'string' ? undefined : knownHeader(input, name);
  if (known) return known;
  const metadata = await metadataOf(input, name);
  const { width, height, space, channels, pages = 1, bitsPerSample, hasProfile, autoOrient, orientation = 1 } = metadata;
  const refuse = (what: string): CopyPasteError => new CopyPasteError('data', what, { path: name });
  if (pages > 1)
    throw refuse(metadata.format === 'tiff' ? `image has ${pages} pages; save one page only` : 'image is animated; save one frame only');
  const depth = depths[metadata.depth];
  if (depth === undefined) throw refuse(`image has values of type ${metadata.depth}; convert them to unsigned 8 or 16 bits`);
  if (metadata.format === 'heif' && bitsPerSample !== 8)
    throw refuse(`image is AVIF with ${bitsPerSample} bits per channel; convert it to 8 bits`);
  const format = formatOf(name);
  if (depth === 16 && format && !isDeep(format))
    throw refuse(`image has 16 bits per channel, but ${format} holds 8; rename it to .png or .tif`);
  const cmyk = space === 'cmyk' && depth === 8;
  // Without a CMYK profile libvips would assume one.
  if (cmyk && !isCmykProfile(metadata.icc))
    throw refuse(
      `image is CMYK ${hasProfile ? 'with an ICC profile that is not CMYK' : 'without an ICC profile'}, so its colours are unknown; convert it to RGB`,
    );
  if (cmyk && channels !== 4) throw refuse(`image is CMYK with ${channels - 4} extra channels; convert it to RGB`);
  const colours = colourChannels[space];
  if (!cmyk && colours === undefined)
    throw refuse(`image is ${space.toUpperCase()} with ${depth} bits per channel; convert it to grey or RGB`);
  if (!cmyk && !colours?.includes(channels))
    throw refuse(`image has ${channels} channels; convert it to grey or RGB, with or without alpha`);
  if (width * height > maxPixels) throw refuse(`image is ${width}×${height}; the limit is 64 megapixels`);
  return {
    stored: { width, height },
    upright: { width: autoOrient.width, height: autoOrient.height },
    turned: orientation > 1,
    format: { channels: cmyk ? 3 : (channels as ImageInfo['channels']), depth, icc: hasProfile && !cmyk, cmyk },
  };
}

async function metadataOf(input: Uint8Array | string, name: string): Promise<Metadata> {
  try {
    return await sharp(input, strict).metadata();
  } catch (cause) {
    const error = damaged(name, cause);
    throw typeof input === 'string' ? error : await judged(error, input, { what: 'header', name });
  }
}

/** Number of bytes in which the frame of a JPEG begins, unless much metadata precedes it. */
const jpegStart = 2 ** 15;

/**
 * Header of a BMP, which sharp does not read, or of a usual PNG or JPEG, from the start of its file; `undefined` if sharp must read it.
 *
 * @throws {CopyPasteError} `data` for a kind of JPEG of which sharp reads the header alone.
 */
function knownHeader(start: Uint8Array, name: string): ImageHeader | undefined {
  refuseJpeg(start, name);
  const bmp = isBmp(start);
  const { profile, ...header } = bmp ? bmpHeader(start, name, 'image') : { ...plainHeader(start), profile: undefined };
  const { width, height, channels } = header;
  if (width === undefined || height === undefined || channels === undefined || (!bmp && width * height > maxPixels)) return undefined;
  const size = { width, height };
  return { stored: size, upright: size, turned: false, format: { channels, depth: 8, icc: profile !== undefined, cmyk: false } };
}

/** Refuses a JPEG of a kind that is not read. @throws {CopyPasteError} `data` with the kind. */
function refuseJpeg(bytes: Uint8Array, name: string): void {
  const kind = unreadJpeg(bytes);
  if (kind !== undefined)
    throw new CopyPasteError('data', `image is a ${kind}, which cannot be read; convert it to a JPEG with 8 bits per channel or to PNG`, {
      path: name,
    });
}

/** True if the header of an ICC profile names CMYK as its colour space (ICC.1, section 7.2). */
function isCmykProfile(icc: Buffer | undefined): boolean {
  return icc?.toString('latin1', 16, 20) === 'CMYK' && icc.toString('latin1', 36, 40) === 'acsp';
}

const depths: Readonly<Record<string, Depth>> = { uchar: 8, ushort: 16 };

/** Supported numbers of channels of each colour space. */
const colourChannels: Readonly<Record<string, readonly number[]>> = { 'b-w': [1, 2], grey16: [1, 2], srgb: [3, 4], rgb16: [3, 4] };

/**
 * Decodes an image to interleaved pixels of the size of its mask.
 *
 * @throws {CopyPasteError} `data` if the file is damaged or has another size.
 */
export async function decodeImage(bytes: Uint8Array, size: Size, name: string, format: ImageInfo): Promise<Image> {
  const image = isBmp(bytes) ? decodeBmpImage(bytes, name) : await decodeWithSharp(bytes, size, name, format);
  if (image.width !== size.width || image.height !== size.height)
    throw new CopyPasteError('data', `image is ${image.width}×${image.height}, but its mask is ${size.width}×${size.height}`, {
      path: name,
    });
  return image;
}

/** Decodes a BMP; values of a palette become its colours. */
function decodeBmpImage(bytes: Uint8Array, name: string): Image {
  const { channels, profile } = bmpHeader(bytes, name, 'image');
  const { width, height, values, palette } = decodeBmp(bytes, name, 'image');
  const bands = channels === 4 ? 4 : 3;
  if (profile && profile[1] > bytes.length)
    throw new CopyPasteError('data', 'cannot decode this image: damaged BMP, its ICC profile is cut short', { path: name });
  const icc = profile && Uint8Array.from(bytes.subarray(...profile));
  const image = { width, height, bands, depth: 8, channels, ...(icc && { icc }) } as const;
  if (!palette) return { ...image, pixels: values };
  const pixels = takePixels(8, bands * values.length);
  for (let i = 0, o = 0; i < values.length; i++) {
    const colour = 3 * (values[i] as number);
    if (colour >= palette.length)
      throw new CopyPasteError('data', 'cannot decode this image: damaged BMP, a pixel is beyond the end of its palette', { path: name });
    pixels[o++] = palette[colour] as number;
    pixels[o++] = palette[colour + 1] as number;
    pixels[o++] = palette[colour + 2] as number;
  }
  giveBack(values);
  return { ...image, pixels };
}

async function decodeWithSharp(bytes: Uint8Array, size: Size, name: string, format: ImageInfo): Promise<Image> {
  const { channels, depth, icc, cmyk, upright } = format;
  try {
    const profile = icc ? (await sharp(bytes, strict).metadata()).icc : undefined;
    // sharp expands grey to RGB. Only a CMYK profile is applied.
    const tiff = isTiff(bytes);
    const input = sharp(bytes, { ...(tiff ? strictTiff : strict), ignoreIcc: !cmyk, autoOrient: upright });
    const { data, info } = await (depth === 16 ? input.toColourspace('rgb16').raw({ depth: 'ushort' }) : input.raw()).toBuffer({
      resolveWithObject: true,
    });
    const jpeg = jpegCoding(bytes);
    const Values = depth === 16 ? Uint16Array : Uint8Array;
    return {
      width: info.width,
      height: info.height,
      pixels: new Values(data.buffer, data.byteOffset, data.length / Values.BYTES_PER_ELEMENT),
      bands: info.channels as Bands,
      depth,
      channels,
      ...(profile && { icc: profile }),
      ...(isLosslessWebp(bytes) && { lossless: true }),
      ...(jpeg && { jpeg }),
      // Values 1 and 2 mean alpha.
      ...(tiff && channels % 2 === 0 && !tiffField(bytes, 'extraSamples') && { extraBand: true }),
    };
  } catch (cause) {
    refuseJpeg(bytes, name);
    throw await judged(damaged(name, cause), bytes, { what: 'pixels', name, size: { width: size.width, height: size.height }, format });
  }
}

/**
 * Reads the header of a TIFF mask: grey, one page, 8 or 16 bits. Other masks are refused, since libvips would scale fewer bits and apply
 * palettes.
 *
 * @throws {CopyPasteError} `data` if the mask is damaged or of another kind, `io` if the file cannot be read.
 */
export async function readTiffMaskHeader(path: string, name: string): Promise<Size> {
  // Fields may be anywhere in the file.
  return tiffMaskHeader(await readWhole(path, name), name);
}

async function tiffMaskHeader(bytes: Uint8Array, name: string): Promise<Size & { readonly depth: Depth }> {
  const refuse = (what: string): CopyPasteError => new CopyPasteError('data', what, { path: name });
  let metadata: Metadata;
  try {
    metadata = await sharp(bytes, strictTiff).metadata();
  } catch (cause) {
    throw await judged(damaged(name, cause, 'mask'), bytes, { what: 'mask', name });
  }
  const { format, width, height, channels, pages = 1, bitsPerSample = 0 } = metadata;
  const depth = depths[metadata.depth];
  if (format !== 'tiff') throw refuse('mask is named .tif but is not a TIFF; rename or convert it');
  if (pages > 1) throw refuse(`mask has ${pages} pages; save one page only`);
  const photometric = tiffField(bytes, 'photometric');
  if (photometric === 0) throw refuse('mask stores white as 0, and readers disagree about its ids; convert it to PNG');
  if (photometric !== 1 || channels > 1) throw refuse('mask stores colours or a palette, not ids; convert it to PNG');
  if (depth === undefined || bitsPerSample !== depth)
    throw refuse(`mask has ${bitsPerSample}-bit ids of type ${metadata.depth}; convert them to unsigned 8 or 16 bits`);
  if (width * height > maxPixels) throw refuse(`mask is ${width}×${height}; the limit is 64 megapixels`);
  return { width, height, depth };
}

/**
 * Decodes a TIFF mask.
 *
 * @throws {CopyPasteError} `data` if the file is damaged or holds no ids.
 */
export async function decodeTiffMask(bytes: Uint8Array, name: string): Promise<Mask> {
  const { width, height, depth } = await tiffMaskHeader(bytes, name);
  const input = sharp(bytes, strictTiff);
  const data = await (depth === 16 ? input.toColourspace('grey16').raw({ depth: 'ushort' }) : input.toColourspace('b-w').raw())
    .toBuffer()
    .catch(async (cause: unknown) => {
      throw await judged(damaged(name, cause, 'mask'), bytes, { what: 'mask', name });
    });
  const ids = depth === 16 ? new Uint16Array(data.buffer, data.byteOffset, width * height) : new Uint8Array(data);
  return { width, height, ids };
}

/** True for a WebP file with its pixels in a `VP8L` chunk (RFC 9649, section 2.6). */
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

/**
 * The error for a file that cannot be decoded. All images that are decoded at the same time share libvips' error log, so only the part of the
 * message that sharp wrote is used.
 */
function damaged(name: string, cause: unknown, what = 'image'): CopyPasteError {
  const why = /^Input [^:]*/.exec(messageOf(cause))?.[0] ?? 'its pixels are damaged or cut short';
  return new CopyPasteError('data', `cannot decode this ${what}: ${why}`, { path: name, cause });
}

/** The error for a file that sharp cannot read: that of a damaged file, or `io` if it is not shown to be damaged. */
async function judged(error: CopyPasteError, bytes: Uint8Array, trial: FileTrial): Promise<CopyPasteError> {
  if (await isDamaged(bytes, trial)) return error;
  const what = `cannot be decoded for lack of memory or processes; ${remedy}`;
  return new CopyPasteError('io', what, { path: trial.name, cause: error.cause });
}

const remedy = 'raise their limits or lower --jobs, and run the same command again';

/** Effort of the AVIF encoder, 0 to 9. A higher effort takes two to ten times as long for files of equal size. */
const avifEffort = 2;

/** Encoder and settings of each format, as recorded in the manifest. */
export const codecs: Record<ImageFormat | 'npz', string> = {
  png: 'node:zlib RLE, filter Sub',
  jpeg: `sharp ${sharp.versions.sharp}`,
  webp: `sharp ${sharp.versions.sharp}`,
  tiff: 'node:zlib RLE, predictor 2',
  bmp: 'uncompressed',
  npz: 'node:zlib RLE, fflate 0.8.3 for several bytes a value',
  avif: `sharp ${sharp.versions.sharp}, 4:4:4, effort ${avifEffort}`,
};

/** Quality of lossy images whose input does not state one. */
const usualQuality = 95;

/** Coding of an image as JPEG: that of a JPEG that it was read from, unless a quality is asked for. */
function jpegCodingOf({ channels, jpeg }: Image, asked: number | undefined): JpegCoding {
  if (jpeg && asked === undefined) return jpeg;
  return { quality: asked ?? usualQuality, ...(channels > 2 && { sampling: '4:4:4' }), progressive: false, optimised: false };
}

/** Quality of a lossy image and, of a JPEG in colour, its chroma sampling. */
export type Lossy = Partial<Pick<JpegCoding, 'quality' | 'sampling'>>;

/** Settings that an image is encoded with; empty for lossless formats. @param asked as for `encodeImage`. */
export function lossyOf(image: Image, format: ImageFormat, asked: number | undefined): Lossy {
  if (format === 'jpeg') {
    const { quality, sampling } = jpegCodingOf(image, asked);
    return { quality, ...(sampling && { sampling }) };
  }
  return format === 'avif' || (format === 'webp' && !image.lossless) ? { quality: asked ?? usualQuality } : {};
}

/**
 * Encodes an image with its ICC profile and without EXIF data.
 *
 * @param asked quality of a lossy format; by default that of a JPEG input, else 95.
 * @throws {CopyPasteError} `usage` for 16 bits per channel in a format that holds 8.
 */
export async function encodeImage(image: Image, format: ImageFormat, asked?: number): Promise<Uint8Array> {
  const { width, height, depth, icc, extraBand } = image;
  if (depth === 16 && !isDeep(format))
    throw new CopyPasteError('usage', `--image-format ${format}: holds 8 bits per channel, but the image has 16; use png or tiff`);
  const channels = channelsIn(format, image.channels);
  const data = withChannels(image, channels);
  try {
    if (format === 'bmp' && data instanceof Uint8Array && channels !== 2) return encodeBmp({ width, height, channels, values: data, icc });
    if (format === 'tiff') return await encodeTiff({ width, height, depth, channels, data, extraBand, ...(icc && { icc }) });
    const chunks = icc ? [await iccChunk(icc)] : [];
    if (data instanceof Uint16Array)
      return await encodePng({ width, height, depth, channels, data: bigEndian(data), filter: 'up', chunks });
    const png = { width, height, depth, channels, data, chunks };
    if (format === 'png') return await encodePng({ ...png, filter: 'sub' });
    // sharp converts raw pixels to a profile that it attaches. A PNG with the profile keeps both unchanged.
    const input = icc
      ? sharp(await encodePng({ ...png, filter: 'none' }), strict).keepIccProfile()
      : sharp(data, { raw: { width, height, channels } });
    if (channels <= 2) input.toColourspace('b-w');
    const quality = asked ?? usualQuality;
    if (format === 'jpeg') input.jpeg(sharpJpeg(jpegCodingOf(image, asked)));
    else if (format === 'avif') input.avif({ quality, chromaSubsampling: '4:4:4', effort: avifEffort });
    else input.webp(image.lossless ? { lossless: true, exact: true } : { quality });
    return await input.toBuffer().catch((cause: unknown) => {
      const why = messageOf(cause);
      throw new CopyPasteError('io', `cannot encode ${width}×${height} pixels as ${format} (${why}); ${remedy}`, { cause });
    });
  } finally {
    if (data !== image.pixels) giveBack(data);
  }
}

/** Number of channels of a file: JPEG has no alpha, and BMP none beside grey. */
function channelsIn(format: ImageFormat, channels: Image['channels']): Image['channels'] {
  if (channels % 2 === 1) return channels;
  if (format === 'jpeg') return (channels - 1) as 1 | 3;
  return format === 'bmp' ? 4 : channels;
}

function sharpJpeg({ quality, sampling = '4:4:4', progressive, optimised, mozjpeg }: JpegCoding): JpegOptions {
  return { quality, chromaSubsampling: sampling, progressive, optimiseCoding: optimised, quantisationTable: mozjpeg ? 3 : 0 };
}

/** Big-endian bytes of 16-bit channel values, as PNG stores them; the bytes are swapped in a copy. */
function bigEndian({ buffer, byteOffset, byteLength }: Uint16Array): Uint8Array {
  return Buffer.from(new Uint8Array(buffer, byteOffset, byteLength)).swap16();
}

/** Scales an image down to a width, as interleaved RGB bytes. */
export async function thumbnail(image: Image, width: number): Promise<{ data: Uint8Array; width: number; height: number }> {
  const raw = { width: image.width, height: image.height, channels: 3 } as const;
  const bytes = withChannels({ ...image, pixels: inDepth(image, 8), depth: 8 }, 3);
  const { data, info } = await sharp(bytes, { raw })
    .resize({ width, withoutEnlargement: true })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** Encodes interleaved RGB bytes in a format. @param software name of the program that its EXIF data state; without it, it has none. */
export function encodeRgb(
  data: Uint8Array,
  width: number,
  height: number,
  format: 'png' | 'jpeg' | 'webp',
  { quality = 90, software }: { quality?: number; software?: string } = {},
): Promise<Uint8Array> {
  const image = sharp(data, { raw: { width, height, channels: 3 } });
  if (software !== undefined) image.withExif({ IFD0: { Software: software } });
  return image.toFormat(format, format === 'png' ? { compressionLevel: 9 } : { quality }).toBuffer();
}
