import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serviceFile } from '../../../src/box/mdns/avahi.ts';
import {
  chooseAdapter,
  instanceName,
  linksOf,
  uniqueInstanceName,
  type WantedService,
} from '../../../src/box/mdns/wanted.ts';
import { boxIdFromDigest } from '../../../src/protocol/names.ts';

const boxId = boxIdFromDigest(new Uint8Array(32));

const character = fc.oneof(
  fc.constantFrom('\0', '\n', '\u007F', '.', ' ', '\uD800'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
);

describe('instance name', () => {
  it('is one DNS label, the name as far as it fits, whatever the owner typed', () => {
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 100 }), (name) => {
        for (const label of [instanceName(name), uniqueInstanceName(name, boxId)]) {
          expect(Buffer.byteLength(label)).toBeLessThanOrEqual(63);
          expect(label).not.toBe('');
          // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
          expect(label).not.toMatch(/[\u0000-\u001F\u007F]/);
        }
        expect(uniqueInstanceName(name, boxId)).toMatch(/^[^.]+ \(a{8}\)$/);
      }),
    );
  });

  it.each([
    ['Kitchen', 'Kitchen'],
    ['  Mr. Müller’s box\n', 'Mr. Müller’s box'],
    ['', 'Porchlight'],
    ['👩‍👩‍👧'.repeat(9), '👩‍👩‍👧'.repeat(3)],
  ])('%j is %j', (name, label) => {
    expect(instanceName(name)).toBe(label);
  });
});

it('announces on the interfaces that have IPv4, each with its own addresses', () => {
  const interfaces = [
    { name: 'eth0', addresses: ['192.168.1.2', 'fd00::2'], preferred: true },
    { name: 'wlan0', addresses: ['fd00::3'], preferred: false },
    { name: 'eth1', addresses: ['10.0.0.2'], preferred: false },
  ];
  expect(linksOf({ interfaces, addresses: [] })).toEqual([
    { source: '192.168.1.2', addresses: ['192.168.1.2', 'fd00::2'] },
    { source: '10.0.0.2', addresses: ['10.0.0.2'] },
  ]);
});

it.each([
  ['auto', true, true, 'avahi'],
  ['auto', true, false, 'bonjour'],
  ['auto', false, true, 'bonjour'],
  ['avahi', false, false, 'avahi'],
  ['bonjour', true, true, 'bonjour'],
  ['off', true, true, 'off'],
] as const)('%s, avahi runs: %s, takes files: %s → %s', (setting, avahiRuns, folderWritable, chosen) => {
  expect(chooseAdapter(setting, { avahiRuns, folderWritable })).toBe(chosen);
});

it('writes what avahi reads, with nothing of a name taken for XML', () => {
  const wanted: WantedService = {
    boxId,
    name: `Tom & "Jerry's" <box>`,
    port: 443,
    text: { id: boxId, path: '/?a=1&b=2', v: '1.0', fp: '00' },
    links: [],
  };
  expect(serviceFile(wanted)).toBe(`<?xml version="1.0" standalone="no"?>
<!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<!-- Written by Porchlight while it runs; changes are overwritten. -->
<service-group>
  <name replace-wildcards="no">Tom &amp; &quot;Jerry&#39;s&quot; &lt;box&gt;</name>
  <service>
    <type>_porchlight._tcp</type>
    <port>443</port>
    <txt-record>id=${boxId}</txt-record>
    <txt-record>path=/?a=1&amp;b=2</txt-record>
    <txt-record>v=1.0</txt-record>
    <txt-record>fp=00</txt-record>
  </service>
</service-group>
`);
});
