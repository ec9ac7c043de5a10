import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientOptions, WebSocket, WebSocketServer } from 'ws';
import type { Identity, ZoneCertificate } from '../../../src/box/facts.ts';
import { loadIdentity } from '../../../src/box/identity/identity.ts';
import { publishedServices } from '../../../src/box/web/published-services.ts';
import { Web } from '../../../src/box/web/web.ts';
import { createTestCa, type TestCa } from '../../../src/cli/home/test-ca.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { zoneName } from '../../../src/protocol/names.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { loopbackLinks, webParts } from '../../support/web-parts.ts';
import { crowdOf, crowds } from '../../support/crowd.ts';

const zoneRoot = 'box.test';
const links = new OwnedFact(loopbackLinks);
const folder = temporaryFolder();

let identity: Identity;
let zone: string;
let ca: TestCa;
let web: Web;
let upstream: Server;
const certificate = new OwnedFact<ZoneCertificate | undefined>(undefined);

async function issue(): Promise<ZoneCertificate> {
  const { keyPem, certPem } = await ca.issue([zone, `*.${zone}`]);
  return { keyPem, chainPem: certPem, names: [zone, `*.${zone}`], notBefore: 0, notAfter: 0, serial: '' };
}

beforeAll(async () => {
  identity = await loadIdentity({ stateFolder: folder, clock: systemClock });
  zone = zoneName(identity.boxId, zoneRoot);
  ca = await createTestCa();
  upstream = createServer((request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ url: request.url, headers: request.headers }));
  });
  const sockets = new WebSocketServer({ server: upstream });
  sockets.on('connection', (socket, request) => {
    socket.on('message', (data, binary) => socket.send(data, { binary }));
    socket.send(JSON.stringify(request.headers));
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  web = new Web({
    ...webParts(links),
    identity,
    zoneRoot,
    certificate,
    host: '127.0.0.1',
    port: 0,
    services: publishedServices({
      services: {
        hello: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
        gone: 'http://127.0.0.1:1',
      },
    }),
    name: new OwnedFact('Our <box>'),
    details: () => ({ urls: [['main', `https://${zone}/`]], conditions: [] }),
    probe: (nonce) => (nonce === 'mine' ? '{"nonce":"mine"}' : undefined),
    probePath: '/probe',
    health: new Health(systemClock),
    log: silentLog,
  });
  await web.start();
});

afterAll(async () => {
  await web.stop();
  await new Promise((resolve) => upstream.close(resolve));
});

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: string;
  issuer: string;
}

/** One HTTPS request for `host` to the box, on the home network or (with `through`) by the tunnel listener. */
function get(
  host: string,
  path: string,
  options: { through?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const raw = connect(options.through === undefined ? web.port : web.tunnelPort, '127.0.0.1');
    if (options.through !== undefined) raw.write(web.tunnelKey + options.through);
    const request = httpsRequest({
      createConnection: () =>
        connectTls({ socket: raw, servername: host, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }),
      host,
      path,
      headers: { host: `${host}:8443`, ...options.headers },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const issuer = (response.socket as ReturnType<typeof connectTls>).getPeerCertificate().issuer.CN;
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body,
          issuer: String(issuer),
        }),
      );
    });
    request.end();
  });
}

describe('certificates by SNI', () => {
  it('serves the identity’s certificate while there is none of a CA, and says so', async () => {
    certificate.set(undefined);
    const answer = await get(zone, '/status');
    expect(answer.issuer).toBe('Porchlight box');
    expect(answer.body).toContain('no public certificate yet');
  });

  it('serves the zone’s certificate for the zone and one label below, the identity’s for all else', async () => {
    certificate.set(await issue());
    const zoned = 'Porchlight home on one machine';
    expect((await get(zone, '/status')).issuer).toBe(zoned);
    expect((await get(zone, '/status')).body).not.toContain('no public certificate yet');
    expect((await get(`a.${zone}`, '/status')).issuer).toBe(zoned);
    expect((await get(zone.toUpperCase(), '/')).issuer).toBe(zoned);
    expect((await get(`a.b.${zone}`, '/')).issuer).toBe('Porchlight box');
    expect((await get('porchlight-abcdefgh.local', '/')).issuer).toBe('Porchlight box');
  });

  it('swaps certificates without dropping a connection', async () => {
    certificate.set(await issue());
    const session = connectHttp2(`https://${zone}`, {
      createConnection: () =>
        connectTls({
          port: web.port,
          host: '127.0.0.1',
          servername: zone,
          ca: ca.caPem,
          ALPNProtocols: ['h2'],
        }),
    });
    const ping = (): Promise<number> =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':path': '/ping' });
        stream.on('response', (headers) => resolve(Number(headers[':status'])));
        stream.on('error', reject);
        stream.resume().end();
      });
    expect(await ping()).toBe(204);
    certificate.set(await issue());
    expect(await ping()).toBe(204);
    session.close();
  });
});

describe('own pages', () => {
  it('answers /ping with 204 for any origin', async () => {
    const answer = await get(zone, '/ping', { headers: { origin: 'https://app.example' } });
    expect(answer.status).toBe(204);
    expect(answer.headers['access-control-allow-origin']).toBe('*');
  });

  it('escapes what it shows, forbids scripts and frames', async () => {
    const answer = await get(zone, '/status');
    expect(answer.body).toContain('Our &lt;box&gt;');
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
    expect(answer.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(answer.headers['content-security-policy']).toContain("require-trusted-types-for 'script'");
  });

  it('answers the probe of itself and nobody else’s', async () => {
    expect((await get(zone, '/probe?nonce=mine')).body).toBe('{"nonce":"mine"}');
    expect((await get(zone, '/probe?nonce=yours')).status).toBe(404);
    expect((await get(zone, '/probe')).status).toBe(400);
  });

  it('answers unknown paths with a structured error', async () => {
    const answer = await get(zone, '/nothing');
    expect(answer.status).toBe(404);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'not-found' });
    const { status, body } = await get(zone, '/%ff');
    expect([status, JSON.parse(body)]).toEqual([
      400,
      { code: 'bad-request', message: expect.stringContaining('/%ff') },
    ]);
  });
});

describe('through the tunnel door', () => {
  const header = 'PROXY TCP4 203.0.113.9 192.0.2.1 55555 443\r\n';

  it('shows strangers no details of the home', async () => {
    expect((await get(zone, '/status')).body).toContain('Addresses');
    links.set(['192.168.1.0/24']);
    const neighbour = await get(zone, '/status');
    links.set(loopbackLinks);
    expect(neighbour.body).toContain('from another network');
    expect(neighbour.body).not.toContain('Addresses');
    const outside = await get(`remote.${zone}`, '/status', { through: header });
    expect(outside.body).toContain('through its tunnel');
    expect(outside.body).not.toContain('Addresses');
  });

  it('gives services the visitor’s real address and drops forged ones', async () => {
    const answer = await get(`hello.${zone}`, '/x?y=1', {
      through: header,
      headers: { 'x-forwarded-for': '10.0.0.1', forwarded: 'for=10.0.0.1' },
    });
    const { url, headers } = JSON.parse(answer.body) as { url: string; headers: Record<string, string> };
    expect(url).toBe('/x?y=1');
    expect(headers['x-forwarded-for']).toBe('203.0.113.9');
    expect(headers['forwarded']).toBeUndefined();
    expect(headers['x-forwarded-host']).toBe(`hello.${zone}:8443`);
    expect(headers['x-forwarded-proto']).toBe('https');
  });

  it.each([
    ['no key', false, 'PROXY TCP4 192.168.1.9 127.0.0.1 55555 443\r\n'],
    ['another key', false, `${'x'.repeat(43)}\r\nPROXY TCP4 192.168.1.9 127.0.0.1 55555 443\r\n`],
    ['no header', true, 'GET / HTTP/1.1\r\n\r\n'],
    ['a header without end', true, `PROXY TCP4 ${'1'.repeat(200)}`],
    ['a header of nowhere', true, 'PROXY TCP4 999.1.1.1 1.1.1.1 1 1\r\n'],
  ])('closes what begins with %s', async (_what, keyed, bytes) => {
    const socket = connect(web.tunnelPort, '127.0.0.1');
    const closed = new Promise((resolve) => socket.once('close', () => resolve('closed')));
    socket.on('error', () => undefined);
    socket.write(keyed ? web.tunnelKey + bytes : bytes);
    expect(await closed).toBe('closed');
  });
});

describe('published services', () => {
  it('says which service does not answer', async () => {
    const answer = await get(`gone.${zone}`, '/');
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'service-not-answering' });
  });

  it('passes WebSockets through, both ways', async () => {
    certificate.set(await issue());
    const socket = new WebSocket(`wss://127.0.0.1:${web.port}/socket`, {
      ca: ca.caPem,
      servername: `hello.${zone}`,
      headers: { host: `hello.${zone}` },
      origin: 'https://somewhere.example',
    } as ClientOptions);
    const next = (): Promise<string> =>
      new Promise((resolve) => socket.once('message', (data: Buffer) => resolve(data.toString())));
    const greeting = JSON.parse(await next()) as Record<string, string>;
    expect(greeting['x-forwarded-for']).toBe('127.0.0.1');
    expect(greeting['origin']).toBe('https://somewhere.example');
    socket.send('there and back');
    expect(await next()).toBe('there and back');
    socket.close();
  });

  it('refuses a WebSocket for the box’s own name', async () => {
    const socket = new WebSocket(`wss://127.0.0.1:${web.port}/`, {
      rejectUnauthorized: false,
      headers: { host: zone },
    });
    const status = await new Promise((resolve) => {
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
      socket.on('error', () => undefined);
    });
    expect(status).toBe(404);
  });
});

it('names the port and the setting when the port is taken', async () => {
  const other = new Web({
    ...webParts(),
    identity,
    zoneRoot,
    certificate,
    host: '127.0.0.1',
    port: web.port,
    services: [],
    name: new OwnedFact(''),
    details: () => ({ urls: [], conditions: [] }),
    probe: () => undefined,
    probePath: '/probe',
    health: new Health(systemClock),
    log: silentLog,
  });
  await expect(other.start()).rejects.toMatchObject({
    code: 'port-in-use',
    message: expect.stringContaining('web.port') as string,
  });
  await other.stop();
});

it('waits for no body that does not come', async () => {
  const raw = connectTls({ port: web.port, host: '127.0.0.1', servername: zone, rejectUnauthorized: false });
  const closed = new Promise((resolve) => raw.once('close', () => resolve('closed')));
  raw.on('error', () => undefined);
  raw.write(
    `POST /echo HTTP/1.1\r\nhost: ${zone}\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{`,
  );
  raw.resume();
  expect(await closed).toBe('closed');
});

function open(localAddress: string): Socket {
  return connect({ port: web.port, host: '127.0.0.1', localAddress });
}

describe('connections', () => {
  it.each(crowds)('are shared: %i networks that take all they can keep nobody out', async (networks) => {
    const held = connectTls({ socket: open('127.0.0.10'), servername: zone, rejectUnauthorized: false });
    await once(held, 'secureConnect');
    using _crowd = await crowdOf(networks, Math.ceil(800 / networks), web.port);
    const neighbour = connectTls({ socket: open('127.0.0.9'), servername: zone, rejectUnauthorized: false });
    await once(neighbour, 'secureConnect');
    expect(held.destroyed).toBe(false);
    neighbour.destroy();
    held.destroy();
  });

  it('of the tunnel take none of the home', async () => {
    const first = 'PROXY TCP4 203.0.113.9 192.0.2.1 55555 443\r\n';
    const held = open('127.0.0.10');
    await once(held, 'connect');
    using _crowd = await crowdOf(10, 60, web.tunnelPort, first);
    const visitor = connectTls({ socket: open('127.0.0.10'), servername: zone, rejectUnauthorized: false });
    await once(visitor, 'secureConnect');
    expect(held.destroyed).toBe(false);
    visitor.destroy();
    held.destroy();
  });
});
