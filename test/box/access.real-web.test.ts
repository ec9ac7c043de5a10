import { randomUUID } from 'node:crypto';
import { type ClientHttp2Session, connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Access } from '../../src/box/access.ts';
import type { ZoneCertificate } from '../../src/box/facts.ts';
import { Visitors } from '../../src/box/web/visitors.ts';
import { Web } from '../../src/box/web/web.ts';
import { createTestCa, type TestCa } from '../../src/cli/home/test-ca.ts';
import { OwnedFact } from '../../src/kit/runtime/fact.ts';
import { Health } from '../../src/kit/runtime/health.ts';
import { silentLog } from '../../src/kit/log/log.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryFolder } from '../support/folder.ts';
import { aPage } from '../support/web-parts.ts';
import { accessOptions, boxId, names, password } from './lab/lab.ts';

const clock = new FakeClock();
const links = new OwnedFact<readonly string[]>([]);
const visitors = new Visitors({ links });
let ca: TestCa;
let access: Access;
let web: Web;

beforeAll(async () => {
  ca = await createTestCa();
  const { keyPem, certPem } = await ca.issue([names.main, `*.${names.main}`]);
  access = new Access({
    ...accessOptions(clock),
    folder: temporaryFolder(),
    visitorOf: (socket) => visitors.of(socket),
    onSignedIn: (socket) => visitors.know(socket),
  });
  const zone = { keyPem, chainPem: certPem, names: [], notBefore: 0, notAfter: 0, serial: '' };
  web = new Web({
    identity: { boxId, keyPem, certPem, fingerprint: '' },
    zoneRoot: 'box.test',
    certificate: new OwnedFact<ZoneCertificate | undefined>(zone),
    host: '127.0.0.1',
    port: 0,
    mirrors: ['a', 'b'],
    services: [],
    name: new OwnedFact('Our box'),
    details: () => ({ urls: [], conditions: [] }),
    probe: () => undefined,
    probePath: '/probe',
    pages: aPage,
    access,
    visitors,
    health: new Health(clock),
    log: silentLog,
  });
  await access.start(new AbortController().signal);
  await web.start();
});

afterAll(async () => {
  await web.stop();
  await access.stop();
});

/** HTTP/2, as browsers speak it; through the tunnel's listener when `from` is given, as the tunnel's child hands visitors over. */
function visit(host: string, from?: string): ClientHttp2Session {
  const raw = connect(from === undefined ? web.port : web.tunnelPort, '127.0.0.1');
  if (from !== undefined) raw.write(`${web.tunnelKey}PROXY TCP4 ${from} 192.0.2.1 55555 443\r\n`);
  return connectHttp2(`https://${host}`, {
    createConnection: () =>
      connectTls({ socket: raw, servername: host, ca: ca.caPem, ALPNProtocols: ['h2'] }),
  });
}

async function call(
  session: ClientHttp2Session,
  [method, path]: [string, string],
  headers: Record<string, string> = {},
  body?: object,
): Promise<{ headers: IncomingHttpHeaders; json: Record<string, unknown> }> {
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const stream = session.request({ ':method': method, ':path': path, ...type, ...headers });
  stream.end(body === undefined ? undefined : JSON.stringify(body));
  const answered = new Promise<IncomingHttpHeaders>((resolve, reject) => {
    stream.on('response', resolve);
    stream.on('error', reject);
  });
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return { headers: await answered, json: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

it('lets the first owner in over HTTP/2 at home alone, and knows visitors of the tunnel by their own address', async () => {
  const atHome = visit(names.main);
  const away = visit(names.tunnel, '203.0.113.9');
  const origin = { origin: `https://${names.main}` };
  const fromAway = { origin: `https://${names.tunnel}` };
  const body = { setupCode: access.setupCode, name: 'Ada', password };

  expect((await call(atHome, ['GET', '/api/session'])).json).toMatchObject({
    stage: 'first-run',
    through: 'home',
  });
  // Strangers from outside learn neither how the box is called nor which one it is.
  expect((await call(away, ['GET', '/api/session'])).json).toMatchObject({
    through: 'tunnel',
    boxName: 'Porchlight',
    boxId: '',
  });
  expect((await call(away, ['GET', '/info'])).json).toMatchObject({ name: 'Porchlight', boxId: '' });
  expect((await call(atHome, ['GET', '/info'])).json).toMatchObject({ boxId });
  // Not on one of the box's own links yet.
  expect((await call(atHome, ['POST', '/api/first-run'], origin, body)).json['code']).toBe('only-at-home');
  links.set(['127.0.0.0/8', '203.0.113.0/24']);
  // The link of this name does not count for who comes through the tunnel.
  expect((await call(away, ['POST', '/api/first-run'], fromAway, body)).json['code']).toBe('only-at-home');
  const made = await call(atHome, ['POST', '/api/first-run'], origin, body);
  expect(made.headers[':status']).toBe(201);

  const signIn = { name: 'Ada', password };
  const entered = await call(away, ['POST', '/api/login'], fromAway, signIn);
  expect(entered.headers[':status']).toBe(204);
  const cookie = entered.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  expect((await call(away, ['GET', '/api/session'], { cookie })).json).toMatchObject({ boxId });
  const { json } = await call(away, ['GET', '/api/sessions'], { cookie });
  const sessions = json['sessions'] as { lastAddress: string; current: boolean }[];
  expect(sessions.find(({ current }) => current)?.lastAddress).toBe('203.0.113.9');
  expect(sessions.find(({ current }) => !current)?.lastAddress).toBe('127.0.0.1');

  const foreign = { origin: 'https://evil.example' };
  expect((await call(away, ['POST', '/api/login'], foreign, signIn)).json['code']).toBe('cross-site-request');
  for (let guess = 0; guess < 8; guess++)
    await call(away, ['POST', '/api/login'], fromAway, { name: 'Ada', password: 'wrong wrong wrong' });
  expect((await call(away, ['POST', '/api/login'], fromAway, signIn)).headers[':status']).toBe(429);
  expect((await call(atHome, ['POST', '/api/login'], origin, signIn)).headers[':status']).toBe(204);
  atHome.close();
  away.close();
});

it('cuts off what a session sends over HTTP/2 when that session ends, and leaves the connection alone', async () => {
  const atHome = visit(names.main);
  const origin = { origin: `https://${names.main}` };
  const enter = async (): Promise<Record<string, string>> => {
    const entered = await call(atHome, ['POST', '/api/login'], origin, { name: 'Ada', password });
    return { ...origin, cookie: entered.headers['set-cookie']?.[0]?.split(';')[0] ?? '' };
  };
  const [mine, other] = [await enter(), await enter()];
  const csrf = async (headers: Record<string, string>): Promise<Record<string, string>> => {
    const { json } = await call(atHome, ['GET', '/api/session'], headers);
    return { ...headers, 'x-csrf-token': String(json['csrf']) };
  };
  const [sender, ender] = [await csrf(mine), await csrf(other)];
  const { json } = await call(atHome, ['GET', '/api/me'], sender);
  const { id } = json['session'] as { id: string };
  const path = { ':method': 'POST', ':path': '/api/people', 'content-type': 'application/json' };
  const stream = atHome.request({ ...path, ...sender });
  const answered = new Promise<IncomingHttpHeaders>((resolve) => stream.on('response', resolve));
  const closed = new Promise((resolve) => stream.on('close', resolve));
  stream.on('error', () => undefined).resume();
  stream.write('{');
  // Comes behind the head on the same connection.
  await call(atHome, ['DELETE', `/api/sessions/${id}`], ender);
  expect((await answered)[':status']).toBe(401);
  await closed;
  expect((await call(atHome, ['GET', '/api/me'], ender)).headers[':status']).toBe(200);
  atHome.close();
});

it('speaks Socket.IO by polling over HTTP/2, as browsers do', async () => {
  const atHome = visit(names.main);
  const origin = { origin: `https://${names.main}` };
  const entered = await call(atHome, ['POST', '/api/login'], origin, { name: 'Ada', password });
  const cookie = entered.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  const session = await call(atHome, ['GET', '/api/session'], { cookie });
  const owner = { ...origin, cookie, 'x-csrf-token': String(session.json['csrf']) };
  const asking = { clientId: randomUUID(), wait: 0 };
  await call(atHome, ['POST', '/authorise'], {}, asking);
  const { pending } = (await call(atHome, ['GET', '/api/approvals'], owner)).json as {
    pending: { id: string }[];
  };
  await call(atHome, ['POST', `/api/approvals/${pending[0]?.id}`], owner, { allow: true });
  const { json } = await call(atHome, ['POST', '/authorise'], {}, asking);

  const poll = async (method: string, more = '', body = ''): Promise<[number | undefined, string]> => {
    const authorization = `Bearer ${String(json['accessToken'])}`;
    const path = `/w/?EIO=4&transport=polling${more}`;
    const type = 'text/plain;charset=UTF-8';
    const stream = atHome.request({ ':method': method, ':path': path, authorization, 'content-type': type });
    stream.end(body === '' ? undefined : body);
    const answered = new Promise<IncomingHttpHeaders>((resolve) => stream.on('response', resolve));
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    return [(await answered)[':status'] as number | undefined, text];
  };
  const [status, opened] = await poll('GET');
  expect([status, opened[0]]).toEqual([200, '0']);
  const { sid } = JSON.parse(opened.slice(1)) as { sid: string };
  expect(await poll('POST', `&sid=${sid}`, '40')).toEqual([200, 'ok']);
  expect((await poll('GET', `&sid=${sid}`))[1]).toContain('42["socket",');
  atHome.close();
});
