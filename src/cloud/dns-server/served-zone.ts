import { addressFamily, addressFromLabel } from '../../protocol/addresses.ts';
import { challengeLabel, isBoxId, tunnelLabel } from '../../protocol/names.ts';
import { unexpired, nextExpiry, type ZoneContent } from './zone-content.ts';
import { encodeRecord, type } from './wire.ts';

/** Seconds. Browsers keep an address for a minute whatever we say; a challenge is asked for within seconds. */
export const ttl = { address: 60, challenge: 10, caa: 60, nameServer: 3600, negative: 60 } as const;

/** Records of one name and type, each as `encodeRecord` gives it. */
export interface RrSet {
  records: readonly Buffer[];
  /** CNAME only: the name it stands for, lower case, without a trailing dot. */
  target?: string;
}

/** A name that exists, by record type; without any it is an empty non-terminal (RFC 8499). */
export type Node = ReadonlyMap<number, RrSet>;

/** The names at and below one label of the zone root, as they are answered. */
export interface ServedZone {
  /** By name relative to the label: `''`, `a`, `_acme-challenge`, `*`. Ancestors of names are there too. */
  nodes: ReadonlyMap<string, Node>;
  /** `192-168-1-20` and the like exist below, without being stored. */
  addressNames: boolean;
  /** Not to be used from then on, ms since the epoch. */
  validUntil: number;
}

/**
 * The names of one zone. The zone root is one DNS zone: a box's zone has no SOA and NS of its own, so that there is one
 * serial, no delegation a resolver could have to follow, and no second name server to be told of a new box.
 *
 * `*` carries the addresses of main, for published services (RFC 4592). `remote` always exists, if only with its CAA
 * record: a tunnel that is down must answer *no address*, and never that of the home.
 */
export function servedZone(
  label: string,
  stored: ZoneContent,
  options: { zoneRoot: string; caaIssuers: readonly string[]; now: number },
): ServedZone {
  const content = unexpired(stored, options.now);
  const { main, mirrors, tunnel } = content.records;
  const nodes = new Map<string, Map<number, RrSet>>();
  const caa = caaRecords(options.caaIssuers, content.accountUri);
  const put = (name: string, rrType: number, rrset: RrSet): void => {
    if (rrset.records.length === 0) return;
    const node = nodes.get(name) ?? new Map<number, RrSet>();
    const before = node.get(rrType)?.records ?? [];
    nodes.set(name, node.set(rrType, { ...rrset, records: [...before, ...rrset.records] }));
  };
  const putAddresses = (name: string, addresses: readonly string[]): void => {
    for (const family of [4, 6] as const)
      put(name, family === 4 ? type.A : type.AAAA, addressRecords(addresses, family));
  };
  put('', type.CAA, { records: caa });
  putAddresses('', main);
  putAddresses('*', main);
  for (const [mirror, addresses] of Object.entries(mirrors)) putAddresses(mirror, addresses);
  for (const { value } of content.challenges) put(challengeLabel, type.TXT, text(value));
  for (const record of content.extra) {
    if (record.type === 'A') putAddresses(record.name, [record.value]);
    else if (record.type === 'TXT') put(record.name, type.TXT, text(record.value));
    else put(record.name, type.CNAME, alias(record.value));
  }
  if (nodes.get(tunnelLabel)?.has(type.CNAME) !== true) {
    nodes.set(tunnelLabel, nodes.get(tunnelLabel) ?? new Map<number, RrSet>());
    put(tunnelLabel, type.CAA, { records: caa });
    putAddresses(tunnelLabel, tunnel);
  }
  return { nodes: withAncestors(nodes), addressNames: isBoxId(label), validUntil: nextExpiry(content) };
}

/** The node of an address name, or `undefined` when `label` is not one. */
export function addressNode(label: string): Node | undefined {
  const address = addressFromLabel(label);
  if (address === undefined) return undefined;
  const family = addressFamily(address) ?? 4;
  return new Map([[family === 4 ? type.A : type.AAAA, addressRecords([address], family)]]);
}

export function addressRecords(
  addresses: readonly string[],
  family: 4 | 6,
  seconds: number = ttl.address,
): RrSet {
  const records = addresses
    .filter((address) => addressFamily(address) === family)
    .map((data) => encodeRecord({ type: family === 4 ? 'A' : 'AAAA', name: '.', ttl: seconds, data }));
  return { records };
}

/**
 * Which CA may issue, and how (RFC 8659, 8657): by DNS-01 alone, because who runs the relays could answer every other
 * challenge; and once the account is known, that account alone.
 */
function caaRecords(issuers: readonly string[], accountUri: string | null): Buffer[] {
  const pins = ['validationmethods=dns-01', ...(accountUri === null ? [] : [`accounturi=${accountUri}`])];
  return issuers.flatMap((issuer) =>
    ['issue', 'issuewild'].map((tag) =>
      encodeRecord({
        type: 'CAA',
        name: '.',
        ttl: ttl.caa,
        data: { flags: 0, tag: tag as 'issue' | 'issuewild', value: [issuer, ...pins].join('; ') },
      }),
    ),
  );
}

const text = (value: string): RrSet => ({
  records: [encodeRecord({ type: 'TXT', name: '.', ttl: ttl.challenge, data: value })],
});

const alias = (target: string): RrSet => ({
  target,
  records: [encodeRecord({ type: 'CNAME', name: '.', ttl: ttl.address, data: target })],
});

/** With every name between a record and the top: they exist, and answer NODATA instead of NXDOMAIN (RFC 8020). */
export function withAncestors(nodes: Map<string, Node>): Map<string, Node> {
  for (const name of [...nodes.keys(), '']) {
    for (let parent = name; ; parent = parentOf(parent)) {
      if (!nodes.has(parent)) nodes.set(parent, new Map());
      if (parent === '') break;
    }
  }
  return nodes;
}

/** `b.c` of `a.b.c`; `''` of a single label. */
export function parentOf(name: string): string {
  const dot = name.indexOf('.');
  return dot === -1 ? '' : name.slice(dot + 1);
}
