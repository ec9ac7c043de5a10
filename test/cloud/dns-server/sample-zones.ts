import {
  addressNode,
  type Node,
  type ServedZone,
  servedZone,
} from '../../../src/cloud/dns-server/served-zone.ts';
import { emptyZone, type ZoneContent } from '../../../src/cloud/dns-server/zone-content.ts';
import { zoneRoot } from './options.ts';

/** Zones with everything a zone can hold, for tests of answers. */
export const boxA = `${'a'.repeat(51)}q`;
export const boxB = `${'b2'.repeat(25)}ba`;
export const boxC = `${'c'.repeat(51)}a`;
export const oldZone = '0123456789abcdef0123456789abcdef01234567';
const never = 4_000_000_000_000;
const value = (letter: string): string => letter.repeat(43);

export const contents: ReadonlyMap<string, ZoneContent> = new Map([
  [
    boxA,
    {
      records: {
        main: ['192.168.1.20', '10.0.0.20', 'fd00::20'],
        mirrors: { a: ['192.168.1.20'], b: ['192.168.1.20', 'fd00::20'] },
        tunnel: ['203.0.113.7', '2001:db8::7'],
      },
      challenges: ['1', '2', '3', '4'].map((letter) => ({ value: value(letter), expiresAt: never })),
      accountUri: `https://ca.example/acct/${'1'.repeat(176)}`,
      extra: [],
    },
  ],
  // IPv6 only, tunnel down.
  [boxB, { ...emptyZone, records: { main: ['fd00::b'], mirrors: { a: ['fd00::b'] }, tunnel: [] } }],
  // No address yet: no wildcard.
  [boxC, { ...emptyZone, challenges: [{ value: value('c'), expiresAt: never }] }],
  [
    oldZone,
    {
      ...emptyZone,
      records: { main: ['192.168.1.30'], mirrors: {}, tunnel: [] },
      extra: (
        [
          ['local', 'A', '192.168.1.31'],
          ['remote', 'CNAME', 'relay.example.org'],
          ['www', 'CNAME', `local.${oldZone}.${zoneRoot}`],
          ['chain', 'CNAME', `www.${oldZone}.${zoneRoot}`],
          ['wild', 'CNAME', `no-such-name.${oldZone}.${zoneRoot}`],
          ['dead', 'CNAME', `below.local.${oldZone}.${zoneRoot}`],
          ['top', 'CNAME', `${oldZone}.${zoneRoot}`],
          ['loop', 'CNAME', `pool.${oldZone}.${zoneRoot}`],
          ['pool', 'CNAME', `loop.${oldZone}.${zoneRoot}`],
          ['self', 'CNAME', `self.${oldZone}.${zoneRoot}`],
          ['_acme-challenge.local', 'TXT', value('x')],
          ['_acme-challenge.deep.down', 'TXT', value('y')],
        ] as const
      ).map(([name, type, value]) => ({ name, type, value, expiresAt: type === 'TXT' ? never : null })),
    },
  ],
]);

export const addressLabels = ['192-168-1-20', '10-255-0-1', 'fd00--20', 'fd12-3456--0', 'fd00--'];

export function servedZones(zoneRoot: string, caaIssuers: readonly string[]): Map<string, ServedZone> {
  return new Map(
    [...contents].map(([label, content]) => [
      label,
      servedZone(label, content, { zoneRoot, caaIssuers, now: 0 }),
    ]),
  );
}

/** The same zones with the address names that tests ask for spelled out, for servers that cannot work them out. */
export function withAddressNames(zones: ReadonlyMap<string, ServedZone>): Map<string, ServedZone> {
  const spelledOut = addressLabels.map((label): [string, Node] => [label, addressNode(label) ?? new Map()]);
  return new Map(
    [...zones].map(([label, zone]) => [
      label,
      zone.addressNames ? { ...zone, nodes: new Map([...zone.nodes, ...spelledOut]) } : zone,
    ]),
  );
}
