import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { homeNetwork, type Observed } from '../../../src/box/network/network-policy.ts';

type Link = Record<string, unknown> & {
  ifname: string;
  flags: string[];
  addr_info: Record<string, unknown>[];
};

/** What iproute2 6.1 printed on a machine with two home interfaces, bridges of containers, a VPN and a loose cable. */
function captured(): Observed & { addresses: Link[]; routes4: Record<string, unknown>[] } {
  return JSON.parse(readFileSync(new URL('captured.json', import.meta.url), 'utf8'));
}

function link(observed: { addresses: Link[] }, name: string): Link {
  const found = observed.addresses.find(({ ifname }) => ifname === name);
  if (found === undefined) throw new Error(`no ${name} in the capture`);
  return found;
}

const look = (
  observed: Observed,
  interfaces: string[] = [],
  previous?: string,
): ReturnType<typeof homeNetwork> => homeNetwork(observed, { interfaces, previous });

const onEthernet = ['192.168.1.20', '192.168.1.21', 'fd12:3456::20', '2a02:8109:1::20'];

describe('the home network as ip shows it', () => {
  it('has the usable addresses of real interfaces, the best default route preferred', () => {
    expect(look(captured())).toEqual({
      interfaces: [
        { name: 'eth0', addresses: onEthernet, preferred: true },
        { name: 'wlan0', addresses: ['10.0.0.5'], preferred: false },
      ],
      addresses: onEthernet,
    });
  });

  const preferences: [
    what: string,
    routes4: unknown,
    routes6: unknown,
    previous: string | undefined,
    preferred: string,
  ][] = [
    ['the lower metric', [route('eth0', 700), route('wlan0', 600)], [], 'eth0', 'wlan0'],
    ['no metric, which is 0', [route('eth0', 100), route('wlan0')], [], 'eth0', 'wlan0'],
    [
      'the best of several routes',
      [route('eth0', 100), route('wlan0', 600), route('wlan0', 50)],
      [],
      'eth0',
      'wlan0',
    ],
    ['the only one with a route', [route('wlan0', 600)], [], 'eth0', 'wlan0'],
    ['IPv6 where IPv4 does not tell', [], [route('wlan0', 1024)], 'eth0', 'wlan0'],
    ['IPv4 before IPv6', [route('wlan0', 600)], [route('eth0', 1)], 'eth0', 'wlan0'],
    ['the previous one when equal', [route('eth0', 100), route('wlan0', 100)], [], 'wlan0', 'wlan0'],
    ['the previous one without any route', [], [], 'wlan0', 'wlan0'],
    ['the first by name at last', [], [], undefined, 'eth0'],
    [
      'another when the link of the route is down',
      [{ ...route('eth0', 1), flags: ['linkdown'] }, route('wlan0', 9)],
      [],
      'eth0',
      'wlan0',
    ],
    [
      'a multipath route',
      [{ dst: 'default', metric: 5, flags: [], nexthops: [{ dev: 'wlan0' }] }, route('eth0', 9)],
      [],
      'eth0',
      'wlan0',
    ],
    ['the previous one when routes lead elsewhere', [route('ppp0')], 'garbage', 'wlan0', 'wlan0'],
  ];

  it.each(preferences)('prefers %s', (_, routes4, routes6, previous, preferred) => {
    const { interfaces, addresses } = look({ ...captured(), routes4, routes6 }, [], previous);
    expect(interfaces.filter((each) => each.preferred).map(({ name }) => name)).toEqual([preferred]);
    expect(addresses).toEqual(preferred === 'eth0' ? onEthernet : ['10.0.0.5']);
  });

  const unusable = [
    ['tentative', 'duplicate address detection runs'],
    ['dadfailed', 'another has it'],
    ['deprecated', 'it is on its way out'],
    ['temporary', 'it changes every day'],
  ] as const;

  it.each(unusable)('leaves out an address that is %s: %s', (flag) => {
    const observed = captured();
    const info = link(observed, 'eth0').addr_info.find(({ local }) => local === 'fd12:3456::20');
    Object.assign(info ?? {}, { [flag]: true });
    expect(look(observed).addresses).toEqual(onEthernet.filter((address) => address !== 'fd12:3456::20'));
  });

  it('has addresses that are deprecated when there are no others', () => {
    const observed = captured();
    const infos = link(observed, 'eth0').addr_info;
    for (const info of infos) info['deprecated'] = true;
    expect(look(observed).addresses).toEqual(expect.arrayContaining(onEthernet));
    const kept = infos.find(({ local }) => local === 'fd12:3456::20');
    delete kept?.['deprecated'];
    expect(look(observed).addresses).toEqual(['fd12:3456::20']);
  });

  it.each(['br-lan', 'br-guest', 'br-home', 'br0'])('knows the bridge of a home by %s', (name) => {
    const observed = captured();
    link(observed, 'wlan0').ifname = name;
    expect(look(observed).interfaces.map((each) => each.name)).toContain(name);
  });

  it('takes an address in when detection has ended', () => {
    const observed = captured();
    delete link(observed, 'eth0').addr_info.find(({ local }) => local === 'fd12:3456::77')?.['tentative'];
    expect(look(observed).addresses).toContain('fd12:3456::77');
  });

  it.each([
    'docker0',
    'br-1a2b3c',
    'br-0123456789ab',
    'veth12',
    'virbr0',
    'tun0',
    'tap1',
    'wg0',
    'tailscale0',
  ])('ignores %s by its name', (name) => {
    const observed = captured();
    link(observed, 'wlan0').ifname = name;
    expect(look(observed).interfaces.map((each) => each.name)).toEqual(['eth0']);
  });

  it('ignores a tunnel by its kind, whatever its name, and keeps a bridge of the home', () => {
    const observed = captured();
    const vpn = link(observed, 'home-vpn');
    vpn.flags = ['UP'];
    link(observed, 'docker0').ifname = 'br0';
    expect(look(observed).interfaces.map((each) => each.name)).toEqual(['br0', 'eth0', 'wlan0']);
  });

  it('loses the addresses of an interface without carrier, or taken down', () => {
    for (const flags of [['UP', 'NO-CARRIER'], ['BROADCAST']]) {
      const observed = captured();
      link(observed, 'eth0').flags = flags;
      expect(look(observed).addresses).toEqual(['10.0.0.5']);
    }
  });

  it('takes what is configured by name: loopback (IPv4 alone), a container bridge, nothing else', () => {
    expect(look(captured(), ['lo']).addresses).toEqual(['127.0.0.1']);
    expect(look(captured(), ['docker0']).addresses).toEqual(['172.17.0.1']);
    expect(look(captured(), ['wlan0']).interfaces).toEqual([
      { name: 'wlan0', addresses: ['10.0.0.5'], preferred: true },
    ]);
    expect(look(captured(), ['eth7'])).toEqual({ interfaces: [], addresses: [] });
  });

  it('is empty where nothing is there', () => {
    expect(look({ addresses: [], routes4: [], routes6: [] })).toEqual({ interfaces: [], addresses: [] });
    expect(look({ addresses: [{}, null, 'x', { ifname: 3 }], routes4: null, routes6: {} }).addresses).toEqual(
      [],
    );
  });

  it('never throws, whatever ip prints, and never names what is not an address', () => {
    const hostile = fc.jsonValue();
    const almost = fc.array(
      fc.record(
        {
          ifname: fc.oneof(fc.constantFrom('eth0', 'eth1'), hostile),
          flags: fc.oneof(fc.constant(['UP']), hostile),
          link_type: fc.oneof(fc.constant('ether'), hostile),
          linkinfo: hostile,
          addr_info: fc.array(
            fc.record({
              local: fc.oneof(fc.ipV4(), fc.ipV6(), hostile),
              scope: fc.oneof(fc.constant('global'), hostile),
              secondary: hostile,
            }),
          ),
        },
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(fc.oneof(almost, hostile), hostile, hostile, (addresses, routes4, routes6) => {
        const network = look({ addresses, routes4, routes6 });
        expect(network.interfaces.filter((each) => each.preferred)).toHaveLength(
          network.interfaces.length > 0 ? 1 : 0,
        );
        for (const address of network.addresses) expect(address).toMatch(/^[0-9a-f.:]+$/);
      }),
      { numRuns: 500 },
    );
  });
});

function route(dev: string, metric?: number): Record<string, unknown> {
  return {
    dst: 'default',
    gateway: '192.0.2.1',
    dev,
    flags: [],
    ...(metric === undefined ? {} : { metric }),
  };
}
