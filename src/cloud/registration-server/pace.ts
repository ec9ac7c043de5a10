import type { Random } from '../../kit/runtime/clock.ts';

/** The last ten seconds count: long enough not to twitch, short enough to see a million boxes return after an outage. */
const memoryMs = 10_000;

/** Events per second, as an average that forgets (exponentially, time constant `memoryMs`). Times in ms, monotonic. */
export class LoadMeter {
  #weight = 0;
  #at = 0;

  count(now: number): void {
    this.#weight = this.#decayed(now) + 1;
    this.#at = now;
  }

  perSecond(now: number): number {
    return this.#decayed(now) / (memoryMs / 1000);
  }

  #decayed(now: number): number {
    return this.#weight * Math.exp(-Math.max(0, now - this.#at) / memoryMs);
  }
}

/**
 * When a box is to announce again, in seconds: 45 to 60 at ease, 75 to 100 at `comfortablePerSecond` × 5/3 and above. A
 * record lives 120 s, so that even then a first lost announcement is repeated in time. The jitter keeps boxes that came
 * back together from coming back together for ever.
 */
export function againIn(load: { perSecond: number; comfortablePerSecond: number }, random: Random): number {
  const stretch = Math.min(5 / 3, Math.max(1, load.perSecond / load.comfortablePerSecond));
  return Math.round((45 + 15 * random()) * stretch);
}
