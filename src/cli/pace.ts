import type { Reading } from '../base/meter.ts';

/** Progress of a stage, with its speed. */
export interface Paced extends Reading {
  /** Seconds since the stage began, without those in which the process was stopped. */
  readonly seconds: number;
  /** Part of the work that is done, from 0 to 1: of the bytes, if they are known, else of the samples or files; absent if its total is unknown. */
  readonly fraction?: number;
  /** Samples or files per second; absent until one is done. */
  readonly rate?: number;
  /** Bytes per second, if the stage counts bytes. */
  readonly bytesRate?: number;
  readonly secondsLeft?: number;
}

/**
 * Seconds over which speed is measured: the second half of the time so far, since the first samples are slow while threads start and V8
 * optimises the program, but not less than some seconds, since many samples may end at the same moment.
 */
function spanOf(seconds: number): number {
  return Math.min(60, Math.max(3, seconds / 2));
}

/** A moment of a stage: its time in seconds, and the work that this run had done. */
interface Moment {
  readonly at: number;
  readonly count: number;
  readonly bytes: number;
}

/** Creates the measurement of a meter's speed; call `read` at least once a second. */
export function createPace(meter: { read(): Reading }) {
  /** Seconds in which the process was stopped. */
  let paused = 0;
  const clock = (): number => performance.now() / 1000 - paused;
  let stages = -1;
  let began: Moment = { at: 0, count: 0, bytes: 0 };
  let last = clock();
  /** Moments of the span, and the one before them. */
  let moments: Moment[] = [];
  return {
    read(): Paced {
      const at = clock();
      last = at;
      const reading = meter.read();
      const { count, bytes, reused, total } = reading;
      if (reading.stages !== stages) {
        stages = reading.stages;
        began = { at: reading.began / 1000 - paused, count: 0, bytes: 0 };
        moments = [began];
      }
      const now: Moment = { at, count: count - reused.count, bytes: bytes - reused.bytes };
      if (at - (moments.at(-1) as Moment).at >= 1) moments.push(now);
      while (moments[1] && at - moments[1].at >= spanOf(at - began.at)) moments.shift();
      const [first] = moments as [Moment, ...Moment[]];
      const from = now.count > first.count ? first : began;
      const per = (amount: number): number | undefined => (at > from.at && amount > 0 ? amount / (at - from.at) : undefined);
      const rate = per(now.count - from.count);
      const bytesRate = per(now.bytes - from.bytes);
      const [done, all, speed] = total?.bytes ? [bytes, total.bytes, bytesRate] : [count, total?.count ?? 0, rate];
      return {
        ...reading,
        seconds: at - began.at,
        ...(total && { fraction: all > 0 ? Math.min(1, done / all) : 1 }),
        ...(rate !== undefined && { rate }),
        ...(bytesRate !== undefined && { bytesRate }),
        ...(total && speed !== undefined && { secondsLeft: Math.max(0, all - done) / speed }),
      };
    },
    /** Leaves out the time since the last reading, in which the process was stopped. */
    resume(): void {
      paused += clock() - last;
    },
  };
}
