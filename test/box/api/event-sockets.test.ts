import { once } from 'node:events';
import { beforeAll, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { days, minutes, seconds } from '../../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import type { Endpoints } from '../../../src/protocol/access-api.ts';
import { soon } from '../../support/soon.ts';
import { appOrigin, Browser, fromApp, home, type Lab, names, openLab, socket } from '../lab/lab.ts';

const ways = new OwnedFact<Endpoints>({
  main: `https://${names.main}`,
  mirrors: [],
  tunnel: null,
  address: null,
});
const state = new OwnedFact(0);
let lab: Lab;
let owner: Browser;

beforeAll(async () => {
  lab = await openLab({ ways, changes: [state] });
  owner = new Browser(lab);
  await owner.firstRun();
});

interface Watched {
  socket: WebSocket;
  events: Record<string, unknown>[];
  /** Code and reason of the end. */
  closed: Promise<[number, string]>;
}

function watched(headers: Record<string, string>, first?: string): Watched {
  const opened = socket(lab, headers);
  const events: Record<string, unknown>[] = [];
  opened.on('message', (data: Buffer) => events.push(JSON.parse(data.toString()) as Record<string, unknown>));
  opened.on('error', () => undefined);
  if (first !== undefined) opened.on('open', () => opened.send(first));
  const closed = new Promise<[number, string]>((resolve) =>
    opened.on('close', (code, reason: Buffer) => resolve([code, reason.toString()])),
  );
  return { socket: opened, events, closed };
}

const asConsole = (browser: Browser): Watched =>
  watched({ origin: browser.origin, cookie: `__Host-porchlight=${browser.cookie}` });
const asApp = (accessToken: string): Watched =>
  watched({ origin: appOrigin }, JSON.stringify({ accessToken }));

/** A socket is in when it hears of a change. */
async function isIn({ events }: Watched): Promise<void> {
  await expect
    .poll(() => {
      if (events.length === 0) state.set(state.value + 1);
      return events.length;
    }, soon)
    .toBeGreaterThan(0);
}

/** With which status an upgrade was refused. */
async function refused(headers: Record<string, string>): Promise<unknown> {
  const opened = socket(lab, headers);
  opened.on('error', () => undefined);
  const [, response] = (await once(opened, 'unexpected-response')) as [unknown, { statusCode: number }];
  opened.terminate();
  return response.statusCode;
}

describe('the events socket', () => {
  it('tells the console and apps of changes', async () => {
    const { accessToken } = await owner.connect();
    for (const open of [() => asConsole(owner), () => asApp(accessToken)]) {
      const seen = open();
      await isIn(seen);
      ways.set({ ...ways.value, mirrors: [...ways.value.mirrors, `https://a.${names.main}`] });
      await expect.poll(() => seen.events, soon).toContainEqual({ type: 'ways', ways: ways.value });
      expect(seen.events).toContainEqual({ type: 'state' });
      seen.socket.close();
    }
  });

  it('ends at once with its session, and with those above it; others stay', async () => {
    const other = new Browser(lab);
    await other.signIn();
    const { accessToken } = await other.connect();
    const [console, app, bystander] = [asConsole(other), asApp(accessToken), asConsole(owner)];
    await Promise.all([console, app, bystander].map(isIn));
    const { json } = await owner.call('GET', '/api/sessions');
    const mine = (
      json['sessions'] as { id: string; kind: string; parentId: string; current: boolean }[]
    ).filter(({ current }) => current);
    expect(mine.length).toBe(1);
    const current = ((await other.call('GET', '/api/sessions')).json['sessions'] as typeof mine).find(
      (each) => each.current,
    );
    expect((await owner.call('DELETE', `/api/sessions/${current?.id}`)).status).toBe(204);
    for (const ended of [console, app]) {
      expect(await ended.closed).toEqual([4401, 'session ended']);
      expect(ended.events.at(-1)).toEqual({ type: 'session-ended' });
    }
    expect(bystander.socket.readyState).toBe(bystander.socket.OPEN);
    expect(
      (await fromApp(lab, 'GET', '/api/me', { headers: { authorization: `Bearer ${accessToken}` } })).status,
    ).toBe(401);
    expect((await other.open())['stage']).toBe('login');
    expect((await owner.call('DELETE', `/api/sessions/${current?.id}`)).status).toBe(404);
    bystander.socket.close();
  });

  it('brings the next access token before the last one ends', async () => {
    const { accessToken } = await owner.connect();
    const app = asApp(accessToken);
    await isIn(app);
    const tokens = (): Record<string, unknown>[] => app.events.filter(({ type }) => type === 'token');
    let pings = 0;
    app.socket.on('ping', () => pings++);
    for (let passed = 30; passed <= 450; passed += 30) {
      await lab.clock.advance(seconds(30));
      // So that the answer to the ping is there before the next one is due.
      await expect.poll(() => pings, soon).toBe(passed / 30);
      await owner.open();
    }
    await lab.clock.advance(seconds(29));
    expect(tokens()).toEqual([]);
    await lab.clock.advance(seconds(10));
    await expect
      .poll(tokens, soon)
      .toEqual([{ type: 'token', accessToken: expect.stringMatching(/^[\w-]{43}$/), expiresIn: 600 }]);
    await lab.clock.advance(seconds(121));
    const me = (token: unknown): ReturnType<typeof fromApp> =>
      fromApp(lab, 'GET', '/api/me', { headers: { authorization: `Bearer ${String(token)}` } });
    expect((await me(accessToken)).status).toBe(401);
    expect((await me(tokens()[0]?.['accessToken'])).status).toBe(200);
    app.socket.close();
  });

  it('ends when the session was not used for thirty days', async () => {
    const shortLab = await openLab();
    const person = new Browser(shortLab);
    await person.firstRun();
    const seen = socket(shortLab, { origin: person.origin, cookie: `__Host-porchlight=${person.cookie}` });
    await once(seen, 'open');
    seen.close();
    await shortLab.clock.advance(days(30) + minutes(2));
    expect((await person.open())['stage']).toBe('login');
  });

  it('gives up on a side that does not answer', async () => {
    const seen = asConsole(owner);
    await isIn(seen);
    // Reads nothing, so answers no ping.
    seen.socket.pause();
    await lab.clock.advance(seconds(30));
    await lab.clock.advance(seconds(30));
    seen.socket.resume();
    expect((await seen.closed)[0]).toBe(1006);
  });

  it.each([
    ['a wrong token', JSON.stringify({ accessToken: 'x'.repeat(43) })],
    ['something else', '[]'],
    ['no JSON', 'hello'],
    ['null', 'null'],
  ])('lets nobody in with %s', async (_, first) => {
    const seen = watched({ origin: appOrigin }, first);
    expect(await seen.closed).toEqual([4401, 'sign in']);
    expect(seen.events).toEqual([]);
  });

  it('waits ten seconds for the token, and takes no long messages, nor any later', async () => {
    const silent = watched({ origin: appOrigin });
    await once(silent.socket, 'open');
    await lab.clock.advance(seconds(10));
    expect(await silent.closed).toEqual([4401, 'no access token came']);
    expect((await watched({ origin: appOrigin }, 'x'.repeat(5000)).closed)[0]).toBe(1009);
    const chatty = asConsole(owner);
    await isIn(chatty);
    chatty.socket.send('{}');
    expect((await chatty.closed)[0]).toBe(1008);
  });

  it('leaves few places to strangers who say nothing', async () => {
    lab.from = { through: 'tunnel', address: '203.0.113.77', atHome: false };
    const silent = Array.from({ length: 65 }, () => watched({ origin: appOrigin }));
    await Promise.all(silent.map(({ socket }) => once(socket, 'open')));
    const closed = silent.map(({ closed }) => closed);
    expect(await Promise.race(closed)).toEqual([1013, 'too many sockets wait']);
    const seen = asConsole(owner);
    await isIn(seen);
    seen.socket.close();
    lab.from = { through: 'tunnel', address: '203.0.113.78', atHome: false };
    const other = watched({ origin: appOrigin });
    await once(other.socket, 'open');
    for (const { socket } of [...silent, other]) socket.terminate();
    lab.from = home;
  });

  it('keeps nobody out at home because of strangers elsewhere, who count by household', async () => {
    const silent: Watched[] = [];
    const come = async (address: string): Promise<void> => {
      lab.from = { through: 'tunnel', address, atHome: false };
      const seen = watched({ origin: appOrigin });
      silent.push(seen);
      await once(seen.socket, 'open');
    };
    for (let number = 1; number <= 8; number++) await come(`2001:db8:0:1::${number}`);
    // Somebody has many networks.
    for (let number = 8; number < 70; number++) await come(`2001:db8:${number}::1`);
    await come('203.0.113.78');
    // The one with most sockets gave the room.
    expect(await silent[0]?.closed).toEqual([1013, 'too many sockets wait']);
    lab.from = home;
    const { accessToken } = await owner.connect();
    const app = asApp(accessToken);
    await isIn(app);
    for (const { socket } of [...silent, app]) socket.terminate();
  });

  it('looks at the cookie only when the box’s own page opens it', async () => {
    const cookie = `__Host-porchlight=${owner.cookie}`;
    expect(await refused({ origin: 'https://evil.example', cookie })).toBe(403);
    expect(await refused({ origin: `https://hello.${names.main}:${lab.port}`, cookie })).toBe(403);
    // An app's page, or a program: the cookie alone does not open it.
    for (const headers of [{ origin: appOrigin, cookie }, { cookie }]) {
      const seen = watched(headers, JSON.stringify({}));
      expect(await seen.closed).toEqual([4401, 'sign in']);
    }
    expect(await watched({ origin: owner.origin }).closed).toEqual([4401, 'sign in']);
  });

  it('is opened sixteen times by one session, not more', async () => {
    const many = Array.from({ length: 16 }, () => asConsole(owner));
    await Promise.all(many.map(isIn));
    expect(await asConsole(owner).closed).toEqual([1013, 'too many sockets of this session']);
    for (const { socket } of many) socket.terminate();
  });
});
