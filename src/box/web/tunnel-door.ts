import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Service } from '../../kit/service.ts';
import { readProxyHeader, type Visitor } from './proxy-protocol.ts';

const headerTimeoutMs = 5000;
/** The web shares its places between visitors; this one stands when the child has gone wrong. */
const maxConnections = 2048;

/**
 * The loopback door through which the tunnel's child process hands over visitors. Each connection begins with a PROXY
 * header; what follows is TLS, and goes to the same server as connections from the home network.
 */
export class TunnelDoor implements Service {
  readonly name = 'tunnel-door';
  readonly #accept: (socket: Socket) => void;
  /** Visitors by the local port of the child's end of the connection, which is unique while the connection lives. */
  readonly #visitors = new Map<number, Visitor | undefined>();
  readonly #open = new Set<Socket>();
  #server: Server | undefined;

  constructor(options: { accept: (socket: Socket) => void }) {
    this.#accept = options.accept;
  }

  get port(): number {
    return addressOf(this.#server).port;
  }

  /** Whether a connection came through the tunnel, and whose it is. `undefined`: it did not come through here. */
  visitorOf(socket: Pick<Socket, 'localPort' | 'remotePort'>): { visitor: Visitor | undefined } | undefined {
    if (this.#server === undefined || socket.remotePort === undefined || socket.localPort !== this.port)
      return undefined;
    return { visitor: this.#visitors.get(socket.remotePort) };
  }

  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      const server = createServer({ noDelay: true }, (socket) => this.#greet(socket));
      server.maxConnections = maxConnections;
      server.once('error', (error) => reject(error));
      server.listen({ host: '127.0.0.1', port: 0 }, () => resolve());
      this.#server = server;
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }

  #greet(socket: Socket): void {
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
      const header = readProxyHeader(bytes);
      if (header.state === 'incomplete') return;
      socket.off('data', read);
      if (header.state === 'invalid') return void socket.destroy();
      socket.pause();
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      this.#visitors.set(socket.remotePort ?? 0, header.visitor);
      const rest = bytes.subarray(header.length);
      if (rest.length > 0) socket.unshift(rest);
      this.#accept(socket);
    };
    socket.on('data', read);
  }
}

function addressOf(server: Server | undefined): AddressInfo {
  const address = server?.address();
  if (address === null || address === undefined || typeof address === 'string')
    throw new Error('the tunnel door is not open');
  return address;
}
