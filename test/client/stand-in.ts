import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Agent, fetch as undiciFetch, WebSocket as UndiciSocket } from 'undici';
import { type WebSocket as ServerSocket, WebSocketServer } from 'ws';
import { createTestCa } from '../../src/cli/home/test-ca.ts';
import { RememberedBoxes, type RememberedBox } from '../../src/client/remembered.ts';
import type { Runtime } from '../../src/client/runtime.ts';
import { memoryStore } from '../../src/client/store.ts';
import type { BoxEvent, Endpoints } from '../../src/protocol/access-api.ts';
import { boxIdFromDigest } from '../../src/protocol/names.ts';
import { FaultyPort } from './faulty-port.ts';

const labels = ['main', 'a', 'b', 'remote', '192-168-1-20'] as const;
type Label = (typeof labels)[number];

export interface Call {
  /** First label of the name it came by; `main` for the main name. */
  by: string;
  method: string;
  path: string;
  body: string;
  token: string | undefined;
}

const ca = await createTestCa();

/** A box as far as the SDK sees it: its names, its token endpoint, its events, over TLS under a test CA. */
export class StandIn {
  /** What reached the box, in order; without pings. */
  readonly calls: Call[] = [];
  /** Names that were looked up, one for each connection, in order. */
  readonly lookups: string[] = [];
  readonly sockets = new Map<ServerSocket, string>();
  readonly ports: Readonly<Record<Label, FaultyPort>>;
  readonly id: string;
  readonly zone: string;
  readonly clientId = 'https://app.example';
  readonly access = new Set<string>();
  /** A used one ends the session. */
  readonly refresh = new Map<string, 'good' | 'used'>();
  readonly codes = new Map<string, { challenge: string; redirectUri: string }>();
  accessSeconds = 600;
  /** Answers of `GET /ping` of the registration-server, which the runtime finds at `registration`. */
  registrations: unknown = [];
  registrationCalls = 0;
  readonly registration = 'https://registration.example';
  /** Changes what the token endpoint says. */
  tokenAnswer: (answer: Record<string, unknown>) => unknown = (answer) => answer;
  readonly #server: Server;
  readonly #events: WebSocketServer;
  readonly #agent: Agent;

  private constructor(id: string, tls: { keyPem: string; certPem: string }) {
    this.id = id;
    this.zone = zoneFor(id);
    this.#server = createServer({ key: tls.keyPem, cert: tls.certPem });
    this.#server.on('request', (request, response) => void this.#answer(request, response));
    this.#events = new WebSocketServer({ server: this.#server, path: '/api/events' });
    this.#events.on('connection', (socket, request) => this.#connected(socket, request));
    const behind = (): number => (this.#server.address() as AddressInfo).port;
    this.ports = Object.fromEntries(labels.map((label) => [label, new FaultyPort(behind)])) as Record<
      Label,
      FaultyPort
    >;
    this.#agent = new Agent({
      connect: {
        ca: ca.caPem,
        lookup: (host, options, done) => {
          this.lookups.push(host);
          if (options.all === true) done(null, [{ address: '127.0.0.1', family: 4 }]);
          else done(null, '127.0.0.1', 4);
        },
      },
    });
  }

  static async start(): Promise<StandIn> {
    const id = boxIdFromDigest(randomBytes(32));
    const box = new StandIn(id, await ca.issue([zoneFor(id), `*.${zoneFor(id)}`]));
    box.#server.listen(0, '127.0.0.1');
    await once(box.#server, 'listening');
    await Promise.all(Object.values(box.ports).map((port) => port.open()));
    return box;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets.keys()) socket.terminate();
    await Promise.all(Object.values(this.ports).map((port) => port.close()));
    await this.#agent.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  origin(label: Label): string {
    const name = label === 'main' ? this.zone : `${label}.${this.zone}`;
    return `https://${name}:${this.ports[label].port}`;
  }

  #changes: Partial<Endpoints> = {};

  /** The box has other ways from now on. */
  change(ways: Partial<Endpoints>): void {
    this.#changes = ways;
  }

  get ways(): Endpoints {
    return {
      main: this.origin('main'),
      mirrors: [this.origin('a'), this.origin('b')],
      tunnel: this.origin('remote'),
      address: this.origin('192-168-1-20'),
      ...this.#changes,
    };
  }

  /** All doors but these are as good as not there. */
  only(mode: 'refuses' | 'silent', ...open: Label[]): void {
    for (const label of labels) this.ports[label].set(open.includes(label) ? 'open' : mode);
  }

  /** The platform's own, with names that lead here and the test CA; the registration-server is made up. */
  runtime(given: Partial<Runtime> = {}): Partial<Runtime> {
    const dispatcher = this.#agent;
    return {
      fetch: async (url, init) => {
        if (url.startsWith(this.registration)) {
          this.registrationCalls++;
          return Response.json(this.registrations);
        }
        const answer = await undiciFetch(url, { ...init, dispatcher } as Parameters<typeof undiciFetch>[1]);
        return answer;
      },
      openSocket: (url) => new UndiciSocket(url, { dispatcher }),
      ...given,
    };
  }

  /** What an app that was let in remembers. */
  remembered(changes: Partial<RememberedBox> = {}): RememberedBox {
    const { access, refresh } = this.newTokens();
    return {
      id: this.id,
      name: 'Kitchen',
      clientId: this.clientId,
      ways: this.ways,
      outside: false,
      tokens: { access, accessEndsAt: Date.now() + this.accessSeconds * 1000, refresh },
      ...changes,
    };
  }

  async boxes(box: RememberedBox): Promise<RememberedBoxes> {
    const boxes = new RememberedBoxes(memoryStore());
    await boxes.put(box);
    return boxes;
  }

  newTokens(): { access: string; refresh: string } {
    const [access, refresh] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
    this.access.add(access);
    this.refresh.set(refresh, 'good');
    return { access, refresh };
  }

  endSession(): void {
    this.access.clear();
    this.refresh.clear();
    for (const socket of this.sockets.keys()) {
      socket.send(JSON.stringify({ type: 'session-ended' }));
      socket.close(4401);
    }
  }

  tell(event: BoxEvent | string): void {
    for (const socket of this.sockets.keys()) {
      socket.send(typeof event === 'string' ? event : JSON.stringify(event));
    }
  }

  /** What the registration-server says of this box. */
  announced(changes: object = {}): object {
    const { main, mirrors, tunnel } = this.ways;
    const origins = { local_origin: main, mirror_origins: mirrors, tunnel_origin: tunnel };
    const message = JSON.stringify({ v: '1.0', name: 'Kitchen', claimed: true, ...origins, ...changes });
    return { public_ip: '203.0.113.7', client: this.id, timestamp: 1_900_000_000, message };
  }

  /** Calls by method and name, in short: `GET a`. */
  get short(): string[] {
    return this.calls.map(({ method, by }) => `${method} ${by}`);
  }

  #by(request: IncomingMessage): string {
    const host = (request.headers.host ?? '').replace(/:\d+$/, '');
    return host === this.zone ? 'main' : host.slice(0, -this.zone.length - 1);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '/' } = request;
    if (path === '/ping') return void response.writeHead(204).end();
    const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1];
    const json = (status: number, body: unknown): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const call = { by: this.#by(request), method, path, body: '', token };
    this.calls.push(call);
    if (path === '/api/broken') return void request.socket.destroy();
    try {
      call.body = await text(request);
    } catch {
      return;
    }
    const form = Object.fromEntries(new URLSearchParams(call.body));
    if (path === '/oauth/token') return this.#token(form, json);
    if (path === '/oauth/revoke') return (this.refresh.delete(form['token'] ?? ''), json(200, {}));
    if (!this.access.has(token ?? '')) return json(401, { code: 'not-logged-in', message: 'sign in' });
    if (path === '/api/never') return;
    if (path === '/api/stream') {
      response.writeHead(200).write('one ');
      return void setTimeout(() => response.end('two'), 50);
    }
    json(200, { by: call.by, method, path, body: call.body });
  }

  #token(form: Record<string, string>, json: (status: number, body: unknown) => void): void {
    const refused = (): void => json(400, { error: 'invalid_grant', code: 'invalid-grant', message: 'no' });
    if (form['grant_type'] === 'authorization_code') {
      const code = this.codes.get(form['code'] ?? '');
      this.codes.delete(form['code'] ?? '');
      const challenge = createHash('sha256')
        .update(form['code_verifier'] ?? '')
        .digest('base64url');
      if (code?.challenge !== challenge || code.redirectUri !== form['redirect_uri']) return refused();
    } else {
      const token = form['refresh_token'] ?? '';
      if (this.refresh.get(token) !== 'good') return (this.access.clear(), this.refresh.clear(), refused());
      this.refresh.set(token, 'used');
    }
    const { access, refresh } = this.newTokens();
    json(
      200,
      this.tokenAnswer({
        access_token: access,
        token_type: 'Bearer',
        expires_in: this.accessSeconds,
        refresh_token: refresh,
        box_id: this.id,
        box_name: 'Kitchen',
        ways: this.ways,
      }),
    );
  }

  #connected(socket: ServerSocket, request: IncomingMessage): void {
    socket.on('error', () => undefined).on('close', () => this.sockets.delete(socket));
    socket.once('message', (data: Buffer) => {
      const { accessToken } = JSON.parse(data.toString()) as { accessToken: string };
      if (this.access.has(accessToken)) this.sockets.set(socket, this.#by(request));
      else socket.close(4401);
    });
  }
}

const zoneFor = (id: string): string => `${id}.box.example`;
