import dnsPacket, { type Answer } from 'dns-packet';
import { Service } from 'bonjour-service';
import { addressFamily } from '../../protocol/addresses.ts';
import { mdnsHost, mdnsService } from '../../protocol/mdns.ts';
import { numbered, type Link, uniqueInstanceName, type WantedService } from './wanted.ts';

/** A record as bonjour-service and dns-packet write it; `flush`: replaces what caches hold (RFC 6762, 10.2). */
export interface OwnedRecord {
  name: string;
  type: string;
  ttl: number;
  data: unknown;
  /** Nobody else may have a record of this name and type. */
  flush?: boolean;
}

/** What a box calls itself; the numbers count up after conflicts, each for itself. */
export interface Names {
  instance: string;
  host: string;
}

/** One record that all boxes share, so that nobody may say goodbye for it (RFC 6763, 9). */
export const typeList = '_services._dns-sd._udp.local';

/** RFC 6762, 10: records with a host name in them live for two minutes, all others for 75. */
const ttls: Record<string, number> = { A: 120, AAAA: 120, SRV: 120 };
const otherTtl = 4500;

/** What this box is called with `tries.instance` and `tries.host` names lost to others before. */
export function namesOf(wanted: WantedService, tries: { instance: number; host: number }): Names {
  const host = mdnsHost(wanted.boxId);
  return {
    instance: numbered(uniqueInstanceName(wanted.name, wanted.boxId), tries.instance),
    host: tries.host === 0 ? host : host.replace(/\.local$/, `-${tries.host + 1}.local`),
  };
}

/** The service as bonjour-service writes it, with the addresses of this link instead of all the machine's. */
export function recordsOf(wanted: WantedService, link: Link, names: Names): OwnedRecord[] {
  const service = new Service(
    {
      name: names.instance,
      type: mdnsService.type,
      protocol: mdnsService.protocol,
      port: wanted.port,
      host: names.host,
      txt: { ...wanted.text },
    },
    () => undefined,
    () => undefined,
  );
  const described: OwnedRecord[] = service.records().filter(({ type }) => type !== 'A' && type !== 'AAAA');
  const addresses = link.addresses.map((data) => ({
    name: service.host,
    type: addressFamily(data) === 4 ? 'A' : 'AAAA',
    data,
  }));
  return [...described, ...addresses].map(({ name, type, data }) => {
    const record = { name, type, ttl: ttls[type] ?? otherTtl, data };
    return type === 'PTR' ? record : Object.assign(record, { flush: true });
  });
}

/** *This name is mine, and it has records of these types only* (RFC 6762, 6.1). */
export function nothingElse(name: string, owned: readonly OwnedRecord[]): OwnedRecord {
  const own = owned.filter((record) => sameName(record.name, name));
  const rrtypes = [...new Set(own.map((record) => record.type))];
  const ttl = Math.min(...own.map((record) => record.ttl));
  return { name, type: 'NSEC', ttl, data: { nextDomain: name, rrtypes }, flush: true };
}

/** Names that this box alone may use. */
export function uniqueNames(owned: readonly OwnedRecord[]): string[] {
  return [...new Set(owned.filter(({ flush }) => flush).map(({ name }) => name))];
}

/** Letters of ASCII are equal in both cases, no others (RFC 6762, 16). */
export function sameName(a: string, b: string): boolean {
  return lower(a) === lower(b);
}

const lower = (name: string): string =>
  name.replace(/\.$/, '').replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());

/** A record's name, type and data, whoever wrote it. */
export function keyOf(record: OwnedRecord): string {
  return `${lower(record.name)} ${record.type} ${wireOf(record).toString('hex')}`;
}

/** Class, type and data as they are compared between two who want one name (RFC 6762, 8.2). */
export function wireOf(record: OwnedRecord): Buffer {
  const packet = dnsPacket.encode({
    type: 'response',
    answers: [{ name: '.', type: record.type, ttl: 0, data: record.data } as Answer],
  });
  // After the header (12 bytes) and the empty name: type, class, TTL, length, data.
  return Buffer.concat([packet.subarray(15, 17), packet.subarray(13, 15), packet.subarray(23)]);
}
