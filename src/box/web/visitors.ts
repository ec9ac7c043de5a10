import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import type { Fact } from '../../kit/runtime/fact.ts';
import { type Peer, Places } from '../../kit/http/places.ts';
import { addressFamily, canonicalAddress, isWithin } from '../../protocol/addresses.ts';
import { clientKeyOf, type Visitor } from '../visitor.ts';
import { TunnelListener } from './tunnel-listener.ts';

/**
 * Connections at a time, of the home and of the tunnel apart, so that nobody outside shuts the box to those at home; and beside
 * them, those of people and apps that are signed in (`Places`).
 */
const connections = { most: 384, known: 256 } as const;

/**
 * Who is connected to the box's HTTPS, and from where. Made before the server and whoever asks about its connections, so that
 * neither has to know the other.
 */
export class Visitors {
  /** Where the tunnel's child hands them over. */
  readonly door = new TunnelListener();
  readonly #links: Fact<readonly string[]>;
  readonly #places = { home: new Places(connections), tunnel: new Places(connections) };

  /** `links`: networks on the box's own links. */
  constructor(options: { links: Fact<readonly string[]> }) {
    this.#links = options.links;
  }

  /** Where somebody comes from, as far as the connection itself tells. */
  of(socket: Peer): Visitor {
    const relayed = this.door.visitorOf(socket);
    const said = relayed === undefined ? socket.remoteAddress : relayed.visitor?.address;
    const through = relayed === undefined ? 'home' : 'tunnel';
    // An IPv6 address of the link comes with the name of the interface (RFC 4007, 11).
    const address = said?.replace(/%.*$/, '');
    if (address === undefined || addressFamily(address) === undefined)
      return { through, address: 'unknown', atHome: false };
    return {
      through,
      address: canonicalAddress(address),
      atHome: relayed === undefined && isWithin(address, this.#links.value),
    };
  }

  /** Gives a new connection its place. */
  admit(socket: Duplex & Peer): void {
    const { through, address, atHome } = this.of(socket);
    this.#places[through].admit(socket, clientKeyOf(address, atHome));
  }

  /** A request came over it. */
  used(socket: Peer): void {
    this.#places[this.of(socket).through].used(socket);
  }

  /** Somebody who is signed in calls on this connection: it has a place that strangers cannot take. */
  know(socket: Socket): void {
    this.#places[this.of(socket).through].know(socket);
  }
}
