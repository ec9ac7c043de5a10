import { describe, expect, it } from 'vitest';
import { conflictIn, isStorm, losesTo, probeFor } from '../../../src/box/mdns/claim-policy.ts';
import { namesOf, type OwnedRecord, recordsOf } from '../../../src/box/mdns/records.ts';
import { numbered, type WantedService } from '../../../src/box/mdns/wanted.ts';
import { boxIdFromDigest } from '../../../src/protocol/names.ts';

const boxId = boxIdFromDigest(new Uint8Array(32));
const wanted: WantedService = {
  boxId,
  name: 'Kitchen',
  port: 443,
  text: { id: boxId, path: '/', v: '1.0', fp: '00' },
  links: [],
};
const names = namesOf(wanted, { instance: 0, host: 0 });
const host = 'porchlight-aaaaaaaa.local';
const instance = 'Kitchen (aaaaaaaa)._porchlight._tcp.local';
const on = (...addresses: string[]): OwnedRecord[] => recordsOf(wanted, { source: '', addresses }, names);
const a = (data: string, name = host, ttl = 120): OwnedRecord => ({ name, type: 'A', ttl, data });

const every = (ms: number, count: number): number[] => Array.from({ length: count }, (_, n) => n * ms);
const probe = (...addresses: string[]): OwnedRecord[] => probeFor(on(...addresses)).authorities;

describe('a conflict', () => {
  const ours = [...on('192.168.1.2'), ...on('10.0.0.2')];
  it.each([
    ['another address', a('192.168.1.9'), 'host', 'host'],
    ['in other letters', a('192.168.1.9', host.toUpperCase()), 'host', 'host'],
    ['another service', { name: instance, type: 'TXT', ttl: 1, data: 'x' }, 'instance', 'instance'],
    ['another type of record', { name: host, type: 'TXT', ttl: 1, data: 'x' }, 'host', undefined],
    ['what we say ourselves', a('192.168.1.2'), undefined, undefined],
    ['what we say on another link, by a reflector', a('10.0.0.2'), undefined, undefined],
    ['a goodbye', a('192.168.1.9', host, 0), undefined, undefined],
    ['another name', a('192.168.1.9', 'other.local'), undefined, undefined],
    [
      'a denial',
      { name: host, type: 'NSEC', ttl: 1, data: { nextDomain: host, rrtypes: [] } },
      undefined,
      undefined,
    ],
    [
      'another box of the same kind',
      { name: '_porchlight._tcp.local', type: 'PTR', ttl: 1, data: 'x' },
      undefined,
      undefined,
    ],
  ])('%s', (_name, heard, probing, claimed) => {
    expect(conflictIn([heard], ours, names, false)).toBe(probing);
    expect(conflictIn([heard], ours, names, true)).toBe(claimed);
  });

  it('costs the name that it is about, and no other', () => {
    expect(namesOf(wanted, { instance: 1, host: 0 })).toEqual({ instance: 'Kitchen (aaaaaaaa) #2', host });
    expect(namesOf(wanted, { instance: 0, host: 2 }).host).toBe('porchlight-aaaaaaaa-3.local');
    expect(Buffer.byteLength(numbered('x'.repeat(63), 9))).toBe(63);
  });

  it('is a storm when there are fifteen within ten seconds', () => {
    expect(isStorm(every(100, 14), 1400)).toBe(false);
    expect(isStorm(every(100, 15), 1400)).toBe(true);
    expect(isStorm(every(100, 15), 10_000)).toBe(false);
  });
});

describe('a race of probes', () => {
  it('asks for both names, with what is to be said about them and no bit that belongs to answers', () => {
    expect(probeFor(on('192.168.1.2'))).toMatchObject({
      questions: [
        { name: instance, type: 'ANY' },
        { name: host, type: 'ANY' },
      ],
    });
    expect(probe('192.168.1.2').map(({ type, flush }) => [type, flush])).toEqual([
      ['SRV', undefined],
      ['TXT', undefined],
      ['A', undefined],
    ]);
  });

  // The example of RFC 6762, 8.2: bytes without sign, .200 is later than .99; the longer list is later.
  it.each([
    ['169.254.99.200', '169.254.200.50', true],
    ['169.254.200.50', '169.254.99.200', false],
    ['169.254.99.200', '169.254.99.200', false],
  ])('%s against %s', (mine, theirs, loses) => {
    expect(losesTo(probe(theirs), on(mine))).toBe(loses);
  });

  it('goes to the longer list, and is none for other names', () => {
    expect(losesTo(probe('10.0.0.1', '10.0.0.2'), on('10.0.0.1'))).toBe(true);
    expect(losesTo(probe('10.0.0.1'), on('10.0.0.1', '10.0.0.2'))).toBe(false);
    expect(losesTo([a('255.255.255.255', 'other.local')], on('10.0.0.1'))).toBe(false);
  });
});
