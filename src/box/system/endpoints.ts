import type { Endpoints } from '../../protocol/access-api.ts';
import { addressName } from '../../protocol/names.ts';
import type { BoxFacts } from './status.ts';

/** Origins by which apps can reach the box now: mirrors with the preferred one first, the tunnel while it is proven. */
export function currentEndpoints(
  facts: Pick<BoxFacts, 'names' | 'network' | 'zone' | 'tunnel' | 'httpsPort'>,
): Endpoints {
  const { names, network, zone, tunnel } = facts;
  const number = facts.httpsPort();
  const origin = (host: string): string => `https://${host}${number === 443 ? '' : `:${number}`}`;
  const [address] = network.value.addresses;
  const numbered = address === undefined ? undefined : addressName(address, names.main);
  return {
    main: origin(names.main),
    mirrors: (zone.value?.mirrorOrder ?? []).flatMap((label) => names.mirrors[label] ?? []).map(origin),
    tunnel: tunnel.value.origin ?? null,
    address: numbered === undefined ? null : origin(numbered),
  };
}
