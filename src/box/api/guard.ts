import type { Socket } from 'node:net';
import { timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../kit/runtime/errors.ts';
import { cookieValues, normalAuthority } from '../../kit/http/http-text.ts';
import type { Log } from '../../kit/log/log.ts';
import type { ZoneNames } from '../../protocol/names.ts';
import { isOwnHost, isZoneHost } from '../origins.ts';
import type { People, Person } from '../sessions/people.ts';
import type { RecentProof } from '../sessions/recent-proof.ts';
import { secretHash } from '../sessions/secrets.ts';
import { cookieIdleMs, notSignedIn, type Session, type Sessions } from '../sessions/sessions.ts';
import type { Tokens } from '../sessions/tokens.ts';
import type { Visitor, VisitorOf } from '../visitor.ts';
import { StorageProblem } from '../../kit/disk/problem.ts';

/**
 * Who may call a route. Every route of access says so; what changes something, comes without a token or signature and is not
 * `oauth` is in addition taken only from the box's own pages, and with a session only with its `x-csrf-token`.
 *
 * `open`: anybody · `person`, `owner`: with the console's cookie · `app`: with the cookie, an app's access token or the
 * signature of an app instance, also from scripts of the apps' origins · `instance`: an app instance, for whom it may act or
 * not · `oauth`: the apps' own endpoints, which look at no cookie
 */
type Admission = 'open' | 'person' | 'owner' | 'app' | 'instance' | 'oauth';

/**
 * Another way to show a session with a request than cookie and access token. `undefined`: the request does not try; throws a
 * `Problem` when it tries and fails. Looks at the head of the request alone.
 */
export type Proof = (request: FastifyRequest) => Session | undefined;

declare module 'fastify' {
  interface FastifyContextConfig {
    admission?: Admission;
    /**
     * It outlives the session, so a cookie alone is not enough; see recent-proof.ts. A function: only such requests do. Of routes
     * for a person or an owner.
     */
    recentProof?: true | ((request: FastifyRequest) => boolean);
  }
}

export interface Who {
  session: Session;
  person: Person;
}

const cookieName = '__Host-porchlight';
const cookieSeconds = cookieIdleMs / 1000;
/** So many of the name are looked at. */
const mostCookies = 8;

/** RFC 9110, 9.2.1. */
export const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

export interface GuardOptions {
  names: ZoneNames;
  people: People;
  sessions: Sessions;
  tokens: Tokens;
  /** Whether scripts of pages with this origin may call the box, as those of a connected app. */
  isAppOrigin: (origin: string) => boolean;
  hasPasskey: (personId: string) => boolean;
  recentProof: RecentProof;
  visitorOf: VisitorOf;
  /** Told which connections somebody who is signed in calls on. */
  onSignedIn?: (socket: Socket) => void;
  log: Log;
}

/** Looks at every request before its body is read. */
export class Guard {
  readonly #options: GuardOptions;
  readonly #who = new WeakMap<FastifyRequest, Who>();
  readonly #sessions = new WeakMap<FastifyRequest, Session>();
  readonly #proofs: Proof[] = [];

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /**
   * The `onRequest` hook of all routes of access. Throws `not-a-name-of-the-box`, `not-logged-in`, `not-linked`,
   * `owner-only`, `cross-site-request`, `proof-needed`, and what a proof throws.
   */
  async admit(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    reply.headers({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
    // A name of somebody else's that leads here (DNS rebinding) is theirs: pages there are told nothing.
    if (!isOwnHost(request.host, this.#options.names)) throw misdirected();
    const { admission } = request.routeOptions.config;
    if (admission === 'app' || admission === 'instance' || admission === 'oauth')
      this.#shareWithApps(request, reply);
    if (admission === 'oauth' || request.method === 'OPTIONS') return;
    if (admission === 'instance') return this.#admitInstance(request);
    // Browsers send no token or signature by themselves, so whoever brings one is not led here by another site.
    const { authorization, 'signature-input': signature } = request.headers;
    const byItself = admission !== 'app' || (authorization === undefined && signature === undefined);
    const guarded = byItself && !safeMethods.has(request.method);
    if (guarded) this.#requireOwnPage(request);
    if (admission === 'open') return;
    // A route that forgot to say who may call it is nobody's.
    if (admission === undefined) throw notSignedIn();
    const who = admission === 'app' ? this.#bearer(request, reply) : this.visit(request);
    if (who === undefined) throw notSignedIn();
    if (guarded) this.#requireCsrf(request);
    requireRole(request, who.person);
    this.#who.set(request, who);
    this.#options.onSignedIn?.(request.raw.socket);
    this.#sessions.set(request, who.session);
    if (request.routeOptions.config.recentProof === true) this.requireRecentProof(request);
  }

  /** The `preHandler` hook of all routes of access, for those whose body says whether they want recent proof. */
  async admitBody(request: FastifyRequest): Promise<void> {
    const { recentProof } = request.routeOptions.config;
    if (typeof recentProof === 'function' && recentProof(request)) this.requireRecentProof(request);
  }

  /** Throws `proof-needed`. */
  requireRecentProof(request: FastifyRequest): void {
    const { session, person } = this.who(request);
    // A passkey can be used only under the names that it is for.
    const byPasskey = isZoneHost(request.host, this.#options.names) && this.#options.hasPasskey(person.id);
    this.#options.recentProof.require(session.id, byPasskey ? ['password', 'passkey'] : ['password']);
  }

  /** The session in whose name a request was let in; `undefined`: it needs none. */
  admitted(request: FastifyRequest): Session | undefined {
    return this.#sessions.get(request);
  }

  /**
   * The right that let the request in, looked at again: its session may have ended while the body was on its way, or while
   * the box computed. The store is synchronous and this process's alone, so that what is done right behind this call, in a
   * transaction or without, is done with the right that it found. Throws `not-logged-in`, `owner-only`.
   */
  still(request: FastifyRequest): void {
    const { people, sessions } = this.#options;
    const before = this.#sessions.get(request);
    const session = before && sessions.find(before.id);
    if (session === undefined) throw notSignedIn();
    this.#sessions.set(request, session);
    if (!this.#who.has(request)) return;
    const person = session.personId === null ? undefined : people.byId(session.personId);
    if (person === undefined) throw notSignedIn();
    requireRole(request, person);
    this.#who.set(request, { session, person });
  }

  /** Lets in who shows a session by `proof`. */
  accept(proof: Proof): void {
    this.#proofs.push(proof);
  }

  /** The session that calls a route for app instances. */
  session(request: FastifyRequest): Session {
    const session = this.#sessions.get(request);
    if (session === undefined) throw notSignedIn();
    return session;
  }

  /** Who calls a route that not everybody may call. */
  who(request: FastifyRequest): Who {
    const who = this.#who.get(request);
    if (who === undefined) throw notSignedIn();
    return who;
  }

  visitor(request: FastifyRequest): Visitor {
    return this.#options.visitorOf(request.raw.socket);
  }

  /** Who calls and from where, for the audit log. Throws as `who` does. */
  by(request: FastifyRequest): { who: string; address: string } {
    return { who: this.who(request).person.name, address: this.visitor(request).address };
  }

  /** The person that the console's cookie stands for, and that they were here. */
  visit(request: FastifyRequest): Who | undefined {
    const cookie = this.cookieOf(request.headers.cookie);
    const found = cookie === undefined ? undefined : this.#options.tokens.find('cookie', cookie);
    return found && this.use(found.session, this.visitor(request).address);
  }

  /** Whose session it is, and that it is used from `address`. */
  use(session: Session, address: string): Who | undefined {
    const person = session.personId === null ? undefined : this.#options.people.byId(session.personId);
    if (person === undefined) return undefined;
    this.#touch(session, address);
    return { session, person };
  }

  #touch(session: Session, address: string): void {
    try {
      this.#options.sessions.touch(session, address);
    } catch (error) {
      // A full disk must not keep the owner from the page that says so.
      if (!(error instanceof StorageProblem)) throw error;
      this.#options.log.warn({ code: error.code }, error.message);
    }
  }

  #proven(request: FastifyRequest): Session | undefined {
    for (const proof of this.#proofs) {
      const session = proof(request);
      if (session !== undefined) return session;
    }
    return undefined;
  }

  #admitInstance(request: FastifyRequest): void {
    const session = this.#proven(request);
    if (session === undefined) throw notSignedIn();
    this.#touch(session, this.visitor(request).address);
    this.#sessions.set(request, session);
    this.#options.onSignedIn?.(request.raw.socket);
  }

  /**
   * The console's cookie in a header. Of several with its name it is the first that stands for a session: whoever can add
   * another one (a page beside the console's) locks nobody out with it.
   */
  cookieOf(header: string | undefined): string | undefined {
    const values = cookieValues(header, cookieName).slice(0, mostCookies);
    if (values.length < 2) return values[0];
    return values.find((value) => this.#options.tokens.find('cookie', value) !== undefined) ?? values[0];
  }

  /** What the page must send as `x-csrf-token`: bound to the cookie, which scripts cannot read. */
  csrf(request: FastifyRequest): string | undefined {
    const cookie = this.cookieOf(request.headers.cookie);
    return cookie === undefined ? undefined : secretHash('csrf', cookie);
  }

  /** So that the browser keeps the cookie as long as the session lives. */
  renewCookie(request: FastifyRequest, reply: FastifyReply): void {
    const cookie = this.cookieOf(request.headers.cookie);
    if (cookie !== undefined) setCookie(reply, cookie);
  }

  /** The page is one of the box's own, under the name it was called by. */
  isOwnPage(origin: string | undefined, host: string): boolean {
    if (origin?.startsWith('https://') !== true || !isOwnHost(host, this.#options.names)) return false;
    return normalAuthority(origin.slice('https://'.length)) === normalAuthority(host);
  }

  /** The box's own pages, scripts of the apps' origins, and what says no origin: browsers always do, so it is a program. */
  mayCall(origin: string | undefined, host: string): boolean {
    return origin === undefined || this.isOwnPage(origin, host) || this.#options.isAppOrigin(origin);
  }

  #bearer(request: FastifyRequest, reply: FastifyReply): Who | undefined {
    const { authorization, 'signature-input': signature } = request.headers;
    if (authorization === undefined && signature === undefined) return this.visit(request);
    const token = /^Bearer ([\w-]+)$/i.exec(authorization ?? '')?.[1];
    const found = token === undefined ? undefined : this.#options.tokens.find('access', token);
    const session = found?.session ?? this.#proven(request);
    if (session?.personId === null) throw notLinked();
    const who = session && this.use(session, this.visitor(request).address);
    // RFC 6750, 3.1.
    if (who === undefined) reply.header('www-authenticate', 'Bearer error="invalid_token"');
    return who;
  }

  #requireOwnPage(request: FastifyRequest): void {
    if (this.isOwnPage(request.headers.origin, request.host)) return;
    const message = 'this can only be done from a page of the box itself; open the box and do it there';
    throw new Problem('cross-site-request', message, { status: 403 });
  }

  #requireCsrf(request: FastifyRequest): void {
    const given = Buffer.from(String(request.headers['x-csrf-token'] ?? ''));
    const expected = Buffer.from(this.csrf(request) ?? '');
    if (expected.length > 0 && given.length === expected.length && timingSafeEqual(given, expected)) return;
    const message = 'the page is older than the session; load it again';
    throw new Problem('cross-site-request', message, { status: 403 });
  }

  /** CORS (Fetch, 3.2) for the origins of the apps on the owner's list. Without credentials: apps have tokens. */
  #shareWithApps(request: FastifyRequest, reply: FastifyReply): void {
    const { origin } = request.headers;
    reply.header('vary', 'Origin');
    if (origin === undefined || !this.#options.isAppOrigin(origin)) return;
    reply.header('access-control-allow-origin', origin);
    if (request.method !== 'OPTIONS') return;
    reply.headers({
      'access-control-allow-methods': 'GET, POST, DELETE',
      'access-control-allow-headers':
        'authorization, content-type, content-digest, signature, signature-input',
      'access-control-max-age': '600',
    });
  }
}

/** Throws `owner-only`. */
function requireRole({ routeOptions }: FastifyRequest, { role }: Person): void {
  if (routeOptions.config.admission !== 'owner' || role === 'owner') return;
  throw new Problem('owner-only', 'only an owner of the box may do this', { status: 403 });
}

const notLinked = (): Problem =>
  new Problem('not-linked', 'no owner has allowed this app instance to act for them yet; let it ask', {
    status: 403,
  });

/** RFC 9110, 15.5.20. */
const misdirected = (): Problem =>
  new Problem('not-a-name-of-the-box', 'this is not a name of the box; open it under one of its own', {
    status: 421,
  });

/** Answers what a browser asks before it lets an app's script call; the headers are there already. */
export async function preflight(_request: unknown, reply: FastifyReply): Promise<FastifyReply> {
  return reply.status(204).send();
}

/** `__Host-`: of this very host, over TLS, for all its paths (RFC 6265bis, 4.1.3.2). An empty value removes it. */
export function setCookie(reply: FastifyReply, value: string): void {
  const age = value === '' ? 0 : cookieSeconds;
  reply.header(
    'set-cookie',
    `${cookieName}=${value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${age}`,
  );
}
