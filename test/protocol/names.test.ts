import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mdnsHost } from '../../src/protocol/mdns.ts';
import {
  addressName,
  boxIdFromDigest,
  isBoxId,
  isServiceLabel,
  shortId,
  zoneName,
  zoneNames,
} from '../../src/protocol/names.ts';

const empty = boxIdFromDigest(createHash('sha256').update('').digest());

describe('box id', () => {
  it('is the digest in lower-case base32 without padding', () => {
    expect(empty).toBe('4oymiquy7qobjgx36tejs35zeqt24qpemsnzgtfeswmrw6csxbkq');
    expect(boxIdFromDigest(new Uint8Array(32))).toBe('a'.repeat(52));
    expect(boxIdFromDigest(new Uint8Array(32).fill(255))).toBe(`${'7'.repeat(51)}q`);
  });

  it('is a DNS label and a box id for every digest, and another for another digest', () => {
    const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(digest, digest, (one, other) => {
        const boxId = boxIdFromDigest(one);
        expect(isBoxId(boxId)).toBe(true);
        expect(boxId).toHaveLength(52);
        expect(boxId === boxIdFromDigest(other)).toBe(Buffer.compare(one, other) === 0);
      }),
    );
  });

  it.each([0, 20, 31, 33, 64])('cannot be of %i bytes', (length) => {
    expect(() => boxIdFromDigest(new Uint8Array(length))).toThrow(`not ${length}`);
  });

  it.each([
    ['upper case', empty.toUpperCase()],
    ['one character less', empty.slice(1)],
    ['one character more', `a${empty}`],
    ['a last character of more than one bit', `${empty.slice(0, -1)}b`],
    ['characters that base32 does not have', empty.replace('4', '1')],
    ['a line end', `${empty}\n`],
    ['a trailing dot', `${empty}.`],
    ['padding', `${empty}====`],
    ['nothing', ''],
    ['punycode', 'xn--e1afmkfd'.padEnd(52, 'a')],
  ])('is not %s', (_, text) => {
    expect(isBoxId(text)).toBe(false);
  });
});

describe('names', () => {
  it('of a box all lie in its zone', () => {
    const zone = `${empty}.box.example.org`;
    expect(zoneName(empty, 'Box.Example.ORG')).toBe(zone);
    expect(zoneNames(empty, 'box.example.org', ['a', 'b'])).toEqual({
      main: zone,
      mirrors: { a: `a.${zone}`, b: `b.${zone}` },
      tunnel: `remote.${zone}`,
      challenge: `_acme-challenge.${zone}`,
    });
    expect(addressName('192.168.1.20', zone)).toBe(`192-168-1-20.${zone}`);
    expect(addressName('8.8.8.8', zone)).toBeUndefined();
  });

  it('tell boxes apart for people and on the home network', () => {
    expect(shortId(empty)).toBe('4oymiquy');
    expect(mdnsHost(empty)).toBe('porchlight-4oymiquy.local');
  });
});

describe('labels of published services', () => {
  it.each(['photos', 'my-files', 'a1', 'cafe', 'dead-beef', 'x'.repeat(40)])('%s may be one', (label) => {
    expect(isServiceLabel(label)).toBe(true);
  });

  it.each([
    ['a mirror', 'a'],
    ['the tunnel', 'remote'],
    ['the challenge', '_acme-challenge'],
    ['an IPv4 address', '192-168-1-20'],
    ['an IPv6 address', 'fd00--1'],
    ['upper case', 'Photos'],
    ['punycode', 'xn--e1afmkfd'],
    ['a reserved label', 'ab--c'],
    ['not ASCII', 'фото'],
    ['several labels', 'a.b'],
    ['a trailing dot', 'photos.'],
    ['a wildcard', '*'],
    ['a leading digit', '1a'],
    ['a leading hyphen', '-ab'],
    ['a trailing hyphen', 'ab-'],
    ['too long', 'x'.repeat(41)],
    ['a line end', 'photos\n'],
    ['nothing', ''],
  ])('%s may not', (_, label) => {
    expect(isServiceLabel(label)).toBe(false);
  });
});
