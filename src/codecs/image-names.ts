/** Extensions of each image format, the one that is written first. */
export const extensions = { png: ['png'], jpeg: ['jpg', 'jpeg'], webp: ['webp'], tiff: ['tif', 'tiff'], avif: ['avif'] } as const;
export type ImageFormat = keyof typeof extensions;

/** Extensions for messages. */
export const extensionList = '.png, .jpg, .webp, .tif or .avif';

const formatOfExtension = new Map(Object.entries(extensions).flatMap(([format, names]) => names.map((name) => [name as string, format])));

/** The format that a file name asks for. */
export function formatOf(path: string): ImageFormat | undefined {
  const extension = /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  return formatOfExtension.get(extension) as ImageFormat | undefined;
}

/** Whether files of a format can hold 16 bits a channel. */
export function isDeep(format: ImageFormat): boolean {
  return format === 'png' || format === 'tiff';
}
