import { shortId, type BoxId } from './names.ts';

/** DNS-SD service type of a box (RFC 6763). */
export const mdnsService = { type: 'porchlight', protocol: 'tcp', full: '_porchlight._tcp' } as const;

/** TXT record: `id` box id, `path` of the console, `v` protocol version, `fp` SHA-256 of the identity in hex. */
export interface MdnsText {
  id: BoxId;
  path: string;
  v: string;
  fp: string;
}

/** The host name a box answers to on the home network without any cloud: unique by the box id. */
export function mdnsHost(boxId: BoxId): string {
  return `porchlight-${shortId(boxId)}.local`;
}
