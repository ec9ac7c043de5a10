import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Clock, seconds } from '../../kit/runtime/clock.ts';
import { codeOf, isAbort } from '../../kit/runtime/errors.ts';
import type { Log } from '../../kit/log/log.ts';
import { accessLimits, type BoxEvent, sessionEndedClose } from '../../protocol/access-api.ts';
import type { DeviceHello, DeviceReply } from '../../protocol/enrolment-api.ts';
import { pairingProtocol, type SocketDetails } from '../../protocol/pairing-api.ts';
import type { Guard } from './guard.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { Tokens } from '../sessions/tokens.ts';

export interface SessionSocketsOptions {
  guard: Guard;
  sessions: Sessions;
  tokens: Tokens;
  clock: Clock;
  log: Log;
}

/** In whose name a socket is open. */
export interface SocketHolder {
  sessionId: string;
  address: string;
  owner: boolean;
  /** When the access token it came with ends; without one (the console's cookie) none is renewed. */
  tokenEndsAt: number | undefined;
}

/** What a socket has to be able to do: a WebSocket, or what another protocol makes of one. */
export interface SessionSocket {
  readonly OPEN: number;
  readonly readyState: number;
  readonly bufferedAmount: number;
  /** One message, JSON. */
  send(text: string): void;
  /** Is answered by the event `pong`, if anybody is there. */
  ping(): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
  on(event: 'message', listener: (data: Buffer) => void): unknown;
  on(event: 'pong', listener: () => void): unknown;
  once(event: 'close', listener: () => void): unknown;
}

interface Connection extends SocketHolder {
  socket: SessionSocket;
}

const limits = {
  sockets: 256,
  perSession: 16,
  /** An access token, and room for what a later version may say. */
  messageBytes: 4096,
  pingMs: seconds(30),
  /** What a reader who does not read may pile up here. */
  bufferedBytes: 262_144,
} as const;

/**
 * The WebSockets that are open in the name of sessions, whichever way they came: each is told what is new, gets its next
 * access token before the last one ends, and is closed at once when its session is over.
 */
export class SessionSockets {
  readonly #options: SessionSocketsOptions;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytes,
    perMessageDeflate: false,
    clientTracking: true,
    // The token that a browser offers beside it is never answered.
    handleProtocols: (offered) => offered.has(pairingProtocol) && pairingProtocol,
  });
  readonly #connections = new Set<Connection>();
  #unsubscribe: (() => void) | undefined;

  constructor(options: SessionSocketsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#unsubscribe = this.#options.sessions.onEnded((ended) => this.#end(new Set(ended)));
  }

  stop(): void {
    this.#unsubscribe?.();
    for (const socket of this.#server.clients) socket.terminate();
    for (const { socket } of this.#connections) socket.terminate();
  }

  /** There is no place for anybody. */
  get full(): boolean {
    return this.#connections.size >= limits.sockets;
  }

  /** There is no place for another one of this session. */
  isFullFor(sessionId: string): boolean {
    return [...this.#connections].filter((each) => each.sessionId === sessionId).length >= limits.perSession;
  }

  /** Takes over an HTTP upgrade. The socket is nobody's until `add`. */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer, opened: (socket: WebSocket) => void): void {
    this.#server.handleUpgrade(request, stream, head, (socket) => {
      socket.on('error', (error) => this.#options.log.debug({ code: codeOf(error) }, 'a socket failed'));
      opened(socket);
    });
  }

  /** What it says is answered by `answer`; without one, nothing is expected of it. */
  add(
    socket: SessionSocket,
    holder: SocketHolder,
    first?: SocketDetails | DeviceHello,
    answer?: (data: Buffer) => DeviceReply,
  ): void {
    const connection: Connection = { ...holder, socket };
    this.#connections.add(connection);
    if (first !== undefined) this.#tell(connection, first);
    socket.on('message', (data: Buffer) => {
      if (answer === undefined) socket.close(1008, 'nothing is asked here');
      else if (this.#connections.has(connection)) this.#tell(connection, answer(data));
    });
    void this.#attend(connection);
  }

  giveUp(socket: SessionSocket, error: unknown): void {
    this.#options.log.warn({ err: error }, 'a socket is given up');
    socket.close(1011, 'try again later');
  }

  tellAll(event: BoxEvent): void {
    for (const connection of this.#connections) this.#tell(connection, event);
  }

  tellOwners(event: BoxEvent): void {
    for (const connection of this.#connections) if (connection.owner) this.#tell(connection, event);
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
      if (!isAbort(error)) this.giveUp(socket, error);
    } finally {
      this.#connections.delete(connection);
    }
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

  #tell({ socket }: Connection, message: BoxEvent | SocketDetails | DeviceHello | DeviceReply): void {
    if (socket.bufferedAmount > limits.bufferedBytes) socket.terminate();
    else socket.send(JSON.stringify(message));
  }
}
