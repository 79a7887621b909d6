import type { Total } from '../base/meter.ts';
import type { Paced } from './pace.ts';

/** Width of the bar in characters: a multiple of its step, so that it changes seldom. */
const bar = { step: 8, most: 40 };

/** All about a stage, as a plain line. */
export function progressText(paced: Paced): string {
  const { stage, total, seconds } = paced;
  if (!total) return `${stage}, ${timeOf(seconds)}`;
  const { percent, counted, rate, left, pastes } = partsOf(paced, total);
  return `${stage}: ${[percent, counted, rate, left, pastes].filter((part) => part !== '').join(', ')}`;
}

/** One line on a stage that fits into a number of columns: parts are left out where they have no room. */
export function progressLine(paced: Paced, columns: number): string {
  const { stage, total, fraction = 0, seconds } = paced;
  if (!total) return fitted([stage, timeOf(seconds)], columns);
  const { percent, count, counted, rate, left, pastes } = partsOf(paced, total);
  // The work that the command is for needs no name.
  const short = total.pastes ? '' : stage;
  const choices = [
    [stage, percent, counted, rate, left, pastes],
    [stage, percent, count, rate, left, pastes],
    [short, percent, count, left, pastes],
    [short, percent, count, left],
    [short, percent, left],
    [percent, left],
    [percent],
  ].map((parts) => parts.filter((part) => part !== ''));
  const parts = choices.find((some) => widthOf(some) <= columns) ?? [];
  const free = Math.min(bar.most, columns - widthOf(parts) - 2);
  const room = free - (free % bar.step);
  if (parts[0] !== stage || room <= 0) return fitted(parts, columns);
  const full = Math.floor(room * fraction);
  return fitted([stage, '█'.repeat(full) + '░'.repeat(room - full), ...parts.slice(1)], columns);
}

function partsOf({ count: done, fraction = 0, rate, secondsLeft, pasted }: Paced, total: Total) {
  const count = `${done}/${total.count}`;
  return {
    percent: `${Math.floor(100 * fraction)} %`,
    count,
    counted: `${count} ${total.unit ?? 'samples'}`,
    rate: rate === undefined ? '' : `${rateOf(rate)}/s`,
    left: secondsLeft === undefined ? '' : `${timeOf(secondsLeft)} left`,
    pastes: total.pastes ? `${pasted} pasted` : '',
  };
}

function widthOf(parts: readonly string[]): number {
  return parts.join('  ').length;
}

function fitted(parts: readonly string[], columns: number): string {
  return parts.join('  ').slice(0, Math.max(0, columns));
}

function rateOf(rate: number): string {
  return rate >= 100 ? rate.toFixed(0) : rate.toPrecision(2);
}

/** A time such as `12s`, `3:05` or `2:03:05`. */
function timeOf(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole}s`;
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number): string => `${n}`.padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
