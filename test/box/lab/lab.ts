import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createServer, request as httpsRequest, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type ClientOptions, WebSocket } from 'ws';
import { Access, type AccessOptions } from '../../../src/box/access.ts';
import type { AuditNote } from '../../../src/box/audit-notes.ts';
import type { Visitor } from '../../../src/box/visitor.ts';
import { createOwnApp } from '../../../src/box/web/own-app.ts';
import { createTestCa, type TestCa } from '../../../src/cli/home/test-ca.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import type { HttpApp } from '../../../src/kit/http/http-server.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import type { Endpoints } from '../../../src/protocol/access-api.ts';
import { zoneNames } from '../../../src/protocol/names.ts';
import { atEnd } from '../../support/at-end.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { identity } from './identity.ts';
import { partRoutes } from './part-routes.ts';
import { appOrigin, clientId, password } from './visit.ts';

export const boxId = identity.boxId;
export const names = zoneNames(boxId, 'box.test', ['a', 'b']);
export { appOrigin, clientId, password };
export const redirectUri = `${appOrigin}/back`;

let ca: TestCa | undefined;

/** A box that can be visited: the real routes behind real TLS, with a clock that is moved by hand. */
export interface Lab {
  access: Access;
  app: HttpApp;
  clock: FakeClock;
  options: AccessOptions;
  port: number;
  caPem: string;
  /** What `arrived` was told. */
  arrived: string[];
  /** Where the next connections come from. */
  from: Visitor;
  close(): Promise<void>;
}

export const home: Visitor = { through: 'home', address: '192.168.1.7', atHome: true };
export const away: Visitor = { through: 'tunnel', address: '203.0.113.9', atHome: false };

/** All that a test may leave as it is. */
export function accessOptions(clock: FakeClock): Omit<AccessOptions, 'folder' | 'visitorOf'> {
  const notes = new OwnedFact<readonly AuditNote[]>([]);
  return {
    boxId,
    identity,
    names,
    boxName: new OwnedFact('Our box'),
    apps: [{ clientId, name: 'Porchlight', redirectUris: [redirectUri] }],
    pairing: 'home',
    page: () => '<!doctype html><title>console</title>',
    arrived: () => undefined,
    ways: new OwnedFact<Endpoints>({
      main: `https://${names.main}`,
      mirrors: [],
      tunnel: null,
      address: null,
    }),
    changes: [],
    status: () => ({ health: 'ok' }),
    services: () => [{ label: 'hello', url: `https://hello.${names.main}/` }],
    routes: partRoutes({
      settings: {
        read: () => ({ name: 'Our box', tunnel: true, discovery: 'always' }),
        write: async ({ name, tunnel }, note) => {
          if (note !== undefined) notes.set([note]);
          return { name, tunnel, discovery: 'off' };
        },
      },
    }),
    notes: [notes],
    logs: () => [],
    clock,
    random: () => 0.5,
    log: silentLog,
  };
}

/** `before` sees the application before its routes are there. */
export async function openLab(
  changed: Partial<AccessOptions> & { clock?: FakeClock } = {},
  before: (app: HttpApp) => void = () => undefined,
): Promise<Lab> {
  ca ??= await createTestCa();
  const { clock = new FakeClock() } = changed;
  const arrived: string[] = [];
  const visitors = new WeakMap<Socket, Visitor>();
  const options: AccessOptions = {
    ...accessOptions(clock),
    folder: changed.folder ?? temporaryFolder(),
    visitorOf: (socket) => visitors.get(socket) ?? home,
    arrived: (state) => arrived.push(state),
    ...changed,
  };
  const access = new Access(options);
  await access.start(new AbortController().signal);
  const app = await createOwnApp({
    view: () => ({
      known: { name: 'Our box', boxId },
      selfSigned: false,
      through: 'home',
      cannotSave: false,
      details: undefined,
    }),
    probe: () => undefined,
    probePath: '/probe',
    pages: new Map(),
    access: {
      register: (own) => {
        before(own);
        return access.register(own);
      },
    },
    log: options.log,
  });
  const { keyPem, certPem } = await ca.issue([names.main, `*.${names.main}`, 'b.other.test']);
  const server = createServer({ key: keyPem, cert: certPem }, (request, response) =>
    app.server.emit('request', request, response),
  );
  server.on('upgrade', (request, socket, head) => access.upgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const lab: Lab = {
    access,
    app,
    clock,
    options,
    port: (server.address() as AddressInfo).port,
    caPem: ca.caPem,
    arrived,
    from: home,
    close: () => close(server, app, access),
  };
  server.on('secureConnection', (socket) => visitors.set(socket, lab.from));
  atEnd(() => lab.close());
  return lab;
}

async function close(server: Server, app: HttpApp, access: Access): Promise<void> {
  if (server.listening) {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }
  await app.close();
  await access.stop();
}

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
  /** The body of a JSON answer. */
  json: Record<string, unknown>;
}

export interface Call {
  body?: unknown;
  form?: Record<string, string> | string;
  headers?: Record<string, string | undefined>;
  host?: string;
}

/** A browser: keeps the box's cookie, sends Origin and the CSRF token as a page of the box does. */
export class Browser {
  readonly lab: Lab;
  cookie: string | undefined;
  csrf: string | undefined;
  /** As the console does, proves that it is they when the box asks for it, and asks again. */
  proves = true;

  constructor(lab: Lab) {
    this.lab = lab;
  }

  get origin(): string {
    return `https://${names.main}:${this.lab.port}`;
  }

  /** A header given as `undefined` is left out. */
  async call(method: string, path: string, call: Call = {}): Promise<Answer> {
    const answer = await this.#call(method, path, call);
    const asked = this.proves && answer.json['code'] === 'proof-needed';
    return asked && (await this.prove()).status === 204 ? this.#call(method, path, call) : answer;
  }

  async #call(method: string, path: string, call: Call): Promise<Answer> {
    const json = call.body === undefined ? undefined : JSON.stringify(call.body);
    const form = typeof call.form === 'object' ? new URLSearchParams(call.form).toString() : call.form;
    const type = json === undefined ? 'application/x-www-form-urlencoded' : 'application/json';
    const body = json ?? form;
    const headers: Record<string, string | undefined> = {
      host: `${call.host ?? names.main}:${this.lab.port}`,
      origin: method === 'GET' ? undefined : `https://${call.host ?? names.main}:${this.lab.port}`,
      cookie: this.cookie === undefined ? undefined : `__Host-porchlight=${this.cookie}`,
      'x-csrf-token': this.csrf,
      'content-type': body === undefined ? undefined : type,
      ...call.headers,
    };
    const answer = await send(this.lab, method, path, headers, body);
    const cookie = /^__Host-porchlight=([^;]*)/.exec(answer.headers['set-cookie']?.[0] ?? '')?.[1];
    if (cookie !== undefined) {
      this.cookie = cookie === '' ? undefined : cookie;
      this.csrf = undefined;
    }
    return answer;
  }

  /** What a page does first: learns who is here, and the CSRF token. */
  async open(): Promise<Record<string, unknown>> {
    const { json } = await this.call('GET', '/api/session');
    this.csrf = typeof json['csrf'] === 'string' ? json['csrf'] : undefined;
    return json;
  }

  async firstRun(): Promise<Answer> {
    const answer = await this.call('POST', '/api/first-run', {
      body: { setupCode: this.lab.access.setupCode ?? '', name: 'Ada', password },
    });
    await this.open();
    return answer;
  }

  async signIn(name = 'Ada', secret = password): Promise<Answer> {
    const answer = await this.call('POST', '/api/login', { body: { name, password: secret } });
    await this.open();
    return answer;
  }

  /** That it is still they, for what outlives the session. */
  async prove(secret = password): Promise<Answer> {
    return this.call('POST', '/api/proof', { body: { password: secret } });
  }

  /** The whole way of an app: consent, code, tokens. */
  async connect(): Promise<{ accessToken: string; refreshToken: string; code: string }> {
    const verifier = randomBytes(32).toString('base64url');
    const { json } = await this.call('POST', '/api/connect', {
      body: { ...connectQuery(verifier), allow: true },
    });
    const code = new URL(String(json['redirect'])).searchParams.get('code') ?? '';
    const answer = await exchange(this.lab, code, verifier);
    return {
      code,
      accessToken: String(answer.json['access_token']),
      refreshToken: String(answer.json['refresh_token']),
    };
  }
}

export function connectQuery(verifier = 'v'.repeat(43)): Record<string, string> {
  return {
    client_id: clientId,
    redirect_uri: redirectUri,
    state: 'state-of-sixteen-or-more',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    response_type: 'code',
  };
}

/** As the app's script calls: from its own origin, with no cookie. */
export function fromApp(lab: Lab, method: string, path: string, call: Call = {}): Promise<Answer> {
  return new Browser(lab).call(method, path, { ...call, headers: { origin: appOrigin, ...call.headers } });
}

export function exchange(
  lab: Lab,
  code: string,
  verifier: string,
  changed: Record<string, string> = {},
): Promise<Answer> {
  const form = {
    grant_type: 'authorization_code',
    client_id: clientId,
    redirect_uri: redirectUri,
    code,
    code_verifier: verifier,
    ...changed,
  };
  return fromApp(lab, 'POST', '/oauth/token', { form });
}

export function refresh(lab: Lab, refreshToken: string, client = clientId): Promise<Answer> {
  const form = { grant_type: 'refresh_token', client_id: client, refresh_token: refreshToken };
  return fromApp(lab, 'POST', '/oauth/token', { form });
}

export function socket(lab: Lab, headers: Record<string, string>): WebSocket {
  const host = `${names.main}:${lab.port}`;
  return new WebSocket(`wss://127.0.0.1:${lab.port}/api/events`, {
    ca: lab.caPem,
    servername: names.main,
    headers: { host, ...headers },
  } as ClientOptions);
}

function send(
  lab: Lab,
  method: string,
  path: string,
  headers: Record<string, string | undefined>,
  body: string | undefined,
): Promise<Answer> {
  const given = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: '127.0.0.1',
        port: lab.port,
        servername: names.main,
        ca: lab.caPem,
        agent: false,
        method,
        path,
        headers: {
          ...Object.fromEntries(given),
          ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          const isJson = response.headers['content-type']?.startsWith('application/json') === true;
          const json = (isJson ? JSON.parse(text) : {}) as Record<string, unknown>;
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
        });
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}
