import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { listen } from '../../kit/http/listen.ts';
import type { Peer } from '../../kit/http/places.ts';
import { readProxyHeader, type HttpVisitor } from './proxy-protocol.ts';

const headerTimeoutMs = 5000;
/** The web shares its places between visitors; this one stands when the child has gone wrong. */
const maxConnections = 2048;

/**
 * The loopback door through which the tunnel's child process hands over visitors. Each connection begins with the key of the
 * door, which the child alone was given (any process of this machine can connect, and whoever was believed could say where
 * from), and a PROXY header; what follows is TLS, and goes to the same server as connections from the home network.
 */
export class TunnelListener {
  /** Visitors by the local port of the child's end of the connection, which is unique while the connection lives. */
  readonly #visitors = new Map<number, HttpVisitor | undefined>();
  readonly #open = new Set<Socket>();
  readonly #key = Buffer.from(`${randomBytes(32).toString('base64url')}\r\n`);
  #server: Server | undefined;

  /** What a connection begins with. Whoever knows it is the tunnel. */
  get key(): string {
    return this.#key.toString('latin1');
  }

  /** Throws while it is not open. */
  get port(): number {
    const address = this.#server?.address();
    if (address === null || address === undefined || typeof address === 'string')
      throw new Error('the tunnel door is not open');
    return address.port;
  }

  /** Whether a connection came through the tunnel, and whose it is. `undefined`: it did not come through here. */
  visitorOf(
    socket: Pick<Peer, 'localPort' | 'remotePort'>,
  ): { visitor: HttpVisitor | undefined } | undefined {
    if (this.#server === undefined || socket.remotePort === undefined || socket.localPort !== this.port)
      return undefined;
    return { visitor: this.#visitors.get(socket.remotePort) };
  }

  /** `accept` gets each visitor's connection, its first byte that of TLS. */
  async start(accept: (socket: Socket) => void): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#greet(socket, accept));
    server.maxConnections = maxConnections;
    await listen(server, { host: '127.0.0.1', port: 0 });
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }

  #greet(socket: Socket, accept: (socket: Socket) => void): void {
    let bytes = Buffer.alloc(0);
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#visitors.delete(socket.remotePort ?? 0);
    });
    socket.on('error', () => socket.destroy());
    socket.setTimeout(headerTimeoutMs, () => socket.destroy());
    const read = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length < this.#key.length) return;
      if (!timingSafeEqual(bytes.subarray(0, this.#key.length), this.#key)) return void socket.destroy();
      const header = readProxyHeader(bytes.subarray(this.#key.length));
      if (header.state === 'incomplete') return;
      socket.off('data', read);
      if (header.state === 'invalid') return void socket.destroy();
      socket.pause();
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      this.#visitors.set(socket.remotePort ?? 0, header.visitor);
      const rest = bytes.subarray(this.#key.length + header.length);
      if (rest.length > 0) socket.unshift(rest);
      accept(socket);
    };
    socket.on('data', read);
  }
}
