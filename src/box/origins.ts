import { hostName, normalAuthority } from '../kit/http/http-text.ts';
import { addressFamily, addressFromLabel } from '../protocol/addresses.ts';
import type { ZoneNames } from '../protocol/names.ts';

/**
 * Whether `host` (with or without port) is a name of the box's own pages: main, mirrors, tunnel, address names, and on the
 * home network its `.local` name or bare address. Not the published services: their pages are somebody else's.
 */
export function isOwnHost(host: string, names: ZoneNames): boolean {
  const name = hostName(host);
  return (
    isZoneHost(name, names) ||
    /^[a-z0-9-]+\.local$/.test(name) ||
    addressFamily(name.replace(/^\[(.*)\]$/, '$1')) !== undefined
  );
}

/** Of those, the names in the zone: they share its passkeys. */
export function isZoneHost(host: string, names: ZoneNames): boolean {
  const name = hostName(host);
  if ([names.main, names.tunnel, ...Object.values(names.mirrors)].includes(name)) return true;
  const [label = '', ...parent] = name.split('.');
  return parent.join('.') === names.main && addressFromLabel(label) !== undefined;
}

/**
 * The origin (RFC 6454, 6.2) of pages that are served under `host`: in lower case, without the port that is understood and
 * without a dot at the end.
 */
export function originAt(host: string): string {
  return `https://${normalAuthority(host)}`;
}
