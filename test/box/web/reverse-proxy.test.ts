import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import type { Identity } from '../../../src/box/facts.ts';
import { loadIdentity } from '../../../src/box/identity/identity.ts';
import { publishedServices } from '../../../src/box/web/published-services.ts';
import { Web } from '../../../src/box/web/web.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { zoneName } from '../../../src/protocol/names.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { webParts } from '../../support/web-parts.ts';

const folder = temporaryFolder();
let identity: Identity;
let host: string;
let service: Server;
let web: Web;
/** What the service does with the next request for `/do`. */
let act: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
/** Method and path of everything the service was asked. */
const asked: string[] = [];

beforeAll(async () => {
  identity = await loadIdentity({ stateFolder: folder, clock: systemClock });
  host = `hello.${zoneName(identity.boxId, 'box.test')}`;
  service = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (request.url === '/do') return act(request, response);
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => response.end(JSON.stringify({ ...request.headers, body })));
  });
  const sockets = new WebSocketServer({ noServer: true });
  service.on('upgrade', (request, socket, head) => {
    asked.push(`UPGRADE ${request.url}`);
    if (request.url === '/breaks-off') {
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhal');
    } else if (request.url === '/odd') {
      socket.end('HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n');
    } else if (request.headers.authorization === undefined) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic\r\ncontent-length: 2\r\n\r\nno');
    } else {
      sockets.handleUpgrade(request, socket, head, () => pour(socket));
    }
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  const { port } = service.address() as AddressInfo;
  web = new Web({
    ...webParts(),
    identity,
    zoneRoot: 'box.test',
    certificate: new OwnedFact(undefined),
    host: '127.0.0.1',
    port: 0,
    services: publishedServices({ services: { hello: `http://127.0.0.1:${port}` } }),
    name: new OwnedFact('box'),
    details: () => ({ urls: [], conditions: [] }),
    probe: () => undefined,
    probePath: '/probe',
    health: new Health(systemClock),
    log: silentLog,
  });
  await web.start();
});

afterAll(async () => {
  await web.stop();
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
});

let sent = 0;

/** Sends frames for as long as there is room: a fast service. */
function pour(socket: Duplex): void {
  const binary = Buffer.concat([Buffer.from([0x82, 126, 0xff, 0xff]), Buffer.alloc(0xff_ff)]);
  let room = true;
  while (room) {
    room = socket.write(binary);
    sent += binary.length;
  }
  socket.once('drain', () => pour(socket));
}

/** A frame of HTTP/2 (RFC 9113, 4.1). */
function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function open(protocol = 'http/1.1', more: { allowHalfOpen?: boolean } = {}): TLSSocket {
  const options = { host: '127.0.0.1', port: web.port, servername: host, rejectUnauthorized: false };
  const socket = connectTls({ ...options, ...more, ALPNProtocols: [protocol] });
  socket.on('error', () => undefined);
  return socket;
}

/** Everything the box says to these bytes, until it closes the connection. */
async function say(lines: readonly string[], body = ''): Promise<string> {
  const socket = open();
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  await closed;
  return answer;
}

const ask = (first: string, headers: readonly string[] = [], body?: string): Promise<string> =>
  say([first, `host: ${host}`, 'connection: close', ...headers], body);

const asUpgrade = (more: readonly string[], path = '/socket'): Promise<string> =>
  say([`GET ${path} HTTP/1.1`, `host: ${host}`, 'connection: upgrade', ...more]);

const request = (session: ClientHttp2Session, headers: Record<string, string>, body?: string) =>
  new Promise<{ status: number; body: string; code: number }>((resolve) => {
    const stream = session.request({ ':path': '/', ...headers }, { endStream: body === undefined });
    let status = 0;
    let text = '';
    stream.on('response', (answer) => (status = Number(answer[':status'])));
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    stream.on('error', () => undefined);
    stream.on('close', () => resolve({ status, body: text, code: stream.rstCode }));
    if (body !== undefined) stream.end(body);
  });

const json = (answer: string): Record<string, string> =>
  JSON.parse(/\{.*\}/.exec(answer)?.[0] ?? '{}') as Record<string, string>;

/** What a service may say, wrongly, and no visitor is told; the box goes on. */
const noAnswers = [
  ['a status that HTTP does not have', 'HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n'],
  ['no status', 'HTTP/1.1 000 None\r\ncontent-length: 0\r\n\r\n'],
  ['a change of protocol', 'HTTP/1.1 101 Now\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n'],
  ['a change of protocol to none', 'HTTP/1.1 101 Now\r\ncontent-length: 0\r\n\r\n'],
] as const;

describe('a published service over HTTP/1.1', () => {
  it('gets every method and target as they are', async () => {
    asked.length = 0;
    const targets = ['GET /a?next=/../b%20c', 'PROPFIND /dav', 'GET /%ff', 'GET //x//y', 'OPTIONS *'];
    for (const target of targets) expect(await ask(`${target} HTTP/1.1`)).toMatch(/^HTTP\/1.1 200 /);
    expect(asked).toEqual(targets);
  });

  it('gets bodies with their length or in chunks, whatever Connection claims of it', async () => {
    const sized = json(await ask('POST /x HTTP/1.1', ['content-length: 5'], 'hello'));
    expect(sized).toMatchObject({ body: 'hello', 'content-length': '5' });
    const chunks = ['transfer-encoding: chunked'];
    const chunked = json(await ask('DELETE /x HTTP/1.1', chunks, '3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n'));
    expect(chunked).toMatchObject({ body: 'hello', 'transfer-encoding': 'chunked' });
    const stripped = ['connection: content-length', 'content-length: 5'];
    expect(json(await ask('DELETE /x HTTP/1.1', stripped, 'hello'))).toMatchObject({ body: 'hello' });
  });

  it('learns from the box alone who asked; what is for the next hop ends there, in both directions', async () => {
    const answer = await ask('GET / HTTP/1.1', [
      'x-forwarded-for: 6.6.6.6',
      'X_Forwarded_For: 6.6.6.6',
      'x-forwarded-user: root',
      'x-real-ip: 6.6.6.6',
      'forwarded: for=6.6.6.6',
      'connection: x-forwarded-for, x-mine',
      'x-mine: 1',
      'te: trailers',
    ]);
    const headers = json(answer);
    expect(headers['x-forwarded-for']).toBe('127.0.0.1');
    expect(
      Object.keys(headers)
        .filter((name) => /forwarded|real|mine|^te$/.test(name))
        .toSorted(),
    ).toEqual(['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto']);
    expect(answer).not.toMatch(/^keep-alive:/im);
  });

  it.each([
    ['two lengths', ['POST /evil HTTP/1.1', 'content-length: 4', 'content-length: 5']],
    ['length and chunks', ['POST /evil HTTP/1.1', 'content-length: 4', 'transfer-encoding: chunked']],
    ['an unknown coding', ['POST /evil HTTP/1.1', 'transfer-encoding: xchunked']],
    ['a space before the colon', ['POST /evil HTTP/1.1', 'content-length : 4']],
    ['a folded line', ['POST /evil HTTP/1.1', 'x: y', ' content-length: 4']],
    ['a target with a host of its own', ['GET http://evil.example/evil HTTP/1.1']],
    ['headers without end', ['GET /evil HTTP/1.1', `x: ${'y'.repeat(70_000)}`]],
  ])('never hears of a request with %s', async (_what, [first = '', ...headers]) => {
    asked.length = 0;
    expect(await ask(first, headers, '0\r\n\r\n')).toMatch(/^HTTP\/1.1 (4\d\d|501) |^$/);
    expect(asked).toEqual([]);
  });

  it('an answer that breaks off does not look whole', async () => {
    act = (_request, response) => {
      response.write('half', () => response.destroy());
    };
    const answer = await ask('GET /do HTTP/1.1');
    expect(answer).toContain('half');
    expect(answer).not.toMatch(/0\r\n\r\n$/);
  });

  it.each(noAnswers)('is told to answer wrongly when it says %s', async (_what, said) => {
    act = ({ socket }) => socket.end(said);
    const answer = await ask('GET /do HTTP/1.1');
    expect(answer).toMatch(/^HTTP\/1.1 502 /);
    expect(json(answer)['code']).toBe('service-answer-wrong');
  });

  it('is told when the visitor leaves', async () => {
    const left = new Promise((resolve) => {
      act = (request, response) => {
        response.write('…');
        request.once('close', () => resolve('left'));
      };
    });
    const socket = open();
    socket.once('data', () => socket.destroy());
    socket.write(`GET /do HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    expect(await left).toBe('left');
  });
});

describe('WebSockets', () => {
  const upgrade = [
    'upgrade: websocket',
    'sec-websocket-version: 13',
    `sec-websocket-key: ${'A'.repeat(22)}==`,
  ];
  it('a refusal of the service is passed on', async () => {
    const answer = await asUpgrade(upgrade);
    expect(answer).toMatch(/^HTTP\/1.1 401 Unauthorized\r\n/);
    expect(answer).toMatch(/www-authenticate: Basic/i);
    expect(answer).toMatch(/\r\n\r\nno$/);
  });

  it('a refusal with a status that HTTP does not have is one of the box', async () => {
    expect(await asUpgrade(upgrade, '/odd')).toMatch(/^HTTP\/1.1 502 /);
  });

  it('a refusal that breaks off ends the connection', async () => {
    expect(await asUpgrade(upgrade, '/breaks-off')).toMatch(/\r\n\r\nhal$/);
  });

  it.each([
    ['another protocol', ['upgrade: h2c', 'http2-settings: AAMAAABk']],
    ['a body', [...upgrade, 'content-length: 4']],
  ])('with %s goes no further', async (_what, headers) => {
    asked.length = 0;
    expect(await asUpgrade(headers)).toMatch(/^HTTP\/1.1 400 /);
    expect(asked).toEqual([]);
  });

  it.each([
    ['the service', upgrade],
    ['the box', [...upgrade, 'content-length: 4']],
  ])('refused by %s is over, also for who would keep the connection', async (_who, headers) => {
    const socket = open('http/1.1', { allowHalfOpen: true });
    const closed = new Promise<boolean>((resolve) => socket.once('close', () => resolve(true)));
    socket.write(
      ['GET /socket HTTP/1.1', `host: ${host}`, 'connection: upgrade', ...headers, '', ''].join('\r\n'),
    );
    await once(socket.resume(), 'end');
    // What is written to a connection that the box has given up comes back as its end.
    const over = (): Promise<boolean> => (socket.write('x'), Promise.race([closed, sleep(50, false)]));
    await expect.poll(over).toBe(true);
  });

  it('a visitor that does not read holds up the service, and fills nothing', async () => {
    sent = 0;
    const socket = open();
    socket.write(
      [
        'GET /socket HTTP/1.1',
        `host: ${host}`,
        'connection: upgrade',
        'authorization: Basic eA==',
        ...upgrade,
        '',
        '',
      ].join('\r\n'),
    );
    socket.pause();
    await expect.poll(() => sent).toBeGreaterThan(0);
    // The service is held up once nothing more goes through for a while.
    let before = -1;
    await expect.poll(() => before === (before = sent), { interval: 300 }).toBe(true);
    expect(sent).toBeLessThan(64 * 1024 * 1024);
    socket.destroy();
  });
});

describe('a published service over HTTP/2', () => {
  let session: ClientHttp2Session;
  beforeAll(() => {
    const options = { rejectUnauthorized: false, servername: host };
    session = connectHttp2(`https://127.0.0.1:${web.port}`, options);
  });
  afterAll(() => session.destroy());

  it('knows the visitor and the authority, whatever else is claimed', async () => {
    const forged = { 'x-forwarded-for': '6.6.6.6', forwarded: 'for=6.6.6.6', host: 'evil.example' };
    const { body } = await request(session, { ':authority': host, ...forged });
    expect(json(body)).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': host });
    expect(json(body)).not.toHaveProperty('forwarded');
  });

  it('gets a body of unknown length in chunks', async () => {
    const { body } = await request(session, { ':authority': host, ':method': 'PUT' }, 'hello');
    expect(json(body)).toMatchObject({ body: 'hello', 'transfer-encoding': 'chunked' });
  });

  it.each(noAnswers)('is told to answer wrongly when it says %s', async (_what, said) => {
    act = ({ socket }) => socket.end(said);
    const { status, body } = await request(session, { ':authority': host, ':path': '/do' });
    expect([status, json(body)['code']]).toEqual([502, 'service-answer-wrong']);
  });

  it('an answer that breaks off is an error of its stream, and of no other', async () => {
    act = (_request, response) => {
      response.write('half', () => response.destroy());
    };
    const [broken, whole] = await Promise.all([
      request(session, { ':authority': host, ':path': '/do' }),
      request(session, { ':authority': host }),
    ]);
    expect(broken).toMatchObject({ status: 200, code: 2 });
    expect(whole).toMatchObject({ status: 200, code: 0 });
  });

  it('ends the session of a visitor that opens streams and takes them back without pause', async () => {
    const socket = open('h2');
    const ended = new Promise((resolve) => socket.once('close', () => resolve('ended')));
    socket.resume();
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    socket.write(frame(4, 0, 0, Buffer.alloc(0)));
    // HPACK (RFC 7541, appendix A): GET, https, /, and the authority as a literal.
    const authority = Buffer.from(host);
    const headers = Buffer.concat([Buffer.from([0x82, 0x87, 0x84, 0x01, authority.length]), authority]);
    for (let stream = 1; stream < 10_000; stream += 2) {
      socket.write(frame(1, 0x5, stream, headers));
      socket.write(frame(3, 0, stream, Buffer.from([0, 0, 0, 8])));
    }
    expect(await ended).toBe('ended');
    expect((await request(session, { ':authority': host })).status).toBe(200);
  });
});

it('a visitor that says nothing, or never ends its headers, is cut off', async () => {
  const ends = ['', 'GET / HTTP/1.1\r\nhost: x\r\n'].map(async (bytes) => {
    const socket = open();
    socket.resume();
    socket.write(bytes);
    return new Promise((resolve) => socket.once('close', () => resolve('ended')));
  });
  expect(await Promise.all(ends)).toEqual(['ended', 'ended']);
});

it.each(['remote', 'main', 'mirrors', 'xn--caf-dma', 'a'.repeat(41), 'fd00--1'])(
  'no service is called %s',
  (label) => {
    expect(() => publishedServices({ services: { [label]: 'http://127.0.0.1:1' } })).toThrow(
      `web.services: “${label}”`,
    );
  },
);
