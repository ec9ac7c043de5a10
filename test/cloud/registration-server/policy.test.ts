import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callerAddress, proxyTrust } from '../../../src/cloud/registration-server/caller.ts';
import { againIn, LoadMeter } from '../../../src/cloud/registration-server/pace.ts';
import { RateLimit } from '../../../src/kit/http/rate-limit.ts';
import { readShortCode, shortCode } from '../../../src/cloud/registration-server/short-code.ts';
import type { Problem } from '../../../src/kit/runtime/errors.ts';
import { registrationLimits } from '../../../src/protocol/registration-api.ts';

describe('who is calling', () => {
  const trust = proxyTrust(['10.0.0.0/8', '2001:db8:ffff::1']);
  it.each<[what: string, peer: string, header: string | string[] | undefined, caller: string]>([
    ['no proxy', '198.51.100.1', undefined, '198.51.100.1'],
    ['a stranger with a header', '198.51.100.1', '203.0.113.7', '198.51.100.1'],
    ['IPv4 on a socket for both families', '::ffff:198.51.100.1', undefined, '198.51.100.1'],
    ['a link-local peer', 'fe80::1%eth0', undefined, 'fe80::1'],
    ['a proxy', '10.1.2.3', '203.0.113.7', '203.0.113.7'],
    ['a proxy on a socket for both families', '::ffff:10.1.2.3', '203.0.113.7', '203.0.113.7'],
    ['a proxy with IPv6', '2001:db8:ffff:0::1', '2001:DB8:0::7', '2001:db8::7'],
    [
      'a caller who wrote a header before the proxy did',
      '10.1.2.3',
      '192.0.2.66, 203.0.113.7',
      '203.0.113.7',
    ],
    ['two proxies', '10.1.2.3', '192.0.2.66, 203.0.113.7, 10.9.9.9', '203.0.113.7'],
    ['several header lines', '10.1.2.3', ['192.0.2.66', '203.0.113.7'], '203.0.113.7'],
  ])('%s', (_, peer, header, caller) => {
    expect(callerAddress(peer, { 'x-forwarded-for': header }, trust)).toBe(caller);
  });

  it.each([undefined, '', 'unknown', '10.9.9.9', '203.0.113.7, unknown', '203.0.113.7:443'])(
    'is refused when the proxy does not say: %s',
    (header) => {
      expect(() => callerAddress('10.1.2.3', { 'x-forwarded-for': header }, trust)).toThrow(
        'the proxy 10.1.2.3 did not say for whom it asks: it must set x-forwarded-for to one IP address',
      );
    },
  );

  it('is taken from the header that is configured', () => {
    const other = proxyTrust(['10.1.2.3'], 'X-Real-IP');
    const headers = { 'x-forwarded-for': '192.0.2.66', 'x-real-ip': '203.0.113.7' };
    expect(callerAddress('10.1.2.3', headers, other)).toBe('203.0.113.7');
  });

  it.each(['10.0.0.0/33', '10.0.0.0/', 'proxy.example', '10.0.0.0/8/8', '::/129', ''])(
    'names a setting that is no network: %j',
    (proxy) => {
      expect(() => proxyTrust([proxy])).toThrow(`${JSON.stringify(proxy)} is not an address or a network`);
    },
  );
});

function caught(action: () => void): Problem | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return error as Problem;
  }
}

describe('rate limit', () => {
  it('lets nobody have more than the burst and the rate allow, and everybody that much', () => {
    const steps = fc.array(fc.record({ key: fc.constantFrom('a', 'b'), wait: fc.nat(3000) }), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(steps, (steps) => {
        const rate = { burst: 3, perSecond: 0.5 };
        const limit = new RateLimit(rate);
        const taken: Record<string, number[]> = { a: [], b: [] };
        let now = 0;
        for (const { key, wait } of steps) {
          now += wait;
          const times = taken[key] ?? [];
          const waitSeconds = limit.waitSeconds(key, now);
          const refusal = caught(() => limit.take(key, now, 'tries'));
          if (refusal === undefined) times.push(now);
          expect(refusal?.retryAfterSeconds ?? 0).toBe(Math.ceil(waitSeconds));
          expect(limit.waitSeconds(key, now + 2001)).toBe(0);
          for (const [index, since] of times.entries()) {
            const allowed = rate.burst + ((now - since) / 1000) * rate.perSecond;
            expect(times.length - index).toBeLessThanOrEqual(allowed + 1e-6);
          }
        }
      }),
    );
  });

  it('forgets who is quiet, and the one quiet for longest when there are too many', () => {
    const limit = new RateLimit({ burst: 2, perSecond: 1 }, 3);
    for (const key of ['a', 'b', 'c', 'd']) limit.take(key, 0, 'tries');
    expect(limit.size).toBe(3);
    limit.take('e', 5000, 'tries');
    expect(limit.size).toBe(1);
  });
});

describe('pace', () => {
  it('is about a minute, slower under load, and always well within the life of a record', () => {
    const load = fc.record({
      perSecond: fc.double({ min: 0, max: 1e6, noNaN: true }),
      comfortablePerSecond: fc.constant(100),
    });
    fc.assert(
      fc.property(load, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (load, random) => {
        const seconds = againIn(load, () => random);
        expect(seconds).toBeGreaterThanOrEqual(45);
        expect(seconds).toBeLessThanOrEqual(registrationLimits.lifetimeSeconds - 20);
      }),
    );
    expect(againIn({ perSecond: 100, comfortablePerSecond: 100 }, () => 0)).toBe(45);
    expect(againIn({ perSecond: 1000, comfortablePerSecond: 100 }, () => 0)).toBe(75);
  });

  it('knows the load of the last seconds', () => {
    const meter = new LoadMeter();
    for (let now = 0; now < 60_000; now += 20) meter.count(now);
    expect(meter.perSecond(60_000)).toBeCloseTo(50, 0);
    expect(meter.perSecond(120_000)).toBeLessThan(1);
  });
});

describe('short code', () => {
  it('is the same for a box, another for another box or another server, and read as people type', () => {
    const [key, other] = [new Uint8Array(32), new Uint8Array(32).fill(1)];
    const code = shortCode(key, 'box');
    expect(code).toMatch(/^[34679cdfghjkmnpqrtvwx]{4}-[34679cdfghjkmnpqrtvwx]{4}$/);
    expect(shortCode(key, 'box')).toBe(code);
    expect(new Set([code, shortCode(key, 'fox'), shortCode(other, 'box')]).size).toBe(3);
    for (const typed of [code, code.toUpperCase(), code.replace('-', ''), ` ${code.replace('-', ' - ')} `]) {
      expect(readShortCode(typed)).toBe(code);
    }
    for (const typed of ['', '3333-333', '3333-33333', 'aaaa-aaaa', '😀😀😀😀'])
      expect(readShortCode(typed)).toBeUndefined();
  });
});
