import ipaddr from 'ipaddr.js';

/**
 * What an address is for us. `private`: RFC 1918; `unique-local`: RFC 4193; `shared`: RFC 6598 (carrier-grade NAT);
 * `public`: reachable from the internet; `special`: everything that names no one host on a home network or the internet
 * (loopback, link-local, multicast, documentation, unspecified, …).
 */
export type AddressKind = 'private' | 'unique-local' | 'shared' | 'public' | 'special';

const kinds: Record<string, AddressKind> = {
  private: 'private',
  uniqueLocal: 'unique-local',
  carrierGradeNat: 'shared',
  unicast: 'public',
};

function parse(address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  // Four decimal parts without leading zeros, or RFC 4291 text without a zone index: nothing that readers disagree on.
  if (
    address.includes(':') ? address.includes('%') : !/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(address)
  ) {
    return undefined;
  }
  return ipaddr.isValid(address) ? ipaddr.process(address) : undefined;
}

/** 4 or 6, or `undefined` when `address` is not the text of an IP address. An IPv4-mapped IPv6 address counts as 4. */
export function addressFamily(address: string): 4 | 6 | undefined {
  const parsed = parse(address);
  return parsed === undefined ? undefined : parsed.kind() === 'ipv4' ? 4 : 6;
}

export function addressKind(address: string): AddressKind | undefined {
  const parsed = parse(address);
  return parsed === undefined ? undefined : (kinds[parsed.range()] ?? 'special');
}

/** The canonical text (RFC 5952; IPv4-mapped as IPv4), so that equal addresses are equal strings. Throws `RangeError`. */
export function canonicalAddress(address: string): string {
  const parsed = parse(address);
  if (parsed === undefined)
    throw new RangeError(`${JSON.stringify(address.slice(0, 60))} is not an IP address`);
  return parsed.kind() === 'ipv4' ? parsed.toString() : (parsed as ipaddr.IPv6).toRFC5952String();
}

/** Addresses that a box may always claim as its own on the home network. */
export function isHomeAddress(address: string): boolean {
  const kind = addressKind(address);
  return kind === 'private' || kind === 'unique-local' || kind === 'shared';
}

/** Whether it leads to this very machine (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3). */
export function isLoopback(address: string): boolean {
  return parse(address)?.range() === 'loopback';
}

/**
 * The group of callers that share a home: an IPv4 address itself, the /64 of an IPv6 address (`2001:db8:0:1::/64`).
 */
export function homeOf(publicAddress: string): string {
  const parsed = ipaddr.parse(canonicalAddress(publicAddress));
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return `${prefixOf(parsed, 64)}/64`;
}

/** The network prefix that rate limits group by: `ipv4Bits` or `ipv6Bits` of the address, as canonical text. */
export function networkOf(address: string, ipv4Bits: number, ipv6Bits: number): string {
  const parsed = ipaddr.parse(canonicalAddress(address));
  const bits = parsed.kind() === 'ipv4' ? ipv4Bits : ipv6Bits;
  return `${prefixOf(parsed, bits)}/${bits}`;
}

/** Whether an address lies in one of the networks, each as `networkOf` writes it. */
export function isWithin(address: string, networks: readonly string[]): boolean {
  const family = addressFamily(address);
  if (family === undefined) return false;
  return networks.some((network) => {
    const [base = '', length = ''] = network.split('/');
    return addressFamily(base) === family && networkOf(address, Number(length), Number(length)) === network;
  });
}

function prefixOf(address: ipaddr.IPv4 | ipaddr.IPv6, bits: number): string {
  const bytes = address
    .toByteArray()
    .map((byte, index) => byte & (0xff << (8 - Math.min(8, Math.max(0, bits - index * 8)))));
  return canonicalAddress(ipaddr.fromByteArray(bytes.map((byte) => byte & 0xff)).toString());
}

/**
 * The label of an address name: `192-168-1-20`, and for IPv6 the canonical text with `-` for `:` (`fd00--1`; a leading
 * or trailing `-` is not an LDH label, so a `0` is put there: `fd00--` → `fd00--0`). Home addresses only.
 */
export function addressLabel(address: string): string | undefined {
  if (!isHomeAddress(address)) return undefined;
  const text = canonicalAddress(address).replaceAll(/[.:]/g, '-');
  return text.endsWith('-') ? `${text}0` : text;
}

/** The address an address name stands for, or `undefined` when the label is not one (or not of a home address). */
export function addressFromLabel(label: string): string | undefined {
  const dotted = label.replaceAll('-', '.');
  const candidate = /^\d{1,3}(-\d{1,3}){3}$/.test(label) ? dotted : label.replaceAll('-', ':');
  if (!/^[0-9a-f-]+$/.test(label) || addressKind(candidate) === undefined || !isHomeAddress(candidate))
    return undefined;
  return canonicalAddress(candidate);
}
