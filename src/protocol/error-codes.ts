/**
 * Codes that cross a boundary between box, cloud, app and agent. Stable: a code is never given a new meaning.
 * The number is the HTTP status it travels with.
 */
export const errorCodes = {
  'bad-request': 400,
  'client-certificate-required': 401,
  'zone-not-yours': 403,
  'client-mismatch': 403,
  'not-found': 404,
  'method-not-allowed': 405,
  'body-too-slow': 408,
  'body-too-large': 413,
  'unsupported-media-type': 415,
  'address-malformed': 422,
  'address-not-allowed': 422,
  'tunnel-address-unknown': 422,
  'challenge-malformed': 422,
  'too-many-challenges': 422,
  'origin-outside-zone': 422,
  'message-malformed': 422,
  'record-not-supported': 422,
  'rate-limited': 429,
  'too-many-zones': 429,
  unexpected: 500,
  'storage-failed': 500,
  'not-ready': 503,
} as const;

export type ErrorCode = keyof typeof errorCodes;
