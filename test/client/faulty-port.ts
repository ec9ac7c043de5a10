import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What happens to those who come to a door: they are let in, sent away at once, or never hear anything. */
export type Mode = 'open' | 'refuses' | 'silent';

/** A TCP port that leads to another one, and fails at will. */
export class FaultyPort {
  #mode: Mode = 'open';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** The port it leads to. */
  behind: () => number;

  constructor(behind: () => number) {
    this.behind = behind;
    this.#server = createServer((socket) => {
      this.#keep(socket);
      if (this.#mode === 'refuses') socket.resetAndDestroy();
      if (this.#mode !== 'open') return;
      const inner = connect(this.behind(), '127.0.0.1').setNoDelay(true);
      this.#keep(inner);
      inner.on('close', () => socket.destroy());
      socket.on('close', () => inner.destroy());
      socket.setNoDelay(true).pipe(inner).pipe(socket);
    });
  }

  async open(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Takes effect for connections that are open too: a silent way swallows what is on it. */
  set(mode: Mode): void {
    this.#mode = mode;
    for (const socket of this.#sockets) {
      if (mode === 'refuses') socket.resetAndDestroy();
      if (mode === 'silent') socket.unpipe().pause();
    }
  }

  async close(): Promise<void> {
    this.set('refuses');
    this.#server.close();
    await once(this.#server, 'close');
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
  }
}
