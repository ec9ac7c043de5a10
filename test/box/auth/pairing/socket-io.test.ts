import { once } from 'node:events';
import { Agent } from 'node:https';
import { io, type Socket } from 'socket.io-client';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { minutes } from '../../../../src/kit/runtime/clock.ts';
import { httpLimits } from '../../../../src/kit/http/http-server.ts';
import { Browser, fromApp, type Lab, names, openLab } from '../../lab/lab.ts';
import { bearer, fromProgram, openSocket, paired, refusedWith } from './flow.ts';

let lab: Lab;
let owner: Browser;
const opened: Socket[] = [];

beforeAll(async () => {
  lab = await openLab();
  owner = new Browser(lab);
  await owner.firstRun();
});

afterEach(() => {
  for (const socket of opened.splice(0)) socket.disconnect();
});

type Options = NonNullable<Parameters<typeof io>[1]>;

/** The stock client, as its documents show it. */
function client(token: string | undefined, options: Partial<Options> = {}): Socket {
  const agent = new Agent({ ca: lab.caPem, servername: names.main });
  const socket = io(`https://127.0.0.1:${lab.port}`, {
    path: '/w',
    forceNew: true,
    reconnection: false,
    agent: agent as never,
    ca: lab.caPem,
    rejectUnauthorized: false,
    ...(token === undefined ? {} : { extraHeaders: bearer(token) }),
    ...options,
  });
  opened.push(socket);
  return socket;
}

const first = async (socket: Socket, event: string): Promise<Record<string, unknown>> =>
  new Promise((resolve, reject) => {
    socket.once(event, resolve);
    if (event !== 'connect_error') socket.once('connect_error', reject);
  });

const transports: [name: string, options: Partial<Options>][] = [
  ['polling first, as it begins by itself', {}],
  ['WebSocket alone', { transports: ['websocket'] }],
  ['polling alone', { transports: ['polling'] }],
  ['without the slash behind the path', { addTrailingSlash: false }],
  ['WebSocket alone, without the slash', { addTrailingSlash: false, transports: ['websocket'] }],
];

describe('a stock client of Socket.IO', () => {
  it.each(transports)('is told who is there: %s', async (_, options) => {
    const { accessToken, sessionId } = await paired(lab, owner);
    const socket = client(accessToken, options);
    const details = await first(socket, 'socket');
    const { json: info } = await fromProgram(lab, 'GET', '/info');
    expect(details).toMatchObject({
      type: 'socket',
      sessionId,
      serverId: info['serverId'],
      clientLabel: 'Cockpit',
    });
    expect(Number(details['expiresIn'])).toBeGreaterThan(500);
    const last = options.transports?.[0] ?? 'websocket';
    await expect.poll(() => socket.io.engine.transport.name, { timeout: 10_000 }).toBe(last);
    const ended = once(socket as never, 'disconnect');
    const told = first(socket, 'session-ended');
    expect((await owner.call('DELETE', `/api/sessions/${sessionId}`)).status).toBe(204);
    expect(await told).toEqual({ type: 'session-ended' });
    expect((await ended)[0]).toBe('io server disconnect');
    await lab.clock.advance(minutes(1));
    await owner.signIn();
  });

  it.each(transports)('is refused with 403 without a good token: %s', async (_, options) => {
    for (const token of [undefined, 'x'.repeat(43), owner.cookie]) {
      const error = (await first(client(token, options), 'connect_error')) as unknown as {
        description?: number | { message?: string };
      };
      const { description } = error;
      expect(typeof description === 'object' ? description.message : description).toEqual(
        options.transports?.[0] === 'websocket' ? 'Unexpected server response: 403' : 403,
      );
    }
    await lab.clock.advance(minutes(1));
    await owner.signIn();
  });

  it('in a browser shows the token as a subprotocol', async () => {
    const { accessToken } = await paired(lab, owner);
    const protocols = ['porchlight', `token.${accessToken}`];
    const details = await first(client(undefined, { transports: ['websocket'], protocols }), 'socket');
    expect(details['type']).toBe('socket');
  });

  it('gets its next token in time, over either transport', async () => {
    for (const only of ['polling', 'websocket'] as const) {
      const { accessToken } = await paired(lab, owner);
      const socket = client(accessToken, { transports: [only] });
      await first(socket, 'socket');
      const renewed = first(socket, 'token');
      await lab.clock.advance(minutes(8));
      const { accessToken: next, expiresIn } = await renewed;
      expect(expiresIn).toBe(600);
      const me = await fromProgram(lab, 'GET', '/api/me', { headers: bearer(next) });
      expect(me.status).toBe(200);
      socket.disconnect();
      await owner.signIn();
    }
  });

  it('is not cut off when there is nothing to say for longer than a request may take', async () => {
    const { accessToken } = await paired(lab, owner);
    const socket = client(accessToken, { transports: ['polling'] });
    await first(socket, 'socket');
    await new Promise((resolve) => setTimeout(resolve, httpLimits.requestTimeoutMs + 1000));
    expect(socket.connected).toBe(true);
  });

  it('says nothing over it, and has no more places than others', async () => {
    const { accessToken } = await paired(lab, owner);
    const socket = client(accessToken);
    await first(socket, 'socket');
    const ended = once(socket as never, 'disconnect');
    socket.emit('message', 'hello');
    expect((await ended)[0]).toBe('io server disconnect');
    const plain = Array.from({ length: 16 }, () => openSocket(lab, bearer(accessToken)));
    await Promise.all(plain.map(({ socket: each }) => once(each, 'message')));
    for (const transport of ['polling', 'websocket'] as const)
      await first(client(accessToken, { transports: [transport] }), 'connect_error');
    for (const { socket: each } of plain) each.terminate();
  });
});

describe('the path', () => {
  it('is the same with a slash behind it, for plain WebSockets too', async () => {
    expect(await refusedWith(lab, {}, [], '/w/')).toBe(403);
    expect(await refusedWith(lab, {}, [], '/w/x')).toBe(404);
    const { accessToken } = await paired(lab, owner);
    const { socket } = openSocket(lab, bearer(accessToken), [], '/w/');
    const [data] = (await once(socket, 'message')) as [Buffer];
    expect(JSON.parse(data.toString())).toMatchObject({ type: 'socket' });
    socket.terminate();
  });

  it('takes nothing else over HTTP, and no page that is not an app’s', async () => {
    expect((await fromProgram(lab, 'GET', '/w')).status).toBe(426);
    const handshake = '/w/?EIO=4&transport=polling';
    expect((await fromProgram(lab, 'GET', handshake)).json).toMatchObject({ code: 'not-logged-in' });
    const { accessToken } = await paired(lab, owner);
    const asked = (origin: string): ReturnType<typeof fromApp> =>
      fromApp(lab, 'GET', handshake, { headers: { ...bearer(accessToken), origin } });
    expect((await asked('https://evil.example')).status).toBe(403);
    const app = await asked('https://app.test');
    expect([app.status, app.headers['access-control-allow-origin']]).toEqual([200, 'https://app.test']);
    for (const path of [
      '/w/?EIO=4&transport=polling&sid=x',
      '/w/?EIO=3&transport=polling',
      '/w/?EIO=4&transport=x',
    ])
      expect([400, 403]).toContain(
        (await fromProgram(lab, 'POST', path, { headers: bearer(accessToken) })).status,
      );
  });
});
