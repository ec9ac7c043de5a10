import { createHash, X509Certificate } from 'node:crypto';
import { messageOf, Problem } from '../../kit/runtime/errors.ts';
import { isKeyOf } from '../../kit/x509/key-check.ts';
import { boxIdFromDigest } from '../../protocol/names.ts';
import type { Identity } from '../facts.ts';

/**
 * The identity that a certificate and a key make, or the problem `identity-damaged`. A damaged identity is never
 * replaced in silence: the box id is the box's name, and a new one would lock every owner and app out. Every bit counts:
 * the hash of the certificate is the name, so the certificate must verify its own signature (RFC 5280, 4.1.1.3).
 */
export function identityFrom(certPem: string, keyPem: string, folder: string): Identity {
  const certificate = parsed(
    () => new X509Certificate(certPem),
    `${folder}/certificate.pem is not a certificate`,
    folder,
  );
  const check = (what: string, right: () => boolean): void => {
    if (!parsed(right, what, folder)) throw damaged(what, folder);
  };
  check('certificate.pem has been altered: its signature is not its own', () =>
    certificate.verify(certificate.publicKey),
  );
  check('key.pem is not, or no longer, the key of certificate.pem', () => isKeyOf(certificate, keyPem));
  const digest = createHash('sha256').update(certificate.raw).digest();
  return { boxId: boxIdFromDigest(digest), certPem, keyPem, fingerprint: digest.toString('hex') };
}

function parsed<T>(parse: () => T, message: string, folder: string): T {
  try {
    return parse();
  } catch (error) {
    throw damaged(`${message} (${messageOf(error)})`, folder, error);
  }
}

/** The problem of an identity that cannot be used, with the two ways out. */
export function damaged(what: string, folder: string, cause?: unknown): Problem {
  return new Problem(
    'identity-damaged',
    `the box's identity is damaged: ${what}. Restore ${folder} from a backup to keep the box's name; ` +
      `or, to begin as a new box under a new name: porchlight reset --forget-identity --yes`,
    { retryable: false, details: { folder }, cause },
  );
}
