import { describe, expect, it } from 'vitest';
import { type Query, replyTo } from '../../../src/box/mdns/answer-policy.ts';
import { namesOf, type OwnedRecord, recordsOf } from '../../../src/box/mdns/records.ts';
import type { WantedService } from '../../../src/box/mdns/wanted.ts';
import { boxIdFromDigest } from '../../../src/protocol/names.ts';

const boxId = boxIdFromDigest(new Uint8Array(32));
const link = { source: '192.168.1.2', addresses: ['192.168.1.2'] };
const wanted: WantedService = {
  boxId,
  name: 'Kitchen',
  port: 443,
  text: { id: boxId, path: '/', v: '1.0', fp: '00' },
  links: [link],
};
const both = { source: '192.168.1.2', addresses: ['192.168.1.2', 'fd00::2'] };
const owned = recordsOf(wanted, link, namesOf(wanted, { instance: 0, host: 0 }));
const kind = '_porchlight._tcp.local';
const instance = `Kitchen (aaaaaaaa).${kind}`;
const host = 'porchlight-aaaaaaaa.local';

const query = (type: string, name: string, more: Partial<Query> = {}): Query => ({
  id: 7,
  questions: [{ type, name, class: 'IN' }],
  known: [],
  probe: false,
  more: false,
  via: 'multicast',
  ...more,
});
const qu = (type: string, name: string): Query['questions'] => [{ type, name, class: 'UNKNOWN_32769' }];
const longAgo = (): number => Number.POSITIVE_INFINITY;
const reply = (asked: Query, since: (record: OwnedRecord) => number = longAgo): ReturnType<typeof replyTo> =>
  replyTo(asked, owned, since, () => 0.5);
const types = (records: readonly OwnedRecord[] | undefined): string[] =>
  records?.map(({ type }) => type) ?? [];

describe('what is said', () => {
  it.each([
    ['PTR', kind, ['PTR'], ['SRV', 'TXT', 'A', 'NSEC']],
    ['PTR', '_services._dns-sd._udp.local', ['PTR'], []],
    ['SRV', instance, ['SRV'], ['A', 'NSEC']],
    ['TXT', instance, ['TXT'], []],
    ['A', host.toUpperCase(), ['A'], ['NSEC']],
    ['AAAA', host, ['NSEC'], []],
    ['ANY', host, ['A'], ['NSEC']],
    ['A', instance, ['NSEC'], []],
    ['SRV', kind, [], []],
    ['A', 'other.local', [], []],
  ])('%s %s', (type, name, answers, additionals) => {
    const said = reply(query(type, name))?.multicast;
    expect(types(said?.answers)).toEqual(answers);
    expect(types(said?.additionals)).toEqual(additionals);
  });

  it('denies nothing that it has, and names what there is', () => {
    const denied = (addresses: string[], type: string): unknown =>
      replyTo(
        query(type, host),
        recordsOf(wanted, { ...both, addresses }, namesOf(wanted, { instance: 0, host: 0 })),
        longAgo,
        () => 0,
      )?.multicast;
    expect(denied(['192.168.1.2'], 'AAAA')).toMatchObject({
      answers: [{ type: 'NSEC', ttl: 120, flush: true, data: { nextDomain: host, rrtypes: ['A'] } }],
    });
    expect(denied(both.addresses, 'A')).toMatchObject({
      answers: [{ type: 'A' }],
      additionals: [{ type: 'AAAA' }],
    });
  });

  it('is not what the querier knows, unless half of its life is over', () => {
    const known = (ttl: number): OwnedRecord[] => [{ type: 'PTR', name: kind, ttl, data: instance }];
    expect(reply(query('PTR', kind, { known: known(2250) }))).toBeUndefined();
    expect(types(reply(query('PTR', kind, { known: known(2249) }))?.multicast?.answers)).toEqual(['PTR']);
    const other = [{ type: 'PTR', name: kind, ttl: 4500, data: `Other.${kind}` }];
    expect(types(reply(query('PTR', kind, { known: other }))?.multicast?.answers)).toEqual(['PTR']);
  });
});

describe('to whom, and when', () => {
  const questions = qu('A', host);
  it.each([
    ['to all', query('A', host), 5000, 'multicast', 0],
    ['not twice in a second', query('A', host), 999, undefined, 0],
    [
      'to the one who wants it alone, while all have it',
      query('A', host, { questions }),
      29_999,
      'unicast',
      0,
    ],
    ['to all when it is long since they heard', query('A', host, { questions }), 30_000, 'multicast', 0],
    ['a defence at once', query('ANY', host, { probe: true }), 250, 'multicast', 0],
    ['a defence, alone if asked so', query('A', host, { probe: true, questions }), 60_000, 'unicast', 0],
    ['directly', query('A', host, { via: 'direct' }), 60_000, 'unicast', 0],
    ['to plain resolvers at once', query('PTR', kind, { via: 'legacy' }), 0, 'unicast', 0],
    ['what others may say too, at random', query('PTR', kind), 5000, 'multicast', 70],
    ['when all that is known has come', query('PTR', kind, { more: true }), 5000, 'multicast', 450],
  ] as const)('%s', (_name, asked, since, via, delayMs) => {
    const said = reply(asked, () => since);
    expect(Object.keys(said ?? {}).filter((key) => key !== 'delayMs')).toEqual(
      via === undefined ? [] : [via],
    );
    expect(said?.delayMs ?? 0).toBe(delayMs);
  });

  it('to plain resolvers with their id and question, for ten seconds, with no bit of mDNS', () => {
    expect(reply(query('SRV', instance, { via: 'legacy' }))?.unicast).toEqual({
      id: 7,
      questions: [{ type: 'SRV', name: instance, class: 'IN' }],
      answers: [{ type: 'SRV', name: instance, ttl: 10, data: { port: 443, target: host } }],
      additionals: [
        { type: 'A', name: host, ttl: 10, data: '192.168.1.2' },
        { type: 'NSEC', name: host, ttl: 10, data: { nextDomain: host, rrtypes: ['A'] } },
      ],
    });
  });

  it.each(['CH', 'UNKNOWN_5'])('nothing in class %s', (other) => {
    expect(reply(query('A', host, { questions: [{ type: 'A', name: host, class: other }] }))).toBeUndefined();
  });
});
