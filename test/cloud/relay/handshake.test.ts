import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  challengeFor,
  judgeKite,
  type KiteRequest,
  kiteRequests,
  ownerOfKite,
  parseRequestHead,
  signatureOf,
} from '../../../src/cloud/relay/handshake.ts';

const zoneRoot = 'box.test';
const masterKey = Buffer.alloc(32, 3);
const boxId = 'a'.repeat(52);
const name = `remote.${boxId}.${zoneRoot}`;
const now = Date.UTC(2026, 0, 1);
const secret = 's'.repeat(40);
const nonce = '0123456789abcdef';
const rules = {
  nonce,
  zoneRoot,
  masterKey,
  now,
  secrets: (kite: string) => (kite === name ? ['other', secret] : ['other']),
};

const first: KiteRequest = { proto: 'https', name, salt: 'f00d', token: '', signature: '' };

function answered(more: Partial<KiteRequest> = {}, key = secret): KiteRequest {
  const kite = { ...first, token: challengeFor(masterKey, first, now, nonce), ...more };
  return { ...kite, signature: more.signature ?? signatureOf(key, kite, '12345678') };
}

describe('a kite', () => {
  it('is challenged, then accepted with the right answer', () => {
    expect(judgeKite(first, rules)).toEqual({
      kind: 'challenge',
      token: challengeFor(masterKey, first, now, nonce),
    });
    expect(judgeKite(answered(), rules)).toEqual({ kind: 'ok', boxId, name });
  });

  it('is signed as the packaged client signs', () => {
    const text = `${secret}https:${name}:f00d:abc12345678`;
    const expected = `12345678${createHash('sha1').update(text).digest('hex').slice(0, 28)}`;
    expect(signatureOf(secret, { ...first, token: 'abc' }, '12345678')).toBe(expected);
  });

  it.each<[string, KiteRequest, string]>([
    ['a wrong secret', answered({}, 'x'.repeat(40)), 'unauthorized'],
    ['an empty signature', answered({ signature: '' }), 'unauthorized'],
    ['a signature of another length', answered({ signature: '12345678' }), 'unauthorized'],
    ['the name of another box', { ...answered(), name: `remote.${'b'.repeat(51)}a.${zoneRoot}` }, 'challenge'],
    ['a challenge of our own making', answered({ token: `${Math.floor(now / 1000).toString(16).padStart(10, '0')}${'0'.repeat(40)}` }), 'challenge'],
    ['a challenge for another salt', answered({ salt: 'beef' }), 'challenge'],
    ['a challenge without a time', answered({ token: 'zzzz' }), 'challenge'],
    ['another protocol', answered({ proto: 'http' }), 'protocol'],
    ['a name outside of the zones', { ...first, name: 'remote.example.org' }, 'not-this-zone'],
  ])('is refused with %s', (_what, kite, reason) => {
    expect(judgeKite(kite, rules)).toEqual({ kind: 'invalid', reason });
  }); // prettier-ignore

  it.each([-61_000, 61_000])('is refused when its challenge is %i ms old', (age) => {
    const kite = { ...first, token: challengeFor(masterKey, first, now - age, nonce) };
    expect(judgeKite({ ...kite, signature: signatureOf(secret, kite, '12345678') }, rules)).toMatchObject({
      reason: 'challenge',
    });
  });
});

describe('names a box may prove', () => {
  it.each([
    [name, boxId],
    [name.toUpperCase(), boxId],
    [`photos.${boxId}.${zoneRoot}`, boxId],
    [`${boxId}.${zoneRoot}`, undefined],
    [`a.b.${boxId}.${zoneRoot}`, undefined],
    [`remote.${boxId.slice(1)}.${zoneRoot}`, undefined],
    [`remote.${boxId}.${zoneRoot}.evil.test`, undefined],
    [`remote.${boxId}x${zoneRoot}`, undefined],
    [`-.${boxId}.${zoneRoot}`, undefined],
    [zoneRoot, undefined],
    ['', undefined],
  ])('%s', (kite, owner) => {
    expect(ownerOfKite(kite, zoneRoot)).toBe(owner);
  });
});

describe('request heads', () => {
  it('are read line by line', () => {
    const head = parseRequestHead(
      'CONNECT PageKite:1 HTTP/1.0\r\nX-PageKite: https:a.b:s::\r\nx-pagekite: https:c.d:s:t:u',
    );
    expect(head).toMatchObject({ method: 'CONNECT', target: 'PageKite:1' });
    expect(head === undefined ? undefined : kiteRequests(head)).toHaveLength(2);
  });

  it.each([
    'GET / HTTP/2.0',
    'GET  / HTTP/1.1',
    'GET / HTTP/1.1\r\nno colon',
    'GET / HTTP/1.1\r\n folded: line',
    'GET / HTTP/1.1\r\na: \u0000',
    `GET / HTTP/1.1${'\r\na: b'.repeat(65)}`,
    '',
  ])('are refused when malformed: %j', (text) => {
    expect(parseRequestHead(text)).toBeUndefined();
  });

  it.each([
    'https:a',
    'https:a:b:c:d:e',
    'https:a b:s::',
    'HTTPS:a:s::',
    `https:${'a'.repeat(300)}:s::`,
    'https:a:s:-:',
  ])('hold no kite such as %s', (value) => {
    expect(kiteRequests({ method: 'CONNECT', target: '', headers: [['x-pagekite', value]] })).toBeUndefined();
  });

  it('may hold anything else, and never surprise', () => {
    const line = fc.oneof(
      fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
      fc.constantFrom('X-PageKite: https:a.b:s::', 'X-PageKite: a:b:c:d:e'),
    );
    const holds = fc.property(fc.array(line), (lines) => {
      const head = parseRequestHead(['CONNECT PageKite:1 HTTP/1.0', ...lines].join('\r\n'));
      const kites = head === undefined ? undefined : kiteRequests(head);
      return (kites ?? []).every((kite) => ['challenge', 'invalid'].includes(judgeKite(kite, rules).kind));
    });
    expect(fc.check(holds, { numRuns: 300 })).toMatchObject({ failed: false });
  });
});
