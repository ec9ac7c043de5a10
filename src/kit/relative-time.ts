const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

/** “3 minutes ago”, “in 2 days”; less than a minute is “now”. Times in ms since the epoch. */
export function relativeTime(time: number, now: number, locale: string): string {
  const words = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const [unit, length] = units.find(([, ms]) => Math.abs(time - now) >= ms) ?? ['second', Infinity];
  return words.format(Math.trunc((time - now) / length), unit);
}
