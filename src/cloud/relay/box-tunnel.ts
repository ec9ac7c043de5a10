import type { Socket } from 'node:net';
import { addressFamily } from '../../protocol/addresses.ts';
import { peerAddress } from '../peer-address.ts';
import { type Frame, frameHead, FrameReader, FramingError, meaningOf } from './framing.ts';
import type { Run } from './handshake.ts';
import type { RelayLimits, Refusal } from './limits.ts';
import type { Counters } from './metrics.ts';
import type { Box } from './registry.ts';
import { Stream, type StreamPeer } from './stream.ts';

export interface BoxTunnelOptions {
  socket: Socket;
  box: Box;
  names: readonly string[];
  boxRun: Run | undefined;
  sessionId: string;
  publicPort: number;
  limits: RelayLimits;
  counters: Counters;
  /** Monotonic, ms. */
  now: () => number;
  /** Something passed between this visitor and the box. */
  onUsed: (visitor: Socket) => void;
  onClosed: (tunnel: BoxTunnel) => void;
}

/** Bytes that wait in the tunnel's socket at which its visitors are no longer read. */
const congestedBytes = 512 * 1024;

/** The client passes on this much of a frame at once, and what is left of it only after another turn. */
const framePayload = 16_000;

/** A stream with less than this waiting cannot be what fills a box's share. */
const worthCounting = 64 * 1024;

/** Answers to a client that asks and asks but does not read end here. */
const stalledBytes = 16 * 1024 * 1024;

/** A box that answers none of so many questions, one each `pingMs`, is gone. */
const questions = 2;

/** The connection of one box, and the streams in it. */
export class BoxTunnel {
  readonly box: Box;
  readonly streams = new Map<number, Stream>();
  readonly names: readonly string[];
  /** Which run of the box it is of, when the box says so. */
  readonly boxRun: Run | undefined;
  readonly sessionId: string;
  readonly #options: BoxTunnelOptions;
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #peer: StreamPeer;
  #nextSid = 1;
  #heardAt: number;
  #askedAt: number;
  /** Questions since it was last heard. */
  #asked = 0;
  #corked = false;
  #draining: number | undefined;
  #closed = false;

  constructor(options: BoxTunnelOptions) {
    this.#options = options;
    this.box = options.box;
    this.names = options.names;
    this.boxRun = options.boxRun;
    this.sessionId = options.sessionId;
    this.#socket = options.socket;
    this.#heardAt = options.now();
    this.#askedAt = this.#heardAt;
    this.#peer = this.#streamPeer();
  }

  /** Bytes that wait for visitors. */
  get buffered(): number {
    let sum = 0;
    for (const stream of this.streams.values()) sum += stream.buffered;
    return sum;
  }

  /** Begins to read frames, of which `first` are the bytes already there. */
  run(first: Buffer): void {
    this.#socket.on('data', (bytes: Buffer) => this.#received(bytes));
    this.#socket.on('drain', () => this.#updateStreams());
    this.#socket.on('end', () => this.close());
    this.#socket.on('error', () => this.close());
    this.#socket.on('close', () => this.close());
    if (first.length > 0) this.#received(first);
    this.#socket.resume();
  }

  /** Gives a visitor to the box. `hello` are the bytes read to learn the name. */
  open(visitor: Socket, client: string, name: string, hello: Buffer): void {
    const { counters, limits, publicPort, now } = this.#options;
    const sid = this.#nextSid++;
    const { idleMs } = limits;
    const stream = new Stream({ sid, openedAt: now(), socket: visitor, peer: this.#peer, idleMs });
    this.streams.set(sid, stream);
    this.box.visitors.add(stream, client);
    counters.streamsOpened++;
    counters.bytesToBoxes += hello.length;
    const headers = [
      ['SID', sid],
      ['Proto', 'https'],
      ['Host', name],
      ['Port', publicPort],
      ['RIP', mappedAddress(visitor.remoteAddress)],
      ['RPort', visitor.remotePort ?? 0],
    ] as const;
    this.#write(frameHead(headers, hello.length), hello);
    stream.opened(hello.length);
  }

  /** Takes no new visitors; closes when the last has gone, or at `until` (monotonic, ms). */
  drain(until: number): void {
    this.#draining = Math.min(until, this.#draining ?? Number.POSITIVE_INFINITY);
    if (this.streams.size === 0) this.close();
  }

  /** Looks at the time; called about once a second. */
  tick(now: number): void {
    const { pingMs, answerMs } = this.#options.limits;
    if (this.#draining !== undefined && now >= this.#draining) return this.close();
    for (const stream of this.streams.values()) {
      if (stream.answered || now - stream.openedAt < answerMs) continue;
      this.#options.counters.refuse('box-silent');
      stream.destroy();
    }
    if (now - this.#heardAt <= pingMs || now - this.#askedAt <= pingMs) return;
    if (this.#asked >= questions) return this.#givenUp();
    this.#asked++;
    this.#askedAt = now;
    this.#write(frameHead([['NOOP', 1], ['PING', Math.round(now)]], 1), Buffer.from('!')); // prettier-ignore
  }

  /**
   * A box is silent when it was asked and did not answer. Of a process that stood still itself, time alone says nothing: what
   * came meanwhile is read first.
   */
  #givenUp(): void {
    setImmediate(() => {
      if (this.#asked >= questions) this.close('tunnel-silent');
    });
  }

  close(reason?: Refusal): void {
    if (this.#closed) return;
    this.#closed = true;
    if (reason !== undefined) this.#options.counters.refuse(reason);
    for (const stream of this.streams.values()) stream.destroy();
    this.#socket.destroy();
    this.#options.onClosed(this);
  }

  #received(bytes: Buffer): void {
    this.#heardAt = this.#options.now();
    this.#asked = 0;
    let frames: Frame[];
    try {
      frames = this.#reader.push(bytes);
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      return this.close('frames-malformed');
    }
    for (const frame of frames) for (const message of meaningOf(frame)) this.#act(message);
  }

  #act(message: ReturnType<typeof meaningOf>[number]): void {
    switch (message.kind) {
      case 'data':
        return this.#toVisitor(message.sid, message.payload);
      case 'eof':
        return this.streams.get(message.sid)?.boxEnded(message);
      case 'progress':
        return this.streams.get(message.sid)?.progress(message.bytes);
      case 'ping':
        return this.#write(frameHead([['NOOP', 1], ['PONG', message.text]], 1), Buffer.from('!')); // prettier-ignore
      case 'other':
    }
  }

  #toVisitor(sid: number, payload: Buffer): void {
    const stream = this.streams.get(sid);
    if (stream === undefined) return;
    const { limits, counters } = this.#options;
    counters.bytesToVisitors += payload.length;
    stream.write(payload);
    if (stream.buffered > limits.bufferedBytesPerStream) {
      counters.refuse('stream-buffer-full');
      stream.destroy();
    } else if (stream.buffered > worthCounting && this.box.buffered > limits.bufferedBytesPerBox) {
      counters.refuse('box-buffer-full');
      this.box.slowest?.destroy();
    }
  }

  #streamPeer(): StreamPeer {
    const congested = (): boolean => this.#socket.writableLength > congestedBytes;
    return {
      data: (sid, payload) => {
        this.#options.counters.bytesToBoxes += payload.length;
        for (let at = 0; at < payload.length; at += framePayload) {
          const part = payload.subarray(at, at + framePayload);
          this.#write(frameHead([['SID', sid]], part.length), part);
        }
        if (congested()) this.#updateStreams();
      },
      eof: (sid, how) => this.#write(frameHead([['SID', sid], ['EOF', `1${how}`]], 1), Buffer.from('!')), // prettier-ignore
      progress: (sid, kilobytes) => this.#write(frameHead([['NOOP', 1], ['SID', sid], ['SKB', kilobytes]], 1), Buffer.from('!')), // prettier-ignore
      used: (stream, visitor) => {
        this.box.visitors.used(stream);
        this.#options.onUsed(visitor);
      },
      get congested() {
        return congested();
      },
      closed: (stream) => {
        this.streams.delete(stream.sid);
        this.box.visitors.remove(stream);
        if (this.#draining !== undefined && this.streams.size === 0) this.close();
      },
    };
  }

  #updateStreams(): void {
    for (const stream of this.streams.values()) stream.update();
  }

  /** Frames of one turn leave in one packet. */
  #write(head: Buffer, payload: Buffer): void {
    if (this.#closed || !this.#socket.writable) return;
    if (this.#socket.writableLength > stalledBytes) return this.close('tunnel-stalled');
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(head);
    if (payload.length > 0) this.#socket.write(payload);
  }
}

/** The form in which the client expects an address: IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2). */
function mappedAddress(address: string | undefined): string {
  const canonical = peerAddress(address ?? '0.0.0.0');
  return addressFamily(canonical) === 4 ? `::ffff:${canonical}` : canonical;
}
