import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type FoundService, localBox } from '../../../src/client/node/find.ts';
import { boxIdFromDigest } from '../../../src/protocol/names.ts';

const digest = createHash('sha256').update('an identity').digest();
const id = boxIdFromDigest(digest);
const fp = digest.toString('hex');
const service: FoundService = {
  fqdn: 'Küche v2.0._porchlight._tcp.local',
  host: 'Porchlight-abcd2345.local',
  port: 8443,
  txt: { id, fp, path: '/console', v: '1.0' },
  addresses: ['192.168.77.2', 'fd00::2', 'fe80::1', '203.0.113.9'],
  referer: { address: '192.168.77.2', family: 'IPv4', port: 5353, size: 1 },
};

describe('a service that was found', () => {
  it('is a box when everything it says of itself fits', () => {
    expect(localBox(service)).toEqual({
      name: 'Küche v2.0',
      id,
      host: 'porchlight-abcd2345.local',
      port: 8443,
      path: '/console',
      addresses: ['192.168.77.2', 'fd00::2'],
      fingerprint: fp,
    });
    const { addresses: _none, ...silent } = service;
    expect(localBox({ ...silent, txt: { id, fp } })).toMatchObject({
      path: '/',
      addresses: ['192.168.77.2'],
    });
  });

  it.each<[string, Partial<FoundService>]>([
    ['no TXT record', { txt: undefined }],
    ['no fingerprint', { txt: { id } }],
    ['a fingerprint that is none', { txt: { id, fp: fp.toUpperCase() } }],
    [
      'the id of another fingerprint',
      { txt: { id, fp: fp.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) } },
    ],
    ['an id that is a flag', { txt: { id: true, fp } }],
    ['a host out on the internet', { host: 'evil.example' }],
    ['a host with something in it', { host: 'a.b.local' }],
    ['no port', { port: 0 }],
  ])('is none with %s', (_what, changes) => {
    expect(localBox({ ...service, ...changes })).toBeUndefined();
  });

  it('leads to this machine when it speaks from there, and only then', () => {
    const told = { ...service, addresses: ['127.0.0.1', '::1', '192.168.77.2'] };
    const from = (address: string): readonly string[] | undefined =>
      localBox({ ...told, referer: { address, family: 'IPv4', port: 5353, size: 1 } })?.addresses;
    expect(from('127.0.0.1')).toEqual(['127.0.0.1', '::1', '192.168.77.2']);
    expect(from('192.168.77.2')).toEqual(['192.168.77.2']);
  });

  it('leads nowhere but to its console', () => {
    for (const path of ['console', '', '/a b', '/\u0007'])
      expect(localBox({ ...service, txt: { id, fp, path } })?.path).toBe('/');
  });
});
