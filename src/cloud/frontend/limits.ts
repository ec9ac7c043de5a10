export interface FrontendLimits {
  /** Connections of any kind, in all. */
  connections: number;
  /** Connections of one source (IPv4 address, IPv6 /48). Many people share one behind a carrier's NAT. */
  connectionsPerSource: number;
  /** Connections of one source that have not said yet what they are. */
  undecidedPerSource: number;
  /** Visitors of one box at a time. */
  streamsPerBox: number;
  /** New visitors of one box: so many a second, and so many at once after a quiet time. */
  newStreamsPerSecond: number;
  newStreamsBurst: number;
  /** Of them, those of one source: a box's name is known to all, and one of them must not shut it to the others alone. */
  streamsPerBoxOfSource: number;
  newStreamsPerSecondOfSource: number;
  newStreamsBurstOfSource: number;
  /** Memory that waits for all visitors, for the visitors of one box, and for one visitor. */
  bufferedBytes: number;
  bufferedBytesPerBox: number;
  bufferedBytesPerStream: number;
  /** Tunnels of one box at a time: kites are few, and a take-over leaves the old one for a while. */
  tunnelsPerBox: number;
  /** Until a connection must have said what it is: a whole ClientHello or request head. */
  helloMs: number;
  helloBytes: number;
  /** A visitor through whom nothing passed for this long is closed. */
  idleMs: number;
  /** A tunnel is asked for a sign of life after this long, and given up after twice as much again. */
  pingMs: number;
  /** How long the visitors of a tunnel that was taken over, or of a frontend that stops, may finish. */
  drainMs: number;
}

export const defaultLimits: FrontendLimits = {
  connections: 20_000,
  connectionsPerSource: 2048,
  undecidedPerSource: 128,
  streamsPerBox: 256,
  newStreamsPerSecond: 50,
  newStreamsBurst: 200,
  streamsPerBoxOfSource: 128,
  newStreamsPerSecondOfSource: 25,
  newStreamsBurstOfSource: 100,
  bufferedBytes: 512 * 1024 * 1024,
  bufferedBytesPerBox: 32 * 1024 * 1024,
  bufferedBytesPerStream: 2 * 1024 * 1024,
  tunnelsPerBox: 4,
  helloMs: 10_000,
  helloBytes: 16 * 1024,
  idleMs: 15 * 60_000,
  pingMs: 20_000,
  drainMs: 10_000,
};

/** Why something was refused; also the label of the metric. */
export type Refusal =
  | 'too-many-connections'
  | 'too-many-of-source'
  | 'hello-too-slow'
  | 'hello-too-large'
  | 'hello-malformed'
  | 'no-server-name'
  | 'no-such-tunnel'
  | 'too-many-streams'
  | 'streams-too-fast'
  | 'stream-buffer-full'
  | 'box-buffer-full'
  | 'buffers-full'
  | 'too-many-tunnels'
  | 'kite-refused'
  | 'frames-malformed'
  | 'tunnel-silent'
  | 'tunnel-stalled'
  | 'not-for-us'
  /** Answered with who we are: a box asks before it connects. */
  | 'plain-http';

/** So many a second, with a reserve that fills up in quiet times. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor(options: { perSecond: number; burst: number; now: number }) {
    this.#perSecond = options.perSecond;
    this.#burst = options.burst;
    this.#tokens = options.burst;
    this.#at = options.now;
  }

  /** `now` from a clock that only moves forward, ms. */
  take(now: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#perSecond);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
