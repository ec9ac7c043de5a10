import type { Language } from './language.ts';

const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

/** “3 minutes ago”, “in 2 days”; times in ms since the epoch. Less than a minute is “now”. */
export function relativeTime(time: number, now: number, language: Language): string {
  const words = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  const [unit, length] = units.find(([, ms]) => Math.abs(time - now) >= ms) ?? ['second', Infinity];
  return words.format(Math.trunc((time - now) / length), unit);
}

/** Date and time for people, in their own time zone. */
export function dateTime(time: number, language: Language): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(time);
}

/** Whole days from `now` until `time`; negative when that has passed. */
export function daysUntil(time: number, now: number): number {
  return Math.floor((time - now) / 86_400_000);
}

/** `14:03` */
export function clockTime(
  time: number,
  language: Language,
  precision: 'minutes' | 'seconds' = 'minutes',
): string {
  return new Intl.DateTimeFormat(language, {
    timeStyle: precision === 'minutes' ? 'short' : 'medium',
  }).format(time);
}
