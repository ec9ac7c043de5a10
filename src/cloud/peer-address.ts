import { canonicalAddress } from '../protocol/addresses.ts';

/** A peer's address as Node tells it, canonical, without the interface that link-local ones carry (`fe80::1%eth0`; RFC 4007, 11). */
export function peerAddress(address: string): string {
  return canonicalAddress(address.replace(/%.*$/, ''));
}
