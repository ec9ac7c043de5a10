/** A server that asks for more than a week does not mean us. */
const longestWaitSeconds = 604_800;

/** Seconds of a Retry-After header: a number, or an HTTP date (RFC 9110, 10.2.3). `now`: ms since the epoch. */
export function retryAfterSeconds(
  header: string | readonly string[] | null | undefined,
  now = Date.now(),
): number | undefined {
  const text = typeof header === 'object' ? header?.[0] : header;
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Math.min(Number(text), longestWaitSeconds);
  // JavaScript sees dates in nearly anything, in `-5` for one; every form of HTTP's begins with the day of the week.
  const date = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.min(Math.max(0, (date - now) / 1000), longestWaitSeconds);
}

/** Whether the same request may be answered well another time: 4xx is the caller's doing, but for too slow, too early, too often. */
export function mayBeRepeated(status: number): boolean {
  return status >= 500 || status === 408 || status === 425 || status === 429;
}
