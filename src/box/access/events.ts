import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Clock, seconds } from '../../kit/clock.ts';
import { codeOf, isAbort } from '../../kit/errors.ts';
import type { Fact } from '../../kit/fact.ts';
import type { Log } from '../../kit/log.ts';
import { accessLimits, type BoxEvent, sessionEndedClose, type Ways } from '../../protocol/access-api.ts';
import type { Apps } from './apps.ts';
import { cookieOf, type Guard } from './guard.ts';
import type { Sessions } from './sessions.ts';
import type { Tokens } from './tokens.ts';
import type { VisitorOf } from './visitor.ts';

export interface EventSocketsOptions {
  guard: Guard;
  apps: Apps;
  sessions: Sessions;
  tokens: Tokens;
  visitorOf: VisitorOf;
  ways: Fact<Ways>;
  /** Those at the door, of whom owners hear. */
  approvals: { pending: Fact<unknown> };
  /** What `GET /api/state` is made of. */
  changes: readonly Fact<unknown>[];
  clock: Clock;
  log: Log;
}

const limits = {
  sockets: 256,
  perSession: 16,
  /** That have not said yet who they are: in all, and from one address. */
  waiting: 64,
  waitingPerAddress: 8,
  /** An access token, and room for what a later version may say. */
  messageBytes: 4096,
  firstMessageMs: seconds(10),
  pingMs: seconds(30),
  /** What a reader who does not read may pile up here. */
  bufferedBytes: 262_144,
} as const;

interface Connection {
  socket: WebSocket;
  sessionId: string;
  address: string;
  owner: boolean;
  /** Of an app: when its access token ends. The console has a cookie. */
  tokenEndsAt: number | undefined;
}

/** The events sockets: what is new at the box, the next access token before the last one ends, and the end at once. */
export class EventSockets {
  readonly #options: EventSocketsOptions;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytes,
    perMessageDeflate: false,
    clientTracking: true,
  });
  readonly #connections = new Set<Connection>();
  /** Addresses of those who have not said yet who they are. */
  readonly #waiting = new Map<WebSocket, string>();
  #unsubscribe: (() => void)[] = [];
  #stateTold = true;

  constructor(options: EventSocketsOptions) {
    this.#options = options;
  }

  start(): void {
    const { sessions, ways, approvals, changes } = this.#options;
    this.#unsubscribe = [
      sessions.onEnded((ended) => this.#end(new Set(ended))),
      ways.subscribe((value) => this.#tellAll({ type: 'ways', ways: value })),
      approvals.pending.subscribe(() => {
        for (const connection of this.#connections)
          if (connection.owner) this.#tell(connection, { type: 'approvals' });
      }),
      ...changes.map((fact) => fact.subscribe(() => this.#changed())),
    ];
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    for (const socket of this.#server.clients) socket.terminate();
  }

  /** Takes over an HTTP upgrade; what does not come from a page that may is refused in HTTP. */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const { guard, apps, visitorOf } = this.#options;
    const { origin, host = '', cookie } = request.headers;
    const fromOwnPage = guard.isOwnPage(origin, host);
    // A browser always says where a script comes from; what says nothing is a program, and has no cookie to steal.
    if (!fromOwnPage && origin !== undefined && !apps.isOrigin(origin))
      return refuse(stream, '403 Forbidden');
    const { address } = visitorOf(request.socket);
    const full = fromOwnPage ? this.#connections.size >= limits.sockets : !this.#mayWait(address);
    if (full) return refuse(stream, '503 Service Unavailable');
    this.#server.handleUpgrade(request, stream, head, (socket) => {
      socket.on('error', (error) =>
        this.#options.log.debug({ code: codeOf(error) }, 'an events socket failed'),
      );
      if (fromOwnPage) this.#enter(socket, address, 'cookie', cookieOf(cookie) ?? '');
      else void this.#awaitToken(socket, address);
    });
  }

  #mayWait(address: string): boolean {
    const same = [...this.#waiting.values()].filter((each) => each === address);
    return (
      this.#connections.size < limits.sockets &&
      this.#waiting.size < limits.waiting &&
      same.length < limits.waitingPerAddress
    );
  }

  /** The first message of an app is `{ accessToken }`. */
  async #awaitToken(socket: WebSocket, address: string): Promise<void> {
    const done = new AbortController();
    this.#waiting.set(socket, address);
    socket.once('close', () => done.abort());
    socket.once('message', (data: Buffer) => {
      done.abort();
      this.#enter(socket, address, 'access', accessTokenIn(data) ?? '');
    });
    await quietly(this.#options.clock.sleep(limits.firstMessageMs, done.signal));
    this.#waiting.delete(socket);
    if (!done.signal.aborted) socket.close(sessionEndedClose, 'no access token came');
  }

  #enter(socket: WebSocket, address: string, kind: 'cookie' | 'access', secret: string): void {
    try {
      const found = this.#options.tokens.find(kind, secret);
      const who = found && this.#options.guard.use(found.session, address);
      if (found === undefined || who === undefined) return socket.close(sessionEndedClose, 'log in');
      const sessionId = found.session.id;
      if ([...this.#connections].filter((each) => each.sessionId === sessionId).length >= limits.perSession)
        return socket.close(1013, 'too many sockets of this session');
      const owner = kind === 'cookie' && who.person.role === 'owner';
      const connection = { socket, sessionId, address, owner, tokenEndsAt: found.expiresAt ?? undefined };
      this.#connections.add(connection);
      // Nothing more is expected.
      socket.on('message', () => socket.close(1008, 'nothing is asked here'));
      void this.#attend(connection);
    } catch (error) {
      this.#giveUp(socket, error);
    }
  }

  /** Looks whether the other side is still there, and renews its token, until it goes. */
  async #attend(connection: Connection): Promise<void> {
    const { clock } = this.#options;
    const { socket, tokenEndsAt } = connection;
    const closed = new AbortController();
    socket.once('close', () => closed.abort());
    let heard = true;
    socket.on('pong', () => (heard = true));
    const beforeMs = seconds(accessLimits.rotateBeforeSeconds);
    const everyMs = seconds(accessLimits.accessTokenSeconds) - beforeMs;
    let renewAt = tokenEndsAt === undefined ? clock.now() + everyMs : tokenEndsAt - beforeMs;
    let pingAt = clock.monotonic() + limits.pingMs;
    try {
      while (socket.readyState === socket.OPEN) {
        if (clock.now() >= renewAt) {
          this.#renew(connection);
          renewAt = clock.now() + everyMs;
        }
        if (clock.monotonic() >= pingAt) {
          if (!heard) return socket.terminate();
          heard = false;
          socket.ping();
          pingAt = clock.monotonic() + limits.pingMs;
        }
        const pause = Math.min(renewAt - clock.now(), pingAt - clock.monotonic());
        await clock.sleep(pause, closed.signal);
      }
    } catch (error) {
      if (!isAbort(error)) this.#giveUp(socket, error);
    } finally {
      this.#connections.delete(connection);
    }
  }

  #giveUp(socket: WebSocket, error: unknown): void {
    this.#options.log.warn({ err: error }, 'an events socket is given up');
    socket.close(1011, 'try again later');
  }

  /** A socket that is open is a use of its session. */
  #renew(connection: Connection): void {
    const { sessions, tokens, guard } = this.#options;
    const session = sessions.find(connection.sessionId);
    if (session === undefined || guard.use(session, connection.address) === undefined) return;
    if (connection.tokenEndsAt === undefined) return;
    const accessToken = tokens.newAccess(session.id);
    this.#tell(connection, { type: 'token', accessToken, expiresIn: accessLimits.accessTokenSeconds });
  }

  #end(ended: ReadonlySet<string>): void {
    for (const connection of this.#connections) {
      if (!ended.has(connection.sessionId)) continue;
      this.#connections.delete(connection);
      this.#tell(connection, { type: 'session-ended' });
      connection.socket.close(sessionEndedClose, 'session ended');
    }
  }

  /** Facts change in bursts: one word for what changes in one go. */
  #changed(): void {
    if (!this.#stateTold) return;
    this.#stateTold = false;
    setImmediate(() => {
      this.#stateTold = true;
      this.#tellAll({ type: 'state' });
    });
  }

  #tellAll(event: BoxEvent): void {
    for (const connection of this.#connections) this.#tell(connection, event);
  }

  #tell({ socket }: Connection, event: BoxEvent): void {
    if (socket.bufferedAmount > limits.bufferedBytes) socket.terminate();
    else socket.send(JSON.stringify(event));
  }
}

/** Before the upgrade, in HTTP: `403 Forbidden`. */
export function refuse(stream: Duplex, status: string): void {
  stream.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

function accessTokenIn(data: Buffer): string | undefined {
  try {
    const { accessToken } = (JSON.parse(data.toString('utf8')) ?? {}) as { accessToken?: unknown };
    return typeof accessToken === 'string' ? accessToken : undefined;
  } catch {
    return undefined;
  }
}

async function quietly(sleep: Promise<void>): Promise<void> {
  try {
    await sleep;
  } catch (error) {
    if (!isAbort(error)) throw error;
  }
}
