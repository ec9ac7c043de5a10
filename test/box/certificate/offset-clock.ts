import { type Clock, systemClock } from '../../../src/kit/runtime/clock.ts';

/** Real time that can be moved forward: what sleeps until a time that has then passed wakes up. */
export class OffsetClock implements Clock {
  #offset = 0;
  readonly #sleepers = new Set<{ until: number; wake: AbortController }>();

  now(): number {
    return systemClock.now() + this.#offset;
  }

  monotonic(): number {
    return systemClock.monotonic();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const sleeper = { until: this.now() + ms, wake: new AbortController() };
    this.#sleepers.add(sleeper);
    const signals = signal === undefined ? [] : [signal];
    try {
      await systemClock.sleep(Math.min(ms, 2 ** 31 - 1), AbortSignal.any([sleeper.wake.signal, ...signals]));
    } catch (error) {
      signal?.throwIfAborted();
      if (!sleeper.wake.signal.aborted) throw error;
    } finally {
      this.#sleepers.delete(sleeper);
    }
  }

  /** How many are asleep. */
  get asleep(): number {
    return this.#sleepers.size;
  }

  advance(ms: number): void {
    this.#offset += ms;
    for (const { until, wake } of this.#sleepers) if (until <= this.now()) wake.abort();
  }

  advanceTo(time: number): void {
    this.advance(time - this.now());
  }
}
