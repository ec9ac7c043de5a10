import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isLoopback,
  addressFamily,
  addressFromLabel,
  addressKind,
  addressLabel,
  canonicalAddress,
  homeOf,
  isHomeAddress,
  networkOf,
} from '../../src/protocol/addresses.ts';

const byte = fc.integer({ min: 0, max: 255 });
const group = fc.integer({ min: 0, max: 0xff_ff });
/** Groups with zeros often enough that `::` is met in every place. */
const groups = (count: number): fc.Arbitrary<number[]> =>
  fc.array(fc.oneof(fc.constant(0), group), { minLength: count, maxLength: count });
const ipv6Text = (words: readonly number[]): string => words.map((word) => word.toString(16)).join(':');

const privateIpv4 = fc.oneof(
  fc.tuple(fc.constant(10), byte, byte, byte),
  fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), byte, byte),
  fc.tuple(fc.constant(192), fc.constant(168), byte, byte),
  fc.tuple(fc.constant(100), fc.integer({ min: 64, max: 127 }), byte, byte),
);
const uniqueLocal = fc
  .tuple(fc.integer({ min: 0xfc_00, max: 0xfd_ff }), groups(7))
  .map(([first, rest]) => ipv6Text([first, ...rest]));
const homeAddress = fc.oneof(
  privateIpv4.map((bytes) => bytes.join('.')),
  uniqueLocal,
);
const anyIpv6 = groups(8).map(ipv6Text);

it.each([
  ['127.0.0.1', true],
  ['127.255.0.9', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['0.0.0.0', false],
  ['192.168.1.1', false],
  ['localhost', false],
])('%s leads to this machine: %s', (address, leads) => {
  expect(isLoopback(address)).toBe(leads);
});

describe('kind and family', () => {
  it.each([
    ['10.0.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.1', 'public'],
    ['192.168.1.20', 'private'],
    ['100.64.0.1', 'shared'],
    ['100.127.255.255', 'shared'],
    ['100.128.0.1', 'public'],
    ['8.8.8.8', 'public'],
    ['0.0.0.0', 'special'],
    ['127.0.0.1', 'special'],
    ['169.254.1.1', 'special'],
    ['192.0.2.1', 'special'],
    ['198.51.100.7', 'special'],
    ['224.0.0.251', 'special'],
    ['255.255.255.255', 'special'],
    ['fd00::1', 'unique-local'],
    ['fc00::', 'unique-local'],
    ['2001:4860:4860::8888', 'public'],
    ['::', 'special'],
    ['::1', 'special'],
    ['fe80::1', 'special'],
    ['ff02::fb', 'special'],
    ['2001:db8::1', 'special'],
    ['::ffff:192.168.1.1', 'private'],
    ['::ffff:8.8.8.8', 'public'],
    ['64:ff9b::808:808', 'special'],
    ['2002:c0a8:101::1', 'special'],
  ])('%s is %s', (address, kind) => {
    expect(addressKind(address)).toBe(kind);
    expect(isHomeAddress(address)).toBe(['private', 'unique-local', 'shared'].includes(kind));
    expect(addressFamily(address)).toBe(address.includes('.') || !address.includes(':') ? 4 : 6);
  });

  it.each([
    '', ' 10.0.0.1', '10.0.0.1 ', '10.0.0', '10.0.0.1.1', '10.0.0.256', '10.0.0.01', '010.0.0.1', '0x0a.0.0.1', '167772161',
    '10.0.0.1/8', '10.0.0.1:80', '[fd00::1]', 'fd00::1%eth0', 'fd00::1::', 'fd00:1', 'fd00::12345', 'fd00::g', 'localhost',
    '١٠.٠.٠.١', '10.0.0.1\n', ':::', '1:2:3:4:5:6:7:8:9', '::ffff:10.0.0.256',
  ])('%j is no address', (text) => {
    expect(addressKind(text)).toBeUndefined();
    expect(addressFamily(text)).toBeUndefined();
    expect(isHomeAddress(text)).toBe(false);
    expect(addressLabel(text)).toBeUndefined();
    expect(() => canonicalAddress(text)).toThrow(RangeError);
  }); // prettier-ignore
});

describe('canonical text', () => {
  it.each([
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['FD00::', 'fd00::'],
    ['::ffff:192.168.1.1', '192.168.1.1'],
    ['::ffff:c0a8:101', '192.168.1.1'],
    ['10.0.0.1', '10.0.0.1'],
  ])('of %s is %s (RFC 5952)', (address, canonical) => {
    expect(canonicalAddress(address)).toBe(canonical);
  });

  it('is its own canonical text, and one for every way to write an address', () => {
    fc.assert(
      fc.property(anyIpv6, (address) => {
        const canonical = canonicalAddress(address);
        expect(canonicalAddress(canonical)).toBe(canonical);
        expect(canonicalAddress(address.toUpperCase())).toBe(canonical);
        const long = address
          .split(':')
          .map((word) => word.padStart(4, '0'))
          .join(':');
        expect(canonicalAddress(long)).toBe(canonical);
        expect(addressKind(canonical)).toBe(addressKind(address));
      }),
    );
  });
});

describe('labels', () => {
  it.each([
    ['192.168.1.20', '192-168-1-20'],
    ['fd00::1', 'fd00--1'],
    ['fd00::', 'fd00--0'],
    ['fd12:3456:789a:1::', 'fd12-3456-789a-1--0'],
    ['FD00:0:0:1::1', 'fd00-0-0-1--1'],
  ])('of %s is %s', (address, label) => {
    expect(addressLabel(address)).toBe(label);
    expect(addressFromLabel(label)).toBe(canonicalAddress(address));
  });

  it('go there and back for every home address, as LDH labels that no resolver stumbles over', () => {
    fc.assert(
      fc.property(homeAddress, (address) => {
        const label = addressLabel(address) ?? '';
        expect(addressFromLabel(label)).toBe(canonicalAddress(address));
        expect(label).toMatch(/^(?!..--)[0-9a-f]([0-9a-f-]{0,61}[0-9a-f])?$/);
      }),
      { numRuns: 500 },
    );
  });

  it('are of home addresses only', () => {
    for (const address of ['8.8.8.8', '127.0.0.1', '169.254.1.1', '2001:4860::1', 'fe80::1', '::1'])
      expect(addressLabel(address)).toBeUndefined();
    for (const label of ['8-8-8-8', '127-0-0-1', '2001-4860--1', 'fe80--1', '--1', '0-0-0-0'])
      expect(addressFromLabel(label)).toBeUndefined();
  });

  it.each([
    '',
    '-',
    '--',
    '1',
    'a',
    'remote',
    'photos',
    '10-0-0',
    '10-0-0-01',
    '10-0-0-256',
    '10-0-0-1-1',
    'FD00--1',
    'fd00--1-',
    'fd00:1',
    '10.0.0.1',
    '_acme-challenge',
    'xn--e1afmkfd',
  ])('%j is none', (label) => {
    expect(addressFromLabel(label)).toBeUndefined();
  });

  it('are read from any text without a failure, and mean home addresses', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f-]{0,40}$/));
    fc.assert(
      fc.property(text, (label) => {
        const address = addressFromLabel(label);
        expect(address === undefined || isHomeAddress(address)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('groups of addresses', () => {
  it('are a home: an IPv4 address itself, the /64 of an IPv6 address', () => {
    expect(homeOf('198.51.100.7')).toBe('198.51.100.7');
    expect(homeOf('::ffff:198.51.100.7')).toBe('198.51.100.7');
    expect(homeOf('2001:db8:0:1:aaaa:bbbb:cccc:dddd')).toBe('2001:db8:0:1::/64');
    expect(homeOf('2001:db8::1')).toBe('2001:db8::/64');
  });

  it('are networks of any length', () => {
    expect(networkOf('198.51.100.7', 24, 56)).toBe('198.51.100.0/24');
    expect(networkOf('198.51.100.7', 0, 0)).toBe('0.0.0.0/0');
    expect(networkOf('198.51.100.7', 32, 128)).toBe('198.51.100.7/32');
    expect(networkOf('198.51.103.7', 22, 56)).toBe('198.51.100.0/22');
    expect(networkOf('2001:db8:1:2ff::1', 24, 56)).toBe('2001:db8:1:200::/56');
    expect(() => networkOf('nonsense', 24, 56)).toThrow(RangeError);
  });

  it('are the same for two addresses exactly when their first 64 bits are', () => {
    fc.assert(
      fc.property(groups(4), groups(4), groups(4), fc.boolean(), (net, host, other, same) => {
        fc.pre(net.some((word) => word !== 0));
        const flipped = same ? net : [...net.slice(0, 3), (net[3] ?? 0) ^ 1];
        fc.pre(flipped.some((word) => word !== 0));
        const homes = [homeOf(ipv6Text([...net, ...host])), homeOf(ipv6Text([...flipped, ...other]))];
        expect(homes[0] === homes[1]).toBe(same);
      }),
    );
  });
});
