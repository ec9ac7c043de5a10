import { once } from 'node:events';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { clientKey } from '../../kit/http/client-key.ts';
import { FairShares } from '../../kit/http/fair-shares.ts';

/** Bounds of DNS over TCP (RFC 7766): enough for resolvers, too little to be worth an attack. */
export interface TcpLimits {
  /** At most so many connections, shared between client networks (`FairShares`). */
  connections: number;
  /** A connection on which no whole query has arrived for so long is closed. */
  idleMs: number;
}

export const defaultTcpLimits: TcpLimits = { connections: 500, idleMs: 10_000 };

/** No question is longer. What announces more is not DNS, and would only be kept in memory. */
const maxQueryBytes = 4096;

interface Connection {
  socket: Socket;
  /** What has arrived of queries that are not whole yet. */
  pending: Buffer;
  idle: NodeJS.Timeout;
}

/** One TCP port: two bytes of length before each message, any number of queries on a connection, answered in order. */
export class TcpListener {
  readonly #onPacket: (packet: Buffer) => Buffer | undefined;
  readonly #limits: TcpLimits;
  readonly #connections = new Set<Connection>();
  readonly #places: FairShares<Connection>;
  #server: Server | undefined;

  constructor(options: { onPacket: (packet: Buffer) => Buffer | undefined; limits: TcpLimits }) {
    this.#onPacket = options.onPacket;
    this.#limits = options.limits;
    this.#places = new FairShares({
      most: this.#limits.connections,
      onLost: (connection) => connection.socket.destroy(),
    });
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Resolves with the port that is open; rejects with Node's error. */
  async open(host: string, port: number): Promise<number> {
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#server = server;
    server.listen({ host, port, ipv6Only: isIPv6(host), exclusive: true });
    await once(server, 'listening');
    server.on('error', () => undefined);
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server?.listening !== true) return;
    const closed = once(server, 'close');
    server.close();
    for (const { socket } of this.#connections) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    socket.on('error', () => undefined);
    // A connection that is reset before it is looked at has no address any more.
    if (socket.remoteAddress === undefined) return void socket.destroy();
    const idle = setTimeout(() => socket.destroy(), this.#limits.idleMs);
    const connection: Connection = { socket, pending: Buffer.alloc(0), idle };
    this.#connections.add(connection);
    this.#places.add(connection, clientKey(socket.remoteAddress));
    socket.on('close', () => this.#forget(connection));
    socket.on('data', (data) => this.#receive(connection, data));
    socket.on('drain', () => socket.resume());
  }

  #receive(connection: Connection, data: Buffer): void {
    const { socket } = connection;
    let rest = connection.pending.length === 0 ? data : Buffer.concat([connection.pending, data]);
    const responses: Buffer[] = [];
    while (rest.length >= 2) {
      const end = 2 + rest.readUInt16BE(0);
      if (end > 2 + maxQueryBytes) return void socket.destroy();
      if (rest.length < end) break;
      const response = this.#onPacket(rest.subarray(2, end));
      // What cannot be answered is not DNS: nothing sensible follows.
      if (response === undefined) return void socket.destroy();
      responses.push(lengthOf(response), response);
      rest = rest.subarray(end);
    }
    connection.pending = rest;
    if (responses.length === 0) return;
    connection.idle.refresh();
    this.#places.used(connection);
    // A client that does not read is not read from either, until it does or is idle for too long.
    if (!socket.write(Buffer.concat(responses))) socket.pause();
  }

  #forget(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    clearTimeout(connection.idle);
    this.#places.remove(connection);
  }
}

function lengthOf(response: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(response.length);
  return length;
}
