import type { Socket } from 'node:net';
import { Tally } from '../../kit/tally.ts';
import { clientKey } from '../../kit/client-key.ts';
import type { FrontendLimits } from './limits.ts';
import type { Counters } from './metrics.ts';

interface Guest {
  source: string;
  /** Until when it must have said what it is. */
  deadline: number;
}

/** Who may come in: counts connections, in all and by source, and ends those that do not say what they are. */
export class Door {
  readonly #limits: FrontendLimits;
  readonly #counters: Counters;
  readonly #guests = new Map<Socket, Guest>();
  readonly #undecided = new Set<Socket>();
  readonly #bySource = new Tally();
  readonly #undecidedBySource = new Tally();

  constructor(options: { limits: FrontendLimits; counters: Counters }) {
    this.#limits = options.limits;
    this.#counters = options.counters;
  }

  get connections(): Socket[] {
    return [...this.#guests.keys()];
  }

  get count(): number {
    return this.#guests.size;
  }

  /** Those that have not said what they are. */
  get undecided(): Socket[] {
    return [...this.#undecided];
  }

  /** Where `socket` comes from, as limits count it; `undefined` when it has left. */
  sourceOf(socket: Socket): string | undefined {
    return this.#guests.get(socket)?.source;
  }

  /** Counts `socket` as long as it lives, or ends it and answers `false`. `now`: monotonic, ms. */
  admit(socket: Socket, now: number): boolean {
    const { connections, connectionsPerSource, undecidedPerSource, helloMs } = this.#limits;
    const { remoteAddress } = socket;
    // Gone before it was accepted.
    if (remoteAddress === undefined) return this.#turnAway(socket);
    const source = clientKey(remoteAddress);
    if (
      this.#bySource.of(source) >= connectionsPerSource ||
      this.#undecidedBySource.of(source) >= undecidedPerSource
    ) {
      this.#counters.refuse('too-many-of-source');
      return this.#turnAway(socket);
    }
    if (this.#guests.size >= connections) {
      this.#counters.refuse('too-many-connections');
      // The honest say what they are in no time: who has not for longest makes room.
      const [oldest] = this.#undecided;
      if (oldest === undefined) return this.#turnAway(socket);
      this.#turnAway(oldest);
    }
    this.#guests.set(socket, { source, deadline: now + helloMs });
    this.#bySource.add(source, 1);
    this.#undecided.add(socket);
    this.#undecidedBySource.add(source, 1);
    socket.once('close', () => this.#left(socket));
    return true;
  }

  /** The connection has said what it is. */
  decided(socket: Socket): void {
    const guest = this.#guests.get(socket);
    if (guest !== undefined && this.#undecided.delete(socket)) this.#undecidedBySource.add(guest.source, -1);
  }

  /** Ends those that took too long to say what they are. */
  sweep(now: number): void {
    for (const socket of this.#undecided) {
      if (now < (this.#guests.get(socket)?.deadline ?? 0)) break;
      this.#counters.refuse('hello-too-slow');
      this.#turnAway(socket);
    }
  }

  #turnAway(socket: Socket): false {
    this.#left(socket);
    socket.destroy();
    return false;
  }

  #left(socket: Socket): void {
    this.decided(socket);
    const guest = this.#guests.get(socket);
    if (guest === undefined) return;
    this.#guests.delete(socket);
    this.#bySource.add(guest.source, -1);
  }
}
