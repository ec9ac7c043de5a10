import type { Duplex } from 'node:stream';
import { FairShares } from './fair-shares.ts';

/** A connection as Node tells of it: plain, wrapped in TLS, or as HTTP/2 shows it, the numbers are the same. */
export interface Peer {
  remoteAddress?: string | undefined;
  remotePort?: number | undefined;
  localPort?: number | undefined;
}

const nameOf = ({ remoteAddress, remotePort, localPort }: Peer): string =>
  `${remoteAddress} ${remotePort} ${localPort}`;

/**
 * The places of a listener, shared between clients (`FairShares`). Nobody new is turned away: when all places are taken, the
 * client with most of them loses the connection that was quiet for longest. Connections of those who are known (a proven box,
 * somebody who is signed in) move to places of their own, which strangers cannot take.
 */
export class Places {
  readonly #strangers: FairShares<string>;
  readonly #known: FairShares<string>;
  readonly #sockets = new Map<string, { socket: Duplex; client: string }>();
  #lost = 0;

  /** `most`: of strangers; `known`: beside them. */
  constructor(options: { most: number; known?: number }) {
    const onLost = (name: string): void => {
      this.#lost++;
      this.#sockets.get(name)?.socket.destroy();
    };
    this.#strangers = new FairShares({ most: options.most, onLost });
    this.#known = new FairShares({ most: options.known ?? 1, onLost });
  }

  get count(): number {
    return this.#strangers.count + this.#known.count;
  }

  /** Connections that had to go, since the start. */
  get lost(): number {
    return this.#lost;
  }

  /** Gives `socket` a place for as long as it lives. */
  admit(socket: Duplex & Peer, client: string): void {
    const name = nameOf(socket);
    this.#sockets.set(name, { socket, client });
    socket.once('close', () => {
      if (this.#sockets.get(name)?.socket !== socket) return;
      this.#sockets.delete(name);
      this.#strangers.remove(name);
      this.#known.remove(name);
    });
    this.#strangers.add(name, client);
  }

  /** Something worth keeping passed on this connection just now. */
  used(peer: Peer): void {
    const name = nameOf(peer);
    this.#strangers.used(name);
    this.#known.used(name);
  }

  /** Whoever connects is known: they share the places of the known from now on. */
  know(peer: Peer): void {
    const name = nameOf(peer);
    const held = this.#sockets.get(name);
    if (held === undefined || this.#known.has(name)) return this.used(peer);
    if (this.#strangers.remove(name)) this.#known.add(name, held.client);
  }
}
