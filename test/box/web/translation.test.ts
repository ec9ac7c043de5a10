import { describe, expect, it } from 'vitest';
import { hostOnly, Translation } from '../../../src/box/web/translation.ts';

const sides = { outside: 'https://photos.zone.test', inside: 'http://127.0.0.1:7007' };

describe('what a visitor says of origins', () => {
  it.each([
    ['origin', 'https://photos.zone.test', 'http://127.0.0.1:7007'],
    ['origin', 'HTTPS://Photos.zone.test.:443', 'http://127.0.0.1:7007'],
    ['origin', 'https://photos.zone.test:8443', 'https://photos.zone.test:8443'],
    ['origin', 'http://photos.zone.test', 'http://photos.zone.test'],
    ['origin', 'https://photos.zone.test.evil.test', 'https://photos.zone.test.evil.test'],
    ['origin', 'null', 'null'],
    ['referer', 'https://photos.zone.test/a?b#c', 'http://127.0.0.1:7007/a?b#c'],
    ['referer', 'https://evil.test/https://photos.zone.test/', 'https://evil.test/https://photos.zone.test/'],
    ['referer', 'https://photos.zone.test@evil.test/', 'https://photos.zone.test@evil.test/'],
    ['destination', 'https://photos.zone.test/dav/to', 'http://127.0.0.1:7007/dav/to'],
    ['destination', '/dav/to', '/dav/to'],
    ['if', '(<urn:uuid:1> ["e"])', '(<urn:uuid:1> ["e"])'],
    [
      'if',
      '<https://photos.zone.test/a> (<https://photos.zone.test/lock> ["a)<b>"]) (Not <DAV:no-lock>) <https://evil.test/b> (["c"])',
      '<http://127.0.0.1:7007/a> (<https://photos.zone.test/lock> ["a)<b>"]) (Not <DAV:no-lock>) <https://evil.test/b> (["c"])',
    ],
    ['host', 'https://photos.zone.test', 'https://photos.zone.test'],
  ])('%s: %s → %s', (name, said, heard) => {
    expect(new Translation(sides).request({ [name]: said })).toEqual({ [name]: heard });
  });
});

describe('what a service says of origins', () => {
  it.each([
    ['location', 'http://127.0.0.1:7007/sub/', 'https://photos.zone.test/sub/'],
    ['location', 'http://127.0.0.1:7007', 'https://photos.zone.test'],
    ['location', 'https://127.0.0.1:7007/sub/', 'https://photos.zone.test/sub/'],
    ['location', '//127.0.0.1:7007/sub/', 'https://photos.zone.test/sub/'],
    ['location', '/sub/', '/sub/'],
    ['location', 'http://127.0.0.1:70070/', 'http://127.0.0.1:70070/'],
    ['location', 'http://127.0.0.1/', 'http://127.0.0.1/'],
    ['location', 'http://127.0.0.1:7007@evil.test/', 'http://127.0.0.1:7007@evil.test/'],
    [
      'location',
      'https://login.test/?to=http://127.0.0.1:7007/',
      'https://login.test/?to=http://127.0.0.1:7007/',
    ],
    ['content-location', 'http://127.0.0.1:7007/a', 'https://photos.zone.test/a'],
    ['refresh', '5; url=http://127.0.0.1:7007/a', '5; url=https://photos.zone.test/a'],
    ['refresh', '0;URL="http://127.0.0.1:7007/a"', '0;URL="https://photos.zone.test/a"'],
    ['refresh', '5', '5'],
    [
      'link',
      '<http://127.0.0.1:7007/n>; rel=next; title="<http://127.0.0.1:7007/>", <https://cdn.test/a>; rel=preload',
      '<https://photos.zone.test/n>; rel=next; title="<http://127.0.0.1:7007/>", <https://cdn.test/a>; rel=preload',
    ],
  ])('%s: %s → %s', (name, said, heard) => {
    expect(new Translation(sides).answer({ [name]: said })).toEqual({ [name]: heard });
  });

  it('on port 80 and over IPv6', () => {
    for (const [inside, location] of [
      ['http://localhost', 'http://localhost:80/a'],
      ['http://[::1]:7007', 'http://[::1]:7007/a'],
    ] as const)
      expect(new Translation({ ...sides, inside }).answer({ location })['location']).toBe(
        'https://photos.zone.test/a',
      );
  });

  it('takes no longer than what it reads', () => {
    const long = 30_000;
    for (const part of ['(', '<', '"', '\t', '1.', '"\\', '(<"', '//', 'url=']) {
      const value = part.repeat(long);
      const begun = performance.now();
      new Translation(sides).request({ if: value });
      new Translation(sides).answer({ link: value, refresh: value });
      expect(performance.now() - begun).toBeLessThan(2000);
    }
  });
});

describe('a cookie of a service', () => {
  it.each([
    ['a=b; Domain=zone.test; Path=/', 'a=b; Path=/'],
    ['a=b; Path=/;DOMAIN=127.0.0.1', 'a=b; Path=/'],
    ['a=b;\t domain \t= .zone.test; Secure', 'a=b; Secure'],
    ['a=b; \u00A0Domain=zone.test', 'a=b'],
    ['\u00A0__Host-porchlight=evil; Domain=zone.test; Secure', '\u00A0__Host-porchlight=evil; Secure'],
    ['a=b; Domain', 'a=b'],
    ['domain=b; Path=/', 'domain=b; Path=/'],
    ['a="b; Domain=zone.test"', 'a="b'],
  ])('%s is one of its own host: %s', (said, heard) => {
    expect(hostOnly(said)).toBe(heard);
  });
});
