import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Pins } from '../../client/node/pins.ts';
import type { Clock } from '../../kit/runtime/clock.ts';
import { codeOf, messageOf, Problem } from '../../kit/runtime/errors.ts';
import { cookieValues, hostName, normalAuthority } from '../../kit/http/http-text.ts';
import { httpLimits } from '../../kit/http/http-server.ts';
import { isSound, isSoundUpgrade } from '../../kit/http/http-strict.ts';
import { listen, listenProblem } from '../../kit/http/listen.ts';
import { plainPageHeaders } from '../../kit/http/plain-page.ts';
import { prefersHtml } from '../../kit/http/refusal.ts';
import type { Service } from '../../kit/runtime/service.ts';
import { refuseUpgrade } from '../../kit/http/refuse-upgrade.ts';
import { BoxProxy } from './box-proxy.ts';
import { ProxyKeys } from './proxy-keys.ts';
import { listPage, problemPage } from './proxy-pages.ts';
import type { Listed } from './proven.ts';

export interface LocalProxyOptions {
  pins: Pins;
  /** Asks the network for boxes. */
  look: (signal: AbortSignal) => Promise<readonly Listed[]>;
  /** What to say when there is none. */
  nothing: string;
  /** 0: a free one. */
  port: number;
  clock: Clock;
}

/** Two labels below `localhost`: no box's `.local` name can become it. */
const listName = 'find.porchlight.localhost';
const ticketParameter = 'porchlight-ticket';
const maxConnections = 256;

/**
 * A door to the boxes of this network for the browser of this computer, on loopback alone: the list of the boxes, and each
 * under `http://NAME.localhost:PORT` for its `NAME.local`, for which its identity is pinned, too. (All under `localhost` is
 * this computer to browsers, RFC 6761, 6.3.)
 */
export class LocalProxy implements Service {
  readonly name = 'local-proxy';
  readonly #options: LocalProxyOptions;
  readonly #keys = new ProxyKeys();
  readonly #proxies = new Map<string, BoxProxy>();
  readonly #ended = new AbortController();
  /** WebSockets, which a server that ends does not end. */
  readonly #sockets = new Set<Duplex>();
  #servers: Server[] = [];
  #port = 0;
  #boxes: readonly Listed[] = [];
  /** By name at the proxy: also those that a later look did not find. */
  readonly #known = new Map<string, Listed>();

  constructor(options: LocalProxyOptions) {
    this.#options = options;
  }

  /** What the last look found. */
  get boxes(): readonly Listed[] {
    return this.#boxes;
  }

  /** A new address to open the list with, once. */
  newAddress(): string {
    return this.#entrance(listName, this.#keys.first(listName));
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#look(AbortSignal.any([signal, this.#ended.signal]));
    this.#port = await this.#listen('127.0.0.1', this.#options.port);
    // Browsers may try it first, and then it must not be somebody else's.
    await this.#listen('::1', this.#port).catch((error: unknown) => {
      if (codeOf(error) !== 'host-not-here') throw error;
    });
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    const servers = this.#servers.splice(0);
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
    const proxies = [...this.#proxies.values()].map((proxy) => proxy.close());
    for (const server of servers) server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([...closed, ...proxies]);
  }

  async #listen(host: string, port: number): Promise<number> {
    const server = createServer({
      headersTimeout: httpLimits.headersTimeoutMs,
      keepAliveTimeout: httpLimits.keepAliveTimeoutMs,
      maxHeaderSize: httpLimits.maxHeaderBytes,
      // An upload may take its time.
      requestTimeout: 0,
    });
    server.maxConnections = maxConnections;
    server.on('request', (request, response) => {
      if (isSound(request, response)) void this.#request(request, response);
    });
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (isSoundUpgrade(request, socket)) void this.#upgrade(request, socket, head);
    });
    const opened = await listen(server, { host, port }).catch((error: unknown) => {
      throw listenProblem(error, { host, port, setting: '--port' });
    });
    this.#servers.push(server);
    return opened;
  }

  async #request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const name = this.#nameIn(request);
      const [path = '/', search] = (request.url ?? '/').split('?', 2);
      const query = new URLSearchParams(search);
      const ticket = query.get(ticketParameter);
      if (ticket !== null) return this.#enter(request, response, name, ticket);
      this.#requireKey(request, name);
      if (name === listName) await this.#list(path, query, response);
      else await (await this.#proxyFor(name)).request(request, response);
    } catch (error) {
      this.#refuse(request, response, error);
    }
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    try {
      const name = this.#nameIn(request);
      this.#requireKey(request, name);
      await (await this.#proxyFor(name)).upgrade(request, socket, head);
    } catch (error) {
      refuseUpgrade(socket, problemOf(error).status);
    }
  }

  /** A name of somebody else's that leads here (DNS rebinding) is refused. */
  #nameIn({ headers: { host = '' } }: IncomingMessage): string {
    const name = hostName(host);
    const ours = name === listName || this.#known.has(name);
    if (ours && this.#origin(name) === `http://${normalAuthority(host, 80)}`) return name;
    throw new Problem(
      'not-a-name-of-the-door',
      'no box is known under this name here; look again for boxes',
      {
        status: 421,
      },
    );
  }

  /** For pages and users of this computer that were not let in, nothing is here. */
  #requireKey({ headers }: IncomingMessage, name: string): void {
    const cookies = cookieValues(headers.cookie, this.#cookieName);
    if (cookies.some((cookie) => this.#keys.opens(cookie, name))) return;
    throw new Problem(
      'not-let-in',
      'this is for the person who runs “porchlight find --open”: open the address that it printed, and the box from there',
      { status: 403 },
    );
  }

  #enter(request: IncomingMessage, response: ServerResponse, name: string, ticket: string): void {
    const set: Record<string, string> = {};
    if (this.#keys.redeem(ticket, name, this.#options.clock.now()))
      set['set-cookie'] = `${this.#cookieName}=${this.#keys.cookie(name)}; Path=/; HttpOnly; SameSite=Lax`;
    else this.#requireKey(request, name);
    const location = this.#origin(name) + (this.#known.get(name)?.path ?? '/');
    response
      .writeHead(303, { ...set, location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
      .end();
  }

  async #list(path: string, query: URLSearchParams, response: ServerResponse): Promise<void> {
    const send = (location: string): void =>
      void response.writeHead(303, { location, 'cache-control': 'no-store' }).end();
    if (path === '/look') {
      await this.#look(this.#ended.signal);
      return send('/');
    }
    if (path === '/open') {
      const name = proxyName(query.get('box') ?? '');
      if (!this.#known.has(name))
        throw new Problem('not-found', 'no such box is known here; look again for boxes', { status: 404 });
      return send(this.#entrance(name, this.#keys.next(name, this.#options.clock.now())));
    }
    if (path !== '/') throw new Problem('not-found', 'there is no such page', { status: 404 });
    this.#page(response, 200, listPage(this.#boxes, this.#options.nothing));
  }

  async #look(signal: AbortSignal): Promise<void> {
    const found = await this.#options.look(signal);
    this.#boxes = found;
    // Under one name, the last one counts: a pretender does not take the place of a box that is trusted.
    const named = found.toSorted((a, b) => Number(isTrusted(a)) - Number(isTrusted(b)));
    for (const [name, box] of new Map(named.map((each) => [proxyName(each.host), each]))) {
      const before = this.#known.get(name);
      this.#known.set(name, box);
      if (before !== undefined && wayTo(before) === wayTo(box)) continue;
      const proxy = this.#proxies.get(name);
      this.#proxies.delete(name);
      await proxy?.close();
    }
  }

  /** Throws `identity-changed`, and what the first connection fails with. */
  async #proxyFor(name: string): Promise<BoxProxy> {
    const there = this.#proxies.get(name);
    if (there !== undefined) return there;
    const box = this.#known.get(name);
    if (box === undefined) throw new Problem('not-found', 'no such box is known here', { status: 404 });
    const opened = await this.#options.pins.open(box, this.#options.clock.now());
    const other = this.#proxies.get(name);
    if (other !== undefined) return (await opened.close(), other);
    const proxy = new BoxProxy({ box: opened, proxy: this.#origin(name) });
    this.#proxies.set(name, proxy);
    return proxy;
  }

  #refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (response.headersSent || response.destroyed) return void response.destroy();
    const problem = problemOf(error);
    if (prefersHtml(request.headers.accept))
      return this.#page(response, problem.status, problemPage(this.#origin(listName), problem));
    response.writeHead(problem.status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify(problem));
  }

  #page(response: ServerResponse, status: number, html: string): void {
    response.writeHead(status, plainPageHeaders).end(html);
  }

  /** Cookies know no ports: another door on this computer has another one. */
  get #cookieName(): string {
    return `porchlight-door-${this.#port}`;
  }

  #origin(name: string): string {
    return new URL(`http://${name}:${this.#port}`).origin;
  }

  #entrance(name: string, ticket: string): string {
    return `${this.#origin(name)}/?${ticketParameter}=${ticket}`;
  }
}

const proxyName = (host: string): string => host.replace(/\.local$/, '.localhost');

const isTrusted = ({ identity }: Listed): boolean => identity === 'new' || identity === 'known';

/** What a connection is made with: while it is the same, those that are open may stay. */
const wayTo = ({ addresses, port, fingerprint }: Listed): string =>
  JSON.stringify([addresses.toSorted(), port, fingerprint]);

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const message = `the box does not answer: ${messageOf(error)}`;
  return new Problem('box-away', message, { status: 502, cause: error });
}
