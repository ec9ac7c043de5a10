import { Resolver } from 'node:dns';
import { addressFamily, canonicalAddress } from '../../protocol/addresses.ts';
import { askAddresses, askSoa, type DnsReply } from './dns-question.ts';

/**
 * What the home's own resolver makes of the box's main name.
 * - `same`: it gives the address the box has; devices in the home can use the name.
 * - `filtered`: it knows the zone but drops the address: a filter against DNS rebinding.
 * - `stale`: it gives other addresses, most likely remembered ones; ask again when they have expired.
 * - `unknown-zone`: it does not know the zone at all (a private zone root, another view of the internet).
 * - `no-answer`: it does not answer, or cannot (no way to the internet).
 */
export type ResolverVerdict = 'same' | 'filtered' | 'stale' | 'unknown-zone' | 'no-answer';

export interface ResolverReport {
  /** Over all resolvers: one that filters is enough to fail some device in the home. `not-asked`: none, or no sense in it. */
  verdict: ResolverVerdict | 'not-asked';
  resolvers: readonly { server: string; verdict: ResolverVerdict; addresses: readonly string[] }[];
}

export interface ResolverQuestion {
  main: string;
  zoneRoot: string;
  /** The addresses that main is served with. Nothing is asked when there are none: the absence would be remembered. */
  expected: readonly string[];
  /** Instead of those that DHCP wrote to /etc/resolv.conf. */
  resolvers?: readonly string[] | undefined;
  signal: AbortSignal;
}

/**
 * Asks the home's resolvers for main, but never for a mirror: asking would put it into the very caches it is to stay out of.
 */
export async function askHomeResolver(question: ResolverQuestion): Promise<ResolverReport> {
  const { main, zoneRoot, expected, signal } = question;
  // Names below .localhost are never to be asked of the DNS (RFC 6761, 6.3).
  const servers =
    /(^|\.)localhost$/.test(zoneRoot) || expected.length === 0
      ? []
      : (question.resolvers ?? systemResolvers());
  const resolvers = await Promise.all(
    servers.map(async (server) => {
      const families = ([4, 6] as const).filter((family) =>
        expected.some((each) => addressFamily(each) === family),
      );
      const [zone, ...replies] = await Promise.all([
        askSoa({ server, name: zoneRoot, signal }),
        ...families.map((family) => askAddresses({ server, name: main, signal }, family)),
      ]);
      const addresses = replies.flatMap((reply) => reply.addresses);
      return { server, verdict: verdictOf(replies, zone, expected), addresses };
    }),
  );
  const worst = bySeverity.find((each) => resolvers.some(({ verdict }) => verdict === each));
  return { verdict: worst ?? 'not-asked', resolvers };
}

const bySeverity = ['filtered', 'same', 'stale', 'unknown-zone', 'no-answer'] as const;

/** The verdict on one resolver: its replies for main's addresses, and for the zone root's SOA record. */
export function verdictOf(
  main: readonly DnsReply[],
  zone: DnsReply,
  expected: readonly string[],
): ResolverVerdict {
  const addresses = main.flatMap((reply) => reply.addresses);
  // One family through is enough for a browser to get there.
  if (expected.map(canonicalAddress).some((address) => addresses.includes(address))) return 'same';
  if (addresses.length > 0) return 'stale';
  if (zone.outcome === 'found') return 'filtered';
  return zone.outcome === 'no-name' || zone.outcome === 'no-data' ? 'unknown-zone' : 'no-answer';
}

/** A new channel reads /etc/resolv.conf afresh, unlike the process-wide one: the next lease may bring other resolvers. */
function systemResolvers(): string[] {
  return new Resolver().getServers();
}
