/** A place at which two JSON values differ, such as `layout.folders.0.images`, and the value on each side; `undefined` if there is none. */
interface Leaf {
  readonly path: string;
  readonly one: unknown;
  readonly other: unknown;
}

/** Places at which two JSON values differ. The order of keys does not matter. */
export function* differingLeaves(one: unknown, other: unknown, path = ''): Generator<Leaf> {
  if (!isBranch(one) || !isBranch(other) || Array.isArray(one) !== Array.isArray(other)) {
    if (JSON.stringify(one) !== JSON.stringify(other)) yield { path, one, other };
    return;
  }
  for (const key of new Set([...Object.keys(one), ...Object.keys(other)]))
    yield* differingLeaves(one[key], other[key], path === '' ? key : `${path}.${key}`);
}

function isBranch(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** Describes a difference between a value of a manifest and what it should be. */
export function describeLeaf({ path, one, other }: Leaf): string {
  return `${path} is ${shown(one)}, but should be ${shown(other)}`;
}

function shown(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value);
}
