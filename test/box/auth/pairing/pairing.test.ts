import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import { beforeAll, describe, expect, it } from 'vitest';
import { days, minutes, seconds } from '../../../../src/kit/runtime/clock.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { soon } from '../../../support/soon.ts';
import { away, appOrigin, Browser, fromApp, home, type Lab, names, openLab } from '../../lab/lab.ts';
import {
  authorise,
  authoriseFromApp,
  bearer,
  decide,
  fromProgram,
  openSocket,
  paired,
  pendingOf,
  refusedWith,
} from './flow.ts';

let lab: Lab;
let owner: Browser;

beforeAll(async () => {
  lab = await openLab();
  owner = new Browser(lab);
  await owner.firstRun();
});

const idOf = async (of: Lab): Promise<unknown> => (await fromProgram(of, 'GET', '/info')).json['serverId'];
const asked = (clientId: string = randomUUID()): { clientId: string; wait: number } => ({
  clientId,
  wait: 0,
});
const end = (sessionId: string): Promise<unknown> => owner.call('DELETE', `/api/sessions/${sessionId}`);

describe('the id of the server', () => {
  it('stays over a restart, and is another one for another box', async () => {
    const folder = temporaryFolder();
    const first = await openLab({ folder });
    const id = await idOf(first);
    await first.close();
    expect(await idOf(await openLab({ folder }))).toBe(id);
    expect(await idOf(lab)).not.toBe(id);
  });
});

describe('a client that nobody knows', () => {
  it('is told at once that it has to wait, with the code that the owner sees', async () => {
    const call = asked();
    const { status, json } = await authorise(lab, { ...call, name: 'Radio' });
    expect([status, json]).toEqual([
      202,
      {
        status: 'pending',
        code: expect.stringMatching(/^[2-9A-Z]{4}$/) as string,
        retryAfterSeconds: expect.any(Number) as number,
      },
    ]);
    expect(await pendingOf(owner)).toMatchObject([{ label: 'Radio', code: json['code'], kind: 'client' }]);
    await decide(owner, false);
  });

  it('is called what its browser is called when it has no name', async () => {
    const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
    await authorise(lab, asked(), { headers: { 'user-agent': agent } });
    expect(await pendingOf(owner)).toMatchObject([{ label: 'Firefox on Linux' }]);
    await decide(owner, false);
  });

  it('hears after two minutes that nobody answered', async () => {
    const clientId = randomUUID();
    const first = await authorise(lab, asked(clientId));
    await lab.clock.advance(minutes(2) - seconds(10));
    const before = lab.clock.sleeping;
    const waiting = authorise(lab, { clientId, wait: 25 });
    await expect.poll(() => lab.clock.sleeping, soon).toBe(before + 1);
    await lab.clock.advance(seconds(10));
    expect(await waiting).toMatchObject({ status: 410, json: { code: 'approval-expired' } });
    const again = await authorise(lab, asked(clientId));
    expect(again.status).toBe(202);
    expect(again.json['code']).not.toBe(first.json['code']);
    await decide(owner, false);
  });

  it('hears after the time it would wait that it may call again', async () => {
    const clientId = randomUUID();
    const before = lab.clock.sleeping;
    const waiting = authorise(lab, { clientId, wait: 5 });
    await expect.poll(() => lab.clock.sleeping, soon).toBe(before + 2);
    await lab.clock.advance(seconds(5));
    expect((await waiting).status).toBe(202);
    await decide(owner, false);
  });

  it('leaves its place when it hangs up', async () => {
    const clientId = randomUUID();
    await authorise(lab, asked(clientId));
    const before = lab.clock.sleeping;
    const body = JSON.stringify({ clientId, wait: 25 });
    const request = httpsRequest({
      host: '127.0.0.1',
      port: lab.port,
      servername: names.main,
      ca: lab.caPem,
      agent: false,
      method: 'POST',
      path: '/auth',
      headers: {
        host: names.main,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      },
    });
    request.on('error', () => undefined).end(body);
    await expect.poll(() => lab.clock.sleeping, soon).toBe(before + 1);
    request.destroy();
    await expect.poll(() => lab.clock.sleeping, soon).toBe(before);
    await decide(owner, false);
  });

  it('may not even ask from outside, nor before there is an owner', async () => {
    lab.from = away;
    expect(await authorise(lab, asked())).toMatchObject({ status: 403, json: { code: 'only-at-home' } });
    lab.from = home;
    expect(await pendingOf(owner)).toEqual([]);
    expect(await authorise(await openLab(), asked())).toMatchObject({
      status: 409,
      json: { code: 'not-claimed' },
    });
  });

  it('may ask from anywhere, or not at all, where it is set so', async () => {
    const anywhere = await openLab({ pairing: 'anywhere' });
    await new Browser(anywhere).firstRun();
    anywhere.from = away;
    expect((await authorise(anywhere, asked())).status).toBe(202);
    const off = await openLab({ pairing: 'off' });
    await new Browser(off).firstRun();
    expect((await authorise(off, asked())).status).toBe(404);
    expect((await fromProgram(off, 'GET', '/info')).status).toBe(404);
    expect(await refusedWith(off, {})).toBe(404);
  });
});

describe('a client that was let in', () => {
  it('comes in from anywhere, with the id in either case, and is no other kind by it', async () => {
    const { clientId } = await paired(lab, owner);
    lab.from = away;
    expect((await authorise(lab, { clientId: clientId.toUpperCase() })).status).toBe(200);
    expect((await authorise(lab, { clientId, kind: 'agent' })).json['code']).toBe('only-at-home');
    lab.from = home;
  });

  it.each(['client', 'agent'] as const)(
    'is a session of its own, as %s, and sees what apps see',
    async (kind) => {
      const { accessToken, sessionId } = await paired(lab, owner, kind);
      const me = await fromProgram(lab, 'GET', '/api/me', { headers: bearer(accessToken) });
      expect(me.json).toMatchObject({ person: { name: 'Ada' }, session: { id: sessionId, kind } });
      for (const path of ['/api/sessions', '/api/approvals', '/api/settings'])
        expect((await fromProgram(lab, 'GET', path, { headers: bearer(accessToken) })).status).toBe(401);
      await end(sessionId);
    },
  );

  it('is out at once, on every socket, when the session is revoked, and has to ask again', async () => {
    const { clientId, accessToken, sessionId } = await paired(lab, owner);
    const other = await paired(lab, owner);
    const sockets = [accessToken, accessToken, other.accessToken].map((token) =>
      openSocket(lab, bearer(token)),
    );
    await Promise.all(sockets.map(({ socket }) => once(socket, 'message')));
    await end(sessionId);
    const [first, second, bystander] = sockets;
    for (const each of [first, second]) {
      expect(await each?.closed).toEqual([4401, 'session ended']);
      expect(each?.messages.at(-1)).toEqual({ type: 'session-ended' });
    }
    expect(bystander?.socket.readyState).toBe(1);
    bystander?.socket.terminate();
    expect(await refusedWith(lab, bearer(accessToken))).toBe(403);
    expect((await fromProgram(lab, 'GET', '/api/me', { headers: bearer(accessToken) })).status).toBe(401);
    lab.from = away;
    expect((await authorise(lab, { clientId })).json['code']).toBe('only-at-home');
    lab.from = home;
    expect((await authorise(lab, asked(clientId))).status).toBe(202);
    await decide(owner, false);
  });

  it('has to ask again when it did not come for ninety days', async () => {
    const own = await openLab();
    const person = new Browser(own);
    await person.firstRun();
    const { clientId } = await paired(own, person);
    await own.clock.advance(days(90));
    expect((await authorise(own, asked(clientId))).status).toBe(202);
  });
});

it('remembers a no, writes down who comes again, and forgets it when it is told to', async () => {
  const clientId = randomUUID();
  await authorise(lab, { ...asked(clientId), name: 'Door camera' });
  await decide(owner, false);
  expect(await authorise(lab, { clientId, name: 'Door camera' })).toMatchObject({
    status: 403,
    json: { code: 'client-refused' },
  });
  expect(await pendingOf(owner)).toEqual([]);
  const { json } = await owner.call('GET', '/api/audit');
  expect(json['entries']).toContainEqual(
    expect.objectContaining({ action: 'credential-refused', who: 'Door camera' }),
  );
  const remembered = (await owner.call('GET', '/api/approvals')).json['remembered'] as {
    id: string;
    label: string;
  }[];
  const no = remembered.find(({ label }) => label === 'Door camera');
  expect((await owner.call('DELETE', `/api/approvals/${no?.id}`)).status).toBe(204);
  expect((await authorise(lab, asked(clientId))).status).toBe(202);
  await decide(owner, false);
});

describe('a page', () => {
  it('of an app on the list may pair, and one of another site may not', async () => {
    await lab.clock.advance(minutes(1));
    expect((await authoriseFromApp(lab, asked())).headers['access-control-allow-origin']).toBe(appOrigin);
    await decide(owner, false);
    for (const path of ['/info', '/authorise', '/auth']) {
      const allowed = await fromApp(lab, 'OPTIONS', path);
      expect([allowed.status, allowed.headers['access-control-allow-headers']]).toEqual([
        204,
        expect.stringContaining('content-type'),
      ]);
      const foreign = await fromApp(lab, 'OPTIONS', path, { headers: { origin: 'https://evil.example' } });
      expect(foreign.headers['access-control-allow-origin']).toBeUndefined();
    }
    for (const origin of ['https://evil.example', 'null', `https://hello.${names.main}:${lab.port}`]) {
      const refused = await authorise(lab, asked(), { headers: { origin } });
      expect(refused).toMatchObject({ status: 403, json: { code: 'cross-site-request' } });
    }
    expect(await pendingOf(owner)).toEqual([]);
    const { accessToken } = await paired(lab, owner);
    expect(await refusedWith(lab, { origin: 'https://evil.example', ...bearer(accessToken) })).toBe(403);
    const own = openSocket(lab, { origin: owner.origin }, ['porchlight', `token.${accessToken}`]);
    await once(own.socket, 'message');
    own.socket.terminate();
  });
});

describe('the socket', () => {
  it('is not for the tokens of other ways, nor for tokens in the URL', async () => {
    await lab.clock.advance(minutes(1));
    const { accessToken } = await owner.connect();
    expect(await refusedWith(lab, bearer(accessToken))).toBe(403);
    const cookie = `__Host-porchlight=${owner.cookie}`;
    expect(await refusedWith(lab, { origin: owner.origin, cookie })).toBe(403);
    const client = await paired(lab, owner);
    for (const name of ['token', 'access_token', 'accessToken'])
      expect(await refusedWith(lab, {}, [], `/w?${name}=${client.accessToken}`)).toBe(403);
  });

  it('is opened sixteen times by one session, not more, and is told nothing', async () => {
    await lab.clock.advance(minutes(1));
    const { accessToken } = await paired(lab, owner);
    const many = Array.from({ length: 16 }, () => openSocket(lab, bearer(accessToken)));
    await Promise.all(many.map(({ socket }) => once(socket, 'message')));
    expect(await refusedWith(lab, bearer(accessToken))).toBe(503);
    many[0]?.socket.send('{}');
    expect((await many[0]?.closed)?.[0]).toBe(1008);
    for (const { socket } of many) socket.terminate();
  });
});

describe('many calls', () => {
  it('from one address have to wait; others do not', async () => {
    await lab.clock.advance(minutes(1));
    lab.from = { ...home, address: '192.168.1.66' };
    const statuses = await Promise.all(
      Array.from({ length: 60 }, async () => (await fromProgram(lab, 'GET', '/info')).status),
    );
    expect(statuses.filter((status) => status === 200)).toHaveLength(40);
    const late = await authorise(lab, asked());
    expect([late.status, late.headers['retry-after']]).toEqual([429, '1']);
    expect(await refusedWith(lab, bearer('x'.repeat(43)))).toBe(429);
    lab.from = home;
    expect((await fromProgram(lab, 'GET', '/info')).status).toBe(200);
    await lab.clock.advance(seconds(2));
    lab.from = { ...home, address: '192.168.1.66' };
    expect((await fromProgram(lab, 'GET', '/info')).status).toBe(200);
    lab.from = home;
  });

  it('of one who is known keep nobody else at the same address waiting', async () => {
    lab.from = { ...home, address: '192.168.1.67' };
    const { clientId, accessToken } = await paired(lab, owner);
    for (let call = 0; call < 50; call++) {
      expect((await authorise(lab, { clientId })).status).toBe(200);
      const opened = openSocket(lab, bearer(accessToken));
      await once(opened.socket, 'message');
      opened.socket.close();
      await opened.closed;
    }
    expect((await authorise(lab, asked())).status).toBe(202);
    lab.from = home;
  });

  it('of strangers from everywhere keep out nobody who is known', async () => {
    const crowded = await openLab({ pairing: 'anywhere' });
    const person = new Browser(crowded);
    await person.firstRun();
    const { clientId } = await paired(crowded, person);
    const codes = new Map<unknown, number>();
    for (let n = 0; n < 150; n++) {
      crowded.from = { ...away, address: `203.0.113.${n}` };
      const { status } = await authorise(crowded, asked());
      codes.set(status, (codes.get(status) ?? 0) + 1);
    }
    // Whoever comes is asked about; the questions that others asked before give the room.
    expect(Object.fromEntries(codes)).toEqual({ 202: 150 });
    expect(await pendingOf(person)).toHaveLength(64);
    crowded.from = { ...away, address: '203.0.113.200' };
    expect((await authorise(crowded, { clientId })).status).toBe(200);
    expect(await person.open()).toMatchObject({ stage: 'in' });
  });
});
