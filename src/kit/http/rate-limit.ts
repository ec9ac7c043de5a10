import { Problem } from '../runtime/errors.ts';

export interface Rate {
  /** So many at once. */
  burst: number;
  /** And so many per second in the long run. */
  perSecond: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/**
 * Token buckets by key, in bounded memory: a bucket that would be full again is forgotten, and when there are too many, the
 * one used longest ago goes (its key starts afresh, which errs on the friendly side). Times in ms.
 */
export class RateLimit {
  readonly #rate: Rate;
  readonly #maxKeys: number;
  /** Ordered by last use, the oldest first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate, maxKeys = 100_000) {
    this.#rate = rate;
    this.#maxKeys = maxKeys;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Seconds until `key` may try again, 0 for now. Takes nothing. */
  waitSeconds(key: string, now: number): number {
    const missing = 1 - this.#tokens(key, now);
    return missing <= 0 ? 0 : missing / this.#rate.perSecond;
  }

  /** Throws `rate-limited`, with when to try again, unless `key` may. `what` completes *too many …*. Takes nothing. */
  check(key: string, now: number, what: string): void {
    const wait = this.waitSeconds(key, now);
    if (wait > 0) throw rateLimited(wait, what);
  }

  /** Takes one, or throws like `check`. */
  take(key: string, now: number, what: string): void {
    const wait = this.tryTake(key, now);
    if (wait > 0) throw rateLimited(wait, what);
  }

  /** Takes one and answers 0; or takes nothing and answers the seconds until there is one. */
  tryTake(key: string, now: number): number {
    const had = this.#tokens(key, now);
    // Who is refused was here too: else a crowd of new keys makes a full bucket forgotten, and full again.
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: had >= 1 ? had - 1 : had, at: now });
    this.#forget(now);
    return had >= 1 ? 0 : (1 - had) / this.#rate.perSecond;
  }

  /** What was taken turned out to be from somebody who is known: it keeps nobody else waiting. */
  giveBack(key: string, now: number): void {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return;
    const tokens = this.#tokens(key, now) + 1;
    this.#buckets.delete(key);
    if (tokens < this.#rate.burst) this.#buckets.set(key, { tokens, at: now });
  }

  #tokens(key: string, now: number): number {
    const { burst, perSecond } = this.#rate;
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return burst;
    return Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * perSecond);
  }

  #forget(now: number): void {
    for (const key of this.#buckets.keys()) {
      if (this.#buckets.size <= this.#maxKeys && this.#tokens(key, now) < this.#rate.burst) break;
      this.#buckets.delete(key);
    }
  }
}

/** `what` completes *too many …*. */
export function rateLimited(waitSeconds: number, what: string): Problem {
  const retryAfterSeconds = Math.ceil(waitSeconds);
  const message = `too many ${what}; try again in ${retryAfterSeconds} s`;
  return new Problem('rate-limited', message, { status: 429, retryAfterSeconds });
}
