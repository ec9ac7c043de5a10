/* `locale`: as of `useLocale`. Times are in ms since the epoch. */

export { relativeTime } from '../../kit/runtime/relative-time.ts';

/** Date and time for people, in their own time zone. */
export function dateTime(time: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(time);
}

/** The day alone. */
export function date(time: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'long' }).format(time);
}

/** Whole days from `now` until `time`; negative when that has passed. */
export function daysUntil(time: number, now: number): number {
  return Math.floor((time - now) / 86_400_000);
}

/** `14:03` */
export function clockTime(time: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { timeStyle: 'short' }).format(time);
}

const toTheSecond = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

/** `14:03:27` in every language, for lines below each other. */
export function logTime(time: number): string {
  return toTheSecond.format(time);
}
