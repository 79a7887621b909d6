/** Extensions of each image format; the first is used for new files. */
export const extensions = {
  png: ['png'],
  jpeg: ['jpg', 'jpeg'],
  webp: ['webp'],
  tiff: ['tif', 'tiff'],
  avif: ['avif'],
  bmp: ['bmp'],
} as const;
export type ImageFormat = keyof typeof extensions;

/** Formats of masks; `npy` and `npz` are NumPy's arrays. */
export type MaskFormat = 'png' | 'tiff' | 'bmp' | 'npy' | 'npz';

/** List of extensions in messages. */
export const extensionList = '.png, .jpg, .webp, .tif, .avif or .bmp';

const formatOfExtension = new Map(Object.entries(extensions).flatMap(([format, names]) => names.map((name) => [name as string, format])));

/** Image format of a file name; `undefined` for an unknown extension. */
export function formatOf(path: string): ImageFormat | undefined {
  const extension = /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  return formatOfExtension.get(extension) as ImageFormat | undefined;
}

/** Mask format of a file name; `undefined` for an extension of no mask. */
export function maskFormatOf(path: string): MaskFormat | undefined {
  const format = formatOf(path);
  return format === 'png' || format === 'tiff' || format === 'bmp' ? format : arrayFormatOf(path);
}

/** Format of NumPy's arrays of a file name; `undefined` for other extensions. */
export function arrayFormatOf(path: string): 'npy' | 'npz' | undefined {
  return /\.(npy|npz)$/i.exec(path)?.[1]?.toLowerCase() as 'npy' | 'npz' | undefined;
}

/** Files that other programs open as images. */
export const otherImages = /\.(gif|jfif|jpe|jp2|j2k|jxl|heic|heif|dng|ppm|pgm|pbm|tga|psd|svg|exr|hdr|mat|nii|dcm)$/i;

/** True if a format can hold 16 bits per channel. */
export function isDeep(format: ImageFormat): boolean {
  return format === 'png' || format === 'tiff';
}

/** Largest width and height of each format that has a limit: those of libjpeg, libwebp and libheif in sharp. */
const longestSides: Partial<Record<ImageFormat, number>> = { jpeg: 65_500, webp: 16_383, avif: 16_384 };

/** Largest width and height that a format holds. */
export function longestSide(format: ImageFormat): number {
  return longestSides[format] ?? Number.POSITIVE_INFINITY;
}
