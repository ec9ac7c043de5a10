import type { Rate } from '../../kit/http/rate-limit.ts';

export interface RelayLimits {
  /** Connections of visitors, and of those that have not said yet what they are; shared between client networks. */
  connections: number;
  /** Tunnels, which have places of their own; shared in the same way. */
  tunnels: number;
  /** Visitors of one box at a time. A box's name is known to all: they are shared between client networks. */
  streamsPerBox: number;
  /** New visitors of one box: of all networks together, of one network, and what each network has for itself. */
  newStreams: { client: Rate; own: Rate; all: Rate };
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
  /** A visitor to whom the box has said nothing by then is closed: TLS begins with a word of both sides (RFC 8446, 2). */
  answerMs: number;
  /** A tunnel is asked for a sign of life after this long, and given up after twice as much again. */
  pingMs: number;
  /** How long the visitors of a tunnel that was taken over, or of a relay that stops, may finish. */
  drainMs: number;
}

export const defaultLimits: RelayLimits = {
  connections: 20_000,
  tunnels: 20_000,
  streamsPerBox: 256,
  newStreams: {
    client: { burst: 100, perSecond: 25 },
    own: { burst: 20, perSecond: 1 },
    all: { burst: 200, perSecond: 50 },
  },
  bufferedBytes: 512 * 1024 * 1024,
  bufferedBytesPerBox: 32 * 1024 * 1024,
  bufferedBytesPerStream: 2 * 1024 * 1024,
  tunnelsPerBox: 4,
  helloMs: 10_000,
  helloBytes: 16 * 1024,
  idleMs: 15 * 60_000,
  answerMs: 30_000,
  pingMs: 20_000,
  drainMs: 10_000,
};

/** Why something was refused; also the label of the metric. */
export type Refusal =
  | 'too-many-connections'
  | 'hello-too-slow'
  | 'hello-too-large'
  | 'hello-malformed'
  | 'no-server-name'
  | 'no-such-tunnel'
  | 'too-many-streams'
  | 'streams-too-fast'
  | 'box-silent'
  | 'stream-buffer-full'
  | 'box-buffer-full'
  | 'buffers-full'
  | 'too-many-tunnels'
  | 'kite-refused'
  | 'copied-identity'
  | 'frames-malformed'
  | 'tunnel-silent'
  | 'tunnel-stalled'
  | 'not-for-us'
  /** Answered with who we are: a box asks before it connects. */
  | 'plain-http';
