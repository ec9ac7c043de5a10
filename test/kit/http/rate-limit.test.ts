import { describe, expect, it } from 'vitest';
import { RateLimit } from '../../../src/kit/http/rate-limit.ts';

describe('token buckets', () => {
  it('allow a burst, then a steady pace, for each key, and say how long to wait', () => {
    const buckets = new RateLimit({ burst: 2, perSecond: 0.5 }, 10);
    expect([0, 0, 0].map((now) => buckets.tryTake('a', now))).toEqual([0, 0, 2]);
    expect(buckets.tryTake('b', 0)).toBe(0);
    expect(buckets.tryTake('a', 1000)).toBe(1);
    expect([2000, 2000].map((now) => buckets.tryTake('a', now))).toEqual([0, 2]);
    expect([100_000, 100_000, 100_000].map((now) => buckets.tryTake('a', now))).toEqual([0, 0, 2]);
  });

  it('forget the key that was unused for longest when there are too many', () => {
    const buckets = new RateLimit({ burst: 1, perSecond: 0.001 }, 2);
    for (const key of ['a', 'b', 'a', 'c']) buckets.tryTake(key, 0);
    expect(buckets.size).toBe(2);
    expect(buckets.tryTake('a', 0)).toBeGreaterThan(0);
    expect(buckets.tryTake('b', 0)).toBe(0);
  });
});
