import * as fc from 'fast-check';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import {
  firstTurn,
  type MirrorTurn,
  planZone,
  sameRecords,
  type ZoneInput,
} from '../../../src/box/zone/zone-policy.ts';
import { ZoneRecords } from '../../../src/protocol/zone-api.ts';

const A = '192.168.1.20';
const B = '192.168.1.50';
const C = '10.0.0.7';
const relay = '203.0.113.7';

const records = (main: string[], labels = ['a', 'b'], tunnel: string[] = []): ZoneRecords => ({
  main,
  mirrors: Object.fromEntries(labels.map((label) => [label, main])),
  tunnel,
});

function plan(
  input: { addresses: string[]; served?: ZoneRecords } & Partial<Omit<ZoneInput, 'served' | 'addresses'>>,
): ReturnType<typeof planZone> {
  const { served = records([]), ...rest } = input;
  return planZone({
    mirrors: ['a', 'b'],
    unchangedForMs: 0,
    tunnel: [],
    turn: firstTurn,
    served: { records: served, tunnelAddresses: [relay] },
    ...rest,
  });
}

const turn = (order: string[], ...addresses: string[]): MirrorTurn => ({ order, addresses });

describe('what the zone should hold', () => {
  type Row = [
    what: string,
    input: Parameters<typeof plan>[0],
    expected: Partial<ReturnType<typeof planZone>>,
  ];

  const rows: Row[] = [
    [
      'first publication: the first mirror is preferred',
      { addresses: [A] },
      { write: true, records: records([A]), turn: turn(['a', 'b'], A) },
    ],
    [
      'nothing changed',
      { addresses: [A], served: records([A]), turn: turn(['b', 'a'], A) },
      { write: false, turn: turn(['b', 'a'], A) },
    ],
    [
      'the address changes: all written, the turn passes',
      { addresses: [B], served: records([A]), turn: turn(['a', 'b'], A) },
      { write: true, records: records([B]), turn: turn(['b', 'a'], B) },
    ],
    [
      'and back',
      { addresses: [A], served: records([B]), turn: turn(['b', 'a'], B) },
      { write: true, records: records([A]), turn: turn(['a', 'b'], A) },
    ],
    [
      'a second address joins: what caches hold is still right, no turn',
      { addresses: [A, 'fd00::1'], served: records([A]), turn: turn(['a', 'b'], A) },
      { write: true, turn: turn(['a', 'b'], A, 'fd00::1') },
    ],
    [
      'one of two is lost: most likely a new one follows, wait',
      { addresses: [B], served: records([A, B]), turn: turn(['a', 'b'], A, B), unchangedForMs: 1000 },
      { write: false, turn: turn(['a', 'b'], A, B), againInMs: 4000 },
    ],
    [
      'and a new one follows: one turn',
      { addresses: [B, C], served: records([A, B]), turn: turn(['a', 'b'], A, B) },
      { write: true, records: records([B, C]), turn: turn(['b', 'a'], B, C) },
    ],
    [
      'or none does: taken out',
      { addresses: [B], served: records([A, B]), turn: turn(['a', 'b'], A, B), unchangedForMs: 5000 },
      { write: true, records: records([B]), turn: turn(['b', 'a'], B) },
    ],
    [
      'only the order changes',
      { addresses: [B, A], served: records([A, B]), turn: turn(['a', 'b'], A, B) },
      { write: false, turn: turn(['a', 'b'], B, A) },
    ],
    [
      'the written zone was lost before the turn was saved: decided alike',
      { addresses: [B], served: records([B]), turn: turn(['a', 'b'], A) },
      { write: false, turn: turn(['b', 'a'], B) },
    ],
    [
      'someone changed the records: repaired, no turn',
      { addresses: [A], served: records([B]), turn: turn(['a', 'b'], A) },
      { write: true, records: records([A]), turn: turn(['a', 'b'], A) },
    ],
    [
      'a mirror is missing on the server',
      { addresses: [A], served: records([A], ['a']), turn: turn(['a', 'b'], A) },
      { write: true, turn: turn(['a', 'b'], A) },
    ],
    [
      'a mirror is no longer configured',
      { addresses: [A], served: records([A], ['a', 'b', 'c']), turn: turn(['c', 'a', 'b'], A) },
      { write: true, records: records([A]), turn: turn(['a', 'b'], A) },
    ],
    [
      'a new mirror is next',
      { addresses: [A], mirrors: ['a', 'b', 'c'], served: records([A]), turn: turn(['b', 'a'], A) },
      { write: true, turn: turn(['b', 'c', 'a'], A) },
    ],
    [
      'memory lost, address as served',
      { addresses: [A], served: records([A]) },
      { write: false, turn: turn(['a', 'b'], A) },
    ],
    [
      'memory lost, address changed',
      { addresses: [B], served: records([A]) },
      { write: true, turn: turn(['b', 'a'], B) },
    ],
    [
      'no address: what is served stays',
      { addresses: [], served: records([A]), turn: turn(['b', 'a'], A) },
      { write: false, records: records([A]), turn: turn(['b', 'a'], A) },
    ],
    ['no address, and never any', { addresses: [] }, { write: false, turn: turn(['a', 'b']) }],
    [
      'no address, but the tunnel ends',
      { addresses: [], served: records([A], ['a', 'b'], [relay]), turn: turn(['a', 'b'], A) },
      { write: true, records: records([A]) },
    ],
    [
      'a public address alone: nothing to publish, the turn waits',
      { addresses: ['8.8.8.8'], served: records([A]), turn: turn(['a', 'b'], A), unchangedForMs: 5000 },
      { write: true, records: records([]), leftOut: ['8.8.8.8'], turn: turn(['a', 'b'], A) },
    ],
    [
      'then another private one: the turn passes',
      { addresses: [B], served: records([]), turn: turn(['a', 'b'], A) },
      { turn: turn(['b', 'a'], B) },
    ],
    [
      'public beside private, as homes are: only the private one, and no word about it',
      { addresses: [A, '2a02:8109::1'] },
      { records: records([A]), leftOut: [] },
    ],
    [
      'shared and unique-local addresses',
      { addresses: ['100.64.0.9', 'fd00::1'] },
      { records: records(['100.64.0.9', 'fd00::1']), leftOut: [] },
    ],
    [
      'loopback, which the network part names only when told to',
      { addresses: ['127.0.0.1'] },
      { records: records(['127.0.0.1']), leftOut: [] },
    ],
    [
      'spelling does not matter',
      { addresses: ['fd00:0:0::1'], served: records(['fd00::1']), turn: turn(['a', 'b'], 'fd00::1') },
      { write: false },
    ],
    [
      'more than a name may hold: the first ones',
      { addresses: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5'] },
      { records: records(['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4']) },
    ],
    [
      'the tunnel comes up: no turn',
      { addresses: [A], tunnel: [relay], served: records([A]), turn: turn(['a', 'b'], A) },
      { write: true, records: records([A], ['a', 'b'], [relay]), turn: turn(['a', 'b'], A) },
    ],
    [
      'a relay the server does not know',
      { addresses: [A], tunnel: ['203.0.113.9'] },
      { records: records([A]), leftOut: ['203.0.113.9'] },
    ],
    [
      'no mirrors at all',
      { addresses: [B], mirrors: [], served: records([A], []), turn: turn([], A) },
      { write: true, records: records([B], []), turn: turn([], B) },
    ],
  ];

  it.each(rows)('%s', (_, input, expected) => {
    expect(plan(input)).toMatchObject(expected);
  });

  it('over any history: mirrors hold what main holds, the one whose turn it is rested longest, and a crash changes nothing', () => {
    const address = fc.constantFrom(
      '10.0.0.1',
      '10.0.0.2',
      '192.168.1.7',
      'fd00::7',
      '100.64.0.1',
      '8.8.8.8',
      '2a02::1',
      'fe80::1',
    );
    const step = fc.record({
      addresses: fc.uniqueArray(address, { maxLength: 6 }),
      unchangedForMs: fc.constantFrom(0, 4999, 5000, 1e9),
      tunnel: fc.subarray([relay, '203.0.113.9']),
      // Power is cut between the write and the saving of the turn.
      crash: fc.boolean(),
    });
    const labels = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 });
    fc.assert(
      fc.property(labels, fc.array(step, { maxLength: 30 }), (mirrors, steps) => {
        let state = { turn: firstTurn, served: records([], []) };
        const preferredAt = new Map<string, number>();
        for (const [time, { crash, ...input }] of steps.entries()) {
          const before = state.turn;
          const first = plan({ ...input, mirrors, ...state });
          state = { ...state, served: first.write ? first.records : state.served };
          const next = crash ? plan({ ...input, mirrors, ...state }) : first;
          expect(next.turn).toEqual(first.turn);
          state = { ...state, turn: next.turn };

          const { main } = next.records;
          expect(Value.Check(ZoneRecords, next.records)).toBe(true);
          expect(main.filter((each) => ['8.8.8.8', '2a02::1', 'fe80::1'].includes(each))).toEqual([]);
          expect(Object.values(next.records.mirrors)).toEqual(mirrors.map(() => main));
          expect(next.turn.order.toSorted()).toEqual(mirrors.toSorted());

          const [preferred = ''] = next.turn.order;
          const rested = (label: string): number => preferredAt.get(label) ?? -1;
          const gone = before.addresses.some((each) => !next.turn.addresses.includes(each));
          const longestRested = mirrors.every((other) => rested(preferred) <= rested(other));
          expect(gone ? longestRested : time === 0 || sameList(next.turn.order, before.order)).toBe(true);
          preferredAt.set(preferred, time);
          // Done is done: the same again writes nothing and passes no turn.
          const again = plan({ ...input, mirrors, ...state });
          expect(again.write).toBe(false);
          expect(again.turn).toEqual(state.turn);
        }
      }),
      { numRuns: 300 },
    );
  });
});

const sameList = (a: readonly string[], b: readonly string[]): boolean => a.join() === b.join();

describe('records', () => {
  it('are the same in any order and spelling, and with empty mirrors', () => {
    expect(sameRecords(records(['10.0.0.1', 'fd00::1']), records(['fd00:0::1', '10.0.0.1']))).toBe(true);
    expect(sameRecords(records([], ['a']), records([], []))).toBe(true);
    expect(sameRecords(records([A]), records([B]))).toBe(false);
    expect(sameRecords(records([A], ['a']), records([A], ['b']))).toBe(false);
  });
});
