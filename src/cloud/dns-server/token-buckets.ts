/**
 * How often something may happen, for any number of keys in bounded memory: `burst` at once, then `perSecond`. When more
 * than `capacity` keys are known the one unused for longest is forgotten, which errs on the side of allowing.
 */
export class TokenBuckets {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #capacity: number;
  /** In order of last use. */
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(options: { perSecond: number; burst: number; capacity: number }) {
    this.#perSecond = options.perSecond;
    this.#burst = options.burst;
    this.#capacity = options.capacity;
  }

  /** Takes one. 0: allowed. Else: nothing was taken, and in so many seconds there will be one. `now`: monotonic, ms. */
  take(key: string, now: number): number {
    const before = this.#buckets.get(key);
    const gained = before === undefined ? this.#burst : ((now - before.at) / 1000) * this.#perSecond;
    const tokens = Math.min(this.#burst, (before?.tokens ?? 0) + gained);
    const left = tokens >= 1 ? tokens - 1 : tokens;
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: left, at: now });
    if (this.#buckets.size > this.#capacity) this.#forgetOldest();
    return tokens >= 1 ? 0 : (1 - tokens) / this.#perSecond;
  }

  get size(): number {
    return this.#buckets.size;
  }

  #forgetOldest(): void {
    for (const oldest of this.#buckets.keys()) {
      this.#buckets.delete(oldest);
      return;
    }
  }
}
