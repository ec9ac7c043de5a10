import { EventEmitter } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Server, Socket } from 'socket.io';
import { seconds } from '../../../kit/runtime/clock.ts';
import { Problem } from '../../../kit/runtime/errors.ts';
import type { HttpApp } from '../../../kit/http/http-server.ts';
import { refuseUpgrade } from '../../../kit/http/refuse-upgrade.ts';
import { pairingPaths } from '../../../protocol/pairing-api.ts';
import { preflight } from '../../api/guard.ts';
import type { SessionSocket } from '../../api/session-sockets.ts';

/** Somebody with a good token, and what is done with the socket that they open; `add` throws when it is no longer good. */
export interface Admitted {
  add: (socket: SessionSocket) => void;
}

export interface SocketIoOptions {
  /** Answers the status of a refusal. Throws `rate-limited`. */
  admit: (request: IncomingMessage) => Admitted | number;
}

const limits = {
  /** Connections that have shown a token, over whichever transport. */
  connections: 256,
  /** From the handshake to the first packet of the protocol. */
  connectMs: seconds(10),
  /** Nothing is asked here. */
  messageBytes: 4096,
} as const;

/** Loaded by the first who speaks it: most clients speak plain WebSocket. */
const load = async () => import('socket.io');

/**
 * Socket.IO (its protocol 5 over Engine.IO 4) at the same path as the plain WebSocket, for clients that are built on it. The
 * handshake shows the token as there, over both transports, and is refused in the same way; each message is an event by the
 * name of its `type`.
 */
export class SocketIo {
  readonly #options: SocketIoOptions;
  /** By the request of the handshake. */
  readonly #admitted = new WeakMap<IncomingMessage, Admitted>();
  #server: Promise<Server> | undefined;

  constructor(options: SocketIoOptions) {
    this.#options = options;
  }

  async stop(): Promise<void> {
    const server = await this.#server;
    this.#server = undefined;
    await server?.close();
  }

  /** Whether an upgrade is of Socket.IO; a plain WebSocket has no such query. */
  static speaks(url: string | undefined): boolean {
    return queryOf(url).has('EIO');
  }

  async upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    if (!this.#isOpen(request)) {
      const refusal = this.#admit(request);
      if (refusal !== undefined) return refuseUpgrade(stream, refusal);
    }
    const { engine } = await this.#open();
    engine.handleUpgrade(request, stream, head);
  }

  /** Long polling, which stock clients begin with. */
  async routes(app: HttpApp): Promise<void> {
    const open = { config: { admission: 'oauth' } } as const;
    // A poll is answered when there is something to say, or after the time of a heartbeat.
    const poll = { config: { ...open.config, longBody: true } } as const;
    for (const url of [pairingPaths.socket, `${pairingPaths.socket}/`]) {
      app.options(url, open, preflight);
      app.get(url, poll, (request, reply) => this.#poll(request, reply));
    }
    await app.register(async (scope) => {
      // Read by the library, as it comes.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
      for (const url of [pairingPaths.socket, `${pairingPaths.socket}/`])
        scope.post(url, open, (request, reply) => this.#poll(request, reply));
    });
  }

  async #poll({ raw, url }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    if (!SocketIo.speaks(url)) throw onlySockets();
    if (!this.#isOpen(raw)) {
      const refusal = this.#admit(raw);
      if (refusal !== undefined) throw refused(refusal);
    }
    const { engine } = await this.#open();
    reply.hijack();
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value);
    engine.handleRequest(raw, reply.raw);
    return reply;
  }

  /** Behind a handshake: its id, which nobody can guess, stands for the token that was shown. */
  #isOpen({ url }: IncomingMessage): boolean {
    const id = queryOf(url).get('sid');
    return id !== null && this.#known(id);
  }

  #known: (id: string) => boolean = () => false;
  #count: () => number = () => 0;

  /** Answers the status of a refusal. */
  #admit(request: IncomingMessage): number | undefined {
    const admitted = this.#options.admit(request);
    if (typeof admitted === 'number') return admitted;
    if (this.#count() >= limits.connections) return 503;
    this.#admitted.set(request, admitted);
    return undefined;
  }

  #open(): Promise<Server> {
    this.#server ??= this.#create();
    return this.#server;
  }

  async #create(): Promise<Server> {
    const { Server: SocketIoServer } = await load();
    const server = new SocketIoServer({
      path: pairingPaths.socket,
      serveClient: false,
      connectTimeout: limits.connectMs,
      maxHttpBufferSize: limits.messageBytes,
      httpCompression: false,
      perMessageDeflate: false,
    });
    // It is never listened on: requests and upgrades come from the box's own server.
    server.attach(createServer());
    this.#known = (id) => Object.hasOwn(engineOf(server).clients, id);
    this.#count = () => engineOf(server).clientsCount;
    server.on('connection', (socket) => this.#enter(socket));
    return server;
  }

  #enter(socket: Socket): void {
    try {
      this.#admitted.get(socket.request)?.add(new Line(socket));
    } catch {
      socket.disconnect(true);
    }
  }
}

interface Engine {
  clients: Record<string, unknown>;
  clientsCount: number;
}
const engineOf = (server: Server): Engine => server.engine as unknown as Engine;

const queryOf = (url: string | undefined): URLSearchParams => new URLSearchParams(url?.split('?')[1]);

/** A connection of Socket.IO, as far as the box's sockets need one. The protocol has a heartbeat of its own. */
class Line extends EventEmitter implements SessionSocket {
  readonly OPEN = 1;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.onAny(() => this.emit('message', Buffer.alloc(0)));
    socket.on('disconnect', () => this.emit('close'));
  }

  get readyState(): number {
    return this.#socket.connected ? this.OPEN : 3;
  }

  get bufferedAmount(): number {
    const waiting = (this.#socket.conn as unknown as { writeBuffer: { data?: unknown }[] }).writeBuffer;
    return waiting.reduce((sum, { data }) => sum + (typeof data === 'string' ? data.length : 0), 0);
  }

  send(text: string): void {
    const message = JSON.parse(text) as { type: string };
    this.#socket.emit(message.type, message);
  }

  ping(): void {
    this.emit('pong');
  }

  close(): void {
    this.#socket.disconnect(true);
  }

  terminate(): void {
    this.#socket.disconnect(true);
  }
}

const onlySockets = (): Problem =>
  new Problem('bad-request', 'only WebSockets and Socket.IO come here', { status: 426 });

function refused(status: number): Problem {
  if (status === 503) return new Problem('not-ready', 'all places are taken; try again later', { status });
  const message = 'show the access token of a client as `Authorization: Bearer …`; /authorise gives one';
  return new Problem('not-logged-in', message, { status });
}
