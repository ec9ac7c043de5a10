import { isDeepStrictEqual } from 'node:util';
import { addressFamily, canonicalAddress } from '../../protocol/addresses.ts';
import type { ZoneNames } from '../../protocol/names.ts';
import type { ZoneRecords } from '../../protocol/zone-api.ts';
import { askAddresses } from './dns-question.ts';

/** A name server that does not say what it should, as a sentence. */
export interface Deviation {
  server: string;
  /** It answered, but with something else; otherwise it was silent. */
  answered: boolean;
  message: string;
}

export interface NameServerQuestion {
  nameServers: readonly string[];
  names: ZoneNames;
  records: ZoneRecords;
  signal: AbortSignal;
}

/** Asks every authoritative name server for every name of the zone, in both families, and answers with what differs. */
export async function deviations({
  nameServers,
  names,
  records,
  signal,
}: NameServerQuestion): Promise<Deviation[]> {
  const wanted = [
    { name: names.main, addresses: records.main },
    { name: names.tunnel, addresses: records.tunnel },
    ...Object.entries(names.mirrors).map(([label, name]) => ({
      name,
      addresses: records.mirrors[label] ?? [],
    })),
  ];
  const checks = nameServers.map(async (server) => {
    const each = wanted.flatMap(({ name, addresses }) =>
      ([4, 6] as const).map(async (family): Promise<Deviation | undefined> => {
        const { outcome, addresses: found } = await askAddresses({ server, name, signal }, family);
        const right = addresses
          .filter((address) => addressFamily(address) === family)
          .map(canonicalAddress)
          .toSorted();
        if (outcome === 'silent')
          return { server, answered: false, message: `name server ${server} does not answer` };
        if (isDeepStrictEqual(found, right)) return undefined;
        return {
          server,
          answered: true,
          message: `name server ${server} has ${listed(found)} for ${name}, not ${listed(right)}`,
        };
      }),
    );
    // One sentence for each server is enough.
    return (await Promise.all(each)).find((deviation) => deviation !== undefined);
  });
  return (await Promise.all(checks)).filter((deviation) => deviation !== undefined);
}

function listed(addresses: readonly string[]): string {
  return addresses.length === 0 ? 'nothing' : addresses.join(', ');
}
