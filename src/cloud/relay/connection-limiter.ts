import type { Socket } from 'node:net';
import { clientKey } from '../../kit/http/client-key.ts';
import { FairShares } from '../../kit/http/fair-shares.ts';
import type { RelayLimits } from './limits.ts';
import type { Counters } from './metrics.ts';

interface Guest {
  client: string;
  /** Until when it must have said what it is. */
  deadline: number;
}

/**
 * Who may come in: connections have places, shared between client networks (`FairShares`), and those that do not say what they
 * are end. Tunnels have places of their own: whoever has one has proven a name, and no crowd of visitors takes it.
 */
export class ConnectionLimiter {
  readonly #limits: RelayLimits;
  readonly #counters: Counters;
  readonly #guests = new Map<Socket, Guest>();
  readonly #undecided = new Set<Socket>();
  readonly #open: FairShares<Socket>;
  readonly #tunnels: FairShares<Socket>;

  constructor(options: { limits: RelayLimits; counters: Counters }) {
    this.#limits = options.limits;
    this.#counters = options.counters;
    const onLost = (socket: Socket): void => {
      this.#counters.refuse('too-many-connections');
      this.#turnAway(socket);
    };
    this.#open = new FairShares({ most: this.#limits.connections, onLost });
    this.#tunnels = new FairShares({ most: this.#limits.tunnels, onLost });
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
  clientOf(socket: Socket): string | undefined {
    return this.#guests.get(socket)?.client;
  }

  /** Gives `socket` a place as long as it lives; `false`: it has left. `now`: monotonic, ms. */
  admit(socket: Socket, now: number): boolean {
    const { remoteAddress } = socket;
    // Gone before it was accepted.
    if (remoteAddress === undefined) return this.#turnAway(socket);
    const client = clientKey(remoteAddress);
    this.#guests.set(socket, { client, deadline: now + this.#limits.helloMs });
    this.#undecided.add(socket);
    socket.once('close', () => this.#left(socket));
    this.#open.add(socket, client);
    return true;
  }

  /** The connection has said what it is. */
  decided(socket: Socket): void {
    this.#undecided.delete(socket);
    this.#open.used(socket);
  }

  /** Something passed between a visitor and a box. */
  used(socket: Socket): void {
    this.#open.used(socket);
  }

  /** The connection is a tunnel: its box has proven its name. */
  isTunnel(socket: Socket): void {
    const guest = this.#guests.get(socket);
    if (guest !== undefined && this.#open.remove(socket)) this.#tunnels.add(socket, guest.client);
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
    this.#undecided.delete(socket);
    this.#guests.delete(socket);
    this.#open.remove(socket);
    this.#tunnels.remove(socket);
  }
}
