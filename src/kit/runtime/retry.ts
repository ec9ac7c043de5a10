import type { Clock, Random } from './clock.ts';
import { isAbort, Problem } from './errors.ts';

/** Retry is data. All times in milliseconds. */
export interface Backoff {
  initialMs: number;
  factor: number;
  capMs: number;
  /** Share of the delay that is random, 0 to 1: with 0.5 a delay of 10 s falls between 5 s and 10 s. */
  jitter: number;
}

export const defaultBackoff: Backoff = { initialMs: 500, factor: 2, capMs: 60_000, jitter: 0.5 };

/**
 * How long to wait before attempt number `failures + 1`.
 * A peer's Retry-After is a floor: never earlier, and jittered upwards so that a million boxes do not return at once.
 */
export function backoffDelay(
  backoff: Backoff,
  failures: number,
  random: Random,
  retryAfterSeconds?: number,
): number {
  const exponent = Math.min(Math.max(0, failures - 1), 64);
  const full = Math.min(backoff.capMs, backoff.initialMs * backoff.factor ** exponent);
  const jittered = full * (1 - backoff.jitter * random());
  if (retryAfterSeconds === undefined) return jittered;
  return Math.max(jittered, retryAfterSeconds * 1000 + full * backoff.jitter * random());
}

export interface RetryOptions {
  backoff?: Backoff;
  clock: Clock;
  random: Random;
  signal: AbortSignal;
  /** Give up after this many attempts; unlimited when absent. */
  attempts?: number;
  onFailure?: (error: unknown, failures: number, delayMs: number) => void;
}

/** Calls `action` until it succeeds, throws a `Problem` that says *do not retry*, attempts run out, or `signal` aborts. */
export async function retry<T>(
  action: (signal: AbortSignal) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    options.signal.throwIfAborted();
    try {
      return await action(options.signal);
    } catch (error) {
      const final = isAbort(error) || (error instanceof Problem && !error.retryable);
      if (final || failures === options.attempts) throw error;
      const retryAfter = error instanceof Problem ? error.retryAfterSeconds : undefined;
      const delayMs = backoffDelay(options.backoff ?? defaultBackoff, failures, options.random, retryAfter);
      options.onFailure?.(error, failures, delayMs);
      await options.clock.sleep(delayMs, options.signal);
    }
  }
}
