/** JSON of values with maps, sets and arrays of integers, each as an object of one key. */

/** Writes a value as JSON. */
export function stringify(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => {
    if (one instanceof Map) return { $map: [...one] };
    if (one instanceof Set) return { $set: [...one] };
    if (one instanceof Int32Array) return { $int32: [...one] };
    return one instanceof Uint32Array ? { $uint32: [...one] } : one;
  });
}

/** Reads what `stringify` has written. */
export function parse(text: string): unknown {
  return JSON.parse(text, (_, one: unknown) => {
    if (typeof one !== 'object' || one === null) return one;
    if ('$map' in one) return new Map(one.$map as [unknown, unknown][]);
    if ('$set' in one) return new Set(one.$set as unknown[]);
    if ('$int32' in one) return Int32Array.from(one.$int32 as number[]);
    return '$uint32' in one ? Uint32Array.from(one.$uint32 as number[]) : one;
  });
}
