import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freePort } from '../../../src/cli/home/free-port.ts';
import { Cloud } from '../../../src/cloud/cloud.ts';
import { CloudConfig } from '../../../src/cloud/config.ts';
import { Entries } from '../../../src/cloud/mailbox/entries.ts';
import { mailboxRoutes } from '../../../src/cloud/mailbox/routes.ts';
import { SignIn } from '../../../src/cloud/mailbox/sign-in.ts';
import { minutes, seconds } from '../../../src/kit/runtime/clock.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { loadConfig } from '../../../src/kit/config/config.ts';
import { createHttpsApp } from '../../../src/kit/http/http-server.ts';
import { createLog, silentLog } from '../../../src/kit/log/log.ts';
import { RateLimit } from '../../../src/kit/http/rate-limit.ts';
import { serviceManager } from '../../../src/kit/runtime/systemd.ts';
import { PutEntryRequest, SignInRequest } from '../../../src/protocol/mailbox-api.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { fromSchema, mutated } from '../../support/messages.ts';
import { call, createBox, serverTls, startMailbox, type TestBox, TestInstance } from './setup.ts';
import { crowdAddress, crowds } from '../../support/crowd.ts';
import { KnownBoxes } from '../../../src/cloud/known-boxes.ts';

const uid = (n: number): string => String(n).repeat(43);

const letter = { value: 'for your eyes only', expires_in: 60, once: true };

function put(
  server: { port: number },
  box: TestBox | undefined,
  uid: string,
  body: unknown = letter,
  name = 'otp',
  from?: string,
): ReturnType<typeof call> {
  return call(server, {
    method: 'PUT',
    path: `/mailboxes/${uid}/${name}`,
    box,
    body,
    ...(from === undefined ? {} : { from }),
  });
}

describe('what a box leaves', async () => {
  const clock = new FakeClock();
  const server = await startMailbox({ clock, health: new Health(clock) });
  const [box, other] = [createBox(), createBox()];
  const signedIn = async (): Promise<TestInstance> => {
    const instance = new TestInstance(server);
    expect(await instance.signIn()).toMatchObject({ status: 200, body: { uid: instance.uid } });
    return instance;
  };

  it('is read by the instance it is for, once', async () => {
    const instance = await signedIn();
    expect((await put(server, box, instance.uid)).status).toBe(204);
    expect(await instance.read(box.boxId, 'otp')).toMatchObject({
      status: 200,
      body: { value: letter.value },
    });
    expect(await instance.read(box.boxId, 'otp')).toMatchObject({ status: 404, body: { code: 'not-found' } });
  });

  it('is read as often as wanted when the box says so, until the box takes it away', async () => {
    const instance = await signedIn();
    await put(server, box, instance.uid, { ...letter, once: false });
    for (let time = 0; time < 3; time++) expect((await instance.read(box.boxId, 'otp')).status).toBe(200);
    const path = `/mailboxes/${instance.uid}/otp`;
    expect((await call(server, { method: 'DELETE', path, box: other })).status).toBe(204);
    expect((await instance.read(box.boxId, 'otp')).status).toBe(200);
    expect((await call(server, { method: 'DELETE', path, box })).status).toBe(204);
    expect((await instance.read(box.boxId, 'otp')).status).toBe(404);
  });

  it('is over when its time is', async () => {
    const instance = await signedIn();
    await put(server, box, instance.uid);
    await clock.advance(seconds(60));
    expect((await instance.read(box.boxId, 'otp')).status).toBe(404);
  });

  it('is read as soon as it is there by who waits', async () => {
    const instance = await signedIn();
    const answer = instance.read(box.boxId, 'otp', '?wait=20');
    await expect.poll(() => server.metrics.waiting).toBe(1);
    await put(server, box, instance.uid);
    expect(await answer).toMatchObject({ status: 200, body: { value: letter.value } });
    expect(server.metrics.waiting).toBe(0);
  });

  it('is not waited for longer than asked', async () => {
    const instance = await signedIn();
    const answer = instance.read(box.boxId, 'otp', '?wait=20');
    await expect.poll(() => server.metrics.waiting).toBe(1);
    await clock.advance(seconds(20));
    expect((await answer).status).toBe(404);
  });

  it('cannot be read by anybody else', async () => {
    const [instance, stranger] = [await signedIn(), await signedIn()];
    await put(server, box, instance.uid);
    expect(await stranger.read(box.boxId, 'otp', '', instance.uid)).toMatchObject({
      status: 403,
      body: { code: 'mailbox-not-yours' },
    });
    const path = `/mailboxes/${instance.uid}/${box.boxId}/otp`;
    const { token } = instance;
    const [uid, endsAt, mac] = token.split('.');
    for (const authorization of [
      undefined,
      'Bearer x',
      `Bearer ${uid}.${Number(endsAt) + 1}.${mac}`,
      `Bearer ${stranger.uid}.${endsAt}.${mac}`,
      `Bearer ${token}A`,
      `Bearer ${await instance.challenge()}`,
    ]) {
      const headers = authorization === undefined ? {} : { authorization };
      expect(await call(server, { path, headers })).toMatchObject({
        status: 401,
        body: { code: 'not-signed-in' },
      });
    }
    expect((await instance.read(box.boxId, 'otp')).status).toBe(200);
  });

  it('cannot be written by who is no box, nor in the name of another', async () => {
    const instance = await signedIn();
    expect(await put(server, undefined, instance.uid)).toMatchObject({
      status: 401,
      body: { code: 'client-certificate-required' },
    });
    await put(server, box, instance.uid, { ...letter, value: 'from the box' });
    await put(server, other, instance.uid, { ...letter, value: 'from another' });
    expect((await instance.read(box.boxId, 'otp')).body).toEqual({ value: 'from the box' });
  });

  it('can be asked for from a page anywhere', async () => {
    const headers = { origin: 'https://app.example', 'access-control-request-method': 'GET' };
    const path = `/mailboxes/${'u'.repeat(43)}/${box.boxId}/otp`;
    const preflight = await call(server, { method: 'OPTIONS', path, headers });
    expect(preflight.headers).toMatchObject({ 'access-control-allow-origin': '*' });
    expect(preflight.headers['access-control-allow-headers']).toContain('authorization');
  });
});

describe('sign-in', async () => {
  const clock = new FakeClock();
  const server = await startMailbox({ clock, health: new Health(clock) });

  it('is refused without the key, for another mailbox, and with a challenge that is old or from elsewhere', async () => {
    const [instance, other] = [new TestInstance(server), new TestInstance(server)];
    const refused = { status: 401, body: { code: 'sign-in-refused' } };
    expect(await instance.signIn({ publicKey: other.publicKey })).toMatchObject(refused);
    const challenge = await instance.challenge();
    const elsewhere = instance.signatureOf(challenge, 'mailbox.evil.example');
    expect(await instance.signIn({ challenge, signature: elsewhere })).toMatchObject(refused);
    const made = `${'x'.repeat(22)}.${clock.now() + 1000}.${'m'.repeat(43)}`;
    expect(await instance.signIn({ challenge: made, signature: instance.signatureOf(made) })).toMatchObject(
      refused,
    );
    const offCurve = { ...instance.publicKey, y: instance.publicKey.x };
    expect(await instance.signIn({ publicKey: offCurve })).toMatchObject(refused);
    await clock.advance(seconds(60));
    expect(await instance.signIn({ challenge, signature: instance.signatureOf(challenge) })).toMatchObject(
      refused,
    );
  });

  it('is refused under a name that another mailbox has, which brings what was signed for it', async () => {
    const instance = new TestInstance(server);
    const challenge = await instance.challenge();
    for (const host of ['mailbox.evil.example', 'evil.example:4445', '127.0.0.2', '[::1]', 'x y']) {
      const signature = instance.signatureOf(challenge, host);
      const body = { publicKey: instance.publicKey, challenge, signature };
      const headers = { host };
      const { status } = await call(server, { method: 'POST', path: '/sign-in', body, headers });
      expect([host, status]).toEqual([host, expect.toBeOneOf([400, 401])]);
    }
    // By any name of its own, at whatever port it is reached.
    const host = 'LOCALHOST:4445';
    const body = {
      publicKey: instance.publicKey,
      challenge,
      signature: instance.signatureOf(challenge, host),
    };
    const own = await call(server, { method: 'POST', path: '/sign-in', body, headers: { host } });
    expect(own).toMatchObject({ status: 200, body: { uid: instance.uid } });
  });

  it('lasts an hour', async () => {
    const instance = new TestInstance(server);
    await instance.signIn();
    await clock.advance(minutes(59));
    expect((await instance.read('a'.repeat(52), 'otp')).status).toBe(404);
    await clock.advance(minutes(1));
    expect((await instance.read('a'.repeat(52), 'otp')).status).toBe(401);
  });

  it('is not for another start of the mailbox', async () => {
    const again = await startMailbox({ clock, health: new Health(clock) });
    const instance = new TestInstance(server);
    await instance.signIn();
    const path = `/mailboxes/${instance.uid}/${'a'.repeat(52)}/otp`;
    const headers = { authorization: `Bearer ${instance.token}` };
    expect((await call(again, { path, headers })).status).toBe(401);
  });
});

it('runs alone, and needs no more than a certificate', async ({ onTestFinished }) => {
  const folder = temporaryFolder();
  for (const [name, pem] of Object.entries(serverTls)) writeFileSync(join(folder, name), pem);
  const port = await freePort();
  const args = [`--tls.cert-file=${join(folder, 'certPem')}`, `--tls.key-file=${join(folder, 'keyPem')}`];
  const ports = ['--mailbox.host=127.0.0.1', `--mailbox.port=${port}`, `--system.port=${await freePort()}`];
  const { config } = loadConfig(CloudConfig, { env: {}, args: [...args, ...ports] });
  const cloud = new Cloud({ config, parts: ['mailbox'], manager: serviceManager({}), log: silentLog });
  onTestFinished(() => cloud.stop());
  await cloud.start(AbortSignal.timeout(10_000));
  expect((await call({ port }, { path: '/challenge' })).status).toBe(200);
});

it('answers on the link, where IPv6 addresses come with the name of an interface', async () => {
  const clock = new FakeClock();
  const app = createHttpsApp({
    log: silentLog,
    tls: { key: serverTls.keyPem, cert: serverTls.certPem },
    bodyLimit: 1,
  });
  const rate = { burst: 10, perSecond: 1 };
  await mailboxRoutes(app, {
    entries: new Entries({ clock }),
    known: new KnownBoxes({ clock }),
    signIn: new SignIn({ clock, certPem: serverTls.certPem }),
    limits: {
      perBox: new RateLimit(rate),
      boxesPerSource: new RateLimit(rate),
      instancesPerSource: new RateLimit(rate),
    },
    counters: { signIns: 0, written: 0, read: 0, limited: 0, refused: 0, expired: 0 },
    clock,
  });
  const answer = await app.inject({ url: '/challenge', remoteAddress: 'fe80::1%eth0' });
  expect(answer.statusCode).toBe(200);
});

describe('limits', () => {
  it.each(crowds)(
    'hold for the networks that want most: %i that fill the mailboxes keep nobody out',
    async (networks) => {
      const rate = { burst: 1e6, perSecond: 1e6 };
      const server = await startMailbox({ limits: { bytes: 60 * 1024 }, rates: { perBox: rate } });
      const mine = createBox();
      const from = '127.0.0.9';
      expect((await put(server, mine, uid(1), letter, 'a', from)).status).toBe(204);
      const theirs = createBox();
      for (let number = 0; number < 120; number++)
        await put(server, theirs, uid(10 + number), letter, 'otp', crowdAddress(1 + (number % networks)));
      expect(server.metrics.entries).toBeLessThanOrEqual(60);
      expect((await put(server, mine, uid(2), letter, 'b', from)).status).toBe(204);
      expect((await put(server, createBox(), uid(3), letter, 'c', '127.0.0.10')).status).toBe(204);
      // What was there first is there still.
      expect(
        await call(server, { method: 'DELETE', path: `/mailboxes/${uid(1)}/a`, box: mine, from }),
      ).toMatchObject({ status: 204 });
      expect(server.metrics.entries).toBeLessThan(60);
    },
  );

  it('hold for one mailbox, one box, and all together; nothing of others is lost for it', async () => {
    const clock = new FakeClock();
    const limits = { perInstance: 2, perBox: 3, bytes: 4096 };
    const server = await startMailbox({ clock, health: new Health(clock), limits });
    const [box, other] = [createBox(), createBox()];
    const full = { status: 429, body: { code: 'mailbox-full' }, headers: { 'retry-after': '60' } };
    expect((await put(server, box, uid(1), letter, 'a')).status).toBe(204);
    expect((await put(server, box, uid(1), letter, 'b')).status).toBe(204);
    expect(await put(server, other, uid(1), letter, 'c')).toMatchObject(full);
    // What is there may be written again.
    expect((await put(server, box, uid(1), letter, 'b')).status).toBe(204);
    expect((await put(server, box, uid(2))).status).toBe(204);
    expect(await put(server, box, uid(3))).toMatchObject(full);
    expect((await put(server, other, uid(3))).status).toBe(204);
    expect(await put(server, other, uid(4))).toMatchObject(full);
    expect(server.metrics).toMatchObject({ entries: 4, limited: 3 });
    await clock.advance(minutes(2));
    await expect.poll(() => server.metrics).toMatchObject({ entries: 0, bytes: 0, expired: 4 });
  });

  it('hold for what all of it weighs, and for who waits', async () => {
    const clock = new FakeClock();
    const limits = { bytes: 6000, waiting: 2, waitingPerInstance: 1 };
    const server = await startMailbox({ clock, health: new Health(clock), limits });
    const box = createBox();
    const heavy = { ...letter, value: 'x'.repeat(1500) };
    expect((await put(server, box, uid(1), heavy)).status).toBe(204);
    expect(await put(server, box, uid(2), heavy)).toMatchObject({
      status: 429,
      body: { code: 'mailbox-full' },
    });
    // The heavy one gives way to a lighter one in its own place.
    expect((await put(server, box, uid(1))).status).toBe(204);
    expect((await put(server, box, uid(2), heavy)).status).toBe(204);

    const waiting = (instance: TestInstance): Promise<unknown> => instance.read(box.boxId, 'otp', '?wait=20');
    const [first, second, third] = [
      new TestInstance(server),
      new TestInstance(server),
      new TestInstance(server),
    ];
    for (const instance of [first, second, third]) await instance.signIn();
    const held = [waiting(first)];
    await expect.poll(() => server.metrics.waiting).toBe(1);
    // Time stands still: who is answered did not wait.
    expect((await first.read(box.boxId, 'otp', '?wait=20')).status).toBe(404);
    held.push(waiting(second));
    await expect.poll(() => server.metrics.waiting).toBe(2);
    // For one more, the one that waits longest is answered at once.
    held.push(waiting(third));
    expect(await held[0]).toMatchObject({ status: 404 });
    await clock.advance(seconds(20));
    expect(await Promise.all(held)).toMatchObject([{ status: 404 }, { status: 404 }, { status: 404 }]);
    expect(server.metrics.waiting).toBe(0);
  });

  it('hold for how often somebody comes, by box and by address', async () => {
    const rate = { burst: 2, perSecond: 0.1 };
    const server = await startMailbox({ rates: { perBox: rate, instancesPerSource: rate } });
    const [box, other] = [createBox(), createBox()];
    const statuses: number[] = [];
    for (let time = 0; time < 3; time++) statuses.push((await put(server, box, 'u'.repeat(43))).status);
    statuses.push((await put(server, other, 'u'.repeat(43))).status);
    expect(statuses).toEqual([204, 204, 429, 204]);
    const asked: number[] = [];
    for (let time = 0; time < 3; time++) asked.push((await call(server, { path: '/challenge' })).status);
    asked.push((await call(server, { path: '/challenge', from: '127.0.0.2' })).status);
    expect(asked).toEqual([200, 200, 429, 200]);
  });
});

it('no message brings it down, and none is taken that is not of the form', async () => {
  const server = await startMailbox({ rates: { instancesPerSource: { burst: 1e6, perSecond: 1e6 } } });
  const box = createBox();
  const instance = new TestInstance(server);
  const challenge = await instance.challenge();
  // All right but for the key: else it would still be good with a member more in the key.
  const { publicKey } = new TestInstance(server);
  const recording = { publicKey, challenge, signature: instance.signatureOf(challenge) };
  const bodies = fc.oneof(
    fromSchema(SignInRequest),
    fromSchema(PutEntryRequest),
    mutated(recording),
    mutated(letter),
  );
  await fc.assert(
    fc.asyncProperty(bodies, fc.boolean(), async (body, asBox) => {
      const signIn = await call(server, { method: 'POST', path: '/sign-in', body: JSON.stringify(body) });
      expect([400, 401]).toContain(signIn.status);
      const written = await put(server, asBox ? box : undefined, instance.uid, JSON.stringify(body));
      expect([204, 400, 401, 429]).toContain(written.status);
      expect(signIn.body).toHaveProperty('code');
    }),
    { numRuns: 60 },
  );
  expect(server.metrics.signIns).toBe(0);
});

it('says nothing secret in its log', async () => {
  const lines: string[] = [];
  const log = createLog({ level: 'trace', format: 'json', write: (text) => void lines.push(text) });
  const server = await startMailbox({ log });
  const box = createBox();
  const instance = new TestInstance(server);
  await instance.signIn();
  await put(server, box, instance.uid);
  await instance.read(box.boxId, 'otp');
  await put(server, box, instance.uid, { ...letter, expires_in: -1 });
  const text = lines.join('');
  for (const secret of [instance.token, letter.value]) expect(text).not.toContain(secret);
});
