import {
  createPrivateKey,
  type KeyObject,
  randomBytes,
  sign,
  verify,
  type X509Certificate,
} from 'node:crypto';

/**
 * Whether `keyPem` is the private key of `certificate`, undamaged. That the public halves are equal does not prove it
 * (`checkPrivateKey` looks at no more): it must make a signature that the certificate verifies, and an RSA key's parts must
 * belong together. Throws for what is no key.
 */
export function isKeyOf(certificate: X509Certificate, keyPem: string): boolean {
  const key = createPrivateKey(keyPem);
  if (!certificate.checkPrivateKey(key)) return false;
  if (key.asymmetricKeyType === 'rsa' && !isConsistentRsaKey(key)) return false;
  const text = randomBytes(32);
  return verify('sha256', text, certificate.publicKey, sign('sha256', text, key));
}

/**
 * Whether the parts of an RSA private key (RFC 8017, 3.2) belong together. A signature proves it of the primes or of the
 * exponent, not of both: OpenSSL signs by the primes, notices when that went wrong, and signs again without them.
 */
function isConsistentRsaKey(key: KeyObject): boolean {
  const { n, e, d, p, q, dp, dq, qi } = key.export({ format: 'jwk' });
  const [N, E, D, P, Q, DP, DQ, QI] = [n, e, d, p, q, dp, dq, qi].map(number);
  if (N === undefined || E === undefined || D === undefined || P === undefined || Q === undefined)
    return false;
  if (DP === undefined || DQ === undefined || QI === undefined || P < 3n || Q < 3n) return false;
  return (
    P * Q === N &&
    (E * D) % (P - 1n) === 1n &&
    (E * D) % (Q - 1n) === 1n &&
    D % (P - 1n) === DP &&
    D % (Q - 1n) === DQ &&
    (QI * Q) % P === 1n
  );
}

/** Base64url, big-endian (RFC 7518, 6.3.1.1). */
function number(text: unknown): bigint | undefined {
  if (typeof text !== 'string' || text === '') return undefined;
  return BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`);
}
