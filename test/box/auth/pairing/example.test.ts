import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { beforeAll, describe, expect, it } from 'vitest';
import { minutes, seconds } from '../../../../src/kit/runtime/clock.ts';
import { soon } from '../../../support/soon.ts';
import { appOrigin, Browser, boxId, fromApp, type Lab, openLab } from '../../lab/lab.ts';
import { bearer, decide, openSocket, pairOnce, pendingOf, refusedWith } from './flow.ts';

/**
 * A client as the design of the desktop server has it: `GET /info`, compare the server's id, `POST /auth` (or `/authorise`)
 * with its own, wait for the person, connect to `/w` with the access token, and rotate it.
 */
const uuid4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
let lab: Lab;
let owner: Browser;

beforeAll(async () => {
  lab = await openLab();
  owner = new Browser(lab);
  await owner.firstRun();
});

/** In a browser, from the page of an app; the localStorage is the caller's. */
class Client {
  readonly storage: { serverId?: string; clientId?: string } = {};
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Throws when the server is not the one it was. */
  async info(): Promise<void> {
    const { json } = await fromApp(lab, 'GET', '/info');
    const serverId = String(json['serverId']);
    if (this.storage.serverId !== undefined && this.storage.serverId !== serverId) throw new Error('changed');
    this.storage.serverId = serverId;
    this.storage.clientId ??= randomUUID();
  }

  async accessToken(): Promise<string> {
    const { json } = await fromApp(lab, 'POST', this.#path, { body: { clientId: this.storage.clientId } });
    if (json['serverId'] !== this.storage.serverId) throw new Error('changed');
    return String(json['accessToken']);
  }

  connect(token: string): ReturnType<typeof openSocket> {
    return openSocket(lab, { origin: appOrigin }, ['porchlight', `token.${token}`]);
  }
}

describe.each(['/auth', '/authorise'])('a client that uses %s', (path) => {
  const client = new Client(path);
  let token = '';

  it('learns the id of the server, which stays', async () => {
    await client.info();
    expect(client.storage.serverId).toMatch(uuid4);
    await client.info();
    const { json, headers } = await fromApp(lab, 'GET', '/info');
    expect(json).toEqual({ serverId: client.storage.serverId, boxId, name: 'Our box', v: '1.0' });
    expect(headers['access-control-allow-origin']).toBe(appOrigin);
  });

  it('waits while the person is asked, and is given a token', async () => {
    const answer = client.accessToken();
    await expect.poll(() => pendingOf(owner), soon).toMatchObject([{ kind: 'client' }]);
    await decide(owner, true);
    token = await answer;
    expect(token).toMatch(/^[\w-]{43}$/);
    const again = await fromApp(lab, 'POST', path, { body: { clientId: client.storage.clientId } });
    expect([again.status, again.json]).toEqual([
      200,
      {
        accessToken: expect.stringMatching(/^[\w-]{43}$/) as string,
        expiresIn: 600,
        tokenType: 'Bearer',
        serverId: client.storage.serverId,
      },
    ]);
  });

  it('connects with the token, is told of its socket first, and rotates tokens', async () => {
    const { socket, messages } = client.connect(token);
    await once(socket, 'open');
    expect(socket.protocol).toBe('porchlight');
    await expect.poll(() => messages.length, soon).toBeGreaterThan(0);
    expect(messages[0]).toMatchObject({
      type: 'socket',
      id: expect.stringMatching(uuid4) as string,
      serverId: client.storage.serverId,
      expiresIn: 600,
    });
    let pings = 0;
    socket.on('ping', () => pings++);
    for (let passed = 0; passed < minutes(8); passed += seconds(30)) {
      await lab.clock.advance(seconds(30));
      // So that the answer to the ping is there before the next one is due.
      await expect.poll(() => pings, soon).toBe(passed / seconds(30) + 1);
    }
    await expect.poll(() => messages.at(-1)?.['type'], soon).toBe('token');
    const next = String(messages.at(-1)?.['accessToken']);
    await lab.clock.advance(minutes(2) + seconds(1));
    expect(await refusedWith(lab, bearer(token))).toBe(403);
    const again = openSocket(lab, bearer(next));
    await once(again.socket, 'message');
    for (const each of [socket, again.socket]) each.terminate();
  });

  it('is known when it comes again, and nobody is asked', async () => {
    await client.info();
    const again = client.connect(await client.accessToken());
    await once(again.socket, 'message');
    expect(await pendingOf(owner)).toEqual([]);
    again.socket.terminate();
  });
});

it('is refused with 403, before the upgrade, without a valid token', async () => {
  for (const token of ['', 'x', 'x'.repeat(43), owner.cookie ?? '']) {
    expect(await refusedWith(lab, bearer(token))).toBe(403);
    expect(await refusedWith(lab, {}, ['porchlight', `token.${token}`])).toBe(403);
  }
  expect(await refusedWith(lab, {})).toBe(403);
  expect(await refusedWith(lab, {}, ['porchlight'])).toBe(403);
});

it('goes all the way once, for the figures', async () => {
  const steps = await pairOnce(lab, owner);
  expect(Object.values(steps).every((ms) => ms > 0)).toBe(true);
});
