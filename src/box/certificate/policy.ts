import { createHash } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { days, hours, minutes, type Random, seconds } from '../../kit/runtime/clock.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import { type Backoff, backoffDelay } from '../../kit/runtime/retry.ts';
import type { ZoneCertificate } from '../facts.ts';

/** When to ask which CA for a certificate: functions of what is known and the time. All times in ms since the epoch. */

/** `staging`: the CA's rehearsal directory, whose certificates nobody trusts and whose limits are wide. */
const Target = Type.Union([Type.Literal('production'), Type.Literal('staging')]);
export type Target = Static<typeof Target>;

/** `refused`: the CA looked and said no. `limited`: too many requests. `away`: no answer, or one that makes no sense. */
const FailureKind = Type.Union([Type.Literal('refused'), Type.Literal('limited'), Type.Literal('away')]);
export type FailureKind = Static<typeof FailureKind>;

const Failure = Type.Object({
  at: Type.Number(),
  target: Target,
  kind: FailureKind,
  code: Type.String(),
  message: Type.String(),
  /** No further attempt before this time. */
  notBefore: Type.Number(),
});
export type Failure = Static<typeof Failure>;

/** Renewal information (RFC 9773) of the certificate with this serial; without a window when the CA has none. */
const Ari = Type.Object({
  serial: Type.String(),
  window: Type.Optional(Type.Object({ start: Type.Number(), end: Type.Number() })),
  nextPollAt: Type.Number(),
  /** Polls in a row that brought no answer. */
  failures: Type.Number(),
});
export type Ari = Static<typeof Ari>;

/** What is remembered across restarts. */
export const Renewal = Type.Object({
  /** Since the last certificate, oldest first. */
  failures: Type.Array(Failure),
  /** The staging directory has issued after the last production failure. */
  rehearsed: Type.Boolean(),
  ari: Type.Optional(Ari),
  /** When the certificate in use was obtained, by our clock. */
  issuedAt: Type.Optional(Type.Number()),
});
export type Renewal = Static<typeof Renewal>;

export const noRenewal: Renewal = { failures: [], rehearsed: false };

/**
 * Let's Encrypt allows five failed authorizations an hour for a name, given back one in twelve minutes, and both of
 * ours (`<zone>` and `*.<zone>`) count for one name: these delays stay below that whatever the jitter.
 */
const refusedBackoff: Backoff = { initialMs: minutes(4), factor: 8, capMs: hours(6), jitter: 0.5 };
const backoffs: Record<FailureKind, Backoff> = {
  refused: refusedBackoff,
  limited: refusedBackoff,
  away: { initialMs: seconds(2), factor: 2, capMs: minutes(15), jitter: 0.5 },
};

/** Refusals by production before the staging directory is tried, and silence of staging before it is passed over. */
const refusalsBeforeRehearsal = 2;
const stagingPatience = 3;
const keptFailures = 20;

const longestRestMs = hours(12);

/** A clock that is a little behind the CA's is not plainly wrong. */
const clockToleranceMs = hours(1);

export type Decision =
  | { do: 'obtain'; from: Target; why: 'due' }
  | { do: 'wait'; until: number; why: 'fresh' | 'back-off' | 'clock-wrong' };

type Dated = Pick<ZoneCertificate, 'serial' | 'notBefore' | 'notAfter'>;

export interface Situation {
  certificate: Dated | undefined;
  renewal: Renewal;
  /** A staging directory is configured. */
  hasStaging: boolean;
  /** When this program was built: the present is later. */
  builtAt: number;
  /** 0 to 1, the same for a box for ever (`stableFraction`). */
  jitter: number;
  now: number;
  /** What the wall clock says, by which TLS judges the CA; default: `now`. */
  wall?: number | undefined;
}

export function decide(situation: Situation): Decision {
  const { certificate, renewal, builtAt, now, wall = now } = situation;
  if (wall < Math.max(builtAt, (certificate?.notBefore ?? 0) - clockToleranceMs)) {
    return { do: 'wait', until: now + seconds(10), why: 'clock-wrong' };
  }
  if (certificate !== undefined) {
    const renewAt = Math.max(
      renewalTime(certificate, renewal, situation.jitter),
      endOfRest(situation, certificate),
    );
    if (now < renewAt) return { do: 'wait', until: renewAt, why: 'fresh' };
  }
  const last = failuresBy(now, renewal).at(-1);
  if (last !== undefined && now < last.notBefore)
    return { do: 'wait', until: last.notBefore, why: 'back-off' };
  const rehearse = situation.hasStaging && needsRehearsal(now, renewal);
  return { do: 'obtain', from: rehearse ? 'staging' : 'production', why: 'due' };
}

/** At the box's own point in the CA's window; without one, when a third of the lifetime is left (a little spread). */
export function renewalTime(certificate: Dated, renewal: Renewal, jitter: number): number {
  const { notBefore, notAfter } = certificate;
  const lifetime = notAfter - notBefore;
  const window = renewal.ari?.serial === certificate.serial ? renewal.ari.window : undefined;
  if (window === undefined) return notAfter - lifetime / 3 - (jitter * lifetime) / 30;
  // A window at or past the end must not let the certificate expire.
  return Math.min(window.start + jitter * (window.end - window.start), notAfter - lifetime / 6);
}

/** A CA is asked for renewal information at least so often (RFC 9773, 4.3.2). */
export const longestPollMs = days(1);

/** When renewal information is due: at once for a certificate that was never asked about, or when the clock was ahead. */
export function pollTime({ serial }: Dated, { ari }: Renewal, now: number): number {
  const known = ari?.serial === serial && ari.nextPollAt <= now + longestPollMs + clockToleranceMs;
  return known ? ari.nextPollAt : 0;
}

/**
 * Until when no other certificate is asked for, whatever speaks for it: a CA whose windows always lie in the past, or a
 * clock by which every new certificate has expired, must not cost order after order.
 */
function endOfRest({ renewal, now }: Situation, { notBefore, notAfter }: Dated): number {
  const { issuedAt } = renewal;
  if (issuedAt === undefined || issuedAt > now) return 0;
  return issuedAt + Math.min(longestRestMs, (notAfter - notBefore) / 3);
}

/** What a failure says about the CA; `undefined` when the CA has no part in it. */
export function failureKind(error: unknown): FailureKind | undefined {
  if (!(error instanceof Problem) || !error.code.startsWith('acme-')) return undefined;
  if (error.status === 429) return 'limited';
  return error.status >= 500 ? 'away' : 'refused';
}

/** `renewal` with one more failure, whose `notBefore` follows from those before it and from the CA's Retry-After. */
export function withFailure(
  renewal: Renewal,
  failure: Omit<Failure, 'notBefore'> & { retryAfterSeconds?: number | undefined },
  random: Random,
): Renewal {
  const { retryAfterSeconds, ...rest } = failure;
  const before = failuresBy(failure.at, renewal);
  const count = before.filter((other) => other.kind === failure.kind).length + 1;
  const delay = backoffDelay(backoffs[failure.kind], count, random, retryAfterSeconds);
  return {
    ...renewal,
    failures: [...before, { ...rest, notBefore: failure.at + delay }].slice(-keptFailures),
    rehearsed: failure.target === 'production' ? false : renewal.rehearsed,
  };
}

/** A number in [0, 1) that spreads boxes evenly and is the same for one box on every day. */
export function stableFraction(boxId: string): number {
  return createHash('sha256').update(`renewal ${boxId}`).digest().readUInt32BE() / 2 ** 32;
}

/** Failures from the future were noted under a wrong clock and say nothing about now. */
function failuresBy(now: number, renewal: Renewal): Failure[] {
  return renewal.failures.filter((failure) => failure.at <= now);
}

function needsRehearsal(now: number, renewal: Renewal): boolean {
  const failures = failuresBy(now, renewal);
  const refusals = failures.filter(({ target, kind }) => target === 'production' && kind === 'refused');
  const silent = failures
    .slice(-stagingPatience)
    .filter(({ target, kind }) => target === 'staging' && kind === 'away');
  return refusals.length >= refusalsBeforeRehearsal && !renewal.rehearsed && silent.length < stagingPatience;
}
