import { BlockList } from 'node:net';
import { Problem } from '../../kit/runtime/errors.ts';
import { lowerAscii, splitList } from '../../kit/http/http-text.ts';
import { addressFamily, canonicalAddress } from '../../protocol/addresses.ts';
import { peerAddress } from '../peer-address.ts';

export interface ProxyTrust {
  isTrusted(address: string): boolean;
  /** Lower-case name of the header in which a trusted proxy puts the caller's address. */
  header: string;
}

/** `proxies`: addresses or networks (`10.0.0.0/8`). Throws `bad-setting` for anything else. */
export function proxyTrust(proxies: readonly string[], header = 'x-forwarded-for'): ProxyTrust {
  const list = new BlockList();
  for (const proxy of proxies) {
    const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(proxy) ?? [];
    const family = addressFamily(address);
    const most = family === 4 ? 32 : 128;
    const length = Number(bits ?? most);
    if (family === undefined || length > most) {
      throw new Problem(
        'bad-setting',
        `${JSON.stringify(proxy)} is not an address or a network to trust as a proxy`,
        { retryable: false, details: { setting: 'registration.trustedProxies', value: proxy } },
      );
    }
    list.addSubnet(canonicalAddress(address), length, family === 4 ? 'ipv4' : 'ipv6');
  }
  return {
    header: lowerAscii(header),
    isTrusted: (address) => list.check(address, addressFamily(address) === 4 ? 'ipv4' : 'ipv6'),
  };
}

/**
 * The public address of the caller, canonical. Anyone can write a header, so it counts only when the connection comes
 * from a trusted proxy; then the last address in it that is not a trusted proxy itself, because everything left of that is
 * hearsay. A trusted proxy that names nobody is refused: its own address would put all its callers into one home.
 */
export function callerAddress(
  peer: string | undefined,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  trust: ProxyTrust,
): string {
  if (peer === undefined) throw new Problem('bad-request', 'the caller has gone', { status: 400 });
  const address = peerAddress(peer);
  if (!trust.isTrusted(address)) return address;
  const field = headers[trust.header];
  const hops = splitList([field ?? []].flat().join(','));
  for (const hop of hops.toReversed()) {
    if (addressFamily(hop) === undefined) break;
    const candidate = canonicalAddress(hop);
    if (!trust.isTrusted(candidate)) return candidate;
  }
  throw new Problem(
    'bad-request',
    `the proxy ${address} did not say for whom it asks: it must set ${trust.header} to one IP address`,
    { status: 400, details: { header: trust.header } },
  );
}
