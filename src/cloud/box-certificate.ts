import { createHash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { Problem } from '../kit/errors.ts';
import { type BoxId, boxIdFromDigest } from '../protocol/names.ts';

/**
 * The box at the other end, from the certificate it proved to hold (TLS checks the signature even of a self-signed one).
 * For servers with `requestCert: true, rejectUnauthorized: false`. Throws `client-certificate-required`.
 */
export function boxIdOfPeer(socket: TLSSocket): BoxId {
  const { raw } = socket.getPeerCertificate() as { raw?: Buffer };
  if (raw === undefined) {
    throw new Problem('client-certificate-required', 'present the identity of the box as TLS client certificate', {
      status: 401,
      retryable: false,
    });
  }
  return boxIdFromDigest(createHash('sha256').update(raw).digest());
}
