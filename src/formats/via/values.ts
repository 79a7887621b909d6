/** Values of VIA documents (VGG Image Annotator 1 and 2), and checks of them. */
import { isCoordinate } from '../../masks/polygons.ts';
import { integer, type Keys, list, object, optional, problemOfKeys, shown, text } from '../keys.ts';

/** An image with its regions. */
export interface ViaImage {
  readonly filename: string;
  /** Size of the file in bytes, or -1. */
  readonly size?: number | string | null;
  /** A list, or in VIA 1 an object whose keys are numbers. */
  readonly regions: readonly ViaRegion[] | Readonly<Record<string, ViaRegion>>;
}

export interface ViaRegion {
  readonly shape_attributes: ViaShape;
  readonly region_attributes?: Attributes | null;
}

export type Attributes = Readonly<Record<string, unknown>>;

/** Geometry of a region; which numbers it has follows from its name. */
export type ViaShape = Readonly<Partial<Record<'cx' | 'cy' | 'r' | 'rx' | 'ry' | 'theta' | 'x' | 'y' | 'width' | 'height', number>>> & {
  readonly name?: string;
  readonly all_points_x?: readonly number[];
  readonly all_points_y?: readonly number[];
};

const filled = { expects: 'text', fits: (value: unknown) => typeof value === 'string' && value !== '' };
const lists = { expects: 'a list or an object', fits: (value: unknown) => list.fits(value) || object.fits(value) };
const number = { expects: 'a number near the image', fits: isCoordinate };
const numbers = {
  expects: 'a list of numbers near the image',
  fits: (value: unknown) => Array.isArray(value) && value.every(isCoordinate),
};
const anyObject = optional({ expects: 'an object', fits: (value) => object.fits(value) || (Array.isArray(value) && value.length === 0) });

const imageKeys: Keys = {
  filename: filled,
  size: optional({ expects: 'a number of bytes', fits: (value) => integer.fits(value) || text.fits(value) }),
  regions: lists,
};
const regionKeys: Keys = { shape_attributes: object, region_attributes: anyObject };
const points: Keys = { all_points_x: numbers, all_points_y: numbers };

/** Keys of the geometry by the name of the shape. */
const shapeKeys: Readonly<Record<string, Keys>> = {
  polygon: points,
  polyline: points,
  rect: { x: number, y: number, width: number, height: number },
  circle: { cx: number, cy: number, r: number },
  ellipse: { cx: number, cy: number, rx: number, ry: number, theta: optional(number) },
  point: { cx: number, cy: number },
};

/** Names what is wrong with an image, apart from its regions; undefined if it is right. */
export function problemOfImage(image: unknown): string | undefined {
  return problemOfKeys(image, imageKeys);
}

/** Names what is wrong with a region; undefined if it is right. */
export function problemOfRegion(region: unknown): string | undefined {
  const problem = problemOfKeys(region, regionKeys);
  if (problem !== undefined) return problem;
  const shape = (region as ViaRegion).shape_attributes;
  const { name, all_points_x: xs = [], all_points_y: ys = [] } = shape;
  // A region may have attributes only.
  if (Object.keys(shape).length === 0) return undefined;
  const keys = typeof name === 'string' && Object.hasOwn(shapeKeys, name) ? shapeKeys[name] : undefined;
  if (!keys) return `shape_attributes: name is ${shown(name)}, not one of ${Object.keys(shapeKeys).join(', ')}`;
  const ofShape = problemOfKeys(shape, keys);
  if (ofShape !== undefined) return `shape_attributes: ${ofShape}`;
  return xs.length === ys.length ? undefined : `shape_attributes: all_points_x has ${xs.length} numbers, but all_points_y has ${ys.length}`;
}

/** Regions of an image, whether they are a list or an object. */
export function regionsOf({ regions }: ViaImage): readonly ViaRegion[] {
  return Object.values(regions);
}
