import { setTimeout as sleep } from 'node:timers/promises';

/** Time is handed in, never taken: policies get `now` as a number, services get a `Clock`. All times are milliseconds. */
export interface Clock {
  /** Wall-clock time since the Unix epoch. May jump: a box without a battery-backed clock learns the time late. */
  now(): number;
  /** Time that only moves forward, for measuring durations. */
  monotonic(): number;
  /** Resolves after `ms`, however long; rejects with an `AbortError` when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

const longestTimer = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    const options = signal === undefined ? {} : { signal };
    // A timer of Node's set to more than this fires at once.
    let left = Math.max(0, ms);
    for (; left > longestTimer; left -= longestTimer) await sleep(longestTimer, undefined, options);
    await sleep(left, undefined, options);
  },
};

/** A number in [0, 1), handed in like the clock. */
export type Random = () => number;

export const seconds = (n: number): number => n * 1000;
export const minutes = (n: number): number => n * 60_000;
export const hours = (n: number): number => n * 3_600_000;
export const days = (n: number): number => n * 86_400_000;
