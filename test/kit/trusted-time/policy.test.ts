import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { days, hours, minutes, seconds } from '../../../src/kit/runtime/clock.ts';
import {
  beginning,
  correction,
  judge,
  type Known,
  likelyTime,
  timeLimits,
} from '../../../src/kit/trusted-time/policy.ts';

const built = Date.UTC(2026, 0, 1);
const today = Date.UTC(2026, 5, 1);
const known: Known = { time: today, uptime: hours(5), boot: 'one', clean: true, voucher: 'time-server' };
const wrongClocks = {
  'a day behind': today - days(1),
  'a day ahead': today + days(1),
  'a hundred days ahead': today + days(100),
  1970: 0,
  '2038-01-19': Date.UTC(2038, 0, 19, 3, 14, 8),
  2100: Date.UTC(2100, 0, 1),
};

describe('the time that counts at a start', () => {
  it.each(Object.entries(wrongClocks))(
    'is the last that was known, whatever the clock says: %s',
    (_, wall) => {
      const other = beginning({ wall, uptime: seconds(20), boot: 'two', builtAt: built, known });
      expect(other).toEqual({ time: today, doubt: { since: today, goesOn: false } });
      const same = beginning({ wall, uptime: hours(6), boot: 'one', builtAt: built, known });
      expect(same).toEqual({ time: today + hours(1), doubt: { since: today + hours(1), goesOn: false } });
    },
  );

  it('is the wall clock when the machine has run on and that agrees', () => {
    const wall = today + hours(1) + 500;
    const start = { wall, uptime: hours(6), boot: 'one', builtAt: built, known };
    expect(beginning(start)).toEqual({ time: wall, voucher: 'time-server' });
  });

  it('goes on in doubt when there was doubt before', () => {
    const doubt = { id: 'x', since: today - hours(1) };
    const { voucher: _, ...rest } = known;
    const start = { wall: today, uptime: 0, boot: 'two', builtAt: built, known: { ...rest, doubt } };
    expect(beginning(start)).toEqual({ time: today, doubt: { since: doubt.since, goesOn: true } });
  });

  it('is later than all that was made before the power was cut', () => {
    const start = { wall: 0, uptime: 0, boot: 'two', builtAt: built, known: { ...known, clean: false } };
    expect(beginning(start).time).toBeGreaterThanOrEqual(today + timeLimits.saveEveryMs);
  });

  it('is never before the build, nor before the state was written', () => {
    expect(beginning({ wall: 0, uptime: 0, builtAt: built }).time).toBe(built);
    expect(beginning({ wall: Date.UTC(2100, 0), uptime: 0, builtAt: built }).time).toBe(built);
    expect(beginning({ wall: 0, uptime: 0, builtAt: built, newest: today }).time).toBe(today + 1);
    const late = beginning({ wall: 0, uptime: 0, boot: 'two', builtAt: today + days(9), known });
    expect(late.time).toBe(today + days(9));
  });

  it('is what the clock says when there is nothing that could expire', () => {
    const first = beginning({ wall: today, uptime: 0, builtAt: built });
    expect(first).toEqual({ time: today, doubt: { since: today, goesOn: false } });
  });
});

describe('whether the wall clock is believed', () => {
  const seen = {
    wall: today,
    time: today,
    builtAt: built,
    evenForMs: 0,
    synchronized: false,
    aheadOfServers: [] as number[],
  };

  it('is so by a time server, however far it moves', () => {
    for (const wall of [today, today + days(100), today - days(100)])
      expect(judge({ ...seen, wall, synchronized: true })).toEqual({ voucher: 'time-server' });
    expect(judge({ ...seen, wall: 0, synchronized: true })).toEqual({ reason: 'behind' });
  });

  it('is so by one server of those that prove who they are', () => {
    const wall = today + days(100);
    expect(judge({ ...seen, wall, aheadOfServers: [days(9), 800] })).toEqual({ voucher: 'server' });
    expect(judge({ ...seen, wall, aheadOfServers: [days(9)] })).toEqual({ reason: 'ahead' });
  });

  it('is so with nobody to ask when it is near and has run evenly: nobody is stuck for ever', () => {
    expect(judge({ ...seen, evenForMs: minutes(59) })).toEqual({ reason: 'unconfirmed' });
    expect(judge({ ...seen, evenForMs: hours(1) })).toEqual({ voucher: 'itself' });
    expect(judge({ ...seen, wall: today + days(2), evenForMs: hours(1) })).toEqual({ voucher: 'itself' });
    expect(judge({ ...seen, wall: today - days(2), evenForMs: hours(1) })).toEqual({ reason: 'behind' });
    expect(judge({ ...seen, wall: today - days(2), evenForMs: days(1) })).toEqual({ voucher: 'itself' });
    expect(judge({ ...seen, wall: today + days(100), evenForMs: days(99) })).toEqual({ reason: 'ahead' });
  });
});

describe('what was made in doubt', () => {
  it('is all of it, and nothing that is made when the time is known', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: days(30) }),
        fc.integer({ min: -days(900), max: days(900) }),
        (lasted, step) => {
          const time = today + lasted;
          const found = correction({ id: 'x', since: today }, time, time + step);
          expect(found === undefined).toBe(Math.abs(step) <= timeLimits.driftMs);
          if (found === undefined) return;
          expect(found.until).toBeGreaterThanOrEqual(time);
          expect(found.step).toBe(step);
          expect(step < 0 || found.until < time + step).toBe(true);
        },
      ),
    );
  });
});

describe('what time it probably is', () => {
  it('is the wall clock where nothing speaks against it', () => {
    expect(likelyTime({ wall: today + days(3), time: today, builtAt: built })).toBe(today + days(3));
    expect(likelyTime({ wall: today - days(3), time: today, builtAt: built })).toBe(today);
    expect(likelyTime({ wall: Date.UTC(2100, 0), time: today, builtAt: built })).toBe(today);
  });
});
