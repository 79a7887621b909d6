/** Schedulers that start many tasks, and the index that each gives to a task. */

interface Scheduler {
  /** Environment variable with the index of a task. */
  readonly variable: string;
  /** Index of the task that does the first shard. Where a user chooses the indices, they are the numbers of the shards. */
  readonly first: 0 | 1;
  /** Largest index of an array, by default, if indices may be listed: `3,5-7`. */
  readonly largest?: number;
}

/** Schedulers by name. Totals are left to the run file: an array of some indices has another total. */
export const schedulers = {
  // One less than MaxArraySize, which is 1001 unless a site changes it.
  slurm: { variable: 'SLURM_ARRAY_TASK_ID', first: 1, largest: 1000 },
  k8s: { variable: 'JOB_COMPLETION_INDEX', first: 0 },
  'aws-batch': { variable: 'AWS_BATCH_JOB_ARRAY_INDEX', first: 0 },
  'gcp-batch': { variable: 'BATCH_TASK_INDEX', first: 0 },
  pbs: { variable: 'PBS_ARRAY_INDEX', first: 1 },
  sge: { variable: 'SGE_TASK_ID', first: 1 },
  // MAX_JOB_ARRAY_SIZE.
  lsf: { variable: 'LSB_JOBINDEX', first: 1, largest: 1000 },
  gitlab: { variable: 'CI_NODE_INDEX', first: 1 },
  circleci: { variable: 'CIRCLE_NODE_INDEX', first: 0 },
  buildkite: { variable: 'BUILDKITE_PARALLEL_JOB', first: 0 },
  parallel: { variable: 'PARALLEL_SEQ', first: 1 },
} as const satisfies Readonly<Record<string, Scheduler>>;

export type SchedulerName = keyof typeof schedulers;

const table: Readonly<Record<string, Scheduler>> = schedulers;

/** Schedulers whose arrays may have gaps. */
export const listing = ['slurm', 'lsf'] as const satisfies readonly SchedulerName[];

/** Index of a task of a scheduler, from 0, with its variable; the index is `undefined` if the variable is not set to a number. */
export function indexOf(name: string, env: Readonly<Record<string, string | undefined>>): { variable: string; index?: number } | undefined {
  const scheduler = Object.hasOwn(table, name) ? table[name] : undefined;
  if (!scheduler) return undefined;
  const { variable, first } = scheduler;
  const value = env[variable];
  return { variable, ...(value !== undefined && /^\d+$/.test(value) && { index: Number(value) - first }) };
}

/** A job array: its indices, and what is added to them to give the numbers of shards. */
export interface JobArray {
  readonly indices: readonly number[];
  readonly offset: number;
}

/** Arrays of shards, none with an index above `largest`. @param shards numbers from 1, ascending. */
export function arraysOf(shards: readonly number[], largest: number): JobArray[] {
  const arrays = new Map<number, number[]>();
  for (const shard of shards) {
    const offset = Math.floor((shard - 1) / largest) * largest;
    const indices = arrays.get(offset) ?? [];
    indices.push(shard - offset);
    arrays.set(offset, indices);
  }
  return [...arrays].map(([offset, indices]) => ({ indices, offset }));
}
