import type { StateView } from '../../protocol/access-api.ts';
import { type BoxFacts, waysIn } from './status.ts';

const kinds = ['main', 'mirror', 'tunnel', 'local', 'address'] as const;

/** How the box is doing, for people who are logged in (`GET /api/state`). */
export function stateView(facts: BoxFacts, now: number, version: string): StateView {
  const { certificate, tunnel, announce, network, health } = facts;
  const ways = waysIn(facts);
  const notAfter = certificate.value?.notAfter;
  return {
    now,
    version,
    addresses: [...network.value.addresses],
    certificate: notAfter === undefined ? null : { notAfter },
    tunnel: { phase: tunnel.value.phase, origin: tunnel.value.origin ?? null },
    announce: {
      announcedAt: announce.value.announcedAt ?? null,
      shortCode: announce.value.shortCode ?? null,
    },
    ways: ways.flatMap(([label, url]) => kinds.flatMap((kind) => (kind === label ? [{ kind, url }] : []))),
    services: servicesOf(facts),
    conditions: health.value.map((condition) => ({ ...condition })),
  };
}

/** The published services with their addresses, once the box has names. */
export function servicesOf(facts: BoxFacts): { label: string; url: string }[] {
  return waysIn(facts).flatMap(([label, url]) => (facts.services.includes(label) ? [{ label, url }] : []));
}
