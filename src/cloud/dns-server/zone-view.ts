import { encodeName, encodeRecord, type } from './wire.ts';
import {
  addressNode,
  addressRecords,
  type Node,
  parentOf,
  type RrSet,
  type ServedZone,
  ttl,
  withAncestors,
} from './served-zone.ts';

export interface NameServer {
  /** Fully qualified, without a trailing dot. */
  name: string;
  addresses: readonly string[];
}

export interface ZoneViewOptions {
  zoneRoot: string;
  nameServers: readonly NameServer[];
  /** Mail address of who answers for the zone (SOA record, RFC 1035, 3.3.13); default: hostmaster at the zone root. */
  contact?: string | undefined;
  /** The zone of a box by its label; `undefined` when there is none. Throws when the store cannot be read. */
  zone: (label: string) => ServedZone | undefined;
  serial: () => number;
}

/** What a name is (RFC 1034, 4.3.2). */
export interface Found {
  /** `undefined`: there is no such name, NXDOMAIN. */
  node: Node | undefined;
  /** The stored name the answer was made from: itself, a wildcard, or for NXDOMAIN the closest encloser. */
  source: string;
}

/** Everything below the zone root as one DNS zone: apex, name servers inside it, and the zones of the boxes. */
export class ZoneView {
  readonly rootLabels: readonly string[];
  readonly nameServerRecords: RrSet;
  /** Address records of the name servers inside the zone, for the additional section. */
  readonly glue: readonly { owner: Buffer; records: readonly Buffer[] }[];
  readonly #options: ZoneViewOptions;
  /** Names at the root that belong to no box, by their last label. */
  readonly #static: ReadonlyMap<string, ServedZone>;
  #soa: { serial: number; rrset: RrSet } | undefined;

  constructor(options: ZoneViewOptions) {
    this.#options = options;
    this.rootLabels = options.zoneRoot.split('.');
    const { nameServers } = options;
    this.nameServerRecords = {
      records: nameServers.map(({ name }) =>
        encodeRecord({ type: 'NS', name: '.', ttl: ttl.nameServer, data: name }),
      ),
    };
    const inside = nameServers.filter(({ name }) => name.endsWith(`.${options.zoneRoot}`));
    this.glue = inside.map(({ name, addresses }) => ({
      owner: encodeName(name),
      records: ([4, 6] as const).flatMap(
        (family) => addressRecords(addresses, family, ttl.nameServer).records,
      ),
    }));
    this.#static = staticZones(inside, options.zoneRoot);
  }

  /** The SOA record (RFC 1035, 3.3.13; negative TTL RFC 2308, 4). */
  get soa(): RrSet {
    const serial = this.#options.serial();
    if (this.#soa?.serial !== serial) {
      const { zoneRoot, nameServers, contact = `hostmaster@${zoneRoot}` } = this.#options;
      const data = {
        mname: nameServers[0]?.name ?? zoneRoot,
        rname: mailboxName(contact),
        serial,
        refresh: 3600,
        retry: 600,
        expire: 1_209_600,
        minimum: ttl.negative,
      };
      this.#soa = {
        serial,
        rrset: { records: [encodeRecord({ type: 'SOA', name: '.', ttl: ttl.negative, data })] },
      };
    }
    return this.#soa.rrset;
  }

  /** `labels`: those left of the zone root, first label first. */
  find(labels: readonly string[]): Found {
    const top = labels.at(-1);
    if (top === undefined) return { node: this.#apex(), source: '' };
    const zone = this.#static.get(top) ?? this.#options.zone(top);
    if (zone === undefined) return { node: undefined, source: '*' };
    const name = labels.slice(0, -1).join('.');
    const exact = zone.nodes.get(name);
    if (exact !== undefined) return { node: exact, source: `${name}.${top}` };
    const below = zone.addressNames ? labels.at(-2) : undefined;
    const address = below === undefined || zone.nodes.has(below) ? undefined : addressNode(below);
    if (address !== undefined)
      return { node: labels.length === 2 ? address : undefined, source: `${below}.${top}` };
    let encloser = parentOf(name);
    while (!zone.nodes.has(encloser)) encloser = parentOf(encloser);
    const wildcard = encloser === '' ? '*' : `*.${encloser}`;
    // RFC 4592, 3.3.1: the wildcard right below the closest encloser stands for every name that does not exist there.
    return { node: zone.nodes.get(wildcard), source: `${wildcard}.${top}` };
  }

  #apex(): Node {
    return new Map([
      [type.NS, this.nameServerRecords],
      [type.SOA, this.soa],
    ]);
  }
}

/** RFC 1035, 8: what is left of the `@` is one label, in which dots are escaped. */
function mailboxName(contact: string): string {
  const at = contact.lastIndexOf('@');
  return `${contact.slice(0, at).replaceAll('.', String.raw`\.`)}.${contact.slice(at + 1)}`;
}

function staticZones(nameServers: readonly NameServer[], zoneRoot: string): Map<string, ServedZone> {
  const zones = new Map<string, Map<string, Node>>();
  for (const { name, addresses } of nameServers) {
    const labels = name.slice(0, -zoneRoot.length - 1).split('.');
    const top = labels.at(-1) ?? '';
    const node = new Map<number, RrSet>();
    for (const family of [4, 6] as const) {
      const rrset = addressRecords(addresses, family, ttl.nameServer);
      if (rrset.records.length > 0) node.set(family === 4 ? type.A : type.AAAA, rrset);
    }
    zones.set(top, (zones.get(top) ?? new Map<string, Node>()).set(labels.slice(0, -1).join('.'), node));
  }
  return new Map(
    [...zones].map(([top, nodes]) => [
      top,
      { nodes: withAncestors(nodes), addressNames: false, validUntil: Number.POSITIVE_INFINITY },
    ]),
  );
}
