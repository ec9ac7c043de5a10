import { isDeepStrictEqual } from 'node:util';
import { addressKind, canonicalAddress, isHomeAddress } from '../../protocol/addresses.ts';
import { zoneLimits, type ZoneRecords, type ZoneState } from '../../protocol/zone-api.ts';

/** Which mirror to use first, and the addresses for which that was decided. Survives restarts. */
export interface MirrorTurn {
  /** Labels: the preferred one, then those longest not preferred. */
  order: readonly string[];
  /** What main and mirrors hold in that order; empty before the first time. */
  addresses: readonly string[];
}

export const firstTurn: MirrorTurn = { order: [], addresses: [] };

export interface ZoneInput {
  /** Mirror labels as configured. */
  mirrors: readonly string[];
  /** Addresses on the home network, in order of preference. */
  addresses: readonly string[];
  /** For how long (ms) they have been these. */
  unchangedForMs: number;
  /** Addresses of the relays, while the tunnel is up. */
  tunnel: readonly string[];
  turn: MirrorTurn;
  /** As read back from the server. */
  served: Pick<ZoneState, 'records' | 'tunnelAddresses'>;
}

export interface ZonePlan {
  /** What the zone should hold. */
  records: ZoneRecords;
  /** `records` are not what is served. */
  write: boolean;
  /** To be kept once `records` are served. */
  turn: MirrorTurn;
  /**
   * Addresses that the zone may not hold, where that is worth a word: relays, and those of a box that has no other.
   * A public address beside a private one is how homes are.
   */
  leftOut: readonly string[];
  /** Decide again after this long (ms) even if nothing changes. */
  againInMs?: number;
}

/**
 * A lease changes by losing the old address before the new one comes. What is only lost is therefore taken out after
 * this long, and costs the mirrors one turn, not two: the second would lead back to the one that caches hold.
 */
const patienceMs = 5000;

/**
 * What the zone should hold, and which mirror comes first.
 *
 * Main and all mirrors hold the same addresses. What differs is what caches around the world remember of them: the
 * preferred mirror is the one that is announced, asked for, and hence cached. When an address is gone, the turn passes
 * to the mirror that was longest not preferred, because no cache holds it with that address.
 *
 * A box without any address keeps the records it has: nobody on the home network reaches it anyway, most such losses
 * end with the same address, and a name that is gone would be remembered as missing.
 */
export function planZone(input: ZoneInput): ZonePlan {
  const { mirrors, tunnel, turn, served } = input;
  const home = unique(input.addresses);
  const publishable = home.filter(isPublishable).slice(0, zoneLimits.addressesPerName);
  const before = unique(served.records.main);
  const waitMs = isPartOf(publishable, before) ? patienceMs - input.unchangedForMs : 0;
  const main = home.length === 0 || waitMs > 0 ? before : publishable;
  const relays = unique(tunnel);
  // One relay that the server does not know must not keep it from taking the rest.
  const known = relays.filter((address) => unique(served.tunnelAddresses).includes(address));
  const records = {
    main,
    mirrors: Object.fromEntries(mirrors.map((label) => [label, main])),
    tunnel: known.slice(0, zoneLimits.addressesPerName),
  };
  return {
    records,
    write: !sameRecords(records, served.records),
    turn: nextTurn(turn, mirrors, main, before),
    leftOut: [...(publishable.length === 0 ? home : []), ...relays.filter((each) => !known.includes(each))],
    ...(home.length > 0 && waitMs > 0 ? { againInMs: waitMs } : {}),
  };
}

function nextTurn(
  turn: MirrorTurn,
  mirrors: readonly string[],
  addresses: readonly string[],
  served: readonly string[],
): MirrorTurn {
  const order = orderFor(mirrors, turn.order);
  if (addresses.length === 0) return { order, addresses: turn.addresses };
  // Where the memory is lost, what is served says which addresses caches may hold.
  const before = turn.addresses.length > 0 ? turn.addresses : served;
  const [preferred, ...idle] = order;
  const gone = before.some((address) => !addresses.includes(address));
  return { order: gone && preferred !== undefined ? [...idle, preferred] : order, addresses };
}

/** `before` without labels that are gone, and with new ones, which no cache can hold, as the next to be preferred. */
function orderFor(mirrors: readonly string[], before: readonly string[]): string[] {
  const labels = [...new Set(mirrors)];
  const kept = [...new Set(before)].filter((label) => labels.includes(label));
  const added = labels.filter((label) => !kept.includes(label));
  return [...kept.slice(0, 1), ...added, ...kept.slice(1)];
}

/**
 * What the zone API takes from any caller (cloud/dns-server/zone-rules.ts), and loopback, which it takes when it is the caller's own source
 * address: the network part names it only where the whole home is on one machine.
 */
function isPublishable(address: string): boolean {
  return isHomeAddress(address) || address.startsWith('127.');
}

/** The same records, in whatever order and spelling. */
export function sameRecords(a: ZoneRecords, b: ZoneRecords): boolean {
  return isDeepStrictEqual(normal(a), normal(b));
}

function normal({ main, mirrors, tunnel }: ZoneRecords): unknown {
  const lists = Object.entries(mirrors).filter(([, addresses]) => addresses.length > 0);
  return {
    main: unique(main).toSorted(),
    mirrors: Object.fromEntries(lists.map(([label, addresses]) => [label, unique(addresses).toSorted()])),
    tunnel: unique(tunnel).toSorted(),
  };
}

/** All of `part` is in `whole`, and not all of `whole`. Both hold canonical texts, each once. */
function isPartOf(part: readonly string[], whole: readonly string[]): boolean {
  return part.length < whole.length && part.every((address) => whole.includes(address));
}

/** Canonical and without repetition; what is not an address is left out. */
function unique(addresses: readonly string[]): string[] {
  return [...new Set(addresses.filter((each) => addressKind(each) !== undefined).map(canonicalAddress))];
}
