import { setTimeout as sleep } from 'node:timers/promises';
import type { Fact } from './fact.ts';

/** Time is handed in, never taken: policies get `now` as a number, services get a `Clock`. All times are milliseconds. */
export interface Clock {
  /** The time that counts, since the Unix epoch: whatever expires, does so by it. See `trusted-time/trusted-clock.ts`. */
  now(): number;
  /** Time that only moves forward, for measuring durations. */
  monotonic(): number;
  /** Resolves after `ms`, however long; rejects with an `AbortError` when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** What time it probably is, for what others say with clocks of their own. Absent: `now`; use `likelyNow`. */
  likely?(): number;
  /** The wall clock as it stands. May jump: a box without a battery-backed clock learns the time late. Absent: `now`. */
  wall?(): number;
  /** Nobody has vouched for the wall clock. */
  readonly doubtful?: boolean;
  /** Changes when the time that counts moves by a step; whoever waits for a time looks again. */
  readonly steps?: Fact<unknown>;
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

/** For comparing with what another one's clock says: a signature's time, a code of now. */
export const likelyNow = (clock: Clock): number => clock.likely?.() ?? clock.now();

/** A number in [0, 1), handed in like the clock. */
export type Random = () => number;

export const seconds = (n: number): number => n * 1000;
export const minutes = (n: number): number => n * 60_000;
export const hours = (n: number): number => n * 3_600_000;
export const days = (n: number): number => n * 86_400_000;
