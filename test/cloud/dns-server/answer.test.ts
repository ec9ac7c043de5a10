import { decode, encode } from 'dns-packet';
import { array, assert, constantFrom, integer, oneof, property, tuple, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Answerer } from '../../../src/cloud/dns-server/answer.ts';
import { parseQuery, truncated } from '../../../src/cloud/dns-server/wire.ts';
import { ZoneView } from '../../../src/cloud/dns-server/zone-view.ts';
import { dataOf, query } from './dns-client.ts';
import { boxA, boxB, boxC, oldZone, servedZones } from './sample-zones.ts';
import { zoneRoot } from './options.ts';

const served = servedZones(zoneRoot, ['letsencrypt.org']);
const nameServers = [{ name: `ns1.${zoneRoot}`, addresses: ['192.0.2.1'] }];
const view = new ZoneView({ zoneRoot, nameServers, zone: (label) => served.get(label), serial: () => 7 });
const answerer = new Answerer({
  view,
  onFailure: (error) => {
    throw error;
  },
});

const codes = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

function ask(
  name: string,
  type: string,
  transport: 'udp' | 'tcp' = 'tcp',
): { code: string | undefined; data: string[] } {
  const answered = answerer.answer(query(name, type), transport);
  if (answered === undefined) throw new Error('nothing was answered');
  return { code: codes[answered.rcode], data: (decode(answered.response).answers ?? []).map(dataOf) };
}

/** The response to raw bytes as `rcode` and section counts, or nothing. */
function raw(packet: Buffer): { rcode: number; counts: number[] } | undefined {
  const response = answerer.answer(packet, 'udp')?.response;
  if (response === undefined) return undefined;
  return { rcode: (response[3] ?? 0) & 0xf, counts: [4, 6, 8, 10].map((at) => response.readUInt16BE(at)) };
}

function withCounts(packet: Buffer, ...counts: number[]): Buffer {
  const copy = Buffer.from(packet);
  for (const [index, count] of counts.entries()) copy.writeUInt16BE(count, 4 + index * 2);
  return copy;
}

function sized(udpPayloadSize: number): Buffer {
  return encode({
    type: 'query',
    questions: [{ name: `${boxA}.${zoneRoot}`, type: 'CAA' }],
    additionals: [{ type: 'OPT', name: '.', udpPayloadSize } as never],
  });
}

describe('answers', () => {
  it.each([
    [`${boxA}.${zoneRoot}`, 'A', 'NOERROR', ['192.168.1.20', '10.0.0.20']],
    [`photos.${boxA}.${zoneRoot}`, 'AAAA', 'NOERROR', ['fd00::20']],
    [`x.photos.${boxA}.${zoneRoot}`, 'A', 'NOERROR', ['192.168.1.20', '10.0.0.20']],
    [`x.a.${boxA}.${zoneRoot}`, 'A', 'NXDOMAIN', []],
    [`remote.${boxA}.${zoneRoot}`, 'A', 'NOERROR', ['203.0.113.7']],
    [`192-168-7-7.${boxC}.${zoneRoot}`, 'A', 'NOERROR', ['192.168.7.7']],
    [`192-168-7-7.${boxC}.${zoneRoot}`, 'AAAA', 'NOERROR', []],
    [`fd00--7.${boxC}.${zoneRoot}`, 'AAAA', 'NOERROR', ['fd00::7']],
    [`x.192-168-7-7.${boxA}.${zoneRoot}`, 'A', 'NXDOMAIN', []],
    // Not private: no address name, so the wildcard of A, and nothing in C, which has none.
    [`8-8-8-8.${boxA}.${zoneRoot}`, 'A', 'NOERROR', ['192.168.1.20', '10.0.0.20']],
    [`8-8-8-8.${boxC}.${zoneRoot}`, 'A', 'NXDOMAIN', []],
    [`192-168-7-7.${oldZone}.${zoneRoot}`, 'A', 'NOERROR', ['192.168.1.30']],
    [`192-168-7-7.${zoneRoot}`, 'A', 'NXDOMAIN', []],
    // The tunnel of B is down: no address, and above all not that of the home.
    [`remote.${boxB}.${zoneRoot}`, 'AAAA', 'NOERROR', []],
    [`remote.${boxC}.${zoneRoot}`, 'A', 'NOERROR', []],
    [`${boxA}.${zoneRoot}`, 'HTTPS', 'NOERROR', []],
    [`deep.down.${oldZone}.${zoneRoot}`, 'A', 'NOERROR', []],
    [zoneRoot, 'NS', 'NOERROR', [`ns1.${zoneRoot}`]],
    ['example.org', 'A', 'REFUSED', []],
    [`x${zoneRoot}`, 'A', 'REFUSED', []],
    [zoneRoot, 'AXFR', 'REFUSED', []],
  ])('%s %s is %s', (name, type, code, data) => {
    expect(ask(name, type)).toEqual({ code, data });
  });

  it('are SERVFAIL when the store cannot be read, and nothing is thrown', () => {
    const broken = new ZoneView({
      zoneRoot,
      nameServers,
      serial: () => 1,
      zone: () => {
        throw new Error('the disk is gone');
      },
    });
    const failures: unknown[] = [];
    const answered = new Answerer({ view: broken, onFailure: (error) => failures.push(error) }).answer(
      query(`${boxA}.${zoneRoot}`, 'A'),
      'udp',
    );
    expect(answered).toMatchObject({ rcode: 2 });
    expect(failures).toMatchObject([{ message: 'the disk is gone' }]);
    expect(decode(answered?.response ?? Buffer.alloc(0)).answers).toEqual([]);
  });

  it('are cut to what the client takes over UDP and whole over TCP', () => {
    const plain = query(`${boxA}.${zoneRoot}`, 'CAA');
    for (const [packet, transport, cut] of [
      [plain, 'udp', true],
      [plain, 'tcp', false],
      [sized(1), 'udp', true],
      [sized(512), 'udp', true],
      [sized(1232), 'udp', false],
    ] as const) {
      const response = answerer.answer(packet, transport)?.response ?? Buffer.alloc(12);
      expect((response.readUInt16BE(2) & 0x0200) !== 0).toBe(cut);
      expect(response.readUInt16BE(6)).toBe(cut ? 0 : 2);
    }
  });

  it.each([
    ['without EDNS', {}, []],
    // RFC 6891, 6.1.1: who sends an OPT record gets one; without, a resolver takes the server for one of old.
    ['with EDNS', { additionals: [{ type: 'OPT', name: '.' } as never] }, [{ type: 'OPT' }]],
  ])('can be cut short, for clients that ask too often: %s', (_, edns, additionals) => {
    const questions = [{ name: `${boxA}.${zoneRoot}`, type: 'A' as const }];
    const packet = encode({ type: 'query', id: 99, questions, ...edns });
    const answered = answerer.answer(packet, 'udp');
    if (answered === undefined) throw new Error('nothing was answered');
    expect(decode(truncated(answered))).toMatchObject({
      id: 99,
      flag_tc: true,
      flag_aa: true,
      answers: [],
      questions: [{ type: 'A' }],
      additionals,
    });
  });
});

/** Nothing for what is no query; 12 bytes for what is broken, so that it brings nobody more than it cost; else an answer. */
function rightlyAnswered(packet: Buffer): boolean {
  const response = answerer.answer(packet, 'udp')?.response;
  if (packet.length < 12 || (packet[2] ?? 0) >= 0x80) return response === undefined;
  if (response === undefined) return false;
  if ('query' in parseQuery(packet)) return response.subarray(0, 2).equals(packet.subarray(0, 2));
  const opcode = (packet[2] ?? 0) & 0x78;
  return response.length === 12 && ((response[3] ?? 0) & 0xf) === (opcode === 0 ? 1 : 4);
}

const flagsOf = (packet: Buffer): number => answerer.answer(packet, 'udp')?.response.readUInt16BE(2) ?? 0;

describe('what a header says', () => {
  const good = query(`${boxA}.${zoneRoot}`, 'A');
  const cookie = (length: number): Buffer => {
    const option = Buffer.concat([Buffer.of(0, 10, 0, length), Buffer.alloc(length, 7)]);
    const opt = Buffer.concat([Buffer.from([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, option.length]), option]);
    const packet = Buffer.concat([good.subarray(0, 12), good.subarray(12), opt]);
    packet.writeUInt16BE(1, 10);
    return packet;
  };

  it.each([1, 2, 3, 4, 5, 6, 15])(
    'copies opcode %i and RD into NOTIMP (RFC 1035, 4.1.1), with a question or without',
    (opcode) => {
      for (const rd of [0, 0x0100]) {
        const whole = Buffer.from(good);
        whole.writeUInt16BE((opcode << 11) | rd, 2);
        const bare = Buffer.from(whole.subarray(0, 12));
        bare.writeUInt16BE(0, 4);
        for (const packet of [whole, bare]) expect(flagsOf(packet) & 0x790f).toBe((opcode << 11) | rd | 4);
      }
    },
  );

  it('takes cookies of the lengths there are, and no other (RFC 7873, 5.2.2)', () => {
    for (const length of [8, 16, 24, 40]) expect(flagsOf(cookie(length)) & 0xf).toBe(0);
    for (const length of [0, 1, 5, 7, 9, 15, 41, 64]) expect(flagsOf(cookie(length)) & 0xf).toBe(1);
  });
});

describe('broken packets', () => {
  const good = query(`${boxA}.${zoneRoot}`, 'A');
  const formerr = { rcode: 1, counts: [0, 0, 0, 0] };
  const question = good.subarray(12);
  const record = Buffer.from([0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]);
  const opt = Buffer.from([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);

  it.each([
    ['shorter than a header', good.subarray(0, 11), undefined],
    ['a response', Buffer.concat([good.subarray(0, 2), Buffer.of(0x80), good.subarray(3)]), undefined],
    ['no question', withCounts(good.subarray(0, 12), 0), formerr],
    ['a question that is not counted', withCounts(good, 0), formerr],
    ['two questions', withCounts(Buffer.concat([good, question]), 2), formerr],
    ['a second question that is not there', withCounts(good, 2), formerr],
    ['cut off in the name', good.subarray(0, 30), formerr],
    ['cut off behind the name', good.subarray(0, good.length - 1), formerr],
    [
      'a name that points at itself',
      Buffer.concat([good.subarray(0, 12), Buffer.of(0xc0, 12, 0, 1, 0, 1)]),
      formerr,
    ],
    [
      'a label of a type nobody uses',
      Buffer.concat([good.subarray(0, 12), Buffer.of(0x41, 0, 0, 0, 1, 0, 1)]),
      formerr,
    ],
    [
      'a name of more than 255 bytes',
      Buffer.concat([
        good.subarray(0, 12),
        ...Array.from({ length: 5 }, () => Buffer.alloc(64, 63)),
        Buffer.of(0, 0, 1, 0, 1),
      ]),
      formerr,
    ],
    ['records that are not there', withCounts(good, 1, 0, 0, 1), formerr],
    [
      'a record that ends beyond the packet',
      withCounts(Buffer.concat([good, record.subarray(0, 13)]), 1, 0, 0, 1),
      formerr,
    ],
    [
      'a record whose name points forward',
      withCounts(Buffer.concat([good, Buffer.of(0xc1, 0xff), record.subarray(1)]), 1, 0, 0, 1),
      formerr,
    ],
    ['bytes behind the end', Buffer.concat([good, Buffer.of(0)]), formerr],
    ['two OPT records', withCounts(Buffer.concat([good, opt, opt]), 1, 0, 0, 2), formerr],
    ['OPT as an answer', withCounts(Buffer.concat([good, opt]), 1, 1, 0, 0), formerr],
    ['OPT with a name', withCounts(Buffer.concat([good, Buffer.of(1, 97), opt]), 1, 0, 0, 1), formerr],
    [
      'an EDNS option that lies about its length',
      withCounts(Buffer.concat([good, opt.subarray(0, 10), Buffer.of(5, 0, 3, 0, 9, 1)]), 1, 0, 0, 1),
      formerr,
    ],
  ])('%s', (_what, packet, expected) => {
    expect(raw(packet)).toEqual(expected);
  });

  it('never throw, and get FORMERR, NOTIMP or nothing, whatever was done to them', () => {
    const names = [boxA, boxB, oldZone].map((label) => `a.${label}.${zoneRoot}`);
    const seeds = names.flatMap((name) => [
      query(name, 'A'),
      encode({
        type: 'query',
        questions: [{ name, type: 'TXT' }],
        additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 1232 } as never],
      }),
      withCounts(Buffer.concat([query(name, 'A'), record, opt]), 1, 0, 1, 1),
    ]);
    type Mutation = (packet: Buffer) => Buffer;
    const at = integer({ min: 0, max: 200 });
    const mutation = oneof(
      tuple(at, integer({ min: 0, max: 255 })).map(([index, byte]): Mutation => (packet) => {
        const copy = Buffer.from(packet);
        if (copy.length > 0) copy[index % copy.length] = byte;
        return copy;
      }),
      at.map(
        (index): Mutation =>
          (packet) =>
            packet.subarray(0, index),
      ),
      // A compression pointer somewhere: backwards, forwards, to itself.
      tuple(at, at).map(
        ([index, target]): Mutation =>
          (packet) =>
            Buffer.concat([packet.subarray(0, index), Buffer.of(0xc0, target), packet.subarray(index + 2)]),
      ),
      tuple(constantFrom(4, 6, 8, 10), constantFrom(0, 1, 2, 255, 65_535)).map(
        ([offset, count]): Mutation =>
          (packet) => {
            const copy = Buffer.from(packet);
            if (copy.length >= 12) copy.writeUInt16BE(count, offset);
            return copy;
          },
      ),
      tuple(at, uint8Array({ maxLength: 20 })).map(
        ([index, bytes]): Mutation =>
          (packet) =>
            Buffer.concat([packet.subarray(0, index), bytes, packet.subarray(index)]),
      ),
    );
    const packets = oneof(
      {
        weight: 9,
        arbitrary: tuple(constantFrom(...seeds), array(mutation, { minLength: 1, maxLength: 4 })).map(
          ([seed, mutations]) => mutations.reduce((packet, change) => change(packet), seed),
        ),
      },
      { weight: 1, arbitrary: uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)) },
    );
    expect(() => assert(property(packets, rightlyAnswered), { numRuns: 5000 })).not.toThrow();
  });
});
