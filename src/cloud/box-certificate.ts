import { createHash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { Problem } from '../kit/runtime/errors.ts';
import { type BoxId, boxIdFromDigest } from '../protocol/names.ts';

/**
 * Who is calling, from the TLS client certificate alone. Identities are self-signed: no chain is verified and no date is
 * looked at. The handshake has proved that the caller holds the certificate's key, and the id is the certificate's hash.
 */
export const boxTlsOptions = { requestCert: true, rejectUnauthorized: false } as const;

/** The id of the box at the other end of `socket`. Throws `client-certificate-required` (401). */
export function boxIdOfPeer(socket: TLSSocket): BoxId {
  return boxIdFromDigest(createHash('sha256').update(peerCertificate(socket)).digest());
}

/** SHA-1 fingerprint of the peer's certificate, 40 lower-case hex digits: how the clients of 2016 name their zone. */
export function sha1OfPeer(socket: TLSSocket): string {
  return createHash('sha1').update(peerCertificate(socket)).digest('hex');
}

function peerCertificate(socket: TLSSocket): Buffer {
  // Unlike `getPeerCertificate()` this does not take the certificate apart, which is dear at every request.
  const raw = socket.getPeerX509Certificate()?.raw;
  if (raw !== undefined) return raw;
  throw new Problem(
    'client-certificate-required',
    'present the identity of your box as TLS client certificate',
    {
      status: 401,
      retryable: false,
    },
  );
}
