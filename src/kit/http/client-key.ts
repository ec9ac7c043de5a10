import ipaddr from 'ipaddr.js';

/**
 * Length of the IPv6 prefix that is one client on the internet. RFC 6177, 2: a site is given something between a /48 and a
 * /64, so that the longest count that no site can escape is the /48; who is given a /48 has 256 of the /56, and 65,536 of the
 * /64. The 256 homes of a provider that gives each a /56 share one share then, as those behind one IPv4 address of a
 * carrier do: shares are therefore large, and inside of one what is idle for longest goes first.
 */
const internetPrefix = 48;

/**
 * The same on a link of one's own: a host there takes as many addresses of the link's /64 as it likes (RFC 8981), and no
 * router gives it more.
 */
const linkPrefix = 64;

/**
 * Who is counted as one client wherever something is limited: an IPv4 address, or an IPv6 prefix. Every limit by source, in
 * the cloud and on the box, is by this key. `from`: where the address is seen from; addresses that only a link has
 * (link-local, RFC 4291, 2.5.6; unique local, RFC 4193) are of the link in any case. What is no address at all (`unknown`)
 * is a client of its own name.
 */
export function clientKey(address: string, from: 'internet' | 'link' = 'internet'): string {
  // Link-local addresses come with the interface (RFC 4007, 11).
  const text = address.replace(/%.*$/, '');
  if (!ipaddr.isValid(text)) return address;
  const parsed = ipaddr.process(text);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  const local = from === 'link' || parsed.range() === 'linkLocal' || parsed.range() === 'uniqueLocal';
  const bits = local ? linkPrefix : internetPrefix;
  return ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/${bits}`).toString() + `/${bits}`;
}
