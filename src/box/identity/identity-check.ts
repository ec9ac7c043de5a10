import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { messageOf, Problem } from '../../kit/errors.ts';
import { boxIdFromDigest } from '../../protocol/names.ts';
import type { Identity } from '../facts.ts';

/**
 * The identity that a certificate and a key make, or the problem `identity-damaged`. A damaged identity is never
 * replaced in silence: the box id is the box's name, and a new one would lock every owner and app out.
 */
export function identityFrom(certPem: string, keyPem: string, folder: string): Identity {
  const certificate = parsed(
    () => new X509Certificate(certPem),
    `${folder}/certificate.pem is not a certificate`,
    folder,
  );
  const key = parsed(() => createPrivateKey(keyPem), `${folder}/key.pem is not a private key`, folder);
  if (!certificate.checkPrivateKey(key)) {
    throw damaged('key.pem and certificate.pem do not belong together', folder);
  }
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
      `or, to begin as a new box under a new name, move that folder away and start again`,
    { retryable: false, details: { folder }, cause },
  );
}
