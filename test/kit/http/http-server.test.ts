import { once } from 'node:events';
import { request, Agent } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { Type } from 'typebox';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { createTestCa } from '../../../src/cli/home/test-ca.ts';
import { Problem } from '../../../src/kit/runtime/errors.ts';
import { createHttpsApp, type HttpsApp, HttpsService } from '../../../src/kit/http/http-server.ts';
import { listenProblem } from '../../../src/kit/http/listen.ts';
import { createLog } from '../../../src/kit/log/log.ts';
import { crowdOf, crowds } from '../../support/crowd.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

let ca: Awaited<ReturnType<typeof createTestCa>>;
let tls: { key: string; cert: string };
beforeAll(async () => {
  ca = await createTestCa();
  const { keyPem, certPem } = await ca.issue(['localhost', '127.0.0.1']);
  tls = { key: keyPem, cert: certPem };
});

interface Running {
  port: number;
  service: HttpsService;
  /** Lines of the log so far. */
  lines: string[];
}

async function serve(
  routes: (app: HttpsApp) => void,
  options: Partial<Parameters<typeof createHttpsApp>[0]> = {},
): Promise<Running> {
  const lines: string[] = [];
  const log = createLog({ level: 'debug', format: 'json', write: (line) => lines.push(line) });
  const service = new HttpsService({
    name: 'tested',
    host: '127.0.0.1',
    port: 0,
    setting: 'tested.port',
    build: () => {
      const app = createHttpsApp({ log, tls, bodyLimit: 1000, ...options });
      routes(app);
      return Promise.resolve(app);
    },
  });
  ending.push(() => service.stop());
  await service.start();
  return { port: service.port, service, lines };
}

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: unknown;
}

function ask(
  port: number,
  path: string,
  options: { method?: string; body?: string; type?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', body, type = 'application/json' } = options;
    const headers = body === undefined ? {} : { 'content-type': type };
    const sent = request(
      { host: '127.0.0.1', port, path, method, ca: ca.caPem, headers, agent: new Agent() },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: text === '' ? '' : JSON.parse(text),
          });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** A TLS connection to write on by hand; `text` is all that came once the server has closed it. */
async function raw(port: number): Promise<{ socket: TLSSocket; closed: Promise<string> }> {
  const socket = connect({ host: '127.0.0.1', port, ca: ca.caPem });
  ending.push(() => socket.destroy());
  const closed = textUntilClosed(socket);
  await new Promise((resolve, reject) =>
    socket.once('secureConnect', () => resolve(undefined)).once('error', reject),
  );
  return { socket, closed };
}

function textUntilClosed(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  return new Promise((resolve) => socket.once('close', () => resolve(text)));
}

/** A service of its own for a host and port, with no routes. */
function serviceAt(host: string, port: number): HttpsService {
  const log = createLog({ level: 'silent', format: 'json' });
  const build = (): Promise<HttpsApp> => Promise.resolve(createHttpsApp({ log, tls, bodyLimit: 1 }));
  const service = new HttpsService({ name: 'other', host, port, setting: 'other.port', build });
  ending.push(() => service.stop());
  return service;
}

const echo = (app: HttpsApp): void => {
  app.post(
    '/echo',
    { schema: { body: Type.Object({ n: Type.Integer() }, { additionalProperties: false }) } },
    async (request) => request.body,
  );
};

describe('errors', () => {
  it('answers with the code, message, details and Retry-After of a problem', async () => {
    const { port } = await serve((app) => {
      app.get('/', async () => {
        throw new Problem('rate-limited', 'too often', {
          status: 429,
          retryAfterSeconds: 1.2,
          details: { limit: 3 },
        });
      });
    });
    const answer = await ask(port, '/');
    expect(answer.status).toBe(429);
    expect(answer.headers['retry-after']).toBe('2');
    expect(answer.body).toEqual({
      code: 'rate-limited',
      message: 'too often',
      limit: 3,
      retryAfterSeconds: 1.2,
    });
  });

  it('says nothing of our inside on 500, and logs it', async () => {
    const { port, lines } = await serve((app) => {
      app.get('/', async () => {
        throw new Error('cannot read /etc/inside');
      });
    });
    const answer = await ask(port, '/?token=123');
    expect(answer.status).toBe(500);
    expect(answer.body).toMatchObject({ code: 'unexpected' });
    expect(JSON.stringify(answer)).not.toContain('inside');
    expect(lines.join('')).toContain('/etc/inside');
    expect(lines.join('')).not.toContain('123');
  });

  it.each([
    ['a body that is not JSON', '{"n":', 'application/json', 400, 'bad-request'],
    ['an empty body', '', 'application/json', 400, 'bad-request'],
    ['a body of another shape', '{"n":"1"}', 'application/json', 400, 'bad-request'],
    ['a field that is not known', '{"n":1,"m":1}', 'application/json', 400, 'bad-request'],
    ['__proto__ in a body', '{"n":1,"__proto__":{}}', 'application/json', 400, 'bad-request'],
    ['a body that is too large', `{"n":${'1'.repeat(1000)}}`, 'application/json', 413, 'body-too-large'],
    ['a body of another type', 'n=1', 'application/x-www-form-urlencoded', 415, 'unsupported-media-type'],
  ])('refuses %s', async (_, body, type, status, code) => {
    const { port } = await serve(echo);
    const answer = await ask(port, '/echo', { method: 'POST', body, type });
    expect(answer).toMatchObject({ status, body: { code } });
    expect(Object.keys(answer.body as object).toSorted()).toEqual(['code', 'message']);
  });

  it('names the field of a wrong body', async () => {
    const { port } = await serve(echo);
    const answer = await ask(port, '/echo', { method: 'POST', body: '{"n":"1"}' });
    expect((answer.body as { message: string }).message).toContain('/n');
  });

  it('tells of an unknown route without repeating its query', async () => {
    const { port } = await serve(echo);
    const answer = await ask(port, '/nothing?token=1', { method: 'DELETE' });
    expect(answer).toMatchObject({
      status: 404,
      body: { code: 'not-found', message: 'there is no DELETE /nothing here' },
    });
  });

  it('tells of a store that cannot take anything as what it is, without the path', async () => {
    const { port } = await serve((app) => {
      app.get('/', async () => {
        throw Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 });
      });
    });
    expect(await ask(port, '/')).toMatchObject({
      status: 507,
      body: { code: 'storage-full', retryAfterSeconds: 30 },
    });
  });
});

describe('slow and broken peers', () => {
  it('answers 408 to a body that dribbles in, and closes the connection', async () => {
    const { port } = await serve(echo, { requestTimeoutMs: 500 });
    const { socket, closed } = await raw(port);
    socket.write(
      'POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"n"',
    );
    const text = await closed;
    expect(text).toContain('HTTP/1.1 408 ');
    expect(text).toContain('"code":"body-too-slow"');
  });

  it('answers 408 to headers that do not end', async () => {
    const { port } = await serve(echo, { requestTimeoutMs: 500 });
    const { socket, closed } = await raw(port);
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n');
    expect(await closed).toContain('HTTP/1.1 408 ');
  });

  it.each([
    [
      'headers that are too large',
      `GET / HTTP/1.1\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`,
      '431',
      'headers-too-large',
    ],
    ['what is not HTTP', 'hello\r\n\r\n', '400', 'bad-request'],
    [
      'a path that cannot be decoded',
      'GET /%ff HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
      '400',
      'bad-request',
    ],
  ])('answers %s in our shape', async (_, text, status, code) => {
    const { port } = await serve(echo);
    const { socket, closed } = await raw(port);
    socket.write(text);
    const answer = await closed;
    expect(answer).toContain(`HTTP/1.1 ${status} `);
    expect(answer).toContain(`"code":"${code}"`);
  });

  it('closes what does not finish its TLS handshake, or speaks no TLS, in silence', async () => {
    const { port, lines } = await serve(echo, { handshakeTimeoutMs: 300 });
    const begun = lines.length;
    const sockets = ['silent', 'plain', 'reset'].map(() => connectTcp({ host: '127.0.0.1', port }));
    for (const socket of sockets) ending.push(() => socket.destroy());
    const texts = sockets.map(textUntilClosed);
    const [, plain, reset] = sockets;
    plain?.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    reset?.write(Buffer.from('16030100', 'hex'), () => reset.resetAndDestroy());
    expect((await Promise.all(texts)).filter((text) => text.includes('HTTP'))).toEqual([]);
    expect((await ask(port, '/')).status).toBe(404);
    expect(lines.slice(begun)).toEqual([]);
  });

  it('refuses a client that insists on an old TLS', async () => {
    const { port } = await serve(echo);
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca: ca.caPem,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    const error = await new Promise<Error>((resolve) => socket.once('error', resolve));
    expect(error.message).toMatch(/version|protocol/i);
  });

  it('takes no more connections than it may: the one that was quiet for longest goes', async () => {
    const { port } = await serve(echo, { maxConnections: 2 });
    const first = await raw(port);
    const second = await raw(port);
    expect((await ask(port, '/')).status).toBe(404);
    await expect.poll(() => first.socket.destroyed).toBe(true);
    expect(second.socket.destroyed).toBe(false);
  });

  it.each(crowds)('serves others while %i networks take all places they can', async (networks) => {
    const { port } = await serve(echo, {
      maxConnections: 60,
      sourceOf: (address) => (address === '127.0.0.9' ? undefined : address),
    });
    const held = await raw(port);
    const proxied = connectTcp({ host: '127.0.0.1', port, localAddress: '127.0.0.9' });
    ending.push(() => proxied.destroy());
    using _crowd = await crowdOf(networks, Math.ceil(200 / networks), port);
    for (let times = 0; times < 3; times++) expect((await ask(port, '/')).status).toBe(404);
    expect([held.socket.destroyed, proxied.destroyed]).toEqual([false, false]);
  });

  it('has places of their own for those it knows, also beside a crowd of their own network', async () => {
    const { port } = await serve(echo, { maxConnections: 4, isKnown: () => true });
    const known = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: ca.caPem });
    ending.push(() => known.destroy());
    const answers = async (): Promise<string> => {
      known.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
      const [data] = (await once(known, 'data')) as [Buffer];
      return data.toString('latin1').slice(9, 12);
    };
    expect(await answers()).toBe('404');
    for (let times = 0; times < 10; times++) await raw(port);
    expect(await answers()).toBe('404');
  });
});

describe('starting and stopping', () => {
  it('names the port and the setting when the port is in use', async () => {
    const { port } = await serve(echo);
    await expect(serviceAt('127.0.0.1', port).start()).rejects.toMatchObject({
      code: 'port-in-use',
      retryable: false,
      message: `127.0.0.1 port ${port} is in use by another program; stop it or set other.port`,
    });
  });

  it('says which address this machine does not have', async () => {
    await expect(serviceAt('192.0.2.1', 0).start()).rejects.toMatchObject({
      code: 'host-not-here',
      message: 'this machine has no address 192.0.2.1; set other.host',
      details: { setting: 'other.host' },
    });
    // A kernel without IPv6 has not even `::`.
    const where = { host: '::', port: 53, setting: 'tested.port' };
    const without = Object.assign(new Error('listen EAFNOSUPPORT'), { code: 'EAFNOSUPPORT' });
    expect(listenProblem(without, where)).toMatchObject({ code: 'host-not-here' });
  });

  it('stops although connections are idle, half-way in a request, or WebSockets, and starts again', async () => {
    const running = await serve((app) => {
      const sockets = new WebSocketServer({ noServer: true });
      app.server.on('upgrade', (upgrade, socket, head) =>
        sockets.handleUpgrade(upgrade, socket, head, () => undefined),
      );
      app.get('/never', () => new Promise(() => undefined));
    });
    const { port, service } = running;
    const idle = await raw(port);
    idle.socket.write('GET /x HTTP/1.1\r\nhost: x\r\n\r\n');
    await new Promise((resolve) => idle.socket.once('data', resolve));
    const halfway = await raw(port);
    halfway.socket.write('GET /never HTTP/1.1\r\nhost: x\r\n\r\n');
    const webSocket = new WebSocket(`wss://127.0.0.1:${port}/w`, { ca: ca.caPem });
    webSocket.on('error', () => undefined);
    await new Promise((resolve) => webSocket.once('open', resolve));
    const webSocketClosed = new Promise((resolve) => webSocket.once('close', resolve));
    await service.stop();
    await Promise.all([idle.closed, halfway.closed, webSocketClosed]);
    await service.stop();
    await service.start();
    expect((await ask(service.port, '/')).status).toBe(404);
  });

  it('has no port before it listens', () => {
    expect(() => serviceAt('127.0.0.1', 0).port).toThrow('other is not listening');
  });
});
