/** Extensions of each image format; the first is used for new files. */
export const extensions = { png: ['png'], jpeg: ['jpg', 'jpeg'], webp: ['webp'], tiff: ['tif', 'tiff'], avif: ['avif'] } as const;
export type ImageFormat = keyof typeof extensions;

/** List of extensions in messages. */
export const extensionList = '.png, .jpg, .webp, .tif or .avif';

const formatOfExtension = new Map(Object.entries(extensions).flatMap(([format, names]) => names.map((name) => [name as string, format])));

/** Image format of a file name; `undefined` for an unknown extension. */
export function formatOf(path: string): ImageFormat | undefined {
  const extension = /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  return formatOfExtension.get(extension) as ImageFormat | undefined;
}

/** True if a format can hold 16 bits per channel. */
export function isDeep(format: ImageFormat): boolean {
  return format === 'png' || format === 'tiff';
}
