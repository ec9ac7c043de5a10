import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { json as jsonOf } from 'node:stream/consumers';
import type { RegistrationResponseJSON } from '@simplewebauthn/server';
import { beforeAll, describe, expect, it } from 'vitest';
import type { UpdateState } from '../../../src/protocol/update-api.ts';
import type { Updater } from '../../../src/box/update/updater.ts';
import { Passkeys } from '../../../src/box/auth/sign-in/passkeys.ts';
import { People } from '../../../src/box/sessions/people.ts';
import { notSignedIn, Sessions } from '../../../src/box/sessions/sessions.ts';
import { AccessStore } from '../../../src/box/sessions/store.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { pairAgent } from '../auth/agents/paired.ts';
import { Authenticator } from '../lab/authenticator.ts';
import { type House, openHouse, PhoneApp, signedByHand } from '../auth/instances/house.ts';
import { Browser, home, names, password } from '../lab/lab.ts';
import { partRoutes } from '../lab/part-routes.ts';
import { bearer } from '../auth/pairing/flow.ts';

interface Route {
  method: string;
  url: string;
  admission: string | undefined;
}

/** What was asked of the parts that are not access. */
const done: string[] = [];
const did = async (what: string): Promise<never> => {
  done.push(what);
  return {} as never;
};
/** What the long calls wait for, and that they have come so far. */
let reached = Promise.withResolvers<void>();
let goOn = Promise.withResolvers<void>();
const waited = async (): Promise<void> => {
  reached.resolve();
  await goOn.promise;
};
let received = 0;
const updater = {
  configure: () => did('configure'),
  check: () => did('check'),
  install: () => did('install'),
  restart: () => did('restart'),
  receive: async (source: AsyncIterable<Uint8Array>, _: boolean, still = (): void => undefined) => {
    for await (const chunk of source) {
      received += chunk.length;
      reached.resolve();
    }
    still();
    return did('receive') as Promise<UpdateState>;
  },
} as unknown as Updater;

const routes: Route[] = [];
let house: House;
let owner: Browser;
/** Resolves when the head of the next request was let in or refused. */
let headSeen = Promise.withResolvers<void>();

beforeAll(async () => {
  house = await openHouse(
    {
      routes: partRoutes({
        updater,
        settings: { read: () => ({}) as never, write: () => did('settings') },
        backups: {
          make: async () => (await waited(), Buffer.from('everything')),
          restore: async (_file, _passphrase, still) => (await waited(), still?.(), did('restore')),
          reset: async (_how, still) => (await waited(), still?.(), did('reset')),
          restart: () => void done.push('anew'),
        },
      }),
    },
    (app) => {
      app.addHook(
        'preParsing',
        (_request, _reply, payload, next) => (headSeen.resolve(), next(null, payload)),
      );
      app.addHook('onRoute', ({ method, url, config }) => {
        for (const each of [method].flat()) routes.push({ method: each, url, admission: config?.admission });
      });
    },
  );
  ({ owner } = house);
});

const moving = new Set(['last_seen_at', 'last_address', 'expires_at']);

/** Everything that access keeps, but for when who was here. */
function kept(): unknown {
  const database = new DatabaseSync(join(house.lab.options.folder, 'access.sqlite'), { readOnly: true });
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  const all = tables.map(({ name }) => [
    name,
    database
      .prepare(`SELECT * FROM ${String(name)}`)
      .all()
      .map((row) => Object.entries(row).filter(([column]) => !moving.has(column))),
  ]);
  database.close();
  return Object.fromEntries(all) as unknown;
}

/** Good ones, so that without a second look the action would be done. */
const bodies: Record<string, object> = {
  'PUT /api/password': { current: password, password: 'a long enough one' },
  'POST /api/people': { name: 'Eve', role: 'owner' },
  'PUT /api/apps': { apps: [] },
  'PUT /api/settings': { name: 'Mine', tunnel: true, discovery: 'always' },
  'POST /api/backup': { passphrase: 'a long enough one' },
  'POST /api/restore': { passphrase: 'x', backup: 'AAAA' },
  'POST /api/reset': { forgetIdentity: true },
  'PUT /api/update/settings': { channel: 'beta', paused: true },
  'POST /api/auth/login/session': { deviceId: 'desk-of-ada', deviceName: 'desk', platform: 'linux' },
};

interface Visit {
  headers: Record<string, string>;
  sessionId: string;
}

async function asPerson(): Promise<Visit> {
  const browser = new Browser(house.lab);
  await browser.signIn();
  const me = await browser.call('GET', '/api/me');
  return {
    headers: {
      origin: browser.origin,
      cookie: `__Host-porchlight=${browser.cookie}`,
      'x-csrf-token': String(browser.csrf),
    },
    sessionId: (me.json['session'] as { id: string }).id,
  };
}

async function asAgent(): Promise<Visit> {
  const { accessToken } = await pairAgent(house.lab, owner);
  const call = { headers: { origin: undefined, ...bearer(accessToken) } };
  const { json } = await new Browser(house.lab).call('GET', '/api/me', call);
  return { headers: bearer(accessToken), sessionId: (json['session'] as { id: string }).id };
}

async function asInstance(method: string, path: string, text: string): Promise<Visit> {
  const phone = await (await new PhoneApp(house).letIn()).linked();
  const { json } = await phone.call('GET', '/api/me');
  return {
    headers: signedByHand({ ...phone.toSign(method, path), text }),
    sessionId: (json['session'] as { id: string }).id,
  };
}

/** Sends the head alone. */
function begin(method: string, path: string, headers: Record<string, string>): ClientRequest {
  headSeen = Promise.withResolvers();
  const { port, caPem } = house.lab;
  const host = `${names.main}:${port}`;
  const sent = httpsRequest({
    host: '127.0.0.1',
    port,
    servername: names.main,
    ca: caPem,
    agent: false,
    method,
    path,
    headers: { host, 'content-type': 'application/json', ...headers },
  });
  sent.on('error', () => undefined);
  sent.flushHeaders();
  return sent;
}

async function answerOf(sent: ClientRequest): Promise<{ status: number | undefined; json: unknown }> {
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode, json: await jsonOf(response) };
}

async function end(sessionId: string): Promise<void> {
  const { status } = await owner.call('DELETE', `/api/sessions/${sessionId}`);
  if (status !== 204) throw new Error(`the session was not ended: ${status}`);
}

const ended = (): never => {
  throw notSignedIn();
};

const refused = { status: 401, json: { code: 'not-logged-in' } };

describe('a session that ends between head and body', () => {
  it('does nothing any more, whatever the call', async () => {
    const changing = routes.filter(
      ({ method, admission = '' }) =>
        !['GET', 'HEAD', 'OPTIONS'].includes(method) && !['open', 'oauth'].includes(admission),
    );
    expect(changing.length).toBeGreaterThan(20);
    house.lab.from = home;
    for (const { method, url, admission } of changing) {
      const name = `${method} ${url}`;
      const path = url.replace(':id', 'x');
      const body = JSON.stringify(bodies[name] ?? {});
      const { headers, sessionId } =
        admission === 'instance'
          ? await asInstance(method, path, body)
          : admission === 'app'
            ? await asAgent()
            : await asPerson();
      const type = url.endsWith('/bundle') ? { 'content-type': 'application/octet-stream' } : {};
      const sent = begin(method, path, { 'content-length': `${body.length}`, ...headers, ...type });
      await headSeen.promise;
      await end(sessionId);
      const before = kept();
      const answered = answerOf(sent);
      sent.end(body);
      expect({ name, ...(await answered) }).toMatchObject({ name, ...refused });
      expect({ name, kept: kept(), done }).toEqual({ name, kept: before, done: [] });
    }
  }, 120_000);

  it('may be the one that the call itself ends, without a body', async () => {
    const uncaught: unknown[] = [];
    const listener = (error: unknown): unknown => uncaught.push(error);
    process.prependListener('uncaughtException', listener);
    for (let visit = 0; visit < 5; visit++) {
      const browser = new Browser(house.lab);
      await browser.signIn();
      expect((await browser.call('POST', '/api/logout')).status).toBe(204);
      const phone = await new PhoneApp(house).letIn();
      expect((await phone.call('DELETE', '/api/instance')).status).toBe(204);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('uncaughtException', listener);
    expect(uncaught).toEqual([]);
  });

  it('is told so at once, and what it still sends is not waited for', async () => {
    const { headers, sessionId } = await asPerson();
    received = 0;
    reached = Promise.withResolvers();
    const sent = begin('PUT', '/api/update/bundle', {
      ...headers,
      'content-type': 'application/octet-stream',
      'transfer-encoding': 'chunked',
    });
    const closed = once(sent, 'close');
    sent.write(Buffer.alloc(100_000));
    await reached.promise;
    const answered = answerOf(sent);
    await end(sessionId);
    // Nothing more is sent: only the end of the session can answer.
    expect(await answered).toMatchObject(refused);
    sent.write(Buffer.alloc(100_000));
    await closed;
    expect(received).toBe(100_000);
    expect(done).toEqual([]);
  });
});

describe('a session that ends while the box works', () => {
  it.each([
    ['POST', '/api/backup'],
    ['POST', '/api/restore'],
    ['POST', '/api/reset'],
  ])('gets nothing of it: %s %s', async (method, path) => {
    [reached, goOn] = [Promise.withResolvers(), Promise.withResolvers()];
    const { headers, sessionId } = await asPerson();
    const body = JSON.stringify(bodies[`${method} ${path}`]);
    const sent = begin(method, path, { 'content-length': `${body.length}`, ...headers });
    const answered = answerOf(sent);
    sent.end(body);
    await reached.promise;
    await end(sessionId);
    goOn.resolve();
    expect(await answered).toMatchObject(refused);
    expect(done).toEqual([]);
  });

  it('adds no passkey', async () => {
    const clock = new FakeClock();
    const store = new AccessStore(temporaryFolder());
    await store.open();
    const people = new People({ store, sessions: new Sessions({ store, clock }), clock });
    const { person } = people.claim('Ada', 'hash');
    const rpId = names.main;
    const passkeys = new Passkeys({ store, people, boxName: new OwnedFact('Our box'), rpId, clock });
    const { challenge } = await passkeys.optionsToAdd(person, 'session');
    const origin = `https://${rpId}`;
    const response = new Authenticator().create({
      challenge,
      rpId,
      origin,
    }) as unknown as RegistrationResponseJSON;
    const asked = { person, sessionId: 'session', label: 'Phone', origin, response };
    const adding = passkeys.add({ ...asked, still: ended, record: () => undefined });
    await expect(adding).rejects.toMatchObject({ code: 'not-logged-in' });
    expect(passkeys.of(person.id)).toEqual([]);
    store.close();
  });
});
