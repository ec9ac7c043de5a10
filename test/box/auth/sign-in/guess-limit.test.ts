import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GuessLimit, waitAfter } from '../../../../src/box/auth/sign-in/guess-limit.ts';

const rule = { free: 3, firstMs: 1000, longestMs: 60_000 };

describe('the limit of guesses', () => {
  it('lets the first ones through and then doubles the wait up to the longest', () => {
    const waits = Array.from({ length: 12 }, (_, failures) => waitAfter(failures, rule));
    expect(waits).toEqual([0, 0, 0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    expect(waitAfter(1_000_000, rule)).toBe(60_000);
  });

  it('counts by key, forgives, and forgets after two quiet hours', () => {
    const limit = new GuessLimit({ rule });
    for (let guess = 0; guess < 4; guess++) limit.count('a', 0);
    expect([limit.wait('a', 0), limit.wait('a', 1500), limit.wait('a', 2000), limit.wait('b', 0)]).toEqual([
      2000, 500, 0, 0,
    ]);
    limit.forgive('a');
    expect(limit.wait('a', 0)).toBe(0);
    for (let guess = 0; guess < 9; guess++) limit.count('a', 0);
    expect(limit.wait('a', 120 * 60_000 + 1)).toBe(0);
  });

  it('undoes a guess that could not be looked at as if it had not been made', () => {
    const limit = new GuessLimit({ rule });
    for (let guess = 0; guess < 4; guess++) limit.count('a', 0);
    const undo = limit.count('a', 1500);
    expect(limit.wait('a', 1500)).toBe(4000);
    undo();
    expect([limit.wait('a', 1500), limit.wait('a', 2000)]).toEqual([500, 0]);
    // One that was counted meanwhile stays, with its own time.
    const undoFirst = limit.count('a', 3000);
    limit.count('a', 3100);
    undoFirst();
    expect(limit.wait('a', 3100)).toBe(4000);
    limit.forgive('a');
    undoFirst();
    expect(limit.wait('a', 3100)).toBe(0);
  });

  it('never lets a guesser who follows the waits try faster than the rule, nor holds more keys than it may', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 5000 })), { maxLength: 200 }),
        (steps) => {
          const limit = new GuessLimit({ rule, size: 8 });
          let now = 0;
          let made = 0;
          for (const [other, pause] of steps) {
            now += pause;
            if (limit.wait('guesser', now) === 0) {
              limit.count('guesser', now);
              made++;
            }
            limit.count(`other ${other % 4}`, now);
          }
          // Three free ones, then 1, 2, 4 … seconds: n guesses take at least 2^(n-3) - 1 seconds, or a minute each.
          const least = Array.from({ length: Math.max(0, made - 1) }, (_, n) => waitAfter(n + 1, rule));
          expect(now).toBeGreaterThanOrEqual(least.reduce((sum, wait) => sum + wait, 0));
        },
      ),
    );
  });
});
