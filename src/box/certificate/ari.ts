import { X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { hours, minutes } from '../../kit/runtime/clock.ts';
import { codeOf, messageOf } from '../../kit/runtime/errors.ts';
import type { Log } from '../../kit/log/log.ts';
import type { ZoneCertificate } from '../facts.ts';
import type { AcmeCa } from './acme.ts';
import { badAnswer } from './acme-shapes.ts';
import { type Ari, longestPollMs } from './policy.ts';

/** ACME Renewal Information (RFC 9773): when the CA would like a certificate to be renewed. */

const RenewalInfo = Type.Object({
  suggestedWindow: Type.Object({ start: Type.String(), end: Type.String() }),
  explanationURL: Type.Optional(Type.String()),
});

const authorityKeyIdentifier = '2.5.29.35';
const contextSpecific: number = forge.asn1.Class.CONTEXT_SPECIFIC;

/**
 * RFC 9773, 4.1: base64url of the authority key identifier, a dot, base64url of the serial number's DER bytes.
 * `undefined` for a certificate without an authority key identifier, which cannot be asked about.
 */
export function certId(chainPem: string): string | undefined {
  const der = new X509Certificate(chainPem).raw;
  const certificate = forge.asn1.fromDer(der.toString('binary'));
  const fields = children(children(certificate)[0]);
  // TBSCertificate (RFC 5280, 4.1): [0] version, serialNumber, …, [3] extensions.
  const serial = fields[1]?.value;
  const extensions = children(children(fields.find((field) => isContext(field, 3)))[0]);
  const extension = extensions.map(children).find(([oid]) => oidOf(oid) === authorityKeyIdentifier);
  const content = extension?.at(-1)?.value;
  if (typeof serial !== 'string' || typeof content !== 'string') return undefined;
  const key = children(forge.asn1.fromDer(content)).find((field) => isContext(field, 0))?.value;
  return typeof key === 'string' ? `${base64url(key)}.${base64url(serial)}` : undefined;
}

/**
 * Asks the CA about `certificate`. A CA without renewal information, or without an answer, is no failure of ours: what
 * was known stays, and it is asked again later.
 */
export async function askRenewalInfo(options: {
  ca: AcmeCa;
  certificate: ZoneCertificate;
  before: Ari | undefined;
  now: number;
  log: Log;
  signal: AbortSignal;
}): Promise<Ari> {
  const { ca, certificate, now, log, signal } = options;
  const { serial, chainPem } = certificate;
  const before = options.before?.serial === serial ? options.before : { serial, nextPollAt: 0, failures: 0 };
  try {
    const { renewalInfo } = await ca.offers(signal);
    const id = certId(chainPem);
    if (renewalInfo === undefined || id === undefined)
      return { serial, nextPollAt: now + longestPollMs, failures: 0 };
    const answer = await ca.renewalInfo(`${renewalInfo.replace(/\/$/, '')}/${id}`, signal);
    const { start, end, explanation } = renewalWindow(answer);
    const period = `${new Date(start).toISOString()} and ${new Date(end).toISOString()}`;
    log.info({ explanation }, `the CA suggests renewal between ${period}`);
    return { serial, window: { start, end }, nextPollAt: now + pollDelay(ca.retryAfterSeconds), failures: 0 };
  } catch (error) {
    signal.throwIfAborted();
    const failures = before.failures + 1;
    const delayMs = pollDelayAfterFailure(failures);
    log.info(
      { code: codeOf(error), failures, retryInMs: delayMs },
      `no renewal information: ${messageOf(error)}`,
    );
    return { ...before, nextPollAt: now + delayMs, failures };
  }
}

/** The window in a CA's answer. Throws `acme-bad-answer`; an end before the start counts as no answer (RFC 9773, 4.2). */
export function renewalWindow(answer: unknown): {
  start: number;
  end: number;
  explanation: string | undefined;
} {
  if (!Value.Check(RenewalInfo, answer)) throw badAnswer('renewal information', 'it has no suggestedWindow');
  const { suggestedWindow, explanationURL }: Static<typeof RenewalInfo> = answer;
  const [start, end] = [Date.parse(suggestedWindow.start), Date.parse(suggestedWindow.end)];
  if (!(start < end))
    throw badAnswer(
      'renewal information',
      `its window is from ${suggestedWindow.start} to ${suggestedWindow.end}`,
    );
  return { start, end, explanation: explanationURL };
}

/** How long until the CA is asked again, ms: what it says within reason (RFC 9773, 4.3), else six hours. */
export function pollDelay(retryAfterSeconds: number | undefined): number {
  if (retryAfterSeconds === undefined) return hours(6);
  return Math.min(longestPollMs, Math.max(minutes(1), retryAfterSeconds * 1000));
}

/** After `failures` polls in a row without an answer: soon at first, then at the normal pace (RFC 9773, 4.3.3). */
export function pollDelayAfterFailure(failures: number): number {
  return Math.min(hours(6), minutes(1) * 4 ** Math.min(failures, 10));
}

function children(node: forge.asn1.Asn1 | undefined): forge.asn1.Asn1[] {
  return Array.isArray(node?.value) ? node.value : [];
}

function isContext(node: forge.asn1.Asn1, tag: number): boolean {
  const { tagClass, type }: { tagClass: number; type: number } = node;
  return tagClass === contextSpecific && type === tag;
}

function oidOf(node: forge.asn1.Asn1 | undefined): string | undefined {
  return typeof node?.value === 'string' && node.type === forge.asn1.Type.OID
    ? forge.asn1.derToOid(node.value)
    : undefined;
}

function base64url(binary: string): string {
  return Buffer.from(binary, 'binary').toString('base64url');
}
