import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decide,
  type FailureKind,
  failureKind,
  noRenewal,
  type Renewal,
  renewalTime,
  type Situation,
  stableFraction,
  type Target,
  withFailure,
} from '../../../src/box/certificate/policy.ts';
import { days, hours, minutes, seconds } from '../../../src/kit/runtime/clock.ts';
import { Problem } from '../../../src/kit/runtime/errors.ts';

const t0 = Date.UTC(2030, 0, 1);
const certificate = { serial: '01', notBefore: t0, notAfter: t0 + days(90) };
const situation = (changes: Partial<Situation>): Situation => ({
  certificate: undefined,
  renewal: noRenewal,
  hasStaging: true,
  builtAt: t0 - days(100),
  jitter: 0.5,
  now: t0,
  ...changes,
});

/** `failures` as [minutes after t0, target, kind, Retry-After in seconds]. */
type Given = [at: number, target: Target, kind: FailureKind, retryAfterSeconds?: number];
const after = (failures: readonly Given[], random = () => 0): Renewal =>
  failures.reduce<Renewal>(
    (renewal, [at, target, kind, retryAfterSeconds]) =>
      withFailure(
        renewal,
        { at: t0 + minutes(at), target, kind, code: 'c', message: 'm', retryAfterSeconds },
        random,
      ),
    noRenewal,
  );
const ari = (start: number, end: number, serial = '01'): Renewal => ({
  ...noRenewal,
  issuedAt: t0,
  ari: { serial, window: { start, end }, nextPollAt: 0, failures: 0 },
});

const refused = (at: number, target: Target = 'production'): Given => [at, target, 'refused'];
const due = (from: Target) => ({ do: 'obtain', from, why: 'due' });
const wait = (until: number, why: string) => ({ do: 'wait', until, why });

describe('when to ask which CA', () => {
  const third = t0 + days(60) - days(1.5);
  it.each<[string, Partial<Situation>, object]>([
    ['no certificate', {}, due('production')],
    ['a fresh certificate', { certificate }, wait(third, 'fresh')],
    ['a third of its lifetime left', { certificate, now: third }, due('production')],
    ['expired', { certificate, now: t0 + days(91) }, due('production')],
    [
      'a window of the CA: at the own point in it',
      { certificate, renewal: ari(t0 + days(10), t0 + days(12)) },
      wait(t0 + days(11), 'fresh'),
    ],
    [
      'a window in the past: now',
      { certificate, renewal: ari(t0 - days(3), t0 - days(1)), now: t0 + days(1) },
      due('production'),
    ],
    [
      'a window in the past for a certificate just made: not yet',
      { certificate, renewal: ari(t0 - days(3), t0 - days(1)), now: t0 + hours(1) },
      wait(t0 + hours(12), 'fresh'),
    ],
    [
      'a window after the end: while it is valid',
      { certificate, renewal: ari(t0 + days(100), t0 + days(102)) },
      wait(t0 + days(75), 'fresh'),
    ],
    [
      'a window for another certificate: none',
      { certificate, renewal: ari(t0, t0 + 1, '02') },
      wait(third, 'fresh'),
    ],
    [
      'a clock by which a certificate just made has expired',
      { certificate, renewal: { ...noRenewal, issuedAt: t0 + days(900) }, now: t0 + days(900) },
      wait(t0 + days(900) + hours(12), 'fresh'),
    ],
    [
      'made tomorrow, when the clock was wrong',
      { certificate, renewal: { ...noRenewal, issuedAt: t0 + days(900) }, now: t0 + days(89) },
      due('production'),
    ],
    ['before the build', { builtAt: t0 + 1 }, wait(t0 + seconds(10), 'clock-wrong')],
    [
      'long before the last certificate',
      { certificate, now: t0 - hours(2) },
      wait(t0 - hours(2) + seconds(10), 'clock-wrong'),
    ],
    [
      'a little before it: the clock of the CA is ahead',
      { certificate, now: t0 - minutes(5) },
      wait(third, 'fresh'),
    ],
    [
      'refused once',
      { renewal: after([refused(0)]), now: t0 + minutes(3) },
      wait(t0 + minutes(4), 'back-off'),
    ],
    ['refused once, and waited', { renewal: after([refused(0)]), now: t0 + minutes(4) }, due('production')],
    [
      'refused twice: rehearse',
      { renewal: after([refused(0), refused(4)]), now: t0 + hours(1) },
      due('staging'),
    ],
    [
      'refused twice, no staging configured',
      { renewal: after([refused(0), refused(4)]), now: t0 + hours(1), hasStaging: false },
      due('production'),
    ],
    [
      'rehearsed: production again',
      { renewal: { ...after([refused(0), refused(4)]), rehearsed: true }, now: t0 + hours(1) },
      due('production'),
    ],
    [
      'refused after a rehearsal: rehearse again',
      {
        renewal: withFailure(
          { ...after([refused(0), refused(4)]), rehearsed: true },
          { at: t0 + hours(1), target: 'production', kind: 'refused', code: 'c', message: 'm' },
          () => 0,
        ),
        now: t0 + days(1),
      },
      due('staging'),
    ],
    [
      'refused in the rehearsal: not production',
      { renewal: after([refused(0), refused(4), refused(60, 'staging')]), now: t0 + days(1) },
      due('staging'),
    ],
    [
      'a rehearsal without answers three times: production',
      {
        renewal: after([
          refused(0),
          refused(4),
          [60, 'staging', 'away'],
          [61, 'staging', 'away'],
          [62, 'staging', 'away'],
        ]),
        now: t0 + days(1),
      },
      due('production'),
    ],
    [
      'away twice is no refusal',
      {
        renewal: after([
          [0, 'production', 'away'],
          [1, 'production', 'away'],
        ]),
        now: t0 + hours(1),
      },
      due('production'),
    ],
    [
      'away: soon again',
      { renewal: after([[0, 'production', 'away']]), now: t0 + 1 },
      wait(t0 + seconds(2), 'back-off'),
    ],
    [
      'told to wait',
      { renewal: after([[0, 'production', 'limited', 7200]]), now: t0 + hours(1) },
      wait(t0 + hours(2), 'back-off'),
    ],
    [
      'failures of tomorrow, when the clock was wrong',
      { renewal: after([refused(24 * 60)]), now: t0 + hours(1) },
      due('production'),
    ],
    [
      'failing renewal of a valid certificate',
      { certificate, renewal: after([refused(days(70) / minutes(1))]), now: t0 + days(70) + 1 },
      wait(t0 + days(70) + minutes(4), 'back-off'),
    ],
  ])('%s', (_, given, expected) => {
    expect(decide(situation(given))).toEqual(expected);
  });

  it('never waits for the last sixth of the lifetime, whatever the CA says', () => {
    const time = fc.integer({ min: t0 - days(400), max: t0 + days(400) });
    fc.assert(
      fc.property(
        time,
        fc.integer({ min: 1, max: days(100) }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (start, length, jitter) => {
          const at = renewalTime(certificate, ari(start, start + length), jitter);
          expect(at).toBeLessThanOrEqual(t0 + days(75));
        },
      ),
    );
  });
});

describe('back-off', () => {
  it("stays within Let's Encrypt's limit of failed authorizations, whatever the jitter", () => {
    fc.assert(
      fc.property(
        fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
        (stream) => {
          const random = (): number => stream.next().value ?? 0;
          // A bucket of five, one back in twelve minutes; an attempt fails for `<zone>` and for `*.<zone>`.
          let [tokens, last, renewal] = [5, t0, noRenewal];
          for (let attempt = 0; attempt < 30; attempt++) {
            const decision = decide(situation({ renewal, now: last, hasStaging: false }));
            const now = decision.do === 'wait' ? decision.until : last;
            tokens = Math.min(5, tokens + (now - last) / minutes(12)) - 2;
            expect(tokens).toBeGreaterThanOrEqual(0);
            renewal = withFailure(
              renewal,
              { at: now, target: 'production', kind: 'refused', code: 'c', message: 'm' },
              random,
            );
            last = now;
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('is never longer than six hours, unless the CA says so', () => {
    const many = after(Array.from({ length: 40 }, (_, index) => refused(index * 1000)));
    expect((many.failures.at(-1)?.notBefore ?? 0) - (many.failures.at(-1)?.at ?? 0)).toBe(hours(6));
    expect(many.failures.length).toBe(20);
  });
});

describe('what a failure says about the CA', () => {
  it.each([
    [new Problem('acme-rate-limited', '', { status: 429 }), 'limited'],
    [new Problem('acme-caa', '', { status: 403 }), 'refused'],
    [new Problem('acme-server-internal', '', { status: 500 }), 'away'],
    [new Problem('acme-unreachable', '', { status: 502 }), 'away'],
    [new Problem('storage-failed', ''), undefined],
    [new Problem('unreachable', '', { status: 502 }), undefined],
    [new Error('acme-caa'), undefined],
  ])('%s', (error, kind) => expect(failureKind(error)).toBe(kind));
});

it('spreads boxes, each always to the same place', () => {
  const fractions = Array.from({ length: 1000 }, (_, index) => stableFraction(`box ${index}`));
  expect(stableFraction('box 7')).toBe(fractions[7]);
  expect(fractions.every((fraction) => fraction >= 0 && fraction < 1)).toBe(true);
  const mean = fractions.reduce((sum, fraction) => sum + fraction) / fractions.length;
  expect(mean).toBeGreaterThan(0.45);
  expect(mean).toBeLessThan(0.55);
});
