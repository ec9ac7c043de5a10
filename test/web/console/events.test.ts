import { describe, expect, it } from 'vitest';
import { eventOf, waitBeforeTry } from '../../../src/web/console/events.ts';
import { pagesFor } from '../../../src/web/console/page-names.ts';

describe('the events socket', () => {
  it('waits longer after each failure, spread out, and never more than half a minute', () => {
    expect([0, 1, 2, 3].map((failures) => waitBeforeTry(failures, 0))).toEqual([500, 1000, 2000, 4000]);
    expect(waitBeforeTry(0, 0.999)).toBeLessThan(1000);
    expect(waitBeforeTry(1000, 0.999)).toBeLessThanOrEqual(30_000);
  });

  it('reads events, and nothing else', () => {
    expect(eventOf('{"type":"session-ended"}')).toEqual({ type: 'session-ended' });
    expect(['{', '7', 'null', '[]', '{"kind":1}', new Blob()].map(eventOf)).toEqual(Array(6).fill(undefined));
  });
});

describe('pages', () => {
  it('are for members those that the box answers to members', () => {
    expect(pagesFor('member')).toEqual(['home', 'services', 'sessions', 'account', 'about']);
    expect(pagesFor('owner')).toEqual(expect.arrayContaining([...pagesFor('member')]));
  });
});
