import { lowerAscii } from '../../kit/http/http-text.ts';

/**
 * Reads the server name (SNI, RFC 6066, 3) out of a TLS ClientHello (RFC 8446, 4.1.2), which may span several records
 * (5.1) and arrive in any number of pieces. Pure: given all bytes so far, says what they mean.
 */
export type ClientHello =
  /** Not complete; cannot be before `need` bytes are there. */
  | { kind: 'more'; need: number }
  /** `serverName` in lower case without a trailing dot, `undefined` when the client sent none. */
  | { kind: 'hello'; serverName: string | undefined }
  | { kind: 'bad'; reason: string };

const recordHeader = 5;
/** Type and length (RFC 8446, 4). */
const messageHeader = 4;
const handshakeRecord = 0x16;
const clientHello = 1;
const serverNameExtension = 0;
const hostName = 0;
const maxRecord = 2 ** 14;

/** True for a first byte that no HTTP request begins with and every TLS 1.0 to 1.3 connection does. */
export function looksLikeTls(firstByte: number): boolean {
  return firstByte === handshakeRecord;
}

export function readClientHello(bytes: Buffer): ClientHello {
  const message = handshakeMessage(bytes);
  if (!Buffer.isBuffer(message)) return message;
  try {
    return { kind: 'hello', serverName: serverName(new Reader(message)) };
  } catch (error) {
    if (error instanceof Malformed) return { kind: 'bad', reason: error.message };
    throw error;
  }
}

/** The body of the first handshake message, joined from its records. */
function handshakeMessage(bytes: Buffer): Buffer | ClientHello {
  const fragments: Buffer[] = [];
  let held = 0;
  let end: number | undefined;
  for (let at = 0; ;) {
    if (bytes.length < at + recordHeader) return { kind: 'more', need: at + recordHeader };
    if (bytes.readUInt8(at) !== handshakeRecord) return { kind: 'bad', reason: 'not a handshake record' };
    if (bytes.readUInt8(at + 1) !== 3) return { kind: 'bad', reason: 'not TLS' };
    const length = bytes.readUInt16BE(at + 3);
    // An empty handshake record is forbidden, and would let a client send headers for ever (RFC 8446, 5.1).
    if (length === 0 || length > maxRecord) return { kind: 'bad', reason: `a record of ${length} bytes` };
    const fragment = bytes.subarray(at + recordHeader, at + recordHeader + length);
    at += recordHeader + length;
    fragments.push(fragment);
    held += fragment.length;
    if (end === undefined && held >= messageHeader) {
      const header = Buffer.concat(fragments, messageHeader);
      if (header.readUInt8(0) !== clientHello) return { kind: 'bad', reason: 'not a ClientHello' };
      end = messageHeader + header.readUIntBE(1, 3);
    }
    if (end !== undefined && held >= end) return Buffer.concat(fragments).subarray(messageHeader, end);
    if (bytes.length < at) return { kind: 'more', need: at };
  }
}

function serverName(hello: Reader): string | undefined {
  hello.skip(2 + 32); // legacy_version, random
  hello.block(1); // legacy_session_id
  hello.block(2); // cipher_suites
  hello.block(1); // legacy_compression_methods
  if (hello.left === 0) return undefined;
  const extensions = hello.block(2);
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const content = extensions.block(2);
    if (type !== serverNameExtension) continue;
    const names = content.block(2);
    while (names.left > 0) {
      const kind = names.number(1);
      const name = names.block(2);
      if (kind === hostName) return hostNameOf(name.rest());
    }
  }
  return undefined;
}

function hostNameOf(bytes: Buffer): string {
  const name = lowerAscii(bytes.toString('latin1')).replace(/\.$/, '');
  if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name) || name.length > 253)
    throw new Malformed('a server name that is not a host name');
  return name;
}

class Malformed extends Error {}

/** Reads length-prefixed fields (RFC 8446, 3.4); throws `Malformed` at a length that leads outside. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  skip(length: number): Buffer {
    if (length > this.left) throw new Malformed('a length that leads outside the ClientHello');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  number(bytes: number): number {
    return this.skip(bytes).readUIntBE(0, bytes);
  }

  block(lengthBytes: number): Reader {
    return new Reader(this.skip(this.number(lengthBytes)));
  }

  rest(): Buffer {
    return this.skip(this.left);
  }
}

/** A TLS alert record (RFC 8446, 6): fatal, in the clear, as the answer to a ClientHello. */
export function fatalAlert(description: 'unrecognized_name' | 'internal_error' | 'decode_error'): Buffer {
  const codes = { unrecognized_name: 112, internal_error: 80, decode_error: 50 };
  return Buffer.from([0x15, 3, 3, 0, 2, 2, codes[description]]);
}
