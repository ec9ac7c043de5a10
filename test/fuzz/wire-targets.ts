import { deepEqual, equal, ok } from 'node:assert/strict';
import { decode, encode } from 'dns-packet';
import { Answerer } from '../../src/cloud/dns-server/answer.ts';
import { parseQuery } from '../../src/cloud/dns-server/wire.ts';
import { ZoneView } from '../../src/cloud/dns-server/zone-view.ts';
import { readClientHello } from '../../src/cloud/relay/client-hello.ts';
import {
  type Frame,
  frameHead,
  FrameReader,
  FramingError,
  meaningOf,
} from '../../src/cloud/relay/framing.ts';
import { judgeKite, kiteRequests, parseRequestHead, signatureOf } from '../../src/cloud/relay/handshake.ts';
import { servedZones } from '../cloud/dns-server/sample-zones.ts';
import { zoneRoot } from '../cloud/dns-server/options.ts';
import type { Target } from './fuzzing.ts';

const latin = (text: string): Buffer => Buffer.from(text, 'latin1');
const words = (...texts: string[]): Buffer[] => texts.map(latin);

/** Names are answered as they were asked, and every answer can be read by somebody else's decoder. */
function dns(): Target {
  const zones = servedZones(zoneRoot, ['letsencrypt.org']);
  const nameServers = [{ name: `ns1.${zoneRoot}`, addresses: ['192.0.2.1'] }];
  const view = new ZoneView({ zoneRoot, nameServers, zone: (label) => zones.get(label), serial: () => 7 });
  const answerer = new Answerer({
    view,
    onFailure: (error) => {
      throw error;
    },
  });
  const labels = [...zones.keys()];
  const names = labels.flatMap((label) => [
    label,
    `a.${label}`,
    `192-168-7-7.${label}`,
    `_acme-challenge.${label}`,
  ]);
  const types = ['A', 'AAAA', 'TXT', 'CAA', 'NS', 'SOA', 'AXFR'] as const;
  const opt = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: 1232,
    options: [{ code: 10, data: Buffer.alloc(8, 1) }],
  } as never;
  const seeds = names.flatMap((name, n) => {
    const questions = [{ name: `${name}.${zoneRoot}`, type: types[n % types.length] ?? 'A' }];
    return [
      encode({ type: 'query', id: n, questions }),
      encode({ type: 'query', id: n, questions, additionals: [opt] }),
    ];
  });
  return {
    name: 'dns',
    seeds,
    words: [
      Buffer.of(0xc0, 0x0c),
      Buffer.of(0),
      Buffer.of(0, 41),
      Buffer.of(0, 255),
      Buffer.of(0, 10, 0, 8),
      Buffer.alloc(64, 0x61),
    ],
    read: (input) => {
      const parsed = parseQuery(input);
      const answered = [answerer.answer(input, 'udp'), answerer.answer(input, 'tcp')];
      for (const response of answered.flatMap((each) => (each === undefined ? [] : [each.response]))) {
        equal(response.readUInt16BE(0), input.readUInt16BE(0), 'another id');
        ok((response[2] ?? 0) & 0x80, 'no response');
        decode(response);
      }
      ok((answered[0]?.response.length ?? 0) <= 1232, 'too large for UDP');
      if (!('query' in parsed)) return answered[0] === undefined ? 'silence' : 'unreadable';
      const { question } = parsed.query;
      ok(answered[0]?.response.subarray(12, 12 + question.length).equals(question), 'another question');
      return 'answered';
    },
  };
}

/** A frame as the client sends it. */
const frame = (headers: [string, string | number][], payload = ''): Buffer =>
  Buffer.concat([frameHead(headers, payload.length), latin(payload)]);

/** Every frame of the bytes, which come in pieces; what is wrong with them otherwise. */
const framesIn = (input: Buffer, piece: number): Frame[] | string => {
  const reader = new FrameReader();
  const found: Frame[] = [];
  try {
    for (let at = 0; at < input.length; at += piece)
      found.push(...reader.push(input.subarray(at, at + piece)));
  } catch (error) {
    if (error instanceof FramingError) return error.message;
    throw error;
  }
  return found;
};

/** Frames are the same, in whatever pieces they come. */
function frames(): Target {
  const some = [
    frame(
      [
        ['SID', 7],
        ['Host', 'a.example'],
        ['Proto', 'https'],
      ],
      'data',
    ),
    frame([
      ['SID', 7],
      ['EOF', '1WR'],
    ]),
    frame([
      ['NOOP', 1],
      ['SID', 2],
      ['SKB', 64],
    ]),
    frame([['PING', 'x'.repeat(20)]]),
  ];
  return {
    name: 'pagekite-frames',
    seeds: [...some, Buffer.concat(some)],
    words: words(
      '\r\n',
      '\r\n\r\n',
      'SID: 1\r\n',
      'EOF: 1R\r\n',
      'SKB: 9\r\n',
      '4ffff\r\n',
      'FFFFFFFF\r\n',
      ': ',
      '\xa0',
    ),
    read: (input) => {
      const whole = framesIn(input, Math.max(1, input.length));
      const pieces = framesIn(input, 7);
      // A fault may be seen before the frames that come with it in one piece are handed on.
      if (typeof whole !== 'string') deepEqual(pieces, whole, 'other frames in pieces');
      if (typeof whole === 'string') return 'fault';
      for (const each of whole)
        for (const message of meaningOf(each)) if ('sid' in message) ok(Number.isSafeInteger(message.sid));
      return whole.length > 0 ? 'frames' : 'unfinished';
    },
  };
}

function handshake(): Target {
  const boxId = 'a'.repeat(52);
  const kite = { proto: 'https', name: `remote.${boxId}.box.example`, salt: '4f2a', token: '' };
  const rules = {
    zoneRoot: 'box.example',
    masterKey: Buffer.alloc(32, 1),
    now: 1e12,
    nonce: '0123456789abcdef',
    secrets: () => ['secret'],
  };
  const first = judgeKite({ ...kite, signature: '' }, rules);
  const token = first.kind === 'challenge' ? first.token : '';
  const signed = { ...kite, token };
  const line = (rest: string): string =>
    `CONNECT PageKite:1 HTTP/1.0\r\nX-PageKite-Version: 1.0\r\nX-PageKite: ${kite.proto}:${kite.name}:${kite.salt}:${rest}`;
  const right = line(`${token}:${signatureOf('secret', signed, 'saltsalt')}`);
  return {
    name: 'pagekite-handshake',
    seeds: words(
      line(':'),
      right,
      `${line(':')}\r\nX-PageKite: http:x.example:1::`,
      'GET / HTTP/1.1\r\nHost: a',
    ),
    words: words('\r\n', 'X-PageKite: ', ':', '\xa0', '\t', 'https', 'HTTP/1.1', kite.name, token),
    read: (input) => {
      const text = input.toString('latin1');
      const head = parseRequestHead(text);
      if (head === undefined) return 'no head';
      const kites = kiteRequests(head);
      if (kites === undefined) return 'no kites';
      const verdicts = kites.map((each) => judgeKite(each, rules));
      for (const verdict of verdicts)
        if (verdict.kind === 'ok') equal(verdict.boxId, boxId, 'somebody else’s name');
      if (verdicts.some(({ kind }) => kind === 'ok'))
        ok(text.includes(signatureOf('secret', signed, 'saltsalt').slice(8)), 'believed without a signature');
      return verdicts[0]?.kind ?? 'none';
    },
  };
}

/** Content behind its length (RFC 8446, 3.4). */
const block = (size: 1 | 2 | 3, ...parts: Buffer[]): Buffer => {
  const content = Buffer.concat(parts);
  const length = Buffer.alloc(size);
  length.writeUIntBE(content.length, 0, size);
  return Buffer.concat([length, content]);
};

function clientHello(hellos: readonly Buffer[]): Target {
  const hello = (...extensions: Buffer[]): Buffer =>
    Buffer.concat([
      Buffer.of(1),
      block(
        3,
        Buffer.alloc(34, 3),
        block(1, Buffer.alloc(32)),
        block(2, Buffer.of(0x13, 1)),
        block(1, Buffer.of(0)),
        block(2, ...extensions),
      ),
    ]);
  const record = (content: Buffer): Buffer => Buffer.concat([Buffer.of(0x16, 3, 1), block(2, content)]);
  const sni = (name: string): Buffer =>
    Buffer.concat([Buffer.of(0, 0), block(2, block(2, Buffer.of(0), block(2, latin(name))))]);
  const other = Buffer.concat([Buffer.of(0, 43), block(2, Buffer.of(2, 3, 4))]);
  const whole = hello(other, sni('remote.a.box.example'));
  return {
    name: 'client-hello',
    seeds: [
      ...hellos,
      record(whole),
      record(hello()),
      record(hello(sni('A.example.'))),
      Buffer.concat([
        record(whole.subarray(0, 3)),
        record(whole.subarray(3, 60)),
        record(whole.subarray(60)),
      ]),
    ],
    words: [
      Buffer.of(0x16, 3, 1),
      Buffer.of(0x16, 3, 3, 0, 0),
      Buffer.of(0, 0),
      Buffer.of(0),
      latin('example'),
      latin('.'),
    ],
    read: (input) => {
      const read = readClientHello(input);
      if (read.kind === 'more') ok(read.need > input.length, 'waits for bytes that are there');
      if (read.kind === 'hello' && read.serverName !== undefined)
        ok(/^[a-z0-9_.-]{1,253}$/.test(read.serverName), 'a name that is none');
      // What is known from a part does not change when the rest comes.
      if (read.kind === 'hello') deepEqual(readClientHello(Buffer.concat([input, Buffer.of(0x17)])), read);
      return read.kind;
    },
  };
}

/** `hellos`: what real clients send. */
export const wireTargets = (hellos: readonly Buffer[]): Target[] => [
  dns(),
  frames(),
  handshake(),
  clientHello(hellos),
];
