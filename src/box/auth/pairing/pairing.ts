import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Clock, seconds } from '../../../kit/runtime/clock.ts';
import { Problem } from '../../../kit/runtime/errors.ts';
import type { HttpApp } from '../../../kit/http/http-server.ts';
import type { Log } from '../../../kit/log/log.ts';
import { accessLimits } from '../../../protocol/access-api.ts';
import {
  type AuthoriseAnswer,
  type AuthorisePending,
  AuthoriseRequest,
  pairingLimits,
  pairingPaths,
  type ServerInfo,
} from '../../../protocol/pairing-api.ts';
import { protocolVersion } from '../../../protocol/version.ts';
import { type Answer, approvalExpired, notClaimed, type Approvals } from '../../sessions/approvals.ts';
import { preflight, type Guard } from '../../api/guard.ts';
import { notSignedIn, type Session, type Sessions } from '../../sessions/sessions.ts';
import type { SessionSockets } from '../../api/session-sockets.ts';
import type { AccessStore } from '../../sessions/store.ts';
import { deviceOf, type Visitor, type VisitorOf } from '../../visitor.ts';
import type { Upgrade, AuthMethod } from '../auth-method.ts';
import { CallLimits } from './call-limits.ts';
import { ClientSockets } from './client-sockets.ts';
import { serverIdIn } from './server-id.ts';
import { unnamed } from '../../visitor.ts';
import type { Fact } from '../../../kit/runtime/fact.ts';
import type { People } from '../../sessions/people.ts';
import type { Tokens } from '../../sessions/tokens.ts';
import type { Audit } from '../../sessions/audit.ts';

export interface PairingOptions {
  guard: Guard;
  boxId: string;
  boxName: Fact<string>;
  people: People;
  sessions: Sessions;
  tokens: Tokens;
  approvals: Approvals;
  audit: Audit;
  store: AccessStore;
  sockets: SessionSockets;
  visitorOf: VisitorOf;
  /** From where clients that the box does not know may ask. */
  askFrom: 'home' | 'anywhere';
  clock: Clock;
  log: Log;
}

/** Client authorisation: an id that the client made is, once an owner said yes, traded for access tokens. */
export class Pairing implements AuthMethod {
  readonly name = 'pairing';
  readonly upgrades: ReadonlyMap<string, Upgrade>;
  readonly #options: PairingOptions;
  readonly #limits: CallLimits;
  readonly #sockets: ClientSockets;
  #serverId = '';

  constructor(options: PairingOptions) {
    this.#options = options;
    this.#limits = new CallLimits(options.clock);
    const sockets = new ClientSockets({ ...options, limits: this.#limits, serverId: () => this.#serverId });
    this.#sockets = sockets;
    const upgrade: Upgrade = (request, stream, head) => void sockets.upgrade(request, stream, head);
    // Some clients put a slash behind every path.
    this.upgrades = new Map([
      [pairingPaths.socket, upgrade],
      [`${pairingPaths.socket}/`, upgrade],
    ]);
  }

  async start(): Promise<void> {
    this.#serverId = serverIdIn(this.#options.store);
  }

  async stop(): Promise<void> {
    // What else is open ends with the sockets and questions of all ways.
    await this.#sockets.stop();
  }

  async routes(app: HttpApp): Promise<void> {
    const { guard, boxId, boxName } = this.#options;
    const oauth = { config: { admission: 'oauth' } } as const;
    const { info, authorise, auth } = pairingPaths;
    await this.#sockets.routes(app);
    for (const path of [info, authorise, auth]) app.options(path, oauth, preflight);

    const onRequest = async (request: FastifyRequest): Promise<void> =>
      this.#limits.call(guard.visitor(request).address);
    app.get(info, { ...oauth, onRequest }, async (request): Promise<ServerInfo> => {
      const home = guard.visitor(request).through === 'home';
      const who = home ? { boxId, name: boxName.value } : unnamed;
      return { serverId: this.#serverId, ...who, v: protocolVersion };
    });

    const bodyLimit = accessLimits.formBytes;
    const schema = { body: AuthoriseRequest };
    for (const path of [authorise, auth])
      app.post(path, { ...oauth, onRequest, bodyLimit, schema }, async (request, reply) => {
        const answer = await this.#authorise(request, request.body, gone(reply));
        return reply.status('status' in answer ? 202 : 200).send(answer);
      });
  }

  async #authorise(
    request: FastifyRequest,
    { clientId, kind = 'client', name, wait = pairingLimits.defaultWaitSeconds }: AuthoriseRequest,
    signal: AbortSignal,
  ): Promise<AuthoriseAnswer | AuthorisePending> {
    const { guard, approvals, tokens } = this.#options;
    const visitor = guard.visitor(request);
    if (!guard.mayCall(request.headers.origin, request.host)) throw foreignPage();
    const asking = {
      kind,
      subject: clientId.toLowerCase(),
      label: name ?? deviceOf(request),
      address: visitor.address,
    };
    const known = approvals.answerFor(kind, asking.subject);
    if (known === undefined) this.#checkMayAsk(visitor);
    const { answer, code } = await approvals.ask(asking, seconds(wait), signal);
    if (answer === 'pending') return { status: 'pending', code, retryAfterSeconds };
    if (answer === 'expired') throw approvalExpired();
    const session = this.#sessionOf(answer, asking);
    if (guard.use(session, visitor.address) === undefined) throw notSignedIn();
    this.#limits.known(visitor.address);
    return {
      accessToken: tokens.newAccess(session.id),
      expiresIn: accessLimits.accessTokenSeconds,
      tokenType: 'Bearer',
      serverId: this.#serverId,
    };
  }

  /** Throws `not-claimed`, `only-at-home`, `rate-limited`. */
  #checkMayAsk({ atHome, address }: Visitor): void {
    if (!this.#options.people.claimed.value) throw notClaimed();
    if (this.#options.askFrom === 'home' && !atHome) throw onlyAtHome();
    this.#limits.stranger(address);
  }

  #sessionOf(answer: Answer, { label, address }: { label: string; address: string }): Session {
    if (answer.allowed) return answer.session;
    this.#options.audit.note({ action: 'credential-refused', who: label, address });
    throw refused();
  }
}

/** A client that is not kept waiting here asks again after so long. */
const retryAfterSeconds = 2;

/** Aborts when whoever called has hung up. */
function gone(reply: FastifyReply): AbortSignal {
  const left = new AbortController();
  reply.raw.once('close', () => left.abort());
  return left.signal;
}

const foreignPage = (): Problem =>
  new Problem(
    'cross-site-request',
    'this page is not of an app on the list of the box; an owner can put it there',
    { status: 403 },
  );

const onlyAtHome = (): Problem =>
  new Problem(
    'only-at-home',
    'the box does not know this client, and new ones may ask from the home network alone; do this once at home',
    { status: 403 },
  );

const refused = (): Problem =>
  new Problem(
    'client-refused',
    'an owner of the box said no to this client; an owner can forget that answer in the console',
    { status: 403 },
  );
