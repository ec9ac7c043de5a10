import type { StateView } from '../../protocol/access-api.ts';
import type { ServiceView } from '../../protocol/service-api.ts';
import { serviceCondition } from '../web/service-watch.ts';
import { type BoxFacts, boxUrls } from './status.ts';

const kinds = ['main', 'mirror', 'tunnel', 'local', 'address'] as const;

/** How the box is doing, for people who are signed in (`GET /api/state`). */
export function stateView(facts: BoxFacts, now: number, version: string): StateView {
  const { certificate, tunnel, announce, network, health } = facts;
  const ways = boxUrls(facts);
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

/** The published services with their addresses, once the box has names, and since when one is away. */
export function servicesOf(facts: BoxFacts): ServiceView[] {
  return boxUrls(facts).flatMap(([label, url]) => {
    if (!facts.services.includes(label)) return [];
    const away = facts.health.value.find(({ name }) => name === serviceCondition(label));
    return [{ label, url, ...(away === undefined ? {} : { awaySince: away.since }) }];
  });
}
