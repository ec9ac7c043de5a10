import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { goodAt, hotp, keyFor, stepSeconds, totp } from '../../../../src/box/auth/instances/otp.ts';
import { mostPending, PendingRequests } from '../../../../src/box/auth/instances/pending.ts';
import { secretHash } from '../../../../src/box/sessions/secrets.ts';
import { seconds } from '../../../../src/kit/runtime/clock.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const ids = { deviceId: 'phone', uid: 'u'.repeat(43) };
const asker = { ...ids, mailbox: 'porchlight', label: 'App', address: '203.0.113.9' };

const wrong = (otp: string): string => String((Number(otp) + 1) % 1e8).padStart(8, '0');

describe('the passwords', () => {
  // RFC 6238, appendix B, the lines with SHA-256.
  it.each([
    [59, '46119246'],
    [1_111_111_109, '68084774'],
    [1_111_111_111, '67062674'],
    [1_234_567_890, '91819424'],
    [2_000_000_000, '90698825'],
    [20_000_000_000, '77737706'],
  ])('are those of RFC 6238 at %i s', (at, password) => {
    const key = Buffer.from('12345678901234567890123456789012');
    expect(hotp(key, Math.floor(at / stepSeconds))).toBe(password);
    expect(totp(key, seconds(at))).toBe(password);
  });

  it('are good for a minute from any moment on, and no longer than a step more', () => {
    fc.assert(
      fc.property(fc.nat(1e12), fc.nat(200_000), (from, later) => {
        const key = keyFor(Buffer.alloc(32, 1), 'phone', 'uid');
        const good = goodAt(key, from + later).includes(totp(key, from));
        // In the last step they may be good or not: it depends on when in a step they were made.
        expect(later < seconds(90) || !good).toBe(true);
        expect(later > seconds(60) || good).toBe(true);
      }),
    );
  });

  it('are of one request, one device and one mailbox', () => {
    const secret = randomBytes(32);
    const keys = [
      keyFor(secret, 'phone', 'uid'),
      keyFor(secret, 'phone', 'uie'),
      keyFor(secret, 'phoneu', 'id'),
      keyFor(secret, 'phone1:u', 'id'),
      keyFor(randomBytes(32), 'phone', 'uid'),
    ].map((key) => key.toString('hex'));
    expect(new Set(keys).size).toBe(keys.length);
  });
});

const hash = (token: string): string => secretHash('instance', token);

describe('pending requests', () => {
  it('take a password once', () => {
    const pending = new PendingRequests({ clock: new FakeClock() });
    const otp = pending.newOtp(asker);
    expect(pending.useOtp({ ...ids, deviceId: 'other' }, otp)).toBeUndefined();
    expect(pending.useOtp({ ...ids, uid: 'v'.repeat(43) }, otp)).toBeUndefined();
    expect(pending.useOtp(ids, otp)).toEqual(asker);
    expect(pending.useOtp(ids, otp)).toBeUndefined();
    expect(pending.size).toBe(0);
  });

  it('take it within a minute, and after four wrong ones, but not after five', async () => {
    const clock = new FakeClock();
    const pending = new PendingRequests({ clock });
    let otp = pending.newOtp(asker);
    for (let time = 0; time < 4; time++) expect(pending.useOtp(ids, wrong(otp))).toBeUndefined();
    expect(pending.useOtp(ids, otp)).toEqual(asker);
    otp = pending.newOtp(asker);
    for (let time = 0; time < 5; time++) expect(pending.useOtp(ids, wrong(otp))).toBeUndefined();
    expect(pending.useOtp(ids, otp)).toBeUndefined();
    otp = pending.newOtp(asker);
    await clock.advance(seconds(59));
    expect(pending.useOtp(ids, otp)).toEqual(asker);
    otp = pending.newOtp(asker);
    await clock.advance(seconds(60));
    expect(pending.useOtp(ids, otp)).toBeUndefined();
    expect(pending.sweep()).toBe(1);
  });

  it('void the password before for the same ids', () => {
    const pending = new PendingRequests({ clock: new FakeClock() });
    const before = pending.newOtp(asker);
    const otp = pending.newOtp(asker);
    // One in a hundred million is the same.
    expect(pending.useOtp(ids, before === otp ? wrong(before) : before)).toBeUndefined();
    expect(pending.useOtp(ids, otp)).toEqual(asker);
  });

  it('are so many and no more, until some are over', async () => {
    const clock = new FakeClock();
    const pending = new PendingRequests({ clock });
    for (let count = 0; count < mostPending; count++)
      pending.newOtp({ ...asker, deviceId: `phone-${count}` });
    expect(() => pending.newOtp(asker)).toThrow(/too many/);
    await clock.advance(seconds(60));
    pending.newOtp(asker);
    expect(pending.size).toBe(1);
  });

  it('hold a token until it is used, once and in time', async () => {
    const clock = new FakeClock();
    const pending = new PendingRequests({ clock });
    const before = pending.newToken(asker);
    const token = pending.newToken(asker);
    expect(pending.useToken(hash(before))).toBeUndefined();
    // It is no password, nor is a password a token.
    expect(pending.useOtp(ids, token.slice(0, 8))).toBeUndefined();
    expect(pending.useToken(hash(token))).toEqual(asker);
    expect(pending.useToken(hash(token))).toBeUndefined();
    const late = pending.newToken(asker);
    await clock.advance(seconds(300));
    expect(pending.useToken(hash(late))).toBeUndefined();
    expect(pending.sweep()).toBe(1);
    expect(pending.size).toBe(0);
  });
});
