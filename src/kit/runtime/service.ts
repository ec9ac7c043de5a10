import type { Log } from '../log/log.ts';

/**
 * A part that runs. Its constructor does nothing; `start` resolves when the part is ready for use (a port is open, a
 * loop is running), not when its work is done; `stop` resolves when nothing of it is left. `signal` aborts a slow start.
 */
export interface Service {
  readonly name: string;
  start(signal: AbortSignal): Promise<void>;
  /** Safe to call when `start` failed half-way, was never called, or `stop` was called before. */
  stop(): Promise<void>;
}

/**
 * Starts parts in order and stops them in reverse. A part that fails to start, or an abort, stops those started before it;
 * one part that fails to stop does not keep the others from stopping. To stop during a start, abort its signal.
 */
export class ServiceGroup implements Service {
  readonly name: string;
  readonly #parts: readonly Service[];
  readonly #log: Log;
  readonly #started: Service[] = [];

  constructor(options: { name: string; parts: readonly Service[]; log: Log }) {
    this.name = options.name;
    this.#parts = options.parts;
    this.#log = options.log;
  }

  async start(signal: AbortSignal): Promise<void> {
    try {
      for (const part of this.#parts) {
        signal.throwIfAborted();
        this.#started.push(part);
        await part.start(signal);
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const started = this.#started.splice(0);
    for (const part of started.toReversed()) {
      try {
        await part.stop();
      } catch (error) {
        this.#log.error({ err: error, part: part.name }, `${part.name} did not stop cleanly`);
      }
    }
  }
}
