import type { Fact } from '../../kit/runtime/fact.ts';
import type { Condition } from '../../kit/runtime/health.ts';
import { addressName, type ZoneNames } from '../../protocol/names.ts';
import type {
  AnnounceState,
  HomeNetwork,
  Identity,
  MdnsState,
  PublishedZone,
  TunnelState,
  ZoneCertificate,
} from '../facts.ts';

/** Everything there is to observe about a box, for those who only look. */
export interface BoxFacts {
  identity: Identity;
  names: ZoneNames;
  name: Fact<string>;
  httpsPort: () => number;
  /** Labels of the published services. */
  services: readonly string[];
  health: Fact<readonly Condition[]>;
  network: Fact<HomeNetwork>;
  zone: Fact<PublishedZone | undefined>;
  certificate: Fact<ZoneCertificate | undefined>;
  tunnel: Fact<TunnelState>;
  announce: Fact<AnnounceState>;
  mdns: Fact<MdnsState>;
  claimed: Fact<boolean>;
  /** What the first person proves with that they are in the home; `undefined` once there is an owner. */
  setupCode: () => string | undefined;
}

/** Every URL of the box with what it is, those that do not work yet left out. */
export function boxUrls(facts: BoxFacts): [label: string, url: string][] {
  const { names, zone, tunnel, mdns, network, services } = facts;
  const url = (host: string): string => `https://${host}${port(facts.httpsPort())}/`;
  const [address] = network.value.addresses;
  const numbered = address === undefined ? undefined : addressName(address, names.main);
  const mirrors = (zone.value?.mirrorOrder ?? []).flatMap((label) => names.mirrors[label] ?? []);
  return [
    ...(zone.value === undefined ? [] : [['main', url(names.main)] as [string, string]]),
    ...mirrors.map((host): [string, string] => ['mirror', url(host)]),
    ...(tunnel.value.origin === undefined ? [] : [['tunnel', `${tunnel.value.origin}/`] as [string, string]]),
    ...(mdns.value.host === undefined ? [] : [['local', url(mdns.value.host)] as [string, string]]),
    ...(zone.value === undefined || numbered === undefined
      ? []
      : [['address', url(numbered)] as [string, string]]),
    ...(zone.value === undefined
      ? []
      : services.map((label): [string, string] => [label, url(`${label}.${names.main}`)])),
  ];
}

const port = (number: number): string => (number === 443 ? '' : `:${number}`);

/** What `porchlight status` shows. Times are ISO 8601. */
export interface BoxStatus {
  boxId: string;
  name: string;
  health: 'ok' | 'warning' | 'error';
  addresses: readonly string[];
  urls: Record<string, string | string[]>;
  certificate: { notAfter: string; daysLeft: number } | null;
  tunnel: { phase: string; reason: string | null };
  announcedAt: string | null;
  mdns: { adapter: string | null; instance: string | null };
  setupCode: string | null;
  conditions: readonly (Omit<Condition, 'since'> & { since: string })[];
}

export function boxStatus(facts: BoxFacts, now: number): BoxStatus {
  const { certificate, tunnel, announce, mdns, network, health } = facts;
  const { notAfter } = certificate.value ?? {};
  const severities = new Set(health.value.map((condition) => condition.severity));
  return {
    boxId: facts.identity.boxId,
    name: facts.name.value,
    health: severities.has('error') ? 'error' : severities.has('warning') ? 'warning' : 'ok',
    addresses: network.value.addresses,
    urls: urlsByKind(boxUrls(facts)),
    certificate:
      notAfter === undefined
        ? null
        : { notAfter: time(notAfter), daysLeft: Math.floor((notAfter - now) / 86_400_000) },
    tunnel: { phase: tunnel.value.phase, reason: tunnel.value.reason ?? null },
    announcedAt: announce.value.announcedAt === undefined ? null : time(announce.value.announcedAt),
    mdns: { adapter: mdns.value.adapter ?? null, instance: mdns.value.instance ?? null },
    setupCode: facts.setupCode() ?? null,
    conditions: health.value.map((condition) => ({ ...condition, since: time(condition.since) })),
  };
}

/** `{ main, mirrors: […], tunnel, local, address, services… }`. */
export function urlsByKind(ways: readonly [string, string][]): Record<string, string | string[]> {
  const mirrors = ways.flatMap(([kind, url]) => (kind === 'mirror' ? [url] : []));
  const others = ways.filter(([kind]) => kind !== 'mirror');
  return { ...Object.fromEntries(others), mirrors };
}

const time = (ms: number): string => new Date(ms).toISOString();
