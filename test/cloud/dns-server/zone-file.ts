import { type ServedZone, ttl } from '../../../src/cloud/dns-server/served-zone.ts';
import type { NameServer, ZoneView } from '../../../src/cloud/dns-server/zone-view.ts';

/**
 * What a view serves as a zone file for any other server (RFC 1035, 5; data in the generic form of RFC 3597, 5, straight
 * from the bytes that are answered). Address names are not stored: those that a test asks for are given as `zones`' nodes.
 */
export function zoneFile(
  view: ZoneView,
  zoneRoot: string,
  nameServers: readonly NameServer[],
  zones: ReadonlyMap<string, ServedZone>,
): string {
  const lines = [
    ...recordLines(`${zoneRoot}.`, view.soa.records),
    ...recordLines(`${zoneRoot}.`, view.nameServerRecords.records),
  ];
  for (const { name, addresses } of nameServers.filter(({ name }) => name.endsWith(`.${zoneRoot}`))) {
    for (const address of addresses)
      lines.push(`${name}. ${ttl.nameServer} IN ${address.includes(':') ? 'AAAA' : 'A'} ${address}`);
  }
  for (const [label, { nodes }] of zones) {
    for (const [name, node] of nodes) {
      const owner = [name, label, zoneRoot, ''].filter((part, index) => part !== '' || index === 3).join('.');
      for (const { records } of node.values()) lines.push(...recordLines(owner, records));
    }
  }
  return `${lines.join('\n')}\n`;
}

/** `record`: type, class, TTL, length, data, as `encodeRecord` gives it. */
function recordLines(owner: string, records: readonly Buffer[]): string[] {
  return records.map((record) => {
    const data = record.subarray(10);
    return `${owner} ${record.readUInt32BE(4)} IN TYPE${record.readUInt16BE(0)} \\# ${data.length} ${data.toString('hex')}`;
  });
}
