/**
 * Flow control of one stream, both ways (PageKite's SKB). Pure.
 *
 * Towards the box, at most `sendWindow` bytes are on their way that it has not reported as passed on. Towards the
 * visitor, the box may send until it is told; it pauses some 200 kB beyond what we report.
 */

/** Unacknowledged bytes towards the box at which the visitor is no longer read. */
export const sendWindow = 256 * 1024;

/** Progress is reported in steps of this size: a report costs the client as much work as a frame of data. */
const reportStep = 32 * 1024;

export class StreamWindow {
  #sent = 0;
  #passedOn = 0;
  #received = 0;
  #reported = 0;

  /** May more be read from the visitor? */
  get open(): boolean {
    return this.#sent - this.#passedOn < sendWindow;
  }

  sending(bytes: number): void {
    this.#sent += bytes;
  }

  /** The box says how many bytes it has passed on in all. It counts lines of its own too, so it may be ahead of us. */
  progress(bytes: number): void {
    this.#passedOn = Math.min(this.#sent, Math.max(this.#passedOn, bytes));
  }

  receiving(bytes: number): void {
    this.#received += bytes;
  }

  /** Kilobytes to report to the box now that `buffered` bytes wait for the visitor, or `undefined`: not yet. */
  report(buffered: number): number | undefined {
    const taken = this.#received - buffered;
    if (taken - this.#reported < reportStep) return undefined;
    this.#reported = taken;
    return Math.floor(taken / 1024);
  }
}
