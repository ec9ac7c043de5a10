/**
 * The version of everything in this folder, `major.minor`. Sent by boxes and apps so that a peer can say *please update*
 * instead of failing in odd ways. History:
 * - 1.0: zone API v1, registration API, mDNS TXT keys.
 */
export const protocolVersion = '1.0';
