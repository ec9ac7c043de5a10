import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { decode } from 'dns-packet';
import {
  type Arbitrary, array, boolean, constant, constantFrom, infiniteStream, integer, oneof, option, record, sample, tuple, uint8Array,
} from 'fast-check'; // prettier-ignore
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ZoneStore } from '../../../src/cloud/dns-server/store.ts';
import { ZoneView } from '../../../src/cloud/dns-server/zone-view.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { exchangeTcp, UdpClient } from './dns-client.ts';
import { startKnot } from './knot.ts';
import {
  addressLabels,
  boxA,
  boxB,
  boxC,
  contents,
  oldZone,
  servedZones,
  withAddressNames,
} from './sample-zones.ts';
import { zoneRoot } from './options.ts';
import { type Running, startServer } from './support.ts';
import { zoneFile } from './zone-file.ts';

/** One well-formed query, as parts. */
interface Sample {
  name: Buffer;
  type: number;
  class: number;
  opcode: number;
  flags: number;
  edns: {
    size: number;
    version: number;
    flags: number;
    options: readonly { code: number; data: Uint8Array }[];
  } | null;
}

/**
 * Where we differ from Knot on purpose. A sample that an exception applies to is not compared with Knot but with `expected`.
 */
const exceptions: readonly {
  why: string;
  applies: (sample: Sample) => boolean;
  rcode: number;
  /** The answer is a header, and does not repeat the question. */
  bare?: true;
}[] = [
  {
    why: 'a COOKIE of a length that none has is FORMERR (RFC 7873, 5.2.2); Knot reads cookies only where it is told to',
    applies: (sample) => sample.opcode === 0 && hasBrokenCookie(sample),
    rcode: 1,
    bare: true,
  },
  {
    why: 'the same with another opcode is NOTIMP, from the header alone',
    applies: (sample) => sample.opcode !== 0 && hasBrokenCookie(sample),
    rcode: 4,
    bare: true,
  },
  {
    why: 'an EDNS version we do not know is BADVERS whatever the opcode; Knot reads NOTIFY and UPDATE first',
    applies: ({ opcode, edns }) => (opcode === 4 || opcode === 5) && (edns?.version ?? 0) > 0,
    rcode: 16,
  },
  {
    why: 'NOTIFY and UPDATE are services that Knot has (and refuses to strangers: NOTAUTH, FORMERR) and we have not: NOTIMP',
    applies: ({ opcode }) => opcode === 4 || opcode === 5,
    rcode: 4,
  },
  {
    why: 'another opcode is NOTIMP in every class; Knot looks at the class first and refuses',
    applies: (sample) => sample.opcode !== 0 && sample.class !== 1 && (sample.edns?.version ?? 0) === 0,
    rcode: 4,
  },
  {
    why: 'zone transfers are refused by policy: REFUSED (RFC 5936, 2.2.1) rather than NOTAUTH or, for AXFR over UDP, NOTIMP',
    applies: ({ opcode, type, edns }) =>
      opcode === 0 && (type === 251 || type === 252) && (edns?.version ?? 0) === 0,
    rcode: 5,
  },
  {
    why: 'class 0 is reserved (RFC 6895, 3.2) and no class of ours: REFUSED, where Knot answers as if it were IN',
    applies: (sample) => sample.opcode === 0 && sample.class === 0 && (sample.edns?.version ?? 0) === 0,
    rcode: 5,
  },
];

/** RFC 7873, 4: 8 bytes of the client's, and 8 to 32 of the server's or none. */
function hasBrokenCookie({ edns }: Sample): boolean {
  const cookies = (edns?.options ?? []).filter(({ code }) => code === 10);
  return cookies.some(({ data: { length } }) => length !== 8 && (length < 16 || length > 40));
}

const zones = [boxA, boxB, boxC, oldZone];
const labelsInZones = [
  'a', 'b', 'c', 'remote', '_acme-challenge', '*', 'photos', 'local', 'www', 'chain', 'wild', 'dead', 'top', 'loop', 'pool',
  'self', 'deep', 'down', ...addressLabels, '8-8-8-8', '192-168-1', 'x'.repeat(63),
]; // prettier-ignore

const wireLabel = (label: Uint8Array): Buffer => Buffer.concat([Buffer.of(label.length), label]);

const labelArbitrary = oneof(
  { weight: 10, arbitrary: constantFrom(...labelsInZones).map((label) => Buffer.from(label)) },
  { weight: 1, arbitrary: uint8Array({ minLength: 1, maxLength: 63 }) },
  {
    weight: 1,
    arbitrary: constantFrom('a.b', 'remote\0', '\\097', 'A\u00e9').map((label) => Buffer.from(label)),
  },
);

const suffixArbitrary = oneof(
  { weight: 20, arbitrary: constantFrom(...zones).map((zone) => `${zone}.${zoneRoot}`) },
  {
    weight: 4,
    arbitrary: constantFrom(
      `ns1.${zoneRoot}`,
      `ns2.${zoneRoot}`,
      zoneRoot,
      `dns.${zoneRoot}`,
      `ns3.dns.${zoneRoot}`,
    ),
  },
  {
    weight: 1,
    arbitrary: constantFrom(`${'z'.repeat(52)}.${zoneRoot}`, 'example.org', 'org', '', 'box.example.com'),
  },
);

/** Any name, with letters in any case (0x20). */
const nameArbitrary = tuple(
  array(labelArbitrary, { maxLength: 3 }),
  suffixArbitrary,
  infiniteStream(boolean()),
)
  .map(([labels, suffix, upper]) => {
    const name = [
      ...labels,
      ...suffix
        .split('.')
        .filter((label) => label !== '')
        .map((label) => Buffer.from(label)),
    ];
    const bytes = Buffer.concat([...name.map(wireLabel), Buffer.of(0)]);
    let offset = 0;
    while ((bytes[offset] ?? 0) > 0) {
      const end = offset + 1 + (bytes[offset] ?? 0);
      for (let at = offset + 1; at < end; at++) {
        const byte = bytes[at] ?? 0;
        if (byte >= 0x61 && byte <= 0x7a && upper.next().value === true) bytes[at] = byte - 0x20;
      }
      offset = end;
    }
    return bytes;
  })
  .filter((bytes) => bytes.length <= 255);

const typeArbitrary = oneof(
  { weight: 12, arbitrary: constantFrom(1, 1, 28, 16, 257, 2, 5, 6, 255) },
  {
    weight: 2,
    arbitrary: constantFrom(12, 15, 33, 35, 39, 41, 43, 46, 47, 48, 50, 64, 65, 249, 250, 251, 252, 253, 254),
  },
  { weight: 1, arbitrary: integer({ min: 1, max: 65_535 }) },
);

const ednsArbitrary = record({
  size: oneof(
    constantFrom(0, 511, 512, 513, 600, 1220, 1231, 1232, 1233, 1400, 4096, 65_535),
    // 1 is left out: Knot calls an OPT record whose size reads as class IN broken, where RFC 6891, 6.2.3 wants it taken as 512.
    integer({ min: 2, max: 65_535 }),
  ),
  version: oneof(
    { weight: 9, arbitrary: constant(0) },
    { weight: 1, arbitrary: integer({ min: 1, max: 255 }) },
  ),
  flags: constantFrom(0, 0x8000, 0xffff),
  options: array(
    record({ code: constantFrom(5, 8, 10, 11, 12, 65_001), data: uint8Array({ maxLength: 24 }) }),
    { maxLength: 3 },
  ),
});

const sampleArbitrary: Arbitrary<Sample> = record({
  name: nameArbitrary,
  type: typeArbitrary,
  class: oneof(
    { weight: 20, arbitrary: constant(1) },
    { weight: 1, arbitrary: constantFrom(0, 2, 3, 4, 254, 255, 0x8001) },
  ),
  opcode: oneof(
    { weight: 20, arbitrary: constant(0) },
    { weight: 1, arbitrary: integer({ min: 1, max: 15 }) },
  ),
  // AA, TC, RD, RA, Z, AD, CD, and a response code that means nothing in a query.
  flags: constantFrom(0, 0x0100, 0x0120, 0x0110, 0x07f0, 0x0005),
  edns: option(ednsArbitrary),
});

function packet(sample: Sample, id: number): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(id, 0);
  head.writeUInt16BE((sample.opcode << 11) | sample.flags, 2);
  head.writeUInt16BE(1, 4);
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(sample.type, 0);
  tail.writeUInt16BE(sample.class, 2);
  if (sample.edns === null) return Buffer.concat([head, sample.name, tail]);
  head.writeUInt16BE(1, 10);
  const { size, version, flags, options } = sample.edns;
  const optionBytes = options.map(({ code, data }) => {
    const option = Buffer.alloc(4);
    option.writeUInt16BE(code, 0);
    option.writeUInt16BE(data.length, 2);
    return Buffer.concat([option, data]);
  });
  const opt = Buffer.alloc(11);
  opt.writeUInt16BE(41, 1);
  opt.writeUInt16BE(size, 3);
  opt[6] = version;
  opt.writeUInt16BE(flags, 7);
  opt.writeUInt16BE(Buffer.concat(optionBytes).length, 9);
  return Buffer.concat([head, sample.name, tail, opt, ...optionBytes]);
}

const sorted = (records: readonly object[]): string[] =>
  records.map((entry) => JSON.stringify(entry).toLowerCase()).toSorted();

/** What must be equal: codes, flags, the question's bytes, and the records of each section without their order. */
function essence(response: Buffer): Record<string, unknown> {
  const flags = response.readUInt16BE(2);
  const { answers = [], authorities = [], additionals = [] } = decode(response);
  const opt = additionals.find((entry) => entry.type === 'OPT');
  return {
    id: response.readUInt16BE(0),
    rcode: (flags & 0xf) | ((opt?.type === 'OPT' ? opt.extendedRcode : 0) << 4),
    opcode: (flags >> 11) & 0xf,
    aa: (flags & 0x0400) !== 0,
    tc: (flags & 0x0200) !== 0,
    rd: (flags & 0x0100) !== 0,
    zero: flags & 0x00f0,
    answers: sorted(answers),
    authorities: sorted(authorities),
    additionals: sorted(additionals.filter((entry) => entry.type !== 'OPT')),
    opt: opt?.type === 'OPT' ? { version: opt.ednsVersion, flags: opt.flags } : null,
  };
}

function describeSample(sample: Sample): string {
  return `${sample.name.toString('latin1')} type ${sample.type} class ${sample.class} opcode ${sample.opcode} flags ${sample.flags.toString(16)} edns ${JSON.stringify(sample.edns)}`;
}

/** Every sample whose answers differ, as text; an exception is compared with what it says. */
function differences(
  samples: readonly Sample[],
  mine: readonly (Buffer | undefined)[],
  theirs: readonly (Buffer | undefined)[],
): string[] {
  return samples.flatMap((sample, index) => {
    const [we, they] = [mine[index], theirs[index]];
    if (we === undefined || they === undefined) {
      return [`${describeSample(sample)}: ${we === undefined ? 'we' : 'Knot'} did not answer`];
    }
    const ours = essence(we);
    const exception = exceptions.find(({ applies }) => applies(sample));
    const wanted =
      exception === undefined
        ? essence(they)
        : { ...ours, rcode: exception.rcode, aa: false, tc: false, answers: [], authorities: [] };
    const sameName = exception?.bare === true || we.subarray(12, 12 + sample.name.length).equals(sample.name);
    if (isDeepStrictEqual(ours, wanted) && sameName) return [];
    return [
      `${describeSample(sample)}\n  ours   ${JSON.stringify(ours)}\n  wanted ${JSON.stringify(wanted)}`,
    ];
  });
}

describe('the same questions to us and to Knot with the same zone', () => {
  const runs = Number(process.env['KNOT_SAMPLES'] ?? 4000);
  let ours: Running;
  let knot: Awaited<ReturnType<typeof startKnot>>;

  beforeAll(async () => {
    const folder = temporaryFolder();
    const store = new ZoneStore(join(folder, 'state'));
    await store.open();
    for (const [label, content] of contents) store.change(label, () => content);
    const nameServers = [
      { name: `ns1.${zoneRoot}`, addresses: ['127.0.0.1', '::1'] },
      { name: `ns3.dns.${zoneRoot}`, addresses: ['127.0.0.1'] },
      { name: 'ns2.example.net', addresses: [] },
    ];
    const caaIssuers = ['letsencrypt.org', 'pki.example'];
    const served = servedZones(zoneRoot, caaIssuers);
    const { serial } = store;
    const view = new ZoneView({
      zoneRoot,
      nameServers,
      zone: (label) => served.get(label),
      serial: () => serial,
    });
    store.close();
    const text = zoneFile(view, zoneRoot, nameServers, withAddressNames(served));
    [ours, knot] = await Promise.all([
      startServer(join(folder, 'state'), { nameServers, caaIssuers }),
      startKnot(join(folder, 'knot'), zoneRoot, text),
    ]);
  });

  afterAll(async () => {
    await Promise.all([ours.stop(), knot.stop()]);
  });

  it(`get the same answers over UDP (${runs} questions)`, async () => {
    const samples = sample(sampleArbitrary, runs);
    const packets = samples.map((sample, index) => packet(sample, index & 0xffff));
    const client = await UdpClient.open();
    try {
      const mine = await client.exchange(ours.server.dnsPort, packets);
      const theirs = await client.exchange(knot.port, packets);
      expect(differences(samples, mine, theirs)).toEqual([]);
    } finally {
      await client.close();
    }
  });

  it('get the same answers over TCP, many on one connection', async () => {
    const samples = sample(sampleArbitrary, 1000);
    const packets = samples.map((sample, index) => packet(sample, index));
    const [mine, theirs] = await Promise.all([
      exchangeTcp(ours.server.dnsPort, packets),
      exchangeTcp(knot.port, packets),
    ]);
    expect(differences(samples, mine, theirs)).toEqual([]);
  });
});
