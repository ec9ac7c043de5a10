import { contentDigest, hmacSha256, signatureFor } from '../../protocol/http-signature.ts';
import { fromBase64url, toBase64url } from './base64url.ts';

export interface RequestToSign {
  method: string;
  url: URL;
  /** With `contentType`, or neither. */
  body?: string | undefined;
  contentType?: string | undefined;
  /** Seconds since the epoch, by the box's clock. */
  created: number;
}

/**
 * The fields that sign a request (RFC 9421, `hmac-sha256`): method, host, path and query, body and its type, the time, and a
 * nonce, so that nobody can send it again or send another one.
 */
export async function signedFields(
  { clientId, hmacSecret }: { clientId: string; hmacSecret: string },
  { method, url, body, contentType, created }: RequestToSign,
): Promise<Record<string, string>> {
  const fields: Record<string, string> = {};
  if (body !== undefined) {
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(body));
    fields['content-digest'] = contentDigest(new Uint8Array(digest));
    fields['content-type'] = contentType ?? 'application/json';
  }
  const covered = ['@method', '@authority', '@path', '@query', ...Object.keys(fields)];
  const nonce = toBase64url(crypto.getRandomValues(new Uint8Array(16)));
  const { base, fields: withSignature } = signatureFor(
    covered,
    { created, nonce, keyid: clientId, alg: hmacSha256 },
    { method, authority: url.host, target: url.pathname + url.search, field: (name) => fields[name] },
  );
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', fromBase64url(hmacSecret), algorithm, false, ['sign']);
  const signature = await crypto.subtle.sign(algorithm, key, new TextEncoder().encode(base));
  return { ...fields, ...withSignature(new Uint8Array(signature)) };
}
