import { type Answer, encode } from 'dns-packet';

/**
 * The one place that knows how DNS looks on the wire (RFC 1035, 4). Records are encoded by dns-packet. The question and
 * the OPT record are read here, byte by byte, because dns-packet's decoder loses what an answer must repeat exactly (case
 * is kept, but bytes above 0x7f, dots inside labels, odd classes and opcodes are not) and throws on half of what arrives.
 */

export const type = {
  A: 1, NS: 2, CNAME: 5, SOA: 6, TXT: 16, AAAA: 28, OPT: 41, RRSIG: 46, NSEC: 47, IXFR: 251, AXFR: 252, ANY: 255, CAA: 257,
} as const; // prettier-ignore

export const rcode = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;

export const classes = { IN: 1, ANY: 255 } as const;

const headerBytes = 12;
const maxNameBytes = 255;

export interface Query {
  id: number;
  opcode: number;
  recursionDesired: boolean;
  /** Labels of the question's name, lower case, first label first. Bytes that no name of ours has are written `\ddd`. */
  labels: readonly string[];
  /** Offset of each label in the packet, and of the root label behind them. */
  offsets: readonly number[];
  type: number;
  class: number;
  /** Name, type and class exactly as they came. */
  question: Buffer;
  edns: Edns | undefined;
}

interface Edns {
  udpSize: number;
  version: number;
  dnssecOk: boolean;
}

/** What can be said about a packet that is not a readable query: answer with `rcode`, or nothing at all. */
export type Unreadable = { rcode: number; id: number; opcode: number; recursionDesired: boolean } | undefined;

export type Parsed = { query: Query } | { unreadable: Unreadable };

/**
 * Reads a query. Unreadable without an answer: shorter than a header, or itself a response (answering those lets two
 * servers talk for ever). FORMERR: not exactly one question (RFC 9619), a name that is cut off, too long or compressed
 * (in a question there is nothing earlier to point at), records that end beyond the packet, bytes behind the last record,
 * two OPT records or one in the wrong place (RFC 6891, 6.1.1), a COOKIE of a length that none has (RFC 7873, 5.2.2). NOTIMP instead, when the opcode is not QUERY:
 * what is wrong there depends on a format that is not ours.
 */
export function parseQuery(packet: Buffer): Parsed {
  if (packet.length < headerBytes) return { unreadable: undefined };
  const flags = packet.readUInt16BE(2);
  if ((flags & 0x8000) !== 0) return { unreadable: undefined };
  const head = {
    id: packet.readUInt16BE(0),
    opcode: (flags >> 11) & 0xf,
    recursionDesired: (flags & 0x0100) !== 0,
  };
  const malformed = { unreadable: { ...head, rcode: head.opcode === 0 ? rcode.FORMERR : rcode.NOTIMP } };
  if (packet.readUInt16BE(4) !== 1) return malformed;
  const labels: string[] = [];
  const offsets: number[] = [];
  const end = readName(packet, labels, offsets);
  if (end === undefined || end + 4 > packet.length) return malformed;
  const edns = readRecords(packet, end + 4);
  if (edns === 'malformed') return malformed;
  return {
    query: {
      ...head,
      labels,
      offsets,
      type: packet.readUInt16BE(end),
      class: packet.readUInt16BE(end + 2),
      question: packet.subarray(headerBytes, end + 4),
      edns,
    },
  };
}

/** Fills `labels` and `offsets`; answers where the name ends, `undefined` when it is not a name. */
function readName(packet: Buffer, labels: string[], offsets: number[]): number | undefined {
  let offset = headerBytes;
  for (;;) {
    const length = packet[offset];
    if (length === undefined || length > 63) return undefined;
    offsets.push(offset);
    if (length === 0) return offset + 1 - headerBytes > maxNameBytes ? undefined : offset + 1;
    const next = offset + 1 + length;
    if (next > packet.length || next - headerBytes > maxNameBytes) return undefined;
    labels.push(labelText(packet.toString('latin1', offset + 1, next)));
    offset = next;
  }
}

const plainLabel = /^[a-z0-9_*-]+$/;

function labelText(latin1: string): string {
  const lower = plainLabel.test(latin1)
    ? latin1
    : latin1.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  if (plainLabel.test(lower)) return lower;
  return lower.replaceAll(/[^a-z0-9_*-]/g, (char) => `\\${String(char.charCodeAt(0)).padStart(3, '0')}`);
}

/** Walks over everything behind the question; what is found there matters only as the frame of one OPT record. */
function readRecords(packet: Buffer, start: number): Edns | undefined | 'malformed' {
  const early = packet.readUInt16BE(6) + packet.readUInt16BE(8);
  const count = early + packet.readUInt16BE(10);
  let edns: Edns | undefined;
  let offset = start;
  for (let index = 0; index < count; index++) {
    const end = skipName(packet, offset);
    if (end === undefined || end + 10 > packet.length) return 'malformed';
    const next = end + 10 + packet.readUInt16BE(end + 8);
    if (next > packet.length) return 'malformed';
    if (packet.readUInt16BE(end) === type.OPT) {
      if (index < early || edns !== undefined || end !== offset + 1 || !optionsFit(packet, end + 10, next))
        return 'malformed';
      const flags = packet.readUInt16BE(end + 6);
      edns = {
        udpSize: packet.readUInt16BE(end + 2),
        version: packet[end + 5] ?? 0,
        dnssecOk: (flags & 0x8000) !== 0,
      };
    }
    offset = next;
  }
  return offset === packet.length ? edns : 'malformed';
}

/** Where the name of a record ends. Pointers are not followed: nothing of ours depends on the names of these records. */
function skipName(packet: Buffer, start: number): number | undefined {
  let offset = start;
  for (;;) {
    const length = packet[offset];
    if (length === undefined) return undefined;
    if (length === 0) return offset + 1;
    if (length >= 0xc0)
      return ((length & 0x3f) << 8) + (packet[offset + 1] ?? 0xffff) < start ? offset + 2 : undefined;
    if (length > 63 || offset - start > maxNameBytes) return undefined;
    offset += 1 + length;
  }
}

function optionsFit(packet: Buffer, start: number, end: number): boolean {
  let offset = start;
  while (offset + 4 <= end) {
    const length = packet.readUInt16BE(offset + 2);
    if (packet.readUInt16BE(offset) === cookieOption && !isCookieLength(length)) return false;
    offset += 4 + length;
  }
  return offset === end;
}

const cookieOption = 10;
/** RFC 7873, 5.2.2: a client cookie of 8 bytes, alone or with a server cookie of 8 to 32. */
const isCookieLength = (length: number): boolean => length === 8 || (length >= 16 && length <= 40);

/** A record without its owner name: type, class, TTL, length, data. Encoded once, when the zone is read. */
export function encodeRecord(record: Answer): Buffer {
  // Behind the header (12 bytes) and the owner `.` (1 byte) dns-packet writes exactly this.
  return encode({ type: 'response', answers: [{ ...record, name: '.' }] }).subarray(headerBytes + 1);
}

/** An owner name: a compression pointer to somewhere earlier in the message (RFC 1035, 4.1.4), or the name in full. */
export type Owner = number | Buffer;

export function encodeName(name: string): Buffer {
  const labels = name
    .split('.')
    .map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label, 'latin1')]));
  return Buffer.concat([...labels, Buffer.of(0)]);
}

/** The size of UDP answers that reach everywhere (DNS flag day 2020), which is also what we say we take. */
const udpSize = 1232;
const udpSizeWithoutEdns = 512;
const ednsBytes = 11;

export type Transport = 'udp' | 'tcp';

/**
 * Puts one answer together. One instance serves a whole server: messages are written into one buffer and copied out,
 * because the kernel may still be sending the last one.
 */
export class AnswerWriter {
  readonly #buffer = Buffer.alloc(65_535);
  #offset = 0;
  #limit = 0;
  #truncated = false;
  readonly #counts = new Uint16Array(3);

  begin(query: Pick<Query, 'question' | 'edns'>, transport: Transport): void {
    const edns = query.edns;
    const udp =
      edns === undefined ? udpSizeWithoutEdns : Math.max(udpSizeWithoutEdns, Math.min(edns.udpSize, udpSize));
    this.#limit = (transport === 'tcp' ? this.#buffer.length : udp) - (edns === undefined ? 0 : ednsBytes);
    this.#counts.fill(0);
    this.#truncated = false;
    this.#offset = headerBytes + query.question.copy(this.#buffer, headerBytes);
  }

  /** Where the next byte goes: what a pointer to data that is about to be added must say. */
  get offset(): number {
    return this.#offset;
  }

  /** Adds records (of `encodeRecord`) to a section: 0 answer, 1 authority, 2 additional. */
  add(section: 0 | 1 | 2, owner: Owner, records: readonly Buffer[]): void {
    for (const record of records) {
      const ownerBytes = typeof owner === 'number' ? 2 : owner.length;
      if (this.#offset + ownerBytes + record.length > this.#limit) {
        // Glue is a favour, and left out without a word (RFC 2181, 9). Anything else is truncation.
        this.#truncated ||= section !== 2;
        return;
      }
      if (typeof owner === 'number') this.#buffer.writeUInt16BE(0xc000 | owner, this.#offset);
      else owner.copy(this.#buffer, this.#offset);
      record.copy(this.#buffer, this.#offset + ownerBytes);
      this.#offset += ownerBytes + record.length;
      this.#counts[section] = (this.#counts[section] ?? 0) + 1;
    }
  }

  /** The message. A truncated one carries no records at all: half an answer is no answer. */
  finish(query: Query, code: number, authoritative: boolean): Buffer {
    const buffer = this.#buffer;
    if (this.#truncated) {
      this.#counts.fill(0);
      this.#offset = headerBytes + query.question.length;
    }
    const flags =
      0x8000 |
      (query.opcode << 11) |
      (authoritative ? 0x0400 : 0) |
      (this.#truncated ? 0x0200 : 0) |
      (query.recursionDesired ? 0x0100 : 0);
    buffer.writeUInt16BE(query.id, 0);
    buffer.writeUInt16BE(flags | (code & 0xf), 2);
    buffer.writeUInt16BE(1, 4);
    for (const [section, count] of this.#counts.entries()) buffer.writeUInt16BE(count, 6 + section * 2);
    if (query.edns !== undefined) {
      buffer.writeUInt16BE(buffer.readUInt16BE(10) + 1, 10);
      buffer[this.#offset] = 0;
      buffer.writeUInt16BE(type.OPT, this.#offset + 1);
      buffer.writeUInt16BE(udpSize, this.#offset + 3);
      buffer[this.#offset + 5] = code >> 4;
      buffer[this.#offset + 6] = 0;
      // The DO bit is repeated (RFC 3225, 3) although nothing is signed.
      buffer.writeUInt16BE(query.edns.dnssecOk ? 0x8000 : 0, this.#offset + 7);
      buffer.writeUInt16BE(0, this.#offset + 9);
      this.#offset += ednsBytes;
    }
    return Buffer.from(buffer.subarray(0, this.#offset));
  }
}

/** An answer of a header alone, for packets whose question cannot be repeated. */
export function headerOnly(unreadable: NonNullable<Unreadable>): Buffer {
  const buffer = Buffer.alloc(headerBytes);
  buffer.writeUInt16BE(unreadable.id, 0);
  const { opcode, recursionDesired } = unreadable;
  buffer.writeUInt16BE(0x8000 | (opcode << 11) | (recursionDesired ? 0x0100 : 0) | unreadable.rcode, 2);
  return buffer;
}

/** `response` (of this file) without its records but OPT, which is the last, and with the TC bit: *ask again by TCP*. */
export function truncated({ response, edns }: { response: Buffer; edns: boolean }): Buffer {
  const questions = response.readUInt16BE(4);
  let end = headerBytes;
  if (questions === 1) end = (skipName(response, headerBytes) ?? headerBytes) + 4;
  const kept = edns
    ? [response.subarray(0, end), response.subarray(-ednsBytes)]
    : [response.subarray(0, end)];
  const short = Buffer.concat(kept);
  short.writeUInt16BE(short.readUInt16BE(2) | 0x0200, 2);
  short.fill(0, 6, headerBytes);
  short.writeUInt16BE(Number(edns), 10);
  return short;
}
