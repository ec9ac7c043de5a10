import { constants, createHash, verify, X509Certificate } from 'node:crypto';
import { seconds } from '../kit/runtime/clock.ts';
import { Problem } from '../kit/runtime/errors.ts';
import { agentLimits, type ExchangeRequest, signedText } from '../protocol/agent-api.ts';
import { boxIdFromDigest } from '../protocol/names.ts';

export interface Signed extends Pick<ExchangeRequest, 'challenge' | 'signedAt' | 'signature'> {
  boxId: string;
  origin: string;
}

/**
 * Checks that the box with this id signed the challenge for a page of this origin, just now. `certificate` (DER, base64) can
 * be from anybody: the box id is its hash, and says whether it is the right one. Throws `signature-wrong`, `clocks-differ`.
 */
export function checkSignature(signed: Signed, certificate: string, now: number): void {
  const key = { key: keyOf(signed.boxId, certificate), padding, saltLength: 32 };
  const signature = Buffer.from(signed.signature, 'base64url');
  if (!verify('sha256', Buffer.from(signedText(signed)), key, signature))
    throw wrong('the challenge was not signed by the box that this agent is paired with, for this page');
  const apart = Math.abs(now - signed.signedAt);
  if (apart <= seconds(agentLimits.clockSeconds)) return;
  const message = `the clocks of this computer and of the box differ by ${Math.round(apart / 1000)} s; set the one that is wrong`;
  throw new Problem('clocks-differ', message, { status: 409 });
}

const padding = constants.RSA_PKCS1_PSS_PADDING;

function keyOf(boxId: string, certificate: string): X509Certificate['publicKey'] {
  const der = Buffer.from(certificate, 'base64');
  if (boxIdFromDigest(createHash('sha256').update(der).digest()) !== boxId)
    throw wrong('the certificate that came from the box is not that of its identity');
  return new X509Certificate(der).publicKey;
}

const wrong = (what: string): Problem =>
  new Problem('signature-wrong', `${what}; nothing was given to the page`, { status: 403 });
