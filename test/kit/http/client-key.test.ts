import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientKey } from '../../../src/kit/http/client-key.ts';

const ipv6 = (words: readonly number[]): string => words.map((word) => word.toString(16)).join(':');

describe('who is counted as one client', () => {
  it('an IPv4 address, however it is written', () => {
    expect(clientKey('198.51.100.7')).toBe('198.51.100.7');
    expect(clientKey('::ffff:198.51.100.7')).toBe('198.51.100.7');
    expect(clientKey('::ffff:c633:6407', 'link')).toBe('198.51.100.7');
  });

  it('on the internet, all that one site may have been given: a /48 (RFC 6177, 2)', () => {
    expect(clientKey('2001:db8:1:2ff::1')).toBe('2001:db8:1::/48');
    expect(clientKey('2001:db8:1:ffff:aaaa:bbbb:cccc:dddd')).toBe('2001:db8:1::/48');
    expect(clientKey('2001:db8:2::1')).not.toBe(clientKey('2001:db8:1::1'));
  });

  it('on a link, all addresses that one host may take: a /64', () => {
    expect(clientKey('2001:db8:1:2ff::1', 'link')).toBe('2001:db8:1:2ff::/64');
    expect(clientKey('fe80::1%eth0')).toBe('fe80::/64');
    expect(clientKey('fd00:1:2:3:4:5:6:7')).toBe('fd00:1:2:3::/64');
  });

  it('what is no address is a client of its own name', () => {
    expect(clientKey('unknown')).toBe('unknown');
    expect(clientKey('')).toBe('');
  });

  it('nobody changes it by the bits that are theirs', () => {
    const word = fc.integer({ min: 0, max: 0xff_ff });
    const words = (count: number): fc.Arbitrary<number[]> =>
      fc.array(word, { minLength: count, maxLength: count });
    fc.assert(
      fc.property(words(2), words(5), words(5), (net, one, other) => {
        const keys = [one, other].map((rest) => clientKey(ipv6([0x20_01, ...net, ...rest])));
        expect(keys[0]).toBe(keys[1]);
      }),
    );
  });
});
