import type { BoxId, ZoneNames } from '../protocol/names.ts';
import type { ZoneRecords } from '../protocol/zone-api.ts';

/**
 * The facts of a box. Each is owned by exactly one part, named beside it, and observed by the others as a `Fact` of
 * kit/runtime/fact.ts; test/layout.test.ts says which part may import which.
 */

/** Owner: identity. Made once; it never changes while the box lives. */
export interface Identity {
  boxId: BoxId;
  /** Self-signed certificate and its RSA key, PEM. */
  certPem: string;
  keyPem: string;
  /** SHA-256 of the certificate's DER, lower-case hex: the same digest as the box id, in the form of fingerprints. */
  fingerprint: string;
}

/** One start of the box until its end (protocol/run-api.ts). */
export interface Run {
  id: string;
  /** The run before it, as it stands on the card. */
  before: string | undefined;
}

/** Owner: run. Whether another box has the same identity, because a card was copied. */
export interface Standing {
  /**
   * `first`: another one was refused. `copy`: another one was there first, and this one serves at home only. `unknown` until
   * the dns-server has answered, or cannot.
   */
  kind: 'unknown' | 'alone' | 'first' | 'copy';
  /** Since when the cloud knows of two, ms since the epoch. */
  since: number | undefined;
}

/** Owner: network. The addresses the box has on the home network, canonical text, IPv4 first. */
export interface HomeNetwork {
  interfaces: readonly HomeInterface[];
  /** Addresses of the preferred interface (the one with the best default route); empty while there is none. */
  addresses: readonly string[];
}

export interface HomeInterface {
  name: string;
  addresses: readonly string[];
  preferred: boolean;
}

/** Owner: zone. What the authoritative servers serve for this box, as read back; `undefined` until the first answer. */
export interface PublishedZone {
  names: ZoneNames;
  records: ZoneRecords;
  serial: number;
  /** `host:port` of every authoritative server. */
  nameServers: readonly string[];
  /** Mirror labels, the one to use first in front: its name is in nobody's cache with an old address. */
  mirrorOrder: readonly string[];
  /** The home's own resolver drops private addresses (rebinding protection); `undefined` while unknown. */
  rebindingFilter: boolean | undefined;
}

/** Owner: certificate. The zone's certificate in use; `undefined` while there is none. */
export interface ZoneCertificate {
  /** Leaf first, then intermediates, PEM. */
  chainPem: string;
  keyPem: string;
  names: readonly string[];
  notBefore: number;
  notAfter: number;
  /** Upper-case hex, as X.509 tools print it. */
  serial: string;
}

/** Owner: tunnel. `connected` is claimed only after the box has fetched its own tunnel URL and got its own answer. */
export interface TunnelState {
  phase: 'off' | 'waiting' | 'connecting' | 'connected' | 'rejected' | 'lost';
  /** For a person: why it is not connected. */
  reason?: string;
  /** Addresses of the relay(s), to be put in the zone; empty unless connected (or briefly lost). */
  addresses: readonly string[];
  /** `https://remote.<zone>[:port]`, while connected. */
  origin: string | undefined;
}

/** Owner: announce. */
export interface AnnounceState {
  /** Last announcement that the registration-server took, ms since the epoch. */
  announcedAt: number | undefined;
  publicAddress: string | undefined;
  shortCode: string | undefined;
}

/** Owner: mdns. */
export interface MdnsState {
  adapter: 'avahi' | 'bonjour' | undefined;
  /** Instance name as announced, which differs from the wanted one after a conflict. */
  instance: string | undefined;
  host: string | undefined;
}

/** Owner: update. */
export type { UpdateState } from '../protocol/update-api.ts';
