import { type Answer, decode } from 'dns-packet';
import { type ServedZone, ttl } from '../../../src/cloud/dns-server/served-zone.ts';
import type { NameServer, ZoneView } from '../../../src/cloud/dns-server/zone-view.ts';

/**
 * What a view serves as a zone file for any other server (RFC 1035, 5), read back from the bytes that are answered. Address names are not stored: those that a test asks for are given as `zones`' nodes.
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

/** `records`: type, class, TTL, length, data, as `encodeRecord` gives them. */
function recordLines(owner: string, records: readonly Buffer[]): string[] {
  return records.map((record) => {
    const head = Buffer.alloc(13);
    head.writeUInt16BE(0x8400, 2);
    head.writeUInt16BE(1, 6);
    const [answer] = decode(Buffer.concat([head, record])).answers ?? [];
    if (answer === undefined) throw new Error('a record of ours cannot be read');
    return `${owner} ${record.readUInt32BE(4)} IN ${answer.type} ${presentation(answer)}`;
  });
}

/** The data of a record as zone files have it. */
function presentation(answer: Answer): string {
  if (answer.type === 'SOA') {
    const { mname, rname, serial, refresh, retry, expire, minimum } = answer.data;
    return `${mname}. ${rname}. ${serial} ${refresh} ${retry} ${expire} ${minimum}`;
  }
  if (answer.type === 'CAA') return `${answer.data.flags} ${answer.data.tag} "${answer.data.value}"`;
  if (answer.type === 'TXT') return `"${[answer.data].flat().map(String).join('" "')}"`;
  if (answer.type === 'NS' || answer.type === 'CNAME') return `${answer.data}.`;
  if (answer.type === 'A' || answer.type === 'AAAA') return answer.data;
  throw new Error(`no ${answer.type} is ever served`);
}
