import { minutes } from '../../kit/runtime/clock.ts';
import type { Health } from '../../kit/runtime/health.ts';
import { storageFaults } from '../../kit/disk/problem.ts';
import type { ZoneCertificate } from '../facts.ts';
import type { Decision, Failure } from './policy.ts';

const name = 'certificate';

/** What a person can do about a failure, by its code. */
const remedies: Record<string, string> = {
  'acme-unreachable': 'check the way to the internet; the box tries again by itself',
  'acme-rate-limited': 'nothing to do; the box waits as long as the CA asks',
  'acme-authorization-failed':
    'check that the CA can reach the dns-server from the internet (UDP and TCP port 53)',
  'acme-caa': 'check the CAA records of the zone root: the configured CA must be allowed',
  'acme-rejected-identifier': 'the CA does not issue for this zone root: choose another CA or zone root',
  'acme-user-action-required':
    'the terms of the CA have changed: read and agree to them in the configuration',
  'acme-external-account-required':
    'this CA demands an account made elsewhere: set acme.eab-kid and its key as the CA gave them, or choose another CA',
  'acme-external-account-refused':
    'check acme.eab-kid and its key: they have to be as the CA gave them, and many are good for one account only',
  'acme-bad-nonce':
    'the fault is the CA’s, or of a proxy before it that repeats old answers: tell who runs it; the box tries again by itself',
  'challenge-not-served': 'check the dns-server and that each of its name servers can be reached on port 53',
  ...Object.fromEntries(
    storageFaults.map((fault) => [fault, 'check the state folder: free space, owner, read-only file system']),
  ),
};

/** Which step of an order was done last, and when. */
export interface Progress {
  step: string;
  at: number;
}

/** What is waited for after a step of an order. */
const waitingFor: Record<string, string> = {
  begun: 'the CA’s directory',
  'account-key-saved': 'the CA to take the account',
  'account-saved': 'the dns-server to pin the account',
  'caa-set': 'the CA to take the order',
  'order-prepared': 'the CA to take the order',
  'order-saved': 'the CA to say what it will look for',
  'challenges-added': 'the name servers to serve what the CA looks for',
  'challenges-served': 'the CA to hear that it can look',
  'challenges-told': 'the CA to look at the DNS',
  authorized: 'the CA to open the order',
  finalized: 'the CA to sign',
  issued: 'the certificate to be downloaded',
};

export interface Report {
  certificate: ZoneCertificate | undefined;
  /** Why the pair on disk is not used. */
  unusable: string | undefined;
  decision: Decision;
  /** The latest failure since the last certificate. */
  failure: Pick<Failure, 'code' | 'message'> | undefined;
  zonePublished: boolean;
  /** The last step of the order that is under way. */
  progress?: Progress | undefined;
  now: number;
  /** What the wall clock says; default: `now`. */
  wall?: number | undefined;
}

/** Sets the condition `certificate`: error when browsers are not (or soon no longer) satisfied, else warning or ok. */
export function report(
  health: Health,
  { certificate, unusable, decision, failure, zonePublished, progress, now, wall = now }: Report,
): void {
  if (decision.do === 'wait' && decision.why === 'clock-wrong') {
    const since = certificate === undefined ? '' : ' or of the last certificate';
    return health.set(
      name,
      'error',
      `the clock says ${dateTime(wall)}, before the build of this program${since}: no certificate is asked for`,
      'set the clock, or give the box a way to a time server',
    );
  }
  const lacking = certificate === undefined || certificate.notAfter <= now;
  const state = stateOf(certificate, unusable, now);
  if (failure !== undefined && progress === undefined) {
    const lastSixth = certificate === undefined ? 0 : (certificate.notAfter - certificate.notBefore) / 6;
    const urgent = lacking || certificate.notAfter - now < lastSixth;
    const next = decision.do === 'wait' ? `; next attempt ${dateTime(decision.until)}` : '';
    const message = `${state}; ${failure.message}${next}`;
    return health.set(name, urgent ? 'error' : 'warning', message, remedies[failure.code]);
  }
  if (decision.do === 'wait') {
    const message = `${state}; renewal ${dateTime(decision.until)}`;
    // What was obtained a moment ago has expired only by a clock that is ahead.
    if (lacking) return health.set(name, 'error', message, 'check the clock of the box');
    return health.set(name, 'ok', message);
  }
  const doing = zonePublished ? underWay(progress) : 'waiting for the zone';
  const severity = certificate === undefined ? 'warning' : lacking ? 'error' : 'ok';
  health.set(name, severity, `${state}; ${doing}`);
}

/** A slow CA is seen at work, and not taken for one that does nothing. */
function underWay(progress: Progress | undefined): string {
  if (progress === undefined) return 'one is being obtained';
  const waiting = waitingFor[progress.step] ?? 'the next step';
  return `one is being obtained: waiting for ${waiting} since ${dateTime(progress.at)}`;
}

function stateOf(
  certificate: ZoneCertificate | undefined,
  unusable: string | undefined,
  now: number,
): string {
  if (certificate !== undefined) {
    const { notAfter } = certificate;
    return `the certificate ${notAfter <= now ? 'has expired' : 'is valid until'} ${dateTime(notAfter)}`;
  }
  return unusable === undefined ? 'there is no certificate yet' : `there is no certificate: ${unusable}`;
}

function dateTime(time: number): string {
  return `${new Date(Math.round(time / minutes(1)) * minutes(1)).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
