import { createHash } from 'node:crypto';
import type { Clock } from '../../kit/runtime/clock.ts';
import { FairShares } from '../../kit/http/fair-shares.ts';
import { arrivalLimits } from '../../protocol/registration-api.ts';

const lifetimeMs = arrivalLimits.lifetimeSeconds * 1000;

/**
 * Which one-time states have arrived at their box: in memory only, as hashes, bounded, for a few minutes. Losing all of it
 * in a restart costs a person one needless offer of another way. Times in ms of a monotonic clock.
 */
export class Arrivals {
  readonly #clock: Clock;
  readonly #shares: FairShares<string>;
  readonly #held: FairShares<() => void>;
  /** Hash to time, the oldest first. */
  readonly #arrived = new Map<string, number>();
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(options: { clock: Clock; most?: { arrivals: number; waiting: number } }) {
    this.#clock = options.clock;
    const { arrivals, waiting } = options.most ?? { arrivals: 100_000, waiting: 10_000 };
    this.#shares = new FairShares({ most: arrivals, onLost: (hash) => this.#arrived.delete(hash) });
    this.#held = new FairShares({ most: waiting, onLost: (tell) => tell() });
  }

  get figures(): { arrivals: number; waiting: number } {
    return { arrivals: this.#arrived.size, waiting: this.#held.count };
  }

  /** `client`: the network that says so (`clientKey`); those with most give the room when there is none. */
  note(state: string, client: string): void {
    const hash = createHash('sha256').update(state).digest('hex');
    const now = this.#clock.monotonic();
    this.#arrived.delete(hash);
    this.#arrived.set(hash, now);
    this.#shares.add(hash, client);
    for (const [oldest, at] of this.#arrived) {
      if (now - at < lifetimeMs) break;
      this.#arrived.delete(oldest);
      this.#shares.remove(oldest);
    }
    for (const tell of this.#waiting.get(hash) ?? []) tell();
  }

  has(hash: string): boolean {
    const at = this.#arrived.get(hash);
    return at !== undefined && this.#clock.monotonic() - at < lifetimeMs;
  }

  /**
   * `true` as soon as the state of this hash has arrived, `false` after `ms` or when `signal` aborts. With too many waiting
   * already, the network with most of them has its oldest answer at once.
   */
  async wait(hash: string, ms: number, signal: AbortSignal, client: string): Promise<boolean> {
    if (this.has(hash) || ms <= 0 || signal.aborted) return this.has(hash);
    const told = new AbortController();
    const tell = (): void => told.abort();
    const others = this.#waiting.get(hash) ?? new Set();
    this.#waiting.set(hash, others.add(tell));
    this.#held.add(tell, client);
    try {
      await this.#clock.sleep(ms, AbortSignal.any([told.signal, signal])).catch(() => undefined);
      return this.has(hash);
    } finally {
      this.#held.remove(tell);
      others.delete(tell);
      if (others.size === 0) this.#waiting.delete(hash);
    }
  }
}
