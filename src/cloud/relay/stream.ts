import type { Socket } from 'node:net';
import { StreamWindow } from './window.ts';

/** What a stream asks of the tunnel it belongs to. */
export interface StreamPeer {
  data(sid: number, payload: Buffer): void;
  eof(sid: number, how: 'R' | 'WR'): void;
  progress(sid: number, kilobytes: number): void;
  /** Something passed, either way. */
  used(stream: Stream, visitor: Socket): void;
  /** The tunnel's socket takes no more at the moment. */
  readonly congested: boolean;
  closed(stream: Stream): void;
}

const bytesPerWrite = 256;

/**
 * One visitor's connection inside a tunnel: passes bytes on both ways, each way at the pace of its receiver, and lets
 * each way end on its own (TCP half-close).
 */
export class Stream {
  readonly sid: number;
  /** When the box was told of it; monotonic, ms. */
  readonly openedAt: number;
  readonly #socket: Socket;
  readonly #peer: StreamPeer;
  readonly #window = new StreamWindow();
  #boxSendsNoMore = false;
  #boxTakesNoMore = false;
  #visitorDone = false;
  #closed = false;
  #answered = false;
  #pendingWrites = 0;

  constructor(options: { sid: number; openedAt: number; socket: Socket; peer: StreamPeer; idleMs: number }) {
    this.sid = options.sid;
    this.openedAt = options.openedAt;
    this.#socket = options.socket;
    this.#peer = options.peer;
    this.#socket.setTimeout(options.idleMs, () => this.destroy());
    this.#socket.on('data', (bytes: Buffer) => this.#fromVisitor(bytes));
    this.#socket.on('end', () => this.#visitorEnded());
    this.#socket.on('error', () => this.destroy());
    this.#socket.on('close', () => this.#finished());
  }

  /** The box has said something to the visitor. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Memory that waits for the visitor: bytes, and what each write costs beside them. */
  get buffered(): number {
    return this.#socket.writableLength + this.#pendingWrites * bytesPerWrite;
  }

  /** The box was told of the stream, with this many bytes of the visitor. */
  opened(bytes: number): void {
    this.#window.sending(bytes);
    // The client keeps to a window only once it has been told of one.
    this.#peer.progress(this.sid, 0);
    this.update();
  }

  /** Reads from the visitor as long as window and tunnel allow. */
  update(): void {
    if (this.#boxTakesNoMore || (this.#window.open && !this.#peer.congested)) this.#socket.resume();
    else this.#socket.pause();
  }

  /** Data of the box for the visitor. */
  write(payload: Buffer): void {
    if (payload.length === 0 || !this.#socket.writable) return;
    this.#answered = true;
    this.#peer.used(this, this.#socket);
    this.#window.receiving(payload.length);
    // A payload is a part of what was read at once; one that waits must not keep all of that in memory.
    const bytes = this.#socket.writableLength > 0 ? Buffer.from(payload) : payload;
    this.#pendingWrites++;
    this.#socket.write(bytes, () => {
      this.#pendingWrites--;
      this.#report();
    });
    this.#report();
  }

  progress(bytes: number): void {
    this.#window.progress(bytes);
    this.update();
  }

  /** The box will send no more (`reads`: its side is read to the end), or takes no more (`writes`). */
  boxEnded(how: { reads: boolean; writes: boolean }): void {
    this.#boxSendsNoMore ||= how.reads;
    // Nobody is left to hear the visitor; what still comes is read and dropped, so that the answer gets through.
    this.#boxTakesNoMore ||= how.writes;
    if (how.reads) this.#socket.end();
    this.update();
    if (this.#boxDone) this.#endWhenFlushed();
  }

  /** Ends both ways at once. */
  destroy(): void {
    this.#socket.destroy();
    this.#finished();
  }

  /** The box knows that this stream is over. */
  get #boxDone(): boolean {
    return this.#boxSendsNoMore && this.#boxTakesNoMore;
  }

  #fromVisitor(bytes: Buffer): void {
    if (this.#boxTakesNoMore) return;
    this.#window.sending(bytes.length);
    this.#peer.data(this.sid, bytes);
    this.update();
  }

  #visitorEnded(): void {
    this.#visitorDone = true;
    if (!this.#boxTakesNoMore) this.#peer.eof(this.sid, 'R');
  }

  #report(): void {
    if (this.#boxDone || this.#closed) return;
    const kilobytes = this.#window.report(this.#socket.writableLength);
    if (kilobytes !== undefined) this.#peer.progress(this.sid, kilobytes);
  }

  /** After the last byte has left, a visitor who does not close is closed. */
  #endWhenFlushed(): void {
    if (this.#visitorDone || this.#socket.writableFinished) this.#socket.destroySoon();
    else this.#socket.once('finish', () => this.#socket.destroySoon());
  }

  #finished(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#boxDone) this.#peer.eof(this.sid, 'WR');
    this.#peer.closed(this);
  }
}
