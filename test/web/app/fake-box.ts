import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { type WebSocket, WebSocketServer } from 'ws';
import type { StateView } from '../../../src/protocol/access-api.ts';
import { boxIdFromDigest } from '../../../src/protocol/names.ts';
import { type FakeRegistration, TestServer } from './fake-cloud.ts';

export const zoneRoot = 'box.porchlight.test';

export interface Seen {
  method: string;
  path: string;
  through: 'home' | 'tunnel';
  /** `navigate` is the window; anything else is a page in the background (Fetch Metadata). */
  mode: string;
}

/** Stands in for a box: what an app needs to be let in and to see its state, and nothing behind it. */
export class FakeBox {
  readonly id = boxIdFromDigest(randomBytes(32));
  readonly zone = `${this.id}.${zoneRoot}`;
  name: string;
  claimed = true;
  rebindingFilter = false;
  mdnsHost: string | undefined = `porchlight-${this.id.slice(0, 8)}.local`;
  /** There is a tunnel. */
  tunnelled = true;
  /** The page of `/connect`: says yes at once, waits for a person, or never answers at all. */
  connect: 'yes' | 'ask' | 'silent' | 'no' = 'yes';
  /** Whom it pretends to be. */
  issuer = '';
  tokenId = '';
  conditions: StateView['conditions'] = [];
  services: StateView['services'] = [];
  readonly seen: Seen[] = [];
  /** Under which names it was asked. */
  readonly hosts = new Set<string>();
  readonly #registration: FakeRegistration;
  readonly #tls: { keyPem: string; certPem: string };
  readonly #sockets = new Set<WebSocket>();
  readonly #challenges = new Map<string, string>();
  #tokens = new Set<string>();
  #home: TestServer | undefined;
  #tunnel: TestServer | undefined;
  #ports = { home: 0, tunnel: 0 };

  constructor(options: {
    name: string;
    registration: FakeRegistration;
    tls: { keyPem: string; certPem: string };
  }) {
    this.name = options.name;
    this.#registration = options.registration;
    this.#tls = options.tls;
  }

  async start(): Promise<this> {
    await this.open('home');
    await this.open('tunnel');
    return this;
  }

  /** Opens one of its ways, under the same port as before. */
  async open(endpoint: 'home' | 'tunnel'): Promise<void> {
    const listener = await this.#listener(endpoint).listen(this.#ports[endpoint]);
    this.#ports[endpoint] = listener.port;
    if (endpoint === 'home') this.#home = listener;
    else this.#tunnel = listener;
  }

  async shut(endpoint: 'home' | 'tunnel'): Promise<void> {
    await (endpoint === 'home' ? this.#home : this.#tunnel)?.close();
    if (endpoint === 'home') this.#home = undefined;
    else this.#tunnel = undefined;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.terminate();
    await this.shut('home');
    await this.shut('tunnel');
  }

  get ports(): { home: number; tunnel: number } {
    return this.#ports;
  }

  get ways(): { main: string; mirrors: string[]; tunnel: string | null; address: null } {
    const { home, tunnel } = this.#ports;
    return {
      main: `https://${this.zone}:${home}`,
      mirrors: [`https://a.${this.zone}:${home}`],
      tunnel: this.tunnelled ? `https://remote.${this.zone}:${tunnel}` : null,
      address: null,
    };
  }

  /** As the registration-server lists it. */
  entry(message: Record<string, unknown> = {}): object {
    const { main, mirrors, tunnel } = this.ways;
    return {
      public_ip: '198.51.100.1',
      client: this.id,
      timestamp: Math.floor(Date.now() / 1000),
      message: JSON.stringify({
        v: '1.0',
        name: this.name,
        claimed: this.claimed,
        local_origin: main,
        mirror_origins: mirrors,
        tunnel_origin: tunnel,
        rebinding_filter: this.rebindingFilter,
        ...(this.mdnsHost === undefined ? {} : { mdns_host: this.mdnsHost }),
        ...message,
      }),
    };
  }

  /** Requests of pages in the background, by the way they took. */
  background(endpoint: 'home' | 'tunnel'): Seen[] {
    return this.seen.filter(({ through, mode }) => through === endpoint && mode !== 'navigate');
  }

  /** As when somebody ends the session in the console. */
  endSessions(): void {
    this.#tokens = new Set();
    for (const socket of this.#sockets) {
      socket.send(JSON.stringify({ type: 'session-ended' }));
      socket.close(4401);
    }
  }

  tellStateChanged(): void {
    for (const socket of this.#sockets) socket.send(JSON.stringify({ type: 'state' }));
  }

  #listener(through: Seen['through']): TestServer {
    const { keyPem, certPem } = this.#tls;
    const server = createServer({ key: keyPem, cert: certPem }, (request, response) => {
      const url = new URL(request.url ?? '/', 'https://box');
      const mode = request.headers['sec-fetch-mode'] ?? '';
      this.seen.push({ method: request.method ?? '', path: url.pathname, through, mode });
      this.hosts.add(request.headers.host ?? '');
      void this.#answer(request, response, url);
    });
    const sockets = new WebSocketServer({ server, path: '/api/events' });
    sockets.on('connection', (socket) => {
      this.seen.push({ method: 'GET', path: '/api/events', through, mode: 'websocket' });
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('message', (data) => {
        const { accessToken } = JSON.parse((data as Buffer).toString()) as { accessToken: string };
        if (!this.#tokens.has(accessToken)) socket.close(4401);
      });
    });
    return new TestServer(server);
  }

  async #answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const cors = { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'authorization' };
    const json = (status: number, body: unknown): void =>
      void response
        .writeHead(status, { ...cors, 'content-type': 'application/json' })
        .end(JSON.stringify(body));
    if (request.method === 'OPTIONS' || url.pathname === '/ping')
      return void response.writeHead(204, cors).end();
    if (url.pathname === '/connect') return this.#connect(response, url, request.headers.host ?? '');
    if (url.pathname === '/oauth/token') return this.#token(json, await formOf(request));
    if (url.pathname === '/oauth/revoke') return void response.writeHead(200, cors).end();
    if (url.pathname === '/api/state') {
      const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
      return this.#tokens.has(token)
        ? json(200, this.#state())
        : json(401, { code: 'not-logged-in', message: 'sign in' });
    }
    return json(404, { code: 'not-found', message: 'not here' });
  }

  #connect(response: ServerResponse, { searchParams: query }: URL, host: string): void {
    if (this.connect === 'silent') return;
    this.#registration.arrived(query.get('state') ?? '');
    const code = randomBytes(16).toString('hex');
    this.#challenges.set(code, query.get('code_challenge') ?? '');
    const back = new URL(query.get('redirect_uri') ?? '');
    back.search = new URLSearchParams({
      ...(this.connect === 'no' ? { error: 'access_denied' } : { code }),
      state: query.get('state') ?? '',
      iss: this.issuer === '' ? `https://${host}` : this.issuer,
    }).toString();
    if (this.connect !== 'ask') return void response.writeHead(302, { location: back.href }).end();
    const page = `<!doctype html><title>Box</title><link rel=icon href=data:,><h1>The box asks</h1><a href="${back.href.replaceAll('&', '&amp;')}">Allow</a>`;
    response.writeHead(200, { 'content-type': 'text/html' }).end(page);
  }

  #token(json: (status: number, body: unknown) => void, form: URLSearchParams): void {
    const challenge = this.#challenges.get(form.get('code') ?? '');
    const proof = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    this.#challenges.delete(form.get('code') ?? '');
    if (challenge !== proof)
      return json(400, { error: 'invalid_grant', code: 'invalid-grant', message: 'no such code' });
    const access = randomBytes(32).toString('base64url');
    this.#tokens.add(access);
    return json(200, {
      access_token: access,
      token_type: 'Bearer',
      expires_in: 600,
      refresh_token: randomBytes(32).toString('base64url'),
      box_id: this.tokenId === '' ? this.id : this.tokenId,
      box_name: this.name,
      ways: this.ways,
    });
  }

  #state(): StateView {
    const { main, tunnel } = this.ways;
    return {
      now: Date.now(),
      version: '0.1.0',
      addresses: ['192.168.1.20'],
      certificate: { notAfter: Date.now() + 61.5 * 86_400_000 },
      tunnel: { phase: tunnel === null ? 'off' : 'connected', origin: tunnel },
      announce: { announcedAt: Date.now(), shortCode: 'gt4c-9mkx' },
      ways: [
        { kind: 'main', url: main },
        ...(tunnel === null ? [] : [{ kind: 'tunnel' as const, url: tunnel }]),
      ],
      services: this.services,
      conditions: this.conditions,
    };
  }
}

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  let text = '';
  for await (const chunk of request) text += String(chunk as Buffer);
  return new URLSearchParams(text);
}
