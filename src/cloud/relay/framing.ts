import { lowerAscii, trimOws } from '../../kit/http/http-text.ts';

/**
 * The frames of a PageKite tunnel, both directions: `<length in hex>\r\n` and that many bytes, which are header lines, an
 * empty line and a payload. Pure.
 */
export interface Frame {
  /** Names in lower case; the first of a name counts. */
  headers: ReadonlyMap<string, string>;
  payload: Buffer;
}

export class FramingError extends Error {}

/** The client reads at most 64 kB at a time as the box configures it; a little more than four of those is plenty. */
const maxFrameBytes = 320 * 1024;
const maxHeadBytes = 4096;
const maxLengthLine = 8;

/** Cuts a byte stream into frames. Holds at most one unfinished frame. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #held = 0;
  /** Bytes to wait for before looking again. */
  #need = 1;

  /** Bytes of the unfinished frame. */
  get held(): number {
    return this.#held;
  }

  /** The frames that `bytes` completes. Throws `FramingError`, after which the connection cannot be used. */
  push(bytes: Buffer): Frame[] {
    this.#chunks.push(bytes);
    this.#held += bytes.length;
    if (this.#held < this.#need) return [];
    let rest = this.#chunks.length === 1 ? bytes : Buffer.concat(this.#chunks, this.#held);
    const frames: Frame[] = [];
    for (;;) {
      const lineEnd = rest.subarray(0, maxLengthLine + 2).indexOf('\r\n');
      if (lineEnd === -1) {
        if (rest.length >= maxLengthLine + 2) throw new FramingError('a length line without an end');
        this.#need = rest.length + 1;
        break;
      }
      const line = rest.toString('latin1', 0, lineEnd);
      if (!/^[0-9a-fA-F]+$/.test(line)) throw new FramingError('a length that is not hexadecimal');
      const length = Number.parseInt(line, 16);
      if (length === 0 || length > maxFrameBytes) throw new FramingError(`a frame of ${length} bytes`);
      const end = lineEnd + 2 + length;
      if (rest.length < end) {
        this.#need = end;
        break;
      }
      frames.push(parseFrame(rest.subarray(lineEnd + 2, end)));
      rest = rest.subarray(end);
    }
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#held = rest.length;
    return frames;
  }
}

function parseFrame(bytes: Buffer): Frame {
  const headEnd = bytes.subarray(0, maxHeadBytes).indexOf('\r\n\r\n');
  if (headEnd === -1) throw new FramingError('a frame without an end of its headers');
  const headers = new Map<string, string>();
  for (const line of bytes.toString('latin1', 0, headEnd).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new FramingError('a header line without a name');
    const name = lowerAscii(line.slice(0, colon));
    if (!headers.has(name)) headers.set(name, trimOws(line.slice(colon + 1)));
  }
  return { headers, payload: bytes.subarray(headEnd + 4) };
}

/** Length line and headers of a frame whose payload has `payloadBytes` bytes. */
export function frameHead(
  headers: readonly (readonly [string, string | number])[],
  payloadBytes: number,
): Buffer {
  const head = `${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return Buffer.from(`${(head.length + payloadBytes).toString(16)}\r\n${head}`, 'latin1');
}

/** What a frame from a box means. */
export type Message =
  | { kind: 'data'; sid: number; payload: Buffer }
  /** `reads`: the box's side will write no more to us; `writes`: it takes no more from us. */
  | { kind: 'eof'; sid: number; reads: boolean; writes: boolean }
  /** The box passed on this many bytes of stream `sid` (rounded down to a kilobyte). */
  | { kind: 'progress'; sid: number; bytes: number }
  | { kind: 'ping'; text: string }
  | { kind: 'other' };

/** Several things can be said in one frame. A frame that says nothing we know is `other` alone. */
export function meaningOf({ headers, payload }: Frame): Message[] {
  const messages: Message[] = [];
  const ping = headers.get('ping');
  if (ping !== undefined) messages.push({ kind: 'ping', text: ping.slice(0, 64) });
  const sid = natural(headers.get('sid'));
  const progress = natural(headers.get('skb'));
  if (sid !== undefined && progress !== undefined)
    messages.push({ kind: 'progress', sid, bytes: progress * 1024 });
  if (sid !== undefined && !headers.has('noop')) {
    const eof = headers.get('eof');
    if (eof === undefined) messages.push({ kind: 'data', sid, payload });
    else {
      // "1", without a direction, closes both.
      const both = !/[RW]/.test(eof);
      messages.push({
        kind: 'eof',
        sid,
        reads: both || eof.includes('R'),
        writes: both || eof.includes('W'),
      });
    }
  }
  return messages.length === 0 ? [{ kind: 'other' }] : messages;
}

function natural(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}
