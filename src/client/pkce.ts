import type { Runtime } from './runtime.ts';

/** A secret of this many random bytes in base64url; 32 make the 43 characters of a code verifier (RFC 7636, 4.1). */
export function randomText(crypto: Runtime['crypto'], bytes = 32): string {
  return base64url(crypto.getRandomValues(new Uint8Array(bytes)));
}

/** The S256 challenge of a verifier (RFC 7636, 4.2). */
export async function challengeOf(crypto: Runtime['crypto'], verifier: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))));
}

function base64url(bytes: Uint8Array): string {
  const base64 = btoa(String.fromCodePoint(...bytes));
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
