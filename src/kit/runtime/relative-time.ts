const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

/** What two clocks may differ by: what was seen a moment ago is not seen in the future. */
const clocksDiffer = 5000;

/** “3 minutes ago”, “in 2 days”; less than a minute ago is “just now”. Times in ms since the epoch. */
export function relativeTime(time: number, now: number, locale: string): string {
  if (now - time < 60_000 && time - now < clocksDiffer)
    return locale.startsWith('de') ? 'gerade eben' : 'just now';
  const words = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const [unit, length] = units.find(([, ms]) => Math.abs(time - now) >= ms) ?? ['second', Infinity];
  return words.format(Math.trunc((time - now) / length), unit);
}
