import { setTimeout as sleep } from 'node:timers/promises';
import { spawn } from '../../support/programs.ts';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { connect } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import type { RegistrationServer } from '../../../src/cloud/registration-server/registration-server.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { chooseUrl, chosenBox } from '../../../src/client/choose.ts';
import { registrationLimits, sharedAddressHeader } from '../../../src/protocol/registration-api.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { withoutNamespaces as notRoot } from '../../support/netns.ts';
import { temporaryFolder } from '../../support/folder.ts';
import {
  announce,
  call,
  createBox,
  startServer,
  testCaPem,
  type TestBox,
  type Where,
  zoneRoot,
} from './setup.ts';
import { sayRaw } from '../../support/raw-tls.ts';
import { soon } from '../../support/soon.ts';

type ServerOptions = Omit<Parameters<typeof startServer>[0], 'stateFolder'> & { stateFolder?: string };

const folder = temporaryFolder();
const servers: RegistrationServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop())));
const newFolder = (): string => mkdtempSync(join(folder, 'state-'));

async function running(options: ServerOptions = {}): Promise<RegistrationServer> {
  const server = await startServer({ stateFolder: newFolder(), ...options });
  servers.push(server);
  return server;
}

interface Entry {
  public_ip: string;
  client: string;
  message: string;
  timestamp: number;
}

async function ping(
  server: RegistrationServer,
  options: { from?: string; code?: string } = {},
): Promise<Entry[]> {
  const { from, code } = options;
  const path = code === undefined ? '/ping' : `/ping?code=${encodeURIComponent(code)}`;
  const answer = await call(server, { path, ...(from === undefined ? {} : { from }) });
  expect(answer.status).toBe(200);
  return answer.body as Entry[];
}

const clients = (entries: Entry[]): string[] => entries.map((entry) => entry.client).toSorted();

describe.concurrent('announcing and asking', () => {
  it('lists a box to callers behind the same address, in the shape of 2016, with the text as announced', async ({
    expect,
  }) => {
    const clock = new FakeClock();
    const server = await running({ clock });
    const box = createBox();
    const message = ` ${JSON.stringify({ ...box.announcement, name: 'Küche "1"' }, undefined, 1)}`;
    const answer = await announce(server, box, { body: { client: box.boxId, message }, from: '127.0.0.2' });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      again_in: expect.toSatisfy((seconds: number) => seconds >= 45 && seconds <= 60) as number,
      public_ip: '127.0.0.2',
      short_code: expect.stringMatching(/^\w{4}-\w{4}$/) as string,
    });
    const entries = await ping(server, { from: '127.0.0.2' });
    const timestamp = Math.floor(clock.now() / 1000);
    expect(entries).toEqual([{ public_ip: '127.0.0.2', client: box.boxId, message, timestamp }]);
    expect(await ping(server, { from: '127.0.0.3' })).toEqual([]);
  });

  it('tells apps of the operator and programs which boxes are near, a box’s page of itself, and no other page', async ({
    expect,
  }) => {
    const app = 'https://app.example.net';
    const server = await running({ apps: [`${app}/`] });
    const [box, other] = [createBox(), createBox()];
    for (const each of [box, other]) await announce(server, each);
    const asked = (origin: string): ReturnType<typeof call> =>
      call(server, { path: '/ping', headers: { origin } });
    const open = await asked(app);
    expect(open.headers).toMatchObject({ 'access-control-allow-origin': '*', 'cache-control': 'no-store' });
    expect(open.body).toHaveLength(2);
    expect(await ping(server)).toHaveLength(2);
    expect(clients((await asked(box.announcement.local_origin)).body as Entry[])).toEqual([box.boxId]);
    expect(clients((await asked(`https://remote.${box.boxId}.${zoneRoot}`)).body as Entry[])).toEqual([
      box.boxId,
    ]);
    for (const origin of [
      'https://evil.example',
      'null',
      `${app}:444`,
      'http://app.example.net',
      `https://${zoneRoot}`,
    ]) {
      const refused = await asked(origin);
      expect(refused).toMatchObject({ status: 403, body: { code: 'origin-not-listed' } });
      expect(refused.text).not.toContain(box.boxId);
    }
    const preflight = await call(server, {
      method: 'OPTIONS',
      path: '/ping',
      headers: { origin: app, 'access-control-request-method': 'GET' },
    });
    expect(preflight).toMatchObject({ status: 204, headers: { 'access-control-allow-methods': 'GET' } });
  });

  it('lets a person choose a box for a page that may not ask', async ({ expect }) => {
    const server = await running();
    const box = createBox();
    await announce(server, box);
    const returnTo = 'https://other.example/start?x=1';
    const path = new URL(chooseUrl({ registration: 'https://x.test' }, returnTo));
    const page = await call(server, { path: path.pathname + path.search });
    expect(page.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8' });
    expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    const href = /href="(https:\/\/other[^"]*)"/.exec(page.text)?.[1] ?? '';
    expect(href.split('#')[0]).toBe(returnTo);
    expect(chosenBox(new URL(href).hash, zoneRoot)).toMatchObject({
      id: box.boxId,
      name: box.boxId.slice(0, 8),
      ways: { main: box.announcement.local_origin },
    });
    expect(href).not.toContain(Buffer.from('Kitchen').toString('base64url'));
    for (const wrong of ['javascript:alert(1)', 'http://other.example', 'https://a:b@other.example'])
      expect((await call(server, { path: `/choose?return_to=${encodeURIComponent(wrong)}` })).status).toBe(
        422,
      );
  });

  it('takes what clients of 2016 send, to the byte: no content-type, and fields that nobody knows today', async ({
    expect,
  }) => {
    const server = await running();
    const box = createBox();
    const body = JSON.stringify({
      public_ip: '192.0.2.1',
      client: box.boxId,
      message: JSON.stringify(box.announcement),
      tunnel_configured: true,
    });
    const request = `POST /register HTTP/1.1\r\nHost: knilxof.org:4443\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const where = { port: server.port, ca: testCaPem, key: box.key, cert: box.cert };
    expect(await sayRaw(where, request)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(await ping(server)).toMatchObject([{ client: box.boxId, public_ip: '127.0.0.1' }]);
  });

  it('takes announcements from no page', async ({ expect }) => {
    const server = await running();
    const box = createBox();
    const announced = await announce(server, box, { headers: { origin: 'https://app.example.net' } });
    expect(announced.status).toBe(200);
    expect(announced.headers['access-control-allow-origin']).toBeUndefined();
  });

  it('forgets a box at once when it says goodbye, wherever it announced from', async ({ expect }) => {
    const server = await running();
    const box = createBox();
    await announce(server, box);
    const goodbye = await call(server, { method: 'DELETE', path: '/register', box, from: '127.0.0.9' });
    expect(goodbye.status).toBe(204);
    expect(await ping(server)).toEqual([]);
    expect(server.metrics.records).toBe(0);
  });

  it('shows a box that moved to another address there only', async ({ expect }) => {
    const server = await running();
    const box = createBox();
    await announce(server, box, { from: '127.0.0.2' });
    await announce(server, box, { from: '127.0.0.3' });
    expect(await ping(server, { from: '127.0.0.2' })).toEqual([]);
    expect(clients(await ping(server, { from: '127.0.0.3' }))).toEqual([box.boxId]);
  });

  it('stops showing a box two minutes after its last announcement, and removes it from the disk soon after', async ({
    expect,
  }) => {
    const clock = new FakeClock();
    const server = await running({ clock });
    const box = createBox();
    await announce(server, box);
    await clock.advance(119_999);
    expect(clients(await ping(server))).toEqual([box.boxId]);
    await clock.advance(1);
    expect(await ping(server)).toEqual([]);
    await clock.advance(60_000);
    await expect.poll(() => server.metrics, soon).toMatchObject({ records: 0, swept: 1 });
  });

  it('knows every box it answered after a restart, and gives it the same short code', async ({ expect }) => {
    const stateFolder = newFolder();
    const box = createBox();
    const first = await startServer({ stateFolder });
    const before = await announce(first, box);
    await first.stop();
    const second = await running({ stateFolder });
    expect(clients(await ping(second))).toEqual([box.boxId]);
    const after = await announce(second, box);
    expect((after.body as { short_code: string }).short_code).toBe(
      (before.body as { short_code: string }).short_code,
    );
  });

  it('knows the box again on a resumed TLS session', async ({ expect }) => {
    const server = await running();
    const box = createBox();
    const goodbye = (
      session?: Buffer,
    ): Promise<{ text: string; session: Buffer | undefined; resumed: boolean }> =>
      new Promise((resolve, reject) => {
        const socket = connect({
          host: '127.0.0.1',
          port: server.port,
          ca: testCaPem,
          servername: 'localhost',
          key: box.key,
          cert: box.cert,
          ...(session === undefined ? {} : { session }),
        });
        const heard = { text: '', session: undefined as Buffer | undefined, resumed: false };
        socket.on('session', (ticket) => (heard.session = ticket));
        socket.on('secureConnect', () => (heard.resumed = socket.isSessionReused()));
        socket.on('data', (chunk: Buffer) => (heard.text += chunk.toString()));
        socket.on('error', reject);
        socket.on('close', () => resolve(heard));
        socket.write('DELETE /register HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      });
    const first = await goodbye();
    await announce(server, box);
    const second = await goodbye(first.session);
    expect(second).toMatchObject({ resumed: true, text: expect.stringMatching(/^HTTP\/1\.1 204/) as string });
    expect(server.metrics.records).toBe(0);
  });
});

/** One box more than a handful. The last is the one that is not listed unasked. */
async function crowd(server: RegistrationServer): Promise<{ boxes: TestBox[]; codes: string[] }> {
  const boxes = Array.from({ length: registrationLimits.handful + 1 }, createBox);
  const answers = await Promise.all(boxes.slice(0, -1).map((box) => announce(server, box)));
  await sleep(5);
  answers.push(...(await Promise.all(boxes.slice(-1).map((box) => announce(server, box)))));
  return { boxes, codes: answers.map((answer) => (answer.body as { short_code: string }).short_code) };
}

describe.concurrent('shared addresses', () => {
  it('lists a handful of boxes, and of more only those with an open window or the code that was typed', async ({
    expect,
  }) => {
    const server = await running();
    const { boxes, codes } = await crowd(server);
    const hidden = await call(server, { path: '/ping' });
    // The newest is one too many; those who were there before it stay.
    expect(hidden.body).toHaveLength(registrationLimits.handful);
    expect(hidden.headers[sharedAddressHeader]).toBe('?1');

    const [second, newest] = [boxes[1], boxes.at(-1)] as [TestBox, TestBox];
    expect(clients(await ping(server))).not.toContain(newest.boxId);
    const typed = ` ${codes.at(-1)?.replace('-', ' ').toUpperCase()}`;
    expect(clients(await ping(server, { code: typed }))).toContain(newest.boxId);
    expect(clients(await ping(server, { code: codes[1] ?? '', from: '127.0.0.7' }))).toEqual([]);

    await announce(server, { ...newest, announcement: { ...newest.announcement, discoverable: true } });
    expect(clients(await ping(server))).toEqual(boxes.map(({ boxId }) => boxId).toSorted());

    await call(server, { method: 'DELETE', path: '/register', box: second });
    const handful = await call(server, { path: '/ping' });
    expect(handful.body).toHaveLength(registrationLimits.handful);
    expect(handful.headers[sharedAddressHeader]).toBeUndefined();
  });

  it('ends guessing: after some wrong codes even the right one has to wait', async ({ expect }) => {
    const clock = new FakeClock();
    const server = await running({ clock, limits: { wrongCodes: { burst: 2, perSecond: 0.1 } } });
    const { boxes, codes } = await crowd(server);
    const listed = clients(await ping(server));
    const code = codes[boxes.findIndex(({ boxId }) => !listed.includes(boxId))] ?? '';
    const wrong = code.startsWith('3') ? `4${code.slice(1)}` : `3${code.slice(1)}`;
    for (let time = 0; time < 3; time++)
      expect(await ping(server, { code })).toHaveLength(registrationLimits.handful + 1);
    expect(await ping(server, { code: wrong })).toHaveLength(registrationLimits.handful);
    expect(await ping(server, { code: 'aeiou' })).toHaveLength(registrationLimits.handful);
    const refused = await call(server, { path: `/ping?code=${code}` });
    expect(refused).toMatchObject({
      status: 429,
      body: { code: 'rate-limited' },
      headers: { 'retry-after': '10' },
    });
    await clock.advance(10_000);
    expect(await ping(server, { code })).toHaveLength(registrationLimits.handful + 1);
  });
});

describe.concurrent('bad input', () => {
  const box = createBox();
  const neighbour = createBox();
  const message = JSON.stringify(box.announcement);
  const changed = (change: object): string => JSON.stringify({ ...box.announcement, ...change });
  const post = (body: unknown): Partial<Parameters<typeof call>[1]> => ({
    method: 'POST',
    path: '/register',
    box,
    body,
  });

  it.for<[what: string, request: object, status: number, code: string, value?: unknown]>([
    [
      'no certificate',
      { ...post({ client: box.boxId, message }), box: undefined },
      401,
      'client-certificate-required',
    ],
    [
      'a goodbye without a certificate',
      { method: 'DELETE', path: '/register' },
      401,
      'client-certificate-required',
    ],
    ['another client', post({ client: neighbour.boxId, message }), 403, 'client-mismatch', neighbour.boxId],
    ['a client that is no box id', post({ client: 'me', message }), 400, 'bad-request'],
    ['a body that is not JSON', post('{"client":'), 400, 'bad-request'],
    ['no body', post(undefined), 400, 'bad-request'],
    [
      'another media type',
      { ...post('<p>'), headers: { 'content-type': 'text/html' } },
      415,
      'unsupported-media-type',
    ],
    [
      'a large body',
      post({ client: box.boxId, message: 'x'.repeat(registrationLimits.bodyBytes) }),
      413,
      'body-too-large',
    ],
    [
      'a large message',
      post({ client: box.boxId, message: changed({ pad: 'ü'.repeat(2000) }) }),
      422,
      'message-malformed',
    ],
    ['a message that is not JSON', post({ client: box.boxId, message: 'hello' }), 422, 'message-malformed'],
    [
      'a message that is not Unicode',
      post({ client: box.boxId, message: changed({ name: 'x' }).replace('"x"', '"\uD800"') }),
      422,
      'message-malformed',
    ],
    ['a message that is null', post({ client: box.boxId, message: 'null' }), 422, 'message-malformed'],
    ['a message without origins', post({ client: box.boxId, message: '{}' }), 422, 'message-malformed'],
    ['a long question', { path: `/ping?code=${'3'.repeat(21)}` }, 400, 'bad-request'],
    ['an unknown path', { path: '/nothing' }, 404, 'not-found'],
  ])('%s', async ([, request, status, code, value], { expect }) => {
    const server = await running();
    const answer = await call(server, { path: '/register', ...request });
    expect(answer.body).toMatchObject({ code, message: expect.any(String) as string });
    expect(answer.status).toBe(status);
    if (value !== undefined) expect(answer.body).toMatchObject({ value });
    expect(server.metrics).toMatchObject({ announcements: 0, records: 0 });
  });

  const zone = `${box.boxId}.${zoneRoot}`;
  const theirs = `https://${neighbour.boxId}.${zoneRoot}`;
  it.for<[what: string, change: object, value: string]>([
    ['local origin of another box', { local_origin: theirs }, theirs],
    [
      'mirror of another box',
      { mirror_origins: [`https://a.${zone}`, `https://b.${neighbour.boxId}.${zoneRoot}`] },
      `https://b.${neighbour.boxId}.${zoneRoot}`,
    ],
    ['tunnel elsewhere', { tunnel_origin: 'https://evil.example' }, 'https://evil.example'],
    ['the zone as a mere suffix of a label', { local_origin: `https://evil${zone}` }, `https://evil${zone}`],
    [
      'the zone as a prefix',
      { local_origin: `https://${zone}.evil.example` },
      `https://${zone}.evil.example`,
    ],
    ['an empty label', { local_origin: `https://.${zone}` }, `https://.${zone}`],
    ['the zone root itself', { local_origin: `https://${zoneRoot}` }, `https://${zoneRoot}`],
    ['a port that does not exist', { local_origin: `https://${zone}:70000` }, `https://${zone}:70000`],
  ])('an origin outside the zone: %s', async ([, change, value], { expect }) => {
    const server = await running();
    const answer = await announce(server, box, { body: { client: box.boxId, message: changed(change) } });
    expect(answer).toMatchObject({ status: 422, body: { code: 'origin-outside-zone', value, zone } });
    expect(answer.text).toContain('announce names of that zone only');
    expect(await call(server, { path: '/ping' })).toMatchObject({ body: [] });
  });

  it.for([
    'http://plain',
    'https://user@host',
    'https://host/path',
    'javascript:alert(1)',
    'https://HOST',
    '',
  ])('an origin that is none: %s', async (origin, { expect }) => {
    const server = await running();
    const body = { client: box.boxId, message: changed({ tunnel_origin: origin }) };
    expect(await announce(server, box, { body })).toMatchObject({
      status: 422,
      body: { code: 'message-malformed' },
    });
  });

  it('a body that dribbles in is answered 408 and its connection closed', async ({ expect }) => {
    const server = await running({ limits: { requestTimeoutMs: 300 } });
    const socket = connect({
      port: server.port,
      host: '127.0.0.1',
      ca: testCaPem,
      servername: 'localhost',
      key: box.key,
      cert: box.cert,
    });
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(
      'POST /register HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    );
    await closed;
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(text).toContain('"code":"body-too-slow"');
  });

  it('what is not HTTP is answered 400 in our shape', async ({ expect }) => {
    const server = await running();
    const socket = connect({ port: server.port, host: '127.0.0.1', ca: testCaPem, servername: 'localhost' });
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('\u0000\u0001 nonsense\r\n\r\n');
    await closed;
    expect(text).toMatch(/^HTTP\/1\.1 400 .*"code":"bad-request"/s);
  });
});

describe.concurrent('limits', () => {
  it('holds back one box and one source, says for how long, and lets the others through', async ({
    expect,
  }) => {
    const clock = new FakeClock();
    const server = await running({
      clock,
      limits: { perBox: { burst: 2, perSecond: 0.1 }, announcementsPerSource: { burst: 4, perSecond: 0.5 } },
    });
    const [eager, calm] = [createBox(), createBox()];
    for (let time = 0; time < 2; time++) expect(await announce(server, eager)).toMatchObject({ status: 200 });
    expect(await announce(server, eager)).toMatchObject({
      status: 429,
      headers: { 'retry-after': '10' },
      body: { code: 'rate-limited', retryAfterSeconds: 10 },
    });
    expect(await announce(server, calm)).toMatchObject({ status: 200 });
    expect(await announce(server, createBox())).toMatchObject({
      status: 429,
      headers: { 'retry-after': '2' },
    });
    expect(await announce(server, createBox(), { from: '127.0.0.5' })).toMatchObject({ status: 200 });
    await clock.advance(10_000);
    expect(await announce(server, eager)).toMatchObject({ status: 200 });
    expect(server.metrics).toMatchObject({ announcements: 5, limited: 2, refused: 0 });
  });

  it('holds back who asks too often, and tells the page so', async ({ expect }) => {
    const server = await running({ limits: { pingsPerSource: { burst: 1, perSecond: 0.01 } } });
    await ping(server);
    const limited = await call(server, { path: '/ping', headers: { origin: 'https://app.example.net' } });
    expect(limited).toMatchObject({
      status: 429,
      headers: { 'access-control-allow-origin': '*', 'retry-after': '100' },
    });
  });

  it('believes a forwarded address from a configured proxy only', async ({ expect }) => {
    const header = { 'x-forwarded-for': '203.0.113.7' };
    const naive = await running();
    const box = createBox();
    expect(await announce(naive, box, { headers: header })).toMatchObject({
      body: { public_ip: '127.0.0.1' },
    });
    const behind = await running({ trustedProxies: ['127.0.0.1'] });
    expect(await announce(behind, box, { headers: header })).toMatchObject({
      body: { public_ip: '203.0.113.7' },
    });
    expect(await call(behind, { path: '/ping' })).toMatchObject({
      status: 400,
      body: { code: 'bad-request' },
    });
  });
});

describe.concurrent('trouble on this side', () => {
  it('a state folder that cannot be made is an error that names it', async ({ expect }) => {
    const stateFolder = join(newFolder(), 'file', 'state');
    writeFileSync(join(stateFolder, '..'), '');
    await expect(startServer({ stateFolder })).rejects.toMatchObject({
      code: 'storage-failed',
      message: expect.stringContaining(stateFolder) as string,
    });
  });

  it.skipIf(notRoot)(
    'a full disk refuses announcements, and what was announced is still shown',
    async ({ expect }) => {
      const stateFolder = newFolder();
      const script = join(import.meta.dirname, 'server-process.ts');
      const mounted = `mount -t tmpfs -o size=200k tmpfs ${stateFolder}; exec ${process.execPath} ${script} ${stateFolder}`;
      const child = spawn('unshare', ['--mount', 'sh', '-ec', mounted], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const exited = once(child, 'exit');
      try {
        const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
        const where = JSON.parse(line) as Where;
        const statuses = new Set<number>();
        for (let boxes = 0; boxes < 60 && !statuses.has(507); boxes++) {
          const box = createBox();
          const message = JSON.stringify({ ...box.announcement, pad: 'x'.repeat(3000) });
          const answer = await announce(where, box, {
            body: { client: box.boxId, message },
            from: `127.0.1.${boxes >> 2}`,
          });
          statuses.add(answer.status);
          if (answer.status === 507)
            expect(answer.body).toMatchObject({ code: 'storage-full', retryAfterSeconds: 30 });
        }
        expect([...statuses]).toEqual([200, 507]);
        expect((await call(where, { path: '/ping', from: '127.0.1.0' })).body).toHaveLength(4);
      } finally {
        child.stdin.end();
        await exited;
      }
    },
  );

  it('a port in use is an error that names the port and the setting', async ({ expect }) => {
    const server = await running();
    const second = startServer({ stateFolder: newFolder(), port: server.port });
    await expect(second).rejects.toMatchObject({
      code: 'port-in-use',
      message: expect.stringMatching(`port ${server.port} .*registration\\.port`) as string,
    });
  });

  it('answers 503 with a code while another program holds its store, and goes on after it', async ({
    expect,
  }) => {
    const clock = new FakeClock();
    const health = new Health(clock);
    const stateFolder = newFolder();
    const server = await running({ clock, health, stateFolder });
    const other = new DatabaseSync(`${stateFolder}/registration.sqlite`);
    other.exec('BEGIN IMMEDIATE');
    const box = createBox();
    expect(await announce(server, box)).toMatchObject({ status: 503, body: { code: 'storage-failed' } });
    other.exec('ROLLBACK');
    other.close();
    expect(await announce(server, box)).toMatchObject({ status: 200 });
  });
});
