import { afterAll, beforeAll, expect, it } from 'vitest';
import { FirebaseMailbox } from '../../../../src/box/auth/instances/firebase-mailbox.ts';
import { mailboxesOf } from '../../../../src/box/auth/instances/mailboxes.ts';
import { AppInstance, FirebaseMailbox as FirebaseOfApp } from '../../../../src/client/instance/index.ts';
import { memoryStore } from '../../../../src/client/store.ts';
import { systemClock } from '../../../../src/kit/runtime/clock.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { runtimeFor } from '../../../client/instance/runtime.ts';
import { identity } from '../../lab/identity.ts';
import { boxId, names } from '../../lab/lab.ts';
import { type Firebase, startFirebase } from './firebase.ts';
import { type House, openHouse } from './house.ts';

/** The document as it stands, with Google's mailbox (see firebase.ts for what stands in for Google). */
let firebase: Firebase;
let house: House;

const never = new AbortController().signal;
const mailbox = (clock = systemClock): FirebaseMailbox =>
  new FirebaseMailbox({
    database: firebase.origin,
    serviceAccountFile: firebase.serviceAccountFile,
    caPem: firebase.caPem,
    boxId,
    clock,
  });

function appMailbox(): FirebaseOfApp {
  const { origin, apiKey, caPem } = firebase;
  const { runtime } = runtimeFor(caPem);
  return new FirebaseOfApp({ database: origin, apiKey, identity: origin, runtime });
}

beforeAll(async () => {
  firebase = await startFirebase();
  house = await openHouse({ mailboxes: [mailbox()] });
});
afterAll(() => firebase.close());

it('lets an app in through Firebase, and removes what is used from there', async () => {
  const app = new AppInstance({
    origin: `https://${names.main}:${house.lab.port}`,
    boxId,
    deviceId: 'pixel',
    mailbox: appMailbox(),
    store: memoryStore(),
    runtime: { ...runtimeFor(house.lab.caPem).runtime, clock: house.lab.clock },
  });
  await app.open();
  expect(await app.whoAmI()).toMatchObject({ boxId, person: null });
  expect(JSON.stringify(firebase.data())).toMatch(/"credentials".*"enc/);
  await house.lab.clock.advance(301_000);
  await expect.poll(() => firebase.data()).toEqual({});
  // One access token did for all of it.
  expect(firebase.tokens.size).toBe(1);
});

it('lets only the instance read, and only the box write', async () => {
  const [mine, theirs] = [appMailbox(), appMailbox()];
  const [uid] = [await mine.signIn(), await theirs.signIn()];
  const box = mailbox();
  await box.put({ uid, name: 'otp', value: '12345678', seconds: 60 }, never);
  expect(await mine.read(boxId, 'otp')).toBe('12345678');
  const { runtime } = runtimeFor(firebase.caPem);
  const asked = async (query: string, method = 'GET'): Promise<number> => {
    const url = `${firebase.origin}/users/${uid}/${boxId}/otp.json${query}`;
    const body = method === 'GET' ? {} : { body: '{"value":"mine"}' };
    return (await runtime.fetch(url, { method, ...body })).status;
  };
  expect(await asked('')).toBe(401);
  expect(await asked('?auth=e30.eyJ1c2VyX2lkIjoieCJ9.x')).toBe(401);
  await expect(
    new FirebaseMailbox({
      database: firebase.origin,
      serviceAccountFile: firebase.serviceAccountFile,
      caPem: firebase.caPem,
      boxId: 'b'.repeat(52),
      clock: new FakeClock(),
    }).remove({ uid: `${uid}/${boxId}`, name: 'otp' }, never),
  ).rejects.toMatchObject({ status: 401 });
  expect(await asked('', 'PATCH')).toBe(401);
  await box.close();
});

it('finds after a restart what it left there before', async () => {
  const before = mailbox();
  await before.put({ uid: 'a'.repeat(28), name: 'otp', value: '1', seconds: 60 }, never);
  await before.put({ uid: 'b'.repeat(28), name: 'token', value: '2', seconds: 60 }, never);
  await before.close();
  const after = mailbox();
  await after.clear(never);
  expect(JSON.stringify(firebase.data())).not.toMatch(/aaaa|bbbb/);
  await after.clear(never);
  await after.close();
});

it('says in health when Firebase does not take the removal, and does it later', async () => {
  const own = await openHouse({ mailboxes: [mailbox()] });
  const condition = (): string | undefined =>
    own.health.conditions.value.find(({ name }) => name === 'access.instances')?.severity;
  await expect.poll(condition).toBe('ok');
  firebase.down = true;
  const refused = await own.owner.call('POST', '/api/instances', {
    body: { deviceId: 'phone', uid: 'c'.repeat(28) },
  });
  expect(refused).toMatchObject({ status: 503, json: { code: 'mailbox-failed' } });
  firebase.down = false;
  const body = { deviceId: 'phone', uid: 'c'.repeat(28), mailbox: 'firebase' };
  expect((await own.owner.call('POST', '/api/instances', { body })).status).toBe(200);
  firebase.down = true;
  await own.lab.clock.advance(61_000);
  await expect.poll(condition).toBe('warning');
  firebase.down = false;
  await own.lab.clock.advance(600_000);
  await expect.poll(condition).toBe('ok');
  expect(JSON.stringify(firebase.data())).not.toContain('cccc');
});

it('says which setting is wrong when the key of the service account is none', async () => {
  const wrong = new FirebaseMailbox({
    database: firebase.origin,
    serviceAccountFile: '/nowhere/key.json',
    boxId,
    clock: systemClock,
  });
  await expect(wrong.clear(never)).rejects.toMatchObject({
    code: 'bad-setting',
    message: expect.stringContaining('firebase.service-account-file /nowhere/key.json'),
  });
});

/** Names of the mailboxes that these settings make. */
const mailboxesBy = (cloud: string, database: string): string[] =>
  mailboxesOf({
    config: { cloud: { mailbox: cloud }, firebase: { database, serviceAccountFile: '/key.json' } },
    identity,
    clock: systemClock,
  }).map(({ name }) => name);

it('is there when the settings name it, after the cloud’s', () => {
  expect(mailboxesBy('', '')).toEqual([]);
  expect(mailboxesBy('https://mailbox.test', 'https://db.test')).toEqual(['porchlight', 'firebase']);
});
