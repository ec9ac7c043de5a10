import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createHash } from 'node:crypto';
import { sharedAddressHeader } from '../../../src/protocol/constants.ts';

/** A server on loopback that a test can end at once. */
export class TestServer {
  readonly server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(server: Server) {
    this.server = server;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  async listen(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen({ host: '127.0.0.1', port }, resolve));
    return this;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Every connection is cut, and no new one is taken. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** Stands in for the registration-server: says what a test wants said. */
export class FakeRegistration {
  /** Answer of `/ping`: anything at all. */
  answer: { status?: number; headers?: Record<string, string>; body: unknown } = { body: [] };
  /** Listed when its code is given, behind a shared address. */
  byCode = new Map<string, unknown>();
  shared = false;
  asked = 0;
  readonly codes: string[] = [];
  readonly #arrived = new Set<string>();
  readonly #listener: TestServer;
  #port = 0;

  constructor(tls: { keyPem: string; certPem: string }) {
    this.#listener = new TestServer(
      createServer({ key: tls.keyPem, cert: tls.certPem }, (request, response) => {
        const url = new URL(request.url ?? '/', 'https://registration');
        const cors = {
          'access-control-allow-origin': '*',
          'access-control-expose-headers': `${sharedAddressHeader}, retry-after`,
        };
        const json = (status: number, body: unknown, headers: Record<string, string> = {}): void =>
          void response
            .writeHead(status, { ...cors, 'content-type': 'application/json', ...headers })
            .end(typeof body === 'string' ? body : JSON.stringify(body));
        if (url.pathname.startsWith('/arrivals/')) {
          const hash = url.pathname.split('/')[2] ?? '';
          const wait = Number(url.searchParams.get('wait') ?? 0) * 1000;
          return void this.#untilArrived(hash, wait).then((arrived) => json(200, { arrived }));
        }
        this.asked++;
        const code = url.searchParams.get('code');
        if (code !== null) this.codes.push(code);
        const { status = 200, headers, body } = this.answer;
        const found = code === null ? undefined : this.byCode.get(code);
        return json(status, found === undefined ? body : [found], {
          ...headers,
          ...(this.shared ? { [sharedAddressHeader]: '?1' } : {}),
        });
      }),
    );
  }

  /** Again under the same port after `close`. */
  async start(): Promise<void> {
    await this.#listener.listen(this.#port);
    this.#port = this.#listener.port;
  }

  get port(): number {
    return this.#port;
  }

  async close(): Promise<void> {
    await this.#listener.close();
  }

  arrived(state: string): void {
    this.#arrived.add(createHash('sha256').update(state).digest('hex'));
  }

  async #untilArrived(hash: string, ms: number): Promise<boolean> {
    const end = performance.now() + ms;
    while (!this.#arrived.has(hash) && performance.now() < end && this.#listener.server.listening)
      await new Promise((resolve) => setTimeout(resolve, 50));
    return this.#arrived.has(hash);
  }
}
