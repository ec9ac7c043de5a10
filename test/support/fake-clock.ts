import type { Clock } from '../../src/kit/runtime/clock.ts';

interface Sleeper {
  at: number;
  wake: () => void;
}

/** A clock that stands still until it is told to move. */
export class FakeClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<Sleeper>();

  constructor(now = Date.UTC(2030, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  /** How many are asleep: lets a test wait until the code under test has gone to sleep. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const aborted = (): void => reject(new DOMException('The operation was aborted', 'AbortError'));
      if (signal?.aborted === true) return aborted();
      const sleeper: Sleeper = { at: this.#now + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', () => (this.#sleepers.delete(sleeper), aborted()), { once: true });
    });
  }

  /** Moves time forward, waking sleepers in order and letting what they wake run before the next. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const [next] = [...this.#sleepers]
        .filter((sleeper) => sleeper.at <= end)
        .toSorted((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#sleepers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
    this.#now = end;
    await settle();
  }

  /** The wall clock jumps (a box without a battery-backed clock learns the time); nobody wakes. */
  jump(to: number): void {
    this.#now = to;
  }
}

/** Lets everything that is ready to run do so. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}
