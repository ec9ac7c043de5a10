import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../../src/kit/runtime/errors.ts';
import { type Backoff, backoffDelay, defaultBackoff, retry } from '../../../src/kit/runtime/retry.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const backoffs = fc.record({
  initialMs: fc.integer({ min: 1, max: 10_000 }),
  factor: fc.double({ min: 1, max: 10, noNaN: true }),
  capMs: fc.integer({ min: 1, max: 10_000_000 }),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
});
const failures = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });

/** Fails with each of `errors` in turn, then succeeds. */
function failing(...errors: unknown[]): () => Promise<string> {
  return () => (errors.length === 0 ? Promise.resolve('done') : Promise.reject(errors.shift()));
}

describe('backoffDelay', () => {
  it('lies between the jittered floor and the cap, for any number of failures', () => {
    fc.assert(
      fc.property(backoffs, failures, random, (backoff, count, share) => {
        const delay = backoffDelay(backoff, count, () => share);
        const floor = Math.min(backoff.initialMs, backoff.capMs) * (1 - backoff.jitter);
        expect(delay).toBeGreaterThanOrEqual(floor);
        expect(delay).toBeLessThanOrEqual(backoff.capMs);
      }),
    );
  });

  it('never comes back earlier than the peer asked, and spreads those that it asked alike', () => {
    fc.assert(
      fc.property(
        backoffs,
        failures,
        random,
        fc.integer({ min: 0, max: 604_800 }),
        (backoff, count, share, after) => {
          const delay = backoffDelay(backoff, count, () => share, after);
          expect(delay).toBeGreaterThanOrEqual(after * 1000);
          expect(delay).toBeLessThanOrEqual(after * 1000 + backoff.capMs);
        },
      ),
    );
    const many = [0, 0.3, 0.9].map((share) => backoffDelay(defaultBackoff, 5, () => share, 60));
    expect(new Set(many).size).toBe(3);
  });

  it('doubles from half a second to a minute by default', () => {
    const delays = [1, 2, 3, 8, 9, 100].map((count) => backoffDelay(defaultBackoff, count, () => 0));
    expect(delays).toEqual([500, 1000, 2000, 60_000, 60_000, 60_000]);
  });
});

describe('retry', () => {
  const backoff: Backoff = { initialMs: 100, factor: 2, capMs: 1000, jitter: 0 };
  const signal = new AbortController().signal;

  it('repeats with back-off until it succeeds, and tells of each failure', async () => {
    const clock = new FakeClock();
    const told: unknown[][] = [];
    const onFailure = (...args: unknown[]): void => void told.push(args.slice(1));
    const result = retry(failing(new Error('1'), new Error('2')), {
      backoff,
      clock,
      random: () => 0,
      signal,
      onFailure,
    });
    await clock.advance(100);
    expect(told).toEqual([
      [1, 100],
      [2, 200],
    ]);
    await clock.advance(200);
    expect(await result).toBe('done');
  });

  it.each([
    ['says not to', new Problem('x', 'm', { retryable: false })],
    ['is an abort', AbortSignal.abort().reason as Error],
  ])('does not repeat what %s', async (_, error) => {
    const options = { backoff, clock: new FakeClock(), random: () => 0, signal };
    await expect(retry(failing(error), options)).rejects.toBe(error);
  });

  it('waits as long as Retry-After says', async () => {
    const clock = new FakeClock();
    const problem = new Problem('x', 'm', { retryAfterSeconds: 30 });
    const result = retry(failing(problem), { backoff, clock, random: () => 0, signal });
    await clock.advance(29_999);
    expect(clock.sleeping).toBe(1);
    await clock.advance(1);
    expect(await result).toBe('done');
  });

  it('gives up after the attempts it has', async () => {
    const clock = new FakeClock();
    const result = retry(failing('a', 'b', 'c'), { backoff, clock, random: () => 0, signal, attempts: 2 });
    const outcome = result.catch((error: unknown) => error);
    await clock.advance(10_000);
    expect(await outcome).toBe('b');
  });

  it('stops waiting when it is aborted, and starts nothing when it already is', async () => {
    const clock = new FakeClock();
    const abort = new AbortController();
    let calls = 0;
    const action = (): Promise<never> => Promise.reject(new Error(String(++calls)));
    const options = { backoff, clock, random: () => 0, signal: abort.signal };
    const outcome = retry(action, options).catch((error: unknown) => error);
    await clock.advance(0);
    abort.abort();
    expect(await outcome).toMatchObject({ name: 'AbortError' });
    await expect(retry(action, options)).rejects.toMatchObject({ name: 'AbortError' });
    expect(calls).toBe(1);
  });
});
