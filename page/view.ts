import type { PageClass, PageData, PageSample } from '../src/output/page-data.ts';

/** What a reader has chosen to see. */
export interface View {
  /** Class that is shown; all if absent. */
  readonly classId?: number | undefined;
  readonly order: 'rare' | 'common' | 'name';
  readonly search: string;
}

/** Classes that may be pasted and match the view, in its order. */
export function classesIn({ classes }: PageData, { classId, order, search }: View): PageClass[] {
  const total = (one: PageClass): number => one.instances + one.pasted;
  const byOrder = {
    rare: (a: PageClass, b: PageClass) => total(a) - total(b),
    common: (a: PageClass, b: PageClass) => total(b) - total(a),
    name: (a: PageClass, b: PageClass) => a.name.localeCompare(b.name),
  }[order];
  const named = classes.some((one) => !one.leftOut && holds(one.name, search));
  return classes
    .filter((one) => !one.leftOut && (classId === undefined ? !named || holds(one.name, search) : one.id === classId))
    .sort((a, b) => byOrder(a, b) || a.id - b.id);
}

/** Samples with pictures that match the view, in its order: by their rarest paste, by their number of pastes, or by name. */
export function samplesIn({ shown, classes }: PageData, { classId, order, search }: View): PageSample[] {
  const byId = new Map(classes.map((one) => [one.id, one]));
  const rarest = ({ pastes }: PageSample): number =>
    Math.min(...pastes.map((paste) => (byId.get(paste.classId)?.instances ?? 0) + (byId.get(paste.classId)?.pasted ?? 0)));
  const matches = ({ id, source, pastes }: PageSample): boolean =>
    holds(id, search) || holds(source, search) || pastes.some((paste) => holds(byId.get(paste.classId)?.name ?? '', search));
  const byName = (a: PageSample, b: PageSample): number => a.id.localeCompare(b.id) || (a.variant ?? 0) - (b.variant ?? 0);
  const byOrder = {
    rare: (a: PageSample, b: PageSample) => rarest(a) - rarest(b),
    common: (a: PageSample, b: PageSample) => b.pastes.length - a.pastes.length,
    name: byName,
  }[order];
  return shown
    .filter((one) => matches(one) && (classId === undefined || one.pastes.some((paste) => paste.classId === classId)))
    .sort((a, b) => byOrder(a, b) || byName(a, b));
}

function holds(text: string, search: string): boolean {
  return text.toLowerCase().includes(search.trim().toLowerCase());
}
