import { createHash, createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  contentDigest,
  digestIn,
  hmacSha256,
  parseSignature,
  signatureBase,
  signatureFor,
  SignatureFault,
  type SignedMessage,
} from '../../src/protocol/http-signature.ts';

/** RFC 9421, B.1.5 and B.2: the secret and the request of all its examples. */
const secret = Buffer.from(
  'uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==',
  'base64',
);
const fields: Record<string, string> = {
  host: 'example.com',
  date: 'Tue, 20 Apr 2021 02:07:55 GMT',
  'content-type': 'application/json',
  'content-digest':
    'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:',
  'content-length': '18',
};
const request: SignedMessage = {
  method: 'POST',
  authority: 'example.com',
  target: '/foo?param=Value&Pet=dog',
  field: (name) => fields[name],
};

const hmac = (base: string): Buffer => createHmac('sha256', secret).update(base).digest();

describe('the examples of RFC 9421', () => {
  it('B.2.5: a request signed with hmac-sha256', () => {
    const { input, signature, covered, parameters } = parseSignature(
      'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
      'sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:',
    );
    expect(covered).toEqual(['date', '@authority', 'content-type']);
    expect(parameters).toEqual({ created: 1_618_884_473, keyid: 'test-shared-secret' });
    const base = signatureBase(input, request);
    expect(base).toBe(
      [
        '"date": Tue, 20 Apr 2021 02:07:55 GMT',
        '"@authority": example.com',
        '"content-type": application/json',
        '"@signature-params": ("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
      ].join('\n'),
    );
    expect(hmac(base)).toEqual(Buffer.from(signature));
  });

  it('2.2: derived components', () => {
    const names = ['@method', '@target-uri', '@authority', '@scheme', '@request-target', '@path', '@query'];
    const { input } = parseSignature(`sig=(${names.map((name) => `"${name}"`).join(' ')})`, 'sig=:AA==:');
    expect(signatureBase(input, request).split('\n').slice(0, -1)).toEqual([
      '"@method": POST',
      '"@target-uri": https://example.com/foo?param=Value&Pet=dog',
      '"@authority": example.com',
      '"@scheme": https',
      '"@request-target": /foo?param=Value&Pet=dog',
      '"@path": /foo',
      '"@query": ?param=Value&Pet=dog',
    ]);
  });

  it('2.2.3, 2.2.6, 2.2.7: the port that is understood, no path, no query', () => {
    const { input } = parseSignature('sig=("@authority" "@path" "@query")', 'sig=:AA==:');
    const bare = { ...request, authority: 'WWW.Example.com:443', target: '' };
    expect(signatureBase(input, bare).split('\n').slice(0, -1)).toEqual([
      '"@authority": www.example.com',
      '"@path": /',
      '"@query": ?',
    ]);
  });
});

it('reads back what it wrote, whatever the parameters', () => {
  const text = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 40 });
  const created = fc.integer({ min: 0, max: 2 ** 40 });
  fc.assert(
    fc.property(text, text, created, (nonce, keyid, at) => {
      const covered = ['@method', '@authority', 'content-type'];
      const { base, fields: written } = signatureFor(
        covered,
        { created: at, nonce, keyid, alg: hmacSha256 },
        request,
      );
      const mac = hmac(base);
      const read = parseSignature(written(mac)['signature-input'], written(mac).signature);
      expect(read.parameters).toEqual({ created: at, nonce, keyid, alg: hmacSha256 });
      expect(signatureBase(read.input, request)).toBe(base);
      expect(Buffer.from(read.signature)).toEqual(mac);
    }),
  );
});

function outcome(input: string, signature: string): unknown {
  try {
    return parseSignature(input, signature);
  } catch (error) {
    return error instanceof SignatureFault ? 'fault' : error;
  }
}

describe('a signature is not taken', () => {
  it.each([
    ['that is none', '', ''],
    ['without its value', 'sig=("@method")', ''],
    ['under two labels', 'a=("@method"), b=("@method")', 'a=:AA==:, b=:AA==:'],
    ['under another label', 'a=("@method")', 'b=:AA==:'],
    ['that is no byte sequence', 'sig=("@method")', 'sig="AA=="'],
    ['that covers an item, not a list', 'sig="@method"', 'sig=:AA==:'],
    ['with a component twice', 'sig=("@method" "@method")', 'sig=:AA==:'],
    ['with a parameter on a component', 'sig=("@method";req)', 'sig=:AA==:'],
    ['with a component that is no text', 'sig=(method)', 'sig=:AA==:'],
    ['with quotes that do not end', 'sig=("@method)', 'sig=:AA==:'],
    ['with a line feed in a name', 'sig=("@method\n")', 'sig=:AA==:'],
  ])('%s', (_, input, signature) => {
    expect(() => parseSignature(input, signature)).toThrow(SignatureFault);
  });

  it.each(['@status', '@query-param', '@signature-params', 'x-not-there'])('that covers %s', (name) => {
    const { input } = parseSignature(`sig=("${name}")`, 'sig=:AA==:');
    expect(() => signatureBase(input, request)).toThrow(SignatureFault);
  });

  it('in any form, but with a fault that says why', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(fc.property(text, text, (input, signature) => outcome(input, signature) === 'fault'));
  });
});

describe('Content-Digest (RFC 9530)', () => {
  const digest = createHash('sha256').update('{"hello": "world"}').digest();

  it('is as in the RFC, appendix B', () => {
    const field = 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:';
    expect(contentDigest(digest)).toBe(field);
    expect(Buffer.from(digestIn(field))).toEqual(digest);
    expect(Buffer.from(digestIn(`sha-512=:AA==:, ${field}`))).toEqual(digest);
  });

  it.each(['', 'sha-512=:AA==:', 'sha-256=:AA==:', 'sha-256="x"', 'sha-256', '*'])('is not %j', (field) => {
    expect(() => digestIn(field)).toThrow(SignatureFault);
  });
});
