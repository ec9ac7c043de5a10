import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { WebSocketServer } from 'ws';
import type {
  AppList,
  FirstRunRequest,
  LogLine,
  PasswordSignInRequest,
  PasskeyView,
  PersonView,
  SessionNode,
  SessionView,
  SettingsRequest,
  SettingsView,
  StateView,
} from '../../../src/protocol/access-api.ts';
import type { ApprovalsView, PendingApproval } from '../../../src/protocol/approvals-api.ts';
import { type AuditEntry, auditLimits } from '../../../src/protocol/audit-api.ts';
import { accessPaths } from '../../../src/protocol/constants.ts';
import type { UpdateState } from '../../../src/protocol/update-api.ts';
import { besideFault, type KnownAccount, lasting, serveAccount } from './fake-account.ts';
import { challenge, refuse, right } from './fake-answers.ts';
import { serveUpdates } from './fake-updates.ts';
import { usualState } from './usual-state.ts';

const csp =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const minute = 60_000;
const day = 1440 * minute;

export { right };
const csrf = 'the-token-of-this-session';

/** What the fake box knows; tests change it as they like. */
export interface FakeState extends KnownAccount {
  session: SessionView;
  state: StateView;
  sessions: SessionNode[];
  people: PersonView[];
  passkeys: PasskeyView[];
  apps: AppList['apps'];
  settings: SettingsView;
  update: UpdateState;
  approvals: Omit<ApprovalsView, 'now'>;
  audit: AuditEntry[];
  logs: LogLine[];
  /** Bodies that came with a valid token, as `PUT /api/settings`. */
  taken: { call: string; body: unknown }[];
}

/** Answers the console as the box does, from memory: for tests of the pages alone. */
export class FakeBox {
  readonly now: number;
  readonly known: FakeState;
  readonly #app: FastifyInstance;
  readonly #sockets = new WebSocketServer({ noServer: true });

  constructor(options: { pages: string; now?: number }) {
    this.now = options.now ?? Date.now();
    this.known = usualState(this.now);
    this.#app = fastify({ forceCloseConnections: true });
    this.#servePages(options.pages);
    this.#serveDoor();
    this.#serveApi();
    this.#app.server.on('upgrade', (request, socket, head) =>
      this.#sockets.handleUpgrade(request, socket, head, () => undefined),
    );
  }

  async start(): Promise<void> {
    await this.#app.listen({ host: '127.0.0.1', port: 0 });
  }

  async stop(): Promise<void> {
    this.#sockets.clients.forEach((socket) => socket.terminate());
    await this.#app.close();
  }

  get origin(): string {
    return `http://localhost:${(this.#app.server.address() as AddressInfo).port}`;
  }

  get listeners(): number {
    return this.#sockets.clients.size;
  }

  say(event: object): void {
    this.#sockets.clients.forEach((socket) => socket.send(JSON.stringify(event)));
  }

  /** Somebody comes to the door. */
  ask(question: PendingApproval): void {
    this.known.approvals.pending.push(question);
    this.say({ type: 'approvals' });
  }

  /** As when an owner ends the session in another window. */
  endSession(): void {
    this.#stage('login');
    this.say({ type: 'session-ended' });
    this.#sockets.clients.forEach((socket) => socket.close(4401));
  }

  #stage(stage: SessionView['stage']): void {
    const person = stage === 'in' ? { id: 'p1', name: right.name, role: 'owner' } : null;
    this.known.session = {
      ...this.known.session,
      stage,
      person,
      csrf: stage === 'in' ? csrf : null,
    };
  }

  #servePages(folder: string): void {
    const send = (path: string): { type: string; content: Buffer } => ({
      type: types[extname(path)] ?? 'application/octet-stream',
      content: readFileSync(join(folder, path)),
    });
    this.#app.addHook('onSend', async (_request, reply) => {
      reply.headers({ 'content-security-policy': csp, 'referrer-policy': 'no-referrer' });
    });
    for (const path of ['/', accessPaths.connect])
      this.#app.get(path, async (_request, reply) => {
        const { type, content } = send('index.html');
        return reply.type(type).send(content);
      });
    this.#app.get<{ Params: { file: string } }>('/assets/:file', async (request, reply) => {
      const { type, content } = send(join('assets', request.params.file));
      return reply.type(type).send(content);
    });
  }

  #serveDoor(): void {
    const app = this.#app;
    app.get('/api/session', async () => this.known.session);
    app.post<{ Body: FirstRunRequest }>('/api/first-run', async ({ body }, reply) => {
      if (body.setupCode !== right.setupCode) return refuse(reply, 401, 'wrong-setup-code');
      if (body.password.length < 8) return refuse(reply, 422, 'password-refused', { reason: 'too-short' });
      this.#stage('in');
      return reply.status(201).send({ recoveryCode: right.recoveryCode });
    });
    app.post<{ Body: PasswordSignInRequest }>('/api/login', async ({ body }, reply) => {
      if (body.password === 'too often') return refuse(reply, 429, 'rate-limited', { retryAfterSeconds: 30 });
      if (body.password !== right.password) return refuse(reply, 401, 'wrong-name-or-password');
      const fault = besideFault(this.known, body);
      if (fault !== undefined) return refuse(reply, 401, fault.code, fault);
      this.#stage('in');
      return reply.status(204).send();
    });
    // As the box asks, but nothing is verified: what is tested is that the browser was asked and its answer came here.
    app.post('/api/login/passkey/options', async () => ({ challenge, rpId: 'localhost', timeout: 5000 }));
    app.post<{ Body: { response: { id: string } } }>('/api/login/passkey', async ({ body }, reply) => {
      if (!this.known.passkeys.some(({ id }) => id === body.response.id))
        return refuse(reply, 401, 'passkey-refused');
      this.#stage('in');
      return reply.status(204).send();
    });
    for (const path of ['/api/recover', '/api/join'])
      app.post<{ Body: { recoveryCode?: string; inviteCode?: string } }>(path, async ({ body }, reply) => {
        const good = [right.recoveryCode, 'JOIN-CODE'].includes(body.recoveryCode ?? body.inviteCode ?? '');
        if (!good) return refuse(reply, 401, path === '/api/join' ? 'invite-refused' : 'wrong-recovery-code');
        this.#stage('in');
        return reply.status(201).send({ recoveryCode: right.recoveryCode });
      });
  }

  #serveApi(): void {
    const app = this.#app;
    const { known } = this;
    app.addHook('preHandler', async (request, reply) => {
      if (/^\/api\/(session|first-run|login|recover|join)\b/.test(request.url)) return undefined;
      if (!request.url.startsWith('/api/')) return undefined;
      if (known.session.stage !== 'in') return refuse(reply, 401, 'not-logged-in');
      if (request.method === 'GET') return undefined;
      if (request.headers['x-csrf-token'] !== csrf) return refuse(reply, 403, 'cross-site-request');
      if (known.proofBy.length > 0 && lasting.test(`${request.method} ${request.url}`))
        return refuse(reply, 403, 'proof-needed', { by: known.proofBy });
      known.taken.push({ call: `${request.method} ${request.url}`, body: request.body });
      return undefined;
    });
    app.get('/api/connect', async (request, reply) => {
      const { client_id: id } = request.query as Record<string, string>;
      const found = known.apps.find(({ clientId }) => clientId === id);
      if (found === undefined) return refuse(reply, 403, 'app-not-allowed');
      return { app: { name: found.name, origin: new URL(found.redirectUris[0] ?? '').origin } };
    });
    app.post<{ Body: { allow: boolean } }>('/api/connect', async ({ body }) => ({
      redirect: `${this.origin}/#/about?${body.allow ? 'code=once' : 'error=access_denied'}`,
    }));
    app.post('/api/logout', async (_request, reply) => {
      this.endSession();
      return reply.status(204).send();
    });
    app.get('/api/state', async () => known.state);
    app.get('/api/sessions', async () => ({ sessions: known.sessions }));
    app.delete('/api/sessions/:id', async (request, reply) => {
      known.sessions = known.sessions.filter(({ id }) => id !== idOf(request));
      return reply.status(204).send();
    });
    app.get('/api/approvals', async () => ({ now: this.now, ...known.approvals }));
    app.post<{ Body: { allow: boolean } }>('/api/approvals/:id', async (request, reply) => {
      const question = known.approvals.pending.find(({ id }) => id === idOf(request));
      if (question === undefined) return refuse(reply, 404, 'not-found');
      const { id, kind, label } = question;
      const { allow } = request.body;
      known.approvals.pending = known.approvals.pending.filter((each) => each !== question);
      known.approvals.remembered.unshift({
        id,
        kind,
        label,
        allowed: allow,
        sessionId: allow ? id : null,
        decidedBy: right.name,
        decidedAt: this.now,
      });
      return reply.status(204).send();
    });
    app.delete('/api/approvals/:id', async (request, reply) => {
      known.approvals.remembered = known.approvals.remembered.filter(({ id }) => id !== idOf(request));
      return reply.status(204).send();
    });
    app.get<{ Querystring: { before?: string } }>('/api/audit', async ({ query }) => ({
      entries: known.audit
        .filter(({ id }) => id < Number(query.before ?? Infinity))
        .slice(0, auditLimits.page),
    }));
    app.get('/api/people', async () => ({ people: known.people }));
    app.post<{ Body: { name: string; role: 'owner' | 'member' } }>('/api/people', async ({ body }, reply) => {
      if (known.people.some(({ name }) => name === body.name)) return refuse(reply, 409, 'name-taken');
      known.people.push({ id: body.name, ...body, createdAt: this.now, invited: true });
      return reply.status(201).send({ id: body.name, inviteCode: 'JOIN-CODE', expiresAt: this.now + day });
    });
    app.delete('/api/people/:id', async (request, reply) => {
      known.people = known.people.filter(({ id }) => id !== idOf(request));
      return reply.status(204).send();
    });
    app.get('/api/apps', async () => ({ apps: known.apps }));
    app.put<{ Body: AppList }>('/api/apps', async ({ body }) => {
      known.apps = body.apps;
      return { apps: known.apps };
    });
    app.get('/api/settings', async () => known.settings);
    app.put<{ Body: SettingsRequest }>('/api/settings', async ({ body }) => {
      const { discovery } = body;
      known.settings = {
        ...body,
        discovery:
          typeof discovery === 'string' ? discovery : { until: this.now + discovery.forMinutes * minute },
      };
      known.session = { ...known.session, boxName: body.name };
      return known.settings;
    });
    app.post<{ Body: { passphrase: string } }>('/api/backup', async ({ body }, reply) => {
      if (body.passphrase.length < 10) return refuse(reply, 422, 'passphrase-refused');
      return { backup: btoa('a backup') };
    });
    app.post<{ Body: { passphrase: string } }>('/api/restore', async ({ body }, reply) => {
      if (body.passphrase === 'wrong') return refuse(reply, 422, 'wrong-passphrase');
      return reply
        .status(202)
        .send({ boxId: 'b', name: 'Attic', madeAt: 0, origin: 'https://b.box.example.org' });
    });
    app.post('/api/reset', async (_request, reply) => reply.status(202).send({}));
    serveUpdates(app, known);
    serveAccount(app, known);
    app.get('/api/passkeys', async () => ({ passkeys: known.passkeys }));
    app.post('/api/passkeys/options', async () => ({
      challenge,
      rp: { id: 'localhost', name: 'Porchlight' },
      user: { id: challenge, name: right.name, displayName: right.name },
      pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
      authenticatorSelection: { residentKey: 'required', userVerification: 'preferred' },
      timeout: 5000,
    }));
    app.post<{ Body: { label: string; response: { id: string } } }>(
      '/api/passkeys',
      async ({ body }, reply) => {
        const added = { id: body.response.id, label: body.label, createdAt: this.now, lastUsedAt: null };
        known.passkeys.push(added);
        return reply.status(201).send(added);
      },
    );
    app.delete('/api/passkeys/:id', async (request, reply) => {
      known.passkeys = known.passkeys.filter(({ id }) => id !== idOf(request));
      return reply.status(204).send();
    });
    app.get<{ Querystring: { after: string } }>('/api/logs', async ({ query }) => ({
      lines: known.logs.filter(({ seq }) => seq > Number(query.after)),
    }));
  }
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id: string }).id;
}
