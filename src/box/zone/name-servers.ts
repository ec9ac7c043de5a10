import { isDeepStrictEqual } from 'node:util';
import { addressFamily, canonicalAddress } from '../../protocol/addresses.ts';
import type { ZoneNames } from '../../protocol/names.ts';
import type { ZoneRecords } from '../../protocol/zone-api.ts';
import { askAddresses } from './dns-question.ts';

/** What one authoritative server serves of the zone, compared with what it should. */
export interface NameServerView {
  server: string;
  /** `silent` may be no more than this network's fault: no IPv6, or a firewall. */
  verdict: 'right' | 'wrong' | 'silent';
  /** For a person. */
  message: string;
}

export interface NameServerQuestion {
  nameServers: readonly string[];
  names: ZoneNames;
  records: ZoneRecords;
  signal: AbortSignal;
}

/** Asks every authoritative name server for every name of the zone, in both families. */
export async function askNameServers(question: NameServerQuestion): Promise<NameServerView[]> {
  const { names, records } = question;
  const wanted = [
    { name: names.main, addresses: records.main },
    { name: names.tunnel, addresses: records.tunnel },
    ...Object.entries(names.mirrors).map(([label, name]) => ({
      name,
      addresses: records.mirrors[label] ?? [],
    })),
  ].flatMap(({ name, addresses }) =>
    ([4, 6] as const).map((family) => ({
      name,
      family,
      right: addresses
        .filter((each) => addressFamily(each) === family)
        .map(canonicalAddress)
        .toSorted(),
    })),
  );
  return Promise.all(question.nameServers.map((server) => askNameServer(server, wanted, question.signal)));
}

async function askNameServer(
  server: string,
  wanted: readonly Wanted[],
  signal: AbortSignal,
): Promise<NameServerView> {
  const replies = await Promise.all(
    wanted.map(async (each) => ({
      ...each,
      ...(await askAddresses({ server, name: each.name, signal }, each.family)),
    })),
  );
  const wrong = replies.find(
    ({ outcome, addresses, right }) => outcome !== 'silent' && !isDeepStrictEqual(addresses, right),
  );
  if (wrong !== undefined) {
    const { name, addresses, right } = wrong;
    const message = `name server ${server} has ${listed(addresses)} for ${name}, not ${listed(right)}`;
    return { server, verdict: 'wrong', message };
  }
  if (replies.some(({ outcome }) => outcome === 'silent'))
    return { server, verdict: 'silent', message: `name server ${server} does not answer` };
  return { server, verdict: 'right', message: `name server ${server} serves the zone` };
}

interface Wanted {
  name: string;
  family: 4 | 6;
  /** Canonical texts, sorted. */
  right: readonly string[];
}

function listed(addresses: readonly string[]): string {
  return addresses.length === 0 ? 'nothing' : addresses.join(', ');
}
