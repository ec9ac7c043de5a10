import type { Refusal } from './limits.ts';

/** A snapshot for `/metrics` and `status`. Counters only grow; the others are of this moment. */
export interface RelayMetrics {
  connections: number;
  tunnels: number;
  streams: number;
  /** Bytes that wait for visitors. */
  bufferedBytes: number;
  tunnelsOpened: number;
  takeOvers: number;
  streamsOpened: number;
  /** Payload of visitors to boxes, and of boxes to visitors. */
  bytesToBoxes: number;
  bytesToVisitors: number;
  refusals: Readonly<Partial<Record<Refusal, number>>>;
}

/** The counters behind it, handed to the parts that count. */
export class Counters {
  tunnelsOpened = 0;
  takeOvers = 0;
  streamsOpened = 0;
  bytesToBoxes = 0;
  bytesToVisitors = 0;
  readonly refusals: Partial<Record<Refusal, number>> = {};

  refuse(reason: Refusal): void {
    this.refusals[reason] = (this.refusals[reason] ?? 0) + 1;
  }
}
