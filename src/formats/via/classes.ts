/** The region attribute that holds the class, which VIA does not define. */
import { CopyPasteError } from '../../errors.ts';
import type { ClassNames } from '../../types.ts';
import { unnamedClass } from '../format.ts';
import type { Attributes } from './values.ts';

/** Attribute of pasted regions that names their source. */
export const provenanceKey = 'copypaste';

/** Names that an attribute with the class is likely to have. */
const likely = /^(object|class|label|category|name|type)s?([ _-]?(name|label|type|id))?$/i;

/** Values that VIA gives to the attributes of a new project, before a person chooses one. */
const presets = new Set(['not_defined', 'unknown']);

/** An attribute that differs in so many regions, and is never equal in two, numbers them. */
const mostDistinct = 8;

/** The attribute that holds the class; undefined if all regions are of one class. */
export type ClassAttribute =
  | { readonly name: string /** True if its value is an object of ticked options. */; readonly ticks: boolean }
  | undefined;

/** Values of an attribute in all regions. */
interface Values {
  readonly names: Set<string>;
  /** Number of regions that have it. */
  regions: number;
  /** Number of regions with an area that have it. */
  areas: number;
  /** Attributes with the same value in all regions that have this one. */
  equal: readonly string[];
  ticks: boolean;
  /** True if a value is not one name. */
  unclear: boolean;
}

/** Attributes of the regions of a document. */
interface Tally {
  /** Adds a region. @param area true if it can be pasted once it has a class. */
  add(attributes: Attributes | null | undefined, area: boolean): void;
  /**
   * Chooses the class attribute, and lists the classes.
   *
   * @param defined attributes that a project defines, with their options.
   * @param wanted name of the attribute that the user gives.
   */
  choose(
    path: string,
    defined: Attributes,
    wanted: string | undefined,
  ): {
    readonly attribute: ClassAttribute;
    readonly classNames: ClassNames;
    readonly unlabelled: number;
    readonly notes: readonly string[];
  };
}

/** Class that an attribute has as its value: text, a number, or the only ticked option; undefined if there is none. */
export function classOfRegion(attributes: Attributes | null | undefined, name: string): string | undefined {
  const value = attributes?.[name];
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return value === '' ? undefined : value;
  const ticked = typeof value === 'object' && value !== null ? Object.keys(value).filter((key) => (value as Attributes)[key] === true) : [];
  return ticked.length === 1 ? ticked[0] : undefined;
}

/** Creates a tally of the attributes of a document. */
export function createAttributeTally(): Tally {
  const found = new Map<string, Values>();
  let areas = 0;
  return {
    add(attributes, area) {
      if (area) areas++;
      const held = Object.entries(attributes ?? {}).filter(([key, value]) => key !== provenanceKey && value !== null && value !== '');
      const names = held.map(([key]) => classOfRegion(attributes, key));
      for (const [n, [key, value]] of held.entries()) {
        const values = found.get(key) ?? { names: new Set(), regions: 0, areas: 0, equal: [], ticks: false, unclear: false };
        found.set(key, values);
        values.ticks ||= typeof value === 'object';
        const name = names[n];
        if (name !== undefined) {
          const equal = held.flatMap(([other], m) => (m !== n && names[m] === name ? [other] : []));
          values.equal = values.regions === 0 ? equal : values.equal.filter((other) => equal.includes(other));
          values.names.add(name);
          values.regions++;
          if (area) values.areas++;
        } else if (typeof value !== 'object' || Object.values(value as object).includes(true)) values.unclear = true;
      }
    },
    choose(path, defined, wanted) {
      const chosen = chooseAttribute(path, found, wanted);
      const values = chosen === undefined ? undefined : found.get(chosen);
      if (chosen === undefined || !values) {
        const why = found.size === 0 ? 'regions have no attributes' : `no attribute of the regions (${listed(found.keys())}) holds a class`;
        const notes = areas > 0 ? [`${path}: ${why}, so all are of one class, '${unnamedClass}'`] : [];
        return { attribute: undefined, classNames: new Map([[0, unnamedClass]]), unlabelled: 0, notes };
      }
      const options = optionsOf(defined[chosen]);
      const names = [...options, ...[...values.names].filter((name) => !options.includes(name)).sort()];
      const rest = [...found.keys()].filter((key) => key !== chosen);
      return {
        attribute: { name: chosen, ticks: values.ticks },
        classNames: new Map(names.map((name, id) => [id, name])),
        unlabelled: areas - values.areas,
        notes: rest.length > 0 ? [`${path}: classes are the values of the attribute '${chosen}', not of ${listed(rest)}`] : [],
      };
    },
  };
}

/**
 * Chooses the attribute: the only one that can be the class, or the only one of these with a likely name. Attributes that are equal in all
 * regions count as one.
 *
 * @throws {CopyPasteError} `usage` when the choice is ambiguous, or no region has the wanted attribute.
 */
function chooseAttribute(path: string, found: ReadonlyMap<string, Values>, wanted: string | undefined): string | undefined {
  if (wanted !== undefined) {
    if (found.has(wanted)) return wanted;
    const which = found.size === 0 ? 'they have none' : `they have ${listed(found.keys())}`;
    throw new CopyPasteError('usage', `--class-attribute ${wanted}: no region has this attribute; ${which}`, { path });
  }
  const able = [...found].filter(([, values]) => canBeClass(values)).map(([key]) => key);
  const [first] = able;
  const { equal = [], regions } = found.get(first ?? '') ?? {};
  if (able.every((key) => key === first || (equal.includes(key) && found.get(key)?.regions === regions))) return first;
  const named = able.filter((key) => likely.test(key));
  if (named.length === 1) return named[0];
  throw new CopyPasteError('usage', `the class may be any of the region attributes ${listed(able)}; name it with --class-attribute`, {
    path,
  });
}

function canBeClass({ names, regions, unclear }: Values): boolean {
  const numbers = regions > mostDistinct && names.size === regions;
  return !unclear && !numbers && [...names].some((name) => !presets.has(name));
}

/** Options of an attribute in a project, in their order. */
function optionsOf(definition: unknown): string[] {
  const { options } = (definition ?? {}) as { options?: unknown };
  return typeof options === 'object' && options !== null ? Object.keys(options) : [];
}

function listed(names: Iterable<string>): string {
  return [...names].map((name) => `'${name}'`).join(', ');
}
