import { addressFamily, addressKind, canonicalAddress, networkOf } from '../../protocol/addresses.ts';
import type { HomeInterface, HomeNetwork } from '../facts.ts';

/** What `ip -json` printed, parsed but not trusted: fields may be missing, unknown or of another type. */
export interface Observed {
  /** `ip -json -details address show` */
  addresses: unknown;
  /** `ip -json -4 route show default` and the same with `-6`. */
  routes4: unknown;
  routes6: unknown;
}

export interface NetworkChoice {
  /** Only these interfaces count, whatever their kind; empty: all that look like a home network's. */
  interfaces: readonly string[];
  /** Name of the interface preferred so far: it stays so while nothing speaks for another. */
  previous: string | undefined;
}

/** Names that container engines, hypervisors and VPNs give to interfaces which lead to no home network; `br-lan` is a router’s. */
const virtualName =
  /^(docker|br-[0-9a-f]{6,12}$|veth|virbr|vnet|vmnet|vboxnet|lxc|lxd|incus|podman|cni|flannel|cali|kube|nerdctl|tun|tap|wg|tailscale|zt)/;
/** Interfaces that are made of software, by the kernel's own word, whatever their name. Not veth: a container's eth0 is one. */
const virtualKind =
  /^(tun|wireguard|dummy|ifb|vxlan|geneve|gre|gretap|ip6gre|ip6gretap|ipip|ip6tnl|sit|vti|xfrm|ppp)$/;

/**
 * The home network as `ip` shows it: interfaces that are up, with the addresses others in the home can use to reach the
 * box. The preferred interface is the one with the best default route (IPv4 before IPv6), else the one preferred before.
 */
export function homeNetwork(observed: Observed, choice: NetworkChoice): HomeNetwork {
  const found = records(observed.addresses)
    .filter((link) => isHomeLink(link, choice.interfaces))
    .map((link) => ({ name: text(link['ifname']), addresses: homeAddresses(link) }))
    .filter(({ name, addresses }) => name !== '' && addresses.length > 0);
  const metrics4 = defaultMetrics(observed.routes4);
  const metrics6 = defaultMetrics(observed.routes6);
  const [best] = found.toSorted(
    (a, b) =>
      compare(metrics4.get(a.name) ?? Infinity, metrics4.get(b.name) ?? Infinity) ||
      compare(metrics6.get(a.name) ?? Infinity, metrics6.get(b.name) ?? Infinity) ||
      Number(b.name === choice.previous) - Number(a.name === choice.previous) ||
      compare(a.name, b.name),
  );
  const interfaces = found
    .map((each): HomeInterface => ({ ...each, preferred: each === best }))
    .toSorted((a, b) => compare(a.name, b.name));
  return { interfaces, addresses: best?.addresses ?? [] };
}

/** The networks that lie on the box's own links (`192.168.1.0/24`): who has an address there is at home. */
export function homeNetworks(observed: Observed, chosen: readonly string[]): string[] {
  const networks = records(observed.addresses)
    .filter((link) => isHomeLink(link, chosen))
    .flatMap((link) => records(link['addr_info']))
    .flatMap((info) => {
      const [address, length] = [text(info['local']), info['prefixlen']];
      if (typeof length !== 'number' || addressFamily(address) === undefined) return [];
      return [networkOf(address, length, length)];
    });
  return [...new Set(networks)].toSorted();
}

function isHomeLink(link: Fields, chosen: readonly string[]): boolean {
  const flags = list(link['flags']);
  // NO-CARRIER: the cable is out or the wireless not joined; its addresses may linger, but nobody reaches them.
  if (!flags.includes('UP') || flags.includes('NO-CARRIER')) return false;
  const name = text(link['ifname']);
  if (chosen.length > 0) return chosen.includes(name);
  const kind = text(fields(link['linkinfo'])['info_kind']);
  return link['link_type'] === 'ether' && !virtualName.test(name) && !virtualKind.test(kind);
}

/**
 * IPv4 first, primary before secondary, unique-local before global: the first ones are those to publish. What is on its way
 * out (deprecated; RFC 4862, 5.5.4) counts where there is nothing else: it still works, and a new one may never come.
 */
function homeAddresses(link: Fields): string[] {
  const loopback = list(link['flags']).includes('LOOPBACK');
  const all = records(link['addr_info']);
  const current = all.filter((info) => info['deprecated'] !== true);
  const ranked = addressesOf(current, loopback);
  return ranked.length > 0 ? ranked : addressesOf(all, loopback);
}

function addressesOf(infos: readonly Fields[], loopback: boolean): string[] {
  const ranked = infos.flatMap((info) => {
    const address = text(info['local']);
    if (!(loopback && isLoopbackIPv4(address)) && !isUsable(info, address)) return [];
    const family = addressFamily(address) ?? 6;
    const rank =
      family * 4 + (info['secondary'] === true ? 2 : 0) + (addressKind(address) === 'public' ? 1 : 0);
    return [{ address: canonicalAddress(address), rank }];
  });
  const ordered = ranked.toSorted((a, b) => a.rank - b.rank || compare(a.address, b.address));
  return [...new Set(ordered.map(({ address }) => address))];
}

/**
 * Global scope, not special, and finished: not under duplicate address detection (RFC 4862, 5.4) nor failed there, not one
 * of the short-lived privacy addresses (RFC 8981) that would change every day.
 */
function isUsable(info: Fields, address: string): boolean {
  const kind = addressKind(address);
  return (
    kind !== undefined &&
    kind !== 'special' &&
    info['scope'] === 'global' &&
    !['tentative', 'dadfailed', 'temporary'].some((flag) => info[flag] === true)
  );
}

/**
 * Loopback counts where it was asked for by name (a whole home on one machine), IPv4 alone: the zone API takes it only
 * when it is the caller's own source address, and a call has one.
 */
function isLoopbackIPv4(address: string): boolean {
  return addressFamily(address) === 4 && address.startsWith('127.');
}

/** The lowest metric of the default routes through each interface. The kernel omits a metric of 0. */
function defaultMetrics(routes: unknown): Map<string, number> {
  const metrics = new Map<string, number>();
  for (const route of records(routes)) {
    if (route['dst'] !== 'default' || list(route['flags']).includes('linkdown')) continue;
    const metric = typeof route['metric'] === 'number' ? route['metric'] : 0;
    for (const hop of [route, ...records(route['nexthops'])]) {
      const name = text(hop['dev']);
      metrics.set(name, Math.min(metric, metrics.get(name) ?? Infinity));
    }
  }
  return metrics;
}

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function records(value: unknown): Fields[] {
  return list(value).map(fields);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function compare<T extends string | number>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
