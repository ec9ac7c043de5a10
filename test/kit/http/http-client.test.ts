import { createServer as createHttpsServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Type } from 'typebox';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTestCa, type TestCa } from '../../../src/cli/home/test-ca.ts';
import { HttpClient, type HttpClientOptions } from '../../../src/kit/http/http-client.ts';
import { retryAfterSeconds } from '../../../src/kit/http/refused-answer.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

let ca: TestCa;
let server: { keyPem: string; certPem: string };
let client: { keyPem: string; certPem: string };
beforeAll(async () => {
  ca = await createTestCa();
  [server, client] = await Promise.all([ca.issue(['api.example.org', '127.0.0.1']), ca.issue(['client'])]);
});

async function listening(open: Server | TcpServer): Promise<number> {
  ending.push(() => {
    if ('closeAllConnections' in open) open.closeAllConnections();
    return new Promise((resolve) => open.close(resolve));
  });
  await new Promise<void>((resolve) => open.listen(0, '127.0.0.1', resolve));
  return (open.address() as AddressInfo).port;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A client of an HTTPS server that answers in its own way. */
async function clientOf(answer: Answer, options: Partial<HttpClientOptions> = {}): Promise<HttpClient> {
  const tls = {
    key: server.keyPem,
    cert: server.certPem,
    ca: ca.caPem,
    requestCert: true,
    rejectUnauthorized: false,
  };
  const port = await listening(createHttpsServer(tls, answer));
  return clientAt(`https://127.0.0.1:${port}`, options);
}

function clientAt(origin: string, options: Partial<HttpClientOptions> = {}): HttpClient {
  const made = new HttpClient({ origin, ca: ca.caPem, ...options });
  ending.push(() => made.close());
  return made;
}

const json =
  (value: unknown, status = 200, headers: Record<string, string> = {}): Answer =>
  (_request, response) =>
    void response.writeHead(status, headers).end(typeof value === 'string' ? value : JSON.stringify(value));

const Shape = Type.Object({ n: Type.Integer() });
const get = { method: 'GET', path: '/x', answer: Shape } as const;

describe('a call', () => {
  it('sends a form when it is given one, and the headers it is given', async () => {
    const seen: unknown[] = [];
    const api = await clientOf((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { 'content-type': type, authorization } = request.headers;
        seen.push([request.method, type, authorization, Buffer.concat(chunks).toString()]);
        json({ n: 1 })(request, response);
      });
    });
    const headers = { authorization: 'Bearer t' };
    await api.request({ method: 'POST', path: '/', body: new URLSearchParams({ a: 'b c' }), headers });
    await api.request({ method: 'PATCH', path: '/', body: { a: 1 } });
    await api.request({ method: 'GET', path: '/', headers });
    expect(seen).toEqual([
      ['POST', 'application/x-www-form-urlencoded', 'Bearer t', 'a=b+c'],
      ['PATCH', 'application/json', undefined, '{"a":1}'],
      ['GET', undefined, 'Bearer t', ''],
    ]);
  });

  it('sends JSON with the client certificate, and answers what has the agreed shape', async () => {
    let seen: unknown;
    const api = await clientOf(
      (request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          const { method, url, headers } = request;
          const peer = (request.socket as TLSSocket).getPeerCertificate().subject.CN;
          seen = [method, url, headers['content-type'], Buffer.concat(chunks).toString(), peer];
          json({ n: 1, more: true })(request, response);
        });
      },
      { key: client.keyPem, cert: client.certPem },
    );
    expect(await api.request({ ...get, method: 'PUT', body: { a: [1] } })).toEqual({ n: 1, more: true });
    expect(seen).toEqual(['PUT', '/x', 'application/json', '{"a":[1]}', 'client']);
  });

  it('needs no answer when it asks for none', async () => {
    const api = await clientOf(json('', 204));
    expect(await api.request({ method: 'DELETE', path: '/x' })).toBeUndefined();
  });

  it('connects elsewhere when told to, and keeps the name in SNI, Host and verification', async () => {
    let seen: unknown;
    const answer: Answer = (request, response) => {
      seen = [request.headers.host, (request.socket as TLSSocket & { servername: string }).servername];
      json({ n: 1 })(request, response);
    };
    const tls = { key: server.keyPem, cert: server.certPem };
    const port = await listening(createHttpsServer(tls, answer));
    const api = clientAt('https://api.example.org:5300', { connectTo: { host: '127.0.0.1', port } });
    expect(await api.request(get)).toEqual({ n: 1 });
    expect(seen).toEqual(['api.example.org:5300', 'api.example.org']);
    const other = clientAt('https://other.example.org', { connectTo: { host: '127.0.0.1', port } });
    await expect(other.request(get)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/other\.example\.org/) as string,
    });
  });

  it('may be repeated after close', async () => {
    const api = await clientOf(json({ n: 1 }));
    await api.request(get);
    await api.close();
    await api.close();
    expect(await api.request(get)).toEqual({ n: 1 });
  });
});

describe('what the server says', () => {
  it("is the server's own problem, with its Retry-After", async () => {
    const api = await clientOf(
      json({ code: 'rate-limited', message: 'too often' }, 429, { 'retry-after': '7' }),
    );
    await expect(api.request(get)).rejects.toMatchObject({
      code: 'rate-limited',
      status: 429,
      retryable: true,
      retryAfterSeconds: 7,
      message: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+ answered 429: too often$/) as string,
    });
  });

  it.each([
    [400, false],
    [403, false],
    [404, false],
    [408, true],
    [422, false],
    [425, true],
    [429, true],
    [500, true],
    [503, true],
  ])('with the status %i is worth another try: %s', async (status, retryable) => {
    const api = await clientOf(json('<h1>no</h1>', status));
    await expect(api.request(get)).rejects.toMatchObject({ code: `http-${status}`, status, retryable });
  });

  it('does not grow our messages', async () => {
    const api = await clientOf(json({ code: 'c'.repeat(5000), message: 'm'.repeat(5000) }, 400));
    const error = (await api.request(get).catch((thrown: unknown) => thrown)) as Error & { code: string };
    expect(error.code.length + error.message.length).toBeLessThan(700);
  });

  it.each([
    ['is not JSON', '<html>', 'is not JSON'],
    ['is empty', '', 'is not JSON'],
    ['has another shape', { n: 'one' }, '/n must be integer'],
    ['is larger than is sane', 'x'.repeat(1_100_000), 'larger than'],
  ])('and %s is bad-answer', async (_, body, message) => {
    const api = await clientOf(json(body));
    await expect(api.request(get)).rejects.toMatchObject({
      code: 'bad-answer',
      status: 502,
      message: expect.stringContaining(message) as string,
    });
  });
});

describe('a server that cannot be reached', () => {
  it('refuses the connection: unreachable, with where and why', async () => {
    const closed = createTcpServer();
    const port = await listening(closed);
    await new Promise((resolve) => closed.close(resolve));
    await expect(clientAt(`https://127.0.0.1:${port}`).request(get)).rejects.toMatchObject({
      code: 'unreachable',
      retryable: true,
      message: expect.stringContaining(
        `https://127.0.0.1:${port} cannot be reached: connect ECONNREFUSED`,
      ) as string,
      details: { origin: `https://127.0.0.1:${port}`, system: 'ECONNREFUSED' },
    });
  });

  it('has a certificate that is not trusted: unreachable', async () => {
    const api = await clientOf(json({ n: 1 }), { ca: client.certPem });
    await expect(api.request(get)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it.each([
    [
      'accepts and says nothing',
      (): TcpServer => createTcpServer((socket) => socket.on('error', () => undefined).resume()),
    ],
    [
      'never answers',
      (): Server => createHttpsServer({ key: server.keyPem, cert: server.certPem }, () => undefined),
    ],
    [
      'never ends its answer',
      (): Server =>
        createHttpsServer({ key: server.keyPem, cert: server.certPem }, (_request, response) =>
          response.write('{'),
        ),
    ],
  ])('%s: unreachable in time', async (_, make) => {
    const port = await listening(make());
    const api = clientAt(`https://127.0.0.1:${port}`, { timeoutMs: 200 });
    await expect(api.request(get)).rejects.toMatchObject({
      code: 'unreachable',
      message: `https://127.0.0.1:${port} cannot be reached: no answer within 200 ms`,
    });
  });

  it('closes in the middle of its answer: unreachable', async () => {
    const api = await clientOf((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{', () => response.destroy());
    });
    await expect(api.request(get)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('is no problem of the network when we abort, connected or not, and close waits for nothing', async () => {
    for (const answers of [true, false]) {
      const abort = new AbortController();
      const silent = createTcpServer((socket) => {
        socket.on('error', () => undefined).resume();
        abort.abort();
      });
      const api = answers
        ? await clientOf(() => abort.abort())
        : clientAt(`https://127.0.0.1:${await listening(silent)}`);
      const call = { ...get, signal: abort.signal };
      await expect(api.request(call)).rejects.toMatchObject({ name: 'AbortError' });
      await expect(api.request(call)).rejects.toMatchObject({ name: 'AbortError' });
      await api.close();
    }
  });
});

describe('Retry-After', () => {
  const now = Date.UTC(2030, 0, 1, 12);

  it.each([
    [undefined, undefined],
    ['0', 0],
    ['120', 120],
    ['99999999999', 604_800],
    ['Tue, 01 Jan 2030 12:01:00 GMT', 60],
    ['Tue, 01 Jan 2030 11:00:00 GMT', 0],
    ['Fri, 01 Jan 2100 00:00:00 GMT', 604_800],
    ['soon', undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['Tuesday, 01-Jan-30 12:01:00 GMT', 60],
    ['', undefined],
  ])('%s is %s seconds', (header, expected) => {
    expect(retryAfterSeconds(header, now)).toBe(expected);
  });

  it('counts once when it was sent twice', () => {
    expect(retryAfterSeconds(['3', '4'], now)).toBe(3);
  });
});
