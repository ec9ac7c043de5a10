import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { type Clock, seconds } from '../../kit/runtime/clock.ts';
import { isAbort } from '../../kit/runtime/errors.ts';
import { FairShares } from '../../kit/http/fair-shares.ts';
import type { Fact } from '../../kit/runtime/fact.ts';
import { refuseUpgrade } from '../../kit/http/refuse-upgrade.ts';
import { sessionEndedClose, type Endpoints } from '../../protocol/access-api.ts';
import type { Guard } from './guard.ts';
import type { SessionSockets } from './session-sockets.ts';
import type { Tokens } from '../sessions/tokens.ts';
import { clientKeyOf, type Visitor, type VisitorOf } from '../visitor.ts';

export interface EventSocketsOptions {
  guard: Guard;
  tokens: Tokens;
  sockets: SessionSockets;
  visitorOf: VisitorOf;
  ways: Fact<Endpoints>;
  /** Those waiting for an answer, of whom owners hear. */
  approvals: { pending: Fact<unknown> };
  /** What `GET /api/state` is made of. */
  changes: readonly Fact<unknown>[];
  clock: Clock;
}

/** Who has not said yet who they are: places at home and elsewhere, so that strangers keep nobody out at home. */
const limits = {
  waiting: 64,
  firstMessageMs: seconds(10),
} as const;

/** The events sockets of the console and of apps, and what all sockets are told. */
export class EventSockets {
  readonly #options: EventSocketsOptions;
  /** Those who have not said yet who they are. */
  readonly #waiting = { home: waitingPlaces(), elsewhere: waitingPlaces() };
  #unsubscribe: (() => void)[] = [];
  #stateTold = true;

  constructor(options: EventSocketsOptions) {
    this.#options = options;
  }

  start(): void {
    const { sockets, ways, approvals, changes } = this.#options;
    this.#unsubscribe = [
      ways.subscribe((value) => sockets.tellAll({ type: 'ways', ways: value })),
      approvals.pending.subscribe(() => sockets.tellOwners({ type: 'approvals' })),
      ...changes.map((fact) => fact.subscribe(() => this.#changed())),
    ];
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
  }

  /** Takes over an HTTP upgrade; what does not come from a page that may is refused in HTTP. */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const { guard, sockets, visitorOf } = this.#options;
    const { origin, host = '', cookie } = request.headers;
    if (!guard.mayCall(origin, host)) return refuseUpgrade(stream, 403);
    const fromOwnPage = guard.isOwnPage(origin, host);
    const visitor = visitorOf(request.socket);
    if (sockets.full) return refuseUpgrade(stream, 503);
    sockets.upgrade(request, stream, head, (socket) => {
      if (fromOwnPage) this.#enter(socket, visitor.address, 'cookie', guard.cookieOf(cookie) ?? '');
      else void this.#awaitToken(socket, visitor);
    });
  }

  /** The first message of an app is `{ accessToken }`. */
  async #awaitToken(socket: WebSocket, visitor: Visitor): Promise<void> {
    const { address, atHome } = visitor;
    const done = new AbortController();
    const waiting = this.#waiting[atHome ? 'home' : 'elsewhere'];
    waiting.add(socket, clientKeyOf(address, atHome));
    socket.once('close', () => done.abort());
    socket.once('message', (data: Buffer) => {
      done.abort();
      this.#enter(socket, address, 'access', accessTokenIn(data) ?? '');
    });
    await quietly(this.#options.clock.sleep(limits.firstMessageMs, done.signal));
    waiting.remove(socket);
    if (!done.signal.aborted) socket.close(sessionEndedClose, 'no access token came');
  }

  #enter(socket: WebSocket, address: string, kind: 'cookie' | 'access', secret: string): void {
    const { tokens, guard, sockets } = this.#options;
    try {
      const found = tokens.find(kind, secret);
      const who = found && guard.use(found.session, address);
      if (found === undefined || who === undefined) return socket.close(sessionEndedClose, 'sign in');
      const sessionId = found.session.id;
      if (sockets.isFullFor(sessionId)) return socket.close(1013, 'too many sockets of this session');
      const owner = kind === 'cookie' && who.person.role === 'owner';
      sockets.add(socket, { sessionId, address, owner, tokenEndsAt: found.expiresAt ?? undefined });
    } catch (error) {
      sockets.giveUp(socket, error);
    }
  }

  /** Facts change in bursts: one word for what changes in one go. */
  #changed(): void {
    if (!this.#stateTold) return;
    this.#stateTold = false;
    setImmediate(() => {
      this.#stateTold = true;
      this.#options.sockets.tellAll({ type: 'state' });
    });
  }
}

/** Sockets that have not said yet whose they are: whose client has most of them loses the oldest (`FairShares`). */
const waitingPlaces = (): FairShares<WebSocket> =>
  new FairShares({ most: limits.waiting, onLost: (socket) => socket.close(1013, 'too many sockets wait') });

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
