import { canonicalAddress, networkOf } from '../protocol/addresses.ts';

/** A peer's address as Node tells it, canonical, without the interface that link-local ones carry (`fe80::1%eth0`; RFC 4007, 11). */
export function peerAddress(address: string): string {
  return canonicalAddress(address.replace(/%.*$/, ''));
}

/** A site as limits count it: one IPv4 address, or the /56 that providers give to one customer. */
export function siteOf(address: string): string {
  return networkOf(peerAddress(address), 32, 56);
}
