import { X509Certificate } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { minutes, seconds } from '../../../kit/runtime/clock.ts';
import { Problem } from '../../../kit/runtime/errors.ts';
import type { HttpApp } from '../../../kit/http/http-server.ts';
import { readableName } from '../../../kit/runtime/text.ts';
import {
  agentBoxPaths,
  agentClient,
  agentLimits,
  type AgentView,
  type SessionSignInAnswer,
  SessionSignInRequest,
  type SignAnswer,
  SignRequest,
} from '../../../protocol/agent-api.ts';
import { preflight, type Guard } from '../../api/guard.ts';
import type { Session } from '../../sessions/sessions.ts';
import { tokenResponse, type TokenResponseOptions } from '../token-response.ts';
import type { AuthMethod } from '../auth-method.ts';
import { ChallengeSigner } from './challenge-signer.ts';
import { PageSessions, type PageSessionsOptions } from './page-sessions.ts';
import type { Apps } from '../../sessions/apps.ts';
import type { Tokens } from '../../sessions/tokens.ts';

interface AgentsOptions extends PageSessionsOptions, TokenResponseOptions {
  identity: { certPem: string; keyPem: string };
  guard: Guard;
  apps: Apps;
  tokens: Tokens;
}

const bodyLimit = 4096;
/** What is over sooner than this is of no use to a page. */
const shortestMs = minutes(1);

/** The box's side of *web to local*: it signs challenges for pages, and makes their sessions when an agent asks for them. */
export class Agents implements AuthMethod {
  readonly name = 'agents';
  readonly #options: AgentsOptions;
  readonly #pages: PageSessions;
  readonly #signer: ChallengeSigner;
  #certificate = '';

  constructor(options: AgentsOptions) {
    this.#options = options;
    this.#pages = new PageSessions(options);
    this.#signer = new ChallengeSigner({ ...options, keyPem: options.identity.keyPem });
  }

  async start(): Promise<void> {
    this.#certificate = new X509Certificate(this.#options.identity.certPem).raw.toString('base64');
  }

  async stop(): Promise<void> {}

  routes(app: HttpApp): void {
    const { guard, apps, boxId } = this.#options;

    // Open, and harmless: whoever asks learns that this is the box, which the box tells everybody. See docs/access/agent.md.
    const open = { config: { admission: 'oauth' }, bodyLimit } as const;
    app.options(agentBoxPaths.challenge, open, preflight);
    const sign = { ...open, schema: { body: SignRequest } } as const;
    app.post(agentBoxPaths.challenge, sign, async (request): Promise<SignAnswer> => {
      const { origin } = request.headers;
      if (origin === undefined || !apps.isOrigin(origin)) throw appNotAllowed();
      return this.#signer.sign(request.body.challenge, origin, guard.visitor(request));
    });

    const byAgent = { config: { admission: 'app' }, bodyLimit } as const;
    app.get(agentBoxPaths.view, byAgent, async (request): Promise<AgentView> => {
      const { id } = this.#agent(request);
      const person = guard.who(request).person.name;
      return { boxId, sessionId: id, person, origins: apps.origins, certificate: this.#certificate };
    });

    const signIn = { ...byAgent, schema: { body: SessionSignInRequest } } as const;
    app.post(agentBoxPaths.signIn, signIn, async (request, reply) => {
      const agent = this.#agent(request);
      return reply.status(201).send(this.#signIn(agent, request.body, guard.visitor(request).address));
    });
  }

  #agent(request: FastifyRequest): Session {
    const { session } = this.#options.guard.who(request);
    if (session.kind === 'agent') return session;
    const message = 'only an agent may do this, with a session of its own: pair one (porchlight agent pair)';
    throw new Problem('agent-only', message, { status: 403 });
  }

  #signIn(agent: Session, wanted: SessionSignInRequest, address: string): SessionSignInAnswer {
    const { apps, tokens, store } = this.#options;
    const { origin, deviceId, platform } = wanted;
    const app = origin === undefined ? apps.named(agentClient.clientId) : apps.at(origin);
    if (app === undefined) throw appNotAllowed();
    const endsAt = this.#endOf(wanted.expiredAt);
    const device = readableName(wanted.deviceName) || readableName(platform) || 'unknown device';
    const { session, pair } = store.transaction(() => {
      const session = this.#pages.create(agent, deviceId, {
        clientId: app.clientId,
        label: `${app.name} · ${device}`,
        address,
        idleMs: null,
        endsAt,
      });
      return { session, pair: tokens.newPair(session.id) };
    });
    return {
      ...tokenResponse(pair, this.#options),
      sessionId: session.id,
      parentSessionId: agent.id,
      expiredAt: endsAt,
    };
  }

  #endOf(expiredAt: number | undefined): number {
    const now = this.#options.clock.now();
    const latest = now + seconds(agentLimits.pageSeconds);
    const endsAt = expiredAt ?? now + seconds(agentLimits.pageSecondsDefault);
    if (endsAt >= now + shortestMs) return Math.min(endsAt, latest);
    const message = `expiredAt (${endsAt}) is over, or nearly: give ms since the epoch, at least a minute from now (${now})`;
    throw new Problem('bad-request', message, { status: 400 });
  }
}

const appNotAllowed = (): Problem =>
  new Problem(
    'app-not-allowed',
    'this page is of no app on the box’s list; an owner of the box can add it under “Apps”',
    { status: 403 },
  );
