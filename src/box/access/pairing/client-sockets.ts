import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../../kit/clock.ts';
import { codeOf } from '../../../kit/errors.ts';
import { splitList } from '../../../kit/http-text.ts';
import type { Log } from '../../../kit/log.ts';
import { refuseUpgrade } from '../../../kit/refuse-upgrade.ts';
import { pairingPaths, tokenProtocolPrefix } from '../../../protocol/pairing-api.ts';
import type { Audit } from '../audit.ts';
import type { Guard } from '../guard.ts';
import type { SessionSockets } from '../session-sockets.ts';
import type { Session } from '../sessions.ts';
import type { Tokens } from '../tokens.ts';
import type { VisitorOf } from '../visitor.ts';
import type { CallLimits } from './call-limits.ts';

export interface ClientSocketsOptions {
  guard: Guard;
  tokens: Tokens;
  audit: Audit;
  sockets: SessionSockets;
  limits: CallLimits;
  visitorOf: VisitorOf;
  serverId: () => string;
  clock: Clock;
  log: Log;
}

const kinds: ReadonlySet<Session['kind']> = new Set(['client', 'agent']);

/** The sockets at `/w`: nobody gets as far as the upgrade without a good token of a client. */
export class ClientSockets {
  readonly #options: ClientSocketsOptions;

  constructor(options: ClientSocketsOptions) {
    this.#options = options;
  }

  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    try {
      const refusal = this.#open(request, stream, head);
      if (refusal !== undefined) refuseUpgrade(stream, refusal);
    } catch (error) {
      const limited = codeOf(error) === 'rate-limited';
      if (!limited) this.#options.log.warn({ err: error }, 'a client’s socket could not be opened');
      refuseUpgrade(stream, limited ? 429 : 503);
    }
  }

  /** Answers the status of a refusal. */
  #open(request: IncomingMessage, stream: Duplex, head: Buffer): number | undefined {
    const { guard, tokens, audit, sockets, limits, visitorOf, serverId, clock } = this.#options;
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
      audit.record({ action: 'credential-refused', who: 'client', what: pairingPaths.socket, address });
      return 403;
    }
    limits.known(address);
    const { id: sessionId, label } = found.session;
    if (sockets.full || sockets.isFullFor(sessionId)) return 503;
    const tokenEndsAt = found.expiresAt ?? clock.now();
    const expiresIn = Math.floor((tokenEndsAt - clock.now()) / 1000);
    sockets.upgrade(request, stream, head, (socket) =>
      sockets.add(
        socket,
        { sessionId, address, owner: false, tokenEndsAt },
        {
          type: 'socket',
          id: randomUUID(),
          serverId: serverId(),
          sessionId,
          clientLabel: label,
          expiresIn,
        },
      ),
    );
    return undefined;
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
