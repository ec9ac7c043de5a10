import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../../kit/runtime/clock.ts';
import { codeOf } from '../../../kit/runtime/errors.ts';
import type { HttpApp } from '../../../kit/http/http-server.ts';
import { splitList } from '../../../kit/http/http-text.ts';
import type { Log } from '../../../kit/log/log.ts';
import { refuseUpgrade } from '../../../kit/http/refuse-upgrade.ts';
import { pairingPaths, tokenProtocolPrefix } from '../../../protocol/pairing-api.ts';
import type { Audit } from '../../sessions/audit.ts';
import type { Guard } from '../../api/guard.ts';
import type { SessionSocket, SessionSockets, SocketHolder } from '../../api/session-sockets.ts';
import { notSignedIn, type Session, type Sessions } from '../../sessions/sessions.ts';
import type { Tokens } from '../../sessions/tokens.ts';
import type { VisitorOf } from '../../visitor.ts';
import type { CallLimits } from './call-limits.ts';
import { type Admitted, SocketIo } from './socket-io.ts';

export interface ClientSocketsOptions {
  guard: Guard;
  tokens: Tokens;
  audit: Audit;
  sessions: Sessions;
  sockets: SessionSockets;
  limits: CallLimits;
  visitorOf: VisitorOf;
  serverId: () => string;
  clock: Clock;
  log: Log;
}

const kinds: ReadonlySet<Session['kind']> = new Set(['client', 'agent']);

/** The sockets at `/w`, plain and of Socket.IO: nobody gets as far as that without a good token of a client. */
export class ClientSockets {
  readonly #options: ClientSocketsOptions;
  readonly #socketIo: SocketIo;

  constructor(options: ClientSocketsOptions) {
    this.#options = options;
    this.#socketIo = new SocketIo({ admit: (request) => this.#admit(request) });
  }

  stop(): Promise<void> {
    return this.#socketIo.stop();
  }

  routes(app: HttpApp): Promise<void> {
    return this.#socketIo.routes(app);
  }

  async upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    try {
      if (SocketIo.speaks(request.url)) return await this.#socketIo.upgrade(request, stream, head);
      const admitted = this.#admit(request);
      if (typeof admitted === 'number') refuseUpgrade(stream, admitted);
      else this.#options.sockets.upgrade(request, stream, head, admitted.add);
    } catch (error) {
      const limited = codeOf(error) === 'rate-limited';
      if (!limited) this.#options.log.warn({ err: error }, 'a client’s socket could not be opened');
      refuseUpgrade(stream, limited ? 429 : 503);
    }
  }

  /** Answers the status of a refusal. */
  #admit(request: IncomingMessage): Admitted | number {
    const { guard, tokens, audit, sockets, limits, visitorOf, clock } = this.#options;
    const { headers } = request;
    const { address } = visitorOf(request.socket);
    limits.call(address);
    if (!guard.mayCall(headers.origin, headers.host ?? '')) return 403;
    const found = tokens.find('access', tokenIn(headers) ?? '');
    if (
      found === undefined ||
      !kinds.has(found.session.kind) ||
      guard.use(found.session, address) === undefined
    ) {
      audit.note({ action: 'credential-refused', who: 'client', what: pairingPaths.socket, address });
      return 403;
    }
    limits.known(address);
    const { id: sessionId } = found.session;
    if (sockets.full || sockets.isFullFor(sessionId)) return 503;
    const tokenEndsAt = found.expiresAt ?? clock.now();
    return { add: (socket) => this.#add(socket, { sessionId, address, owner: false, tokenEndsAt }) };
  }

  /** Throws `not-logged-in` when the session has ended since the token was looked at. */
  #add(socket: SessionSocket, holder: SocketHolder & { tokenEndsAt: number }): void {
    const { sockets, sessions, serverId, clock } = this.#options;
    const session = sessions.find(holder.sessionId);
    if (session === undefined || sockets.full || sockets.isFullFor(session.id)) throw notSignedIn();
    const expiresIn = Math.floor((holder.tokenEndsAt - clock.now()) / 1000);
    sockets.add(socket, holder, {
      type: 'socket',
      id: randomUUID(),
      serverId: serverId(),
      sessionId: session.id,
      clientLabel: session.label,
      expiresIn,
    });
  }
}

/** From the header, or for browsers, which can send none, from the subprotocols. Never from the URL: that is logged. */
function tokenIn({
  authorization,
  'sec-websocket-protocol': protocols = '',
}: IncomingHttpHeaders): string | undefined {
  if (authorization !== undefined) return /^Bearer ([\w-]+)$/i.exec(authorization)?.[1];
  const offered = splitList(protocols);
  return offered
    .find((protocol) => protocol.startsWith(tokenProtocolPrefix))
    ?.slice(tokenProtocolPrefix.length);
}
