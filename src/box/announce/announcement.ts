import { isDeepStrictEqual } from 'node:util';
import { cutToFit } from '../../kit/runtime/text.ts';
import { protocolVersion } from '../../protocol/version.ts';
import type { Announcement } from '../../protocol/registration-api.ts';
import type { MdnsState, PublishedZone, TunnelState, ZoneCertificate } from '../facts.ts';

export interface Announceable {
  zone: PublishedZone | undefined;
  certificate: ZoneCertificate | undefined;
  tunnel: TunnelState;
  mdns: MdnsState;
  /** An owner exists. */
  claimed: boolean;
  /** The owner opened a window in which the box is shown even behind a shared address. */
  discoverable: boolean;
  /** The owner wants the box not to be found. */
  hidden?: boolean;
  /** Another box with this identity was there first: its announcement is not to be replaced. */
  copy?: boolean;
  /** What the owner calls the box. */
  name: string;
  /** Port of the box's HTTPS listener on the home network. */
  httpsPort: number;
}

/** Why there is nothing to announce, as a sentence. */
export interface NothingYet {
  nothingYet: string;
}

/**
 * What is true now and may be announced. A name is announced only when the authoritative servers answer for it with the
 * address of now, because a resolver asked too early caches its absence, and only when the box has a certificate for it.
 */
export function announcementFor(facts: Announceable): Announcement | NothingYet {
  const { zone, certificate, tunnel, mdns } = facts;
  if (facts.hidden === true) return { nothingYet: 'the owner has switched discovery off' };
  if (facts.copy === true) return { nothingYet: 'another box with the same identity is there' };
  if (zone === undefined) return { nothingYet: 'the zone is not published yet' };
  if (zone.records.main.length === 0) return { nothingYet: 'the box has no address on the home network' };
  if (certificate === undefined) return { nothingYet: 'there is no certificate yet' };
  const port = facts.httpsPort === 443 ? '' : `:${facts.httpsPort}`;
  const mdnsHost = mdns.host?.toLowerCase();
  return {
    v: protocolVersion,
    // The protocol counts 63 UTF-16 units.
    name: cutToFit(facts.name.trim(), (text) => text.length <= 63) || 'Porchlight',
    claimed: facts.claimed,
    local_origin: `https://${zone.names.main}${port}`,
    mirror_origins: currentMirrors(zone).map((name) => `https://${name}${port}`),
    tunnel_origin: tunnelOrigin(tunnel, zone),
    ...(zone.rebindingFilter === undefined ? {} : { rebinding_filter: zone.rebindingFilter }),
    ...(mdnsHost !== undefined && /^[a-z0-9-]{1,63}\.local$/.test(mdnsHost) ? { mdns_host: mdnsHost } : {}),
    ...(facts.discoverable ? { discoverable: true } : {}),
  };
}

/** Names of the mirrors that hold the address of now, the preferred one first. */
function currentMirrors(zone: PublishedZone): string[] {
  const main = zone.records.main.toSorted();
  return zone.mirrorOrder.flatMap((label) => {
    const name = zone.names.mirrors[label];
    const addresses = zone.records.mirrors[label]?.toSorted();
    return name !== undefined && isDeepStrictEqual(addresses, main) ? [name] : [];
  });
}

function tunnelOrigin(tunnel: TunnelState, zone: PublishedZone): string | null {
  return tunnel.phase === 'connected' && zone.records.tunnel.length > 0 ? (tunnel.origin ?? null) : null;
}
