import { Problem } from '../../../kit/runtime/errors.ts';

interface Used {
  /** Those of this span, and of the one before. */
  now: Set<string>;
  before: Set<string>;
  spanEndsAt: number;
}

export const replayLimits = { perKey: 20_000, inAll: 100_000 } as const;

/**
 * Which nonces of which key were used in the last `spanMs` at least, and at most twice that. Bounded by refusing and never by
 * forgetting: a nonce that is forgotten too soon is a request that can be made twice.
 */
export class ReplayMemory {
  readonly #spanMs: number;
  readonly #keys = new Map<string, Used>();
  #size = 0;

  constructor(spanMs: number) {
    this.#spanMs = spanMs;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether `nonce` is new for `key`; it is used from then on. Throws `rate-limited` when nothing more can be remembered. */
  use(key: string, nonce: string, now: number): boolean {
    const used = this.#turned(key, now);
    if (used.now.has(nonce) || used.before.has(nonce)) return false;
    if (this.#size >= replayLimits.inAll) this.sweep(now);
    if (used.now.size + used.before.size >= replayLimits.perKey || this.#size >= replayLimits.inAll)
      throw tooMany(Math.max(1, Math.ceil((used.spanEndsAt - now) / 1000)));
    used.now.add(nonce);
    this.#size++;
    return true;
  }

  /** Forgets what is old enough. */
  sweep(now: number): void {
    for (const key of this.#keys.keys()) {
      const { now: recent, before } = this.#turned(key, now);
      if (recent.size + before.size === 0) this.#keys.delete(key);
    }
  }

  #turned(key: string, now: number): Used {
    let used = this.#keys.get(key);
    if (used === undefined) {
      used = { now: new Set(), before: new Set(), spanEndsAt: now + this.#spanMs };
      this.#keys.set(key, used);
    }
    // After a pause of two spans both are old.
    for (let turn = 0; turn < 2 && used.spanEndsAt <= now; turn++) {
      this.#size -= used.before.size;
      used.before = used.now;
      used.now = new Set();
      used.spanEndsAt += this.#spanMs;
    }
    if (used.spanEndsAt <= now) used.spanEndsAt = now + this.#spanMs;
    return used;
  }
}

const tooMany = (retryAfterSeconds: number): Problem =>
  new Problem('rate-limited', `too many signed requests; try again in ${retryAfterSeconds} s`, {
    status: 429,
    retryAfterSeconds,
  });
