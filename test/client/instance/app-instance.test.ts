import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  AppInstance,
  type AppInstanceOptions,
  PorchlightMailbox,
  sealedStore,
  storeKeyFrom,
} from '../../../src/client/instance/index.ts';
import { memoryStore, type Store } from '../../../src/client/store.ts';
import { minutes } from '../../../src/kit/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type House, openHouse } from '../../box/auth/instances/house.ts';
import { boxId, home, names } from '../../box/lab/lab.ts';
import { decide } from '../../box/auth/pairing/flow.ts';
import { mailboxCaPem } from '../../cloud/mailbox/setup.ts';
import { runtimeFor } from './runtime.ts';

let house: House;

beforeAll(async () => {
  house = await openHouse();
});

interface Opened {
  app: AppInstance;
  store: Store;
  options: AppInstanceOptions;
  /** What went to the box. */
  seen: { url: string; init: RequestInit }[];
}

function instance(changed: Partial<AppInstanceOptions> = {}): Opened {
  const { runtime, seen } = runtimeFor(house.lab.caPem);
  const options: AppInstanceOptions = {
    origin: `https://${names.main}:${house.lab.port}`,
    boxId,
    deviceId: `phone-${randomBytes(4).toString('hex')}`,
    label: 'Party · Pixel 9',
    mailbox: new PorchlightMailbox({
      origin: `https://localhost:${house.server.port}`,
      runtime: runtimeFor(mailboxCaPem).runtime,
    }),
    store: memoryStore(),
    runtime: { ...runtime, clock: house.lab.clock },
    ...changed,
  };
  return { app: new AppInstance(options), store: options.store, options, seen };
}

describe('an app instance', () => {
  it('lets itself be known once, and is known from then on', async () => {
    const { app, options, seen } = instance();
    await app.open();
    const { clientId, person } = await app.whoAmI();
    expect(person).toBeNull();
    const calls = seen.length;
    const again = new AppInstance(options);
    await again.open();
    expect(await again.whoAmI()).toMatchObject({ clientId, boxName: 'Our box' });
    // No more than the one signed call: the mailbox was not needed.
    expect(seen.length).toBe(calls + 1);
  });

  it('asks an owner, shows the code, and acts for them after a yes; leaves for good', async () => {
    house.lab.from = home;
    const { app, store } = instance();
    await app.open();
    const code = Promise.withResolvers<string>();
    const asked = app.ask(code.resolve);
    await decide(house.owner, true, await code.promise);
    expect(await asked).toBe('allowed');
    const answer = await app.fetch('/api/me');
    expect(await answer.json()).toMatchObject({ person: { name: 'Ada' }, session: { kind: 'instance' } });
    await app.leave();
    expect(await store.keys()).toEqual([]);
    await expect(app.whoAmI()).rejects.toMatchObject({ code: 'not-ready' });
  });

  it('hears of the end of its credentials, and can get new ones', async () => {
    const { app } = instance();
    await app.open();
    const { json } = await house.owner.call('GET', '/api/sessions');
    for (const { id, kind } of json['sessions'] as { id: string; kind: string }[])
      if (kind === 'instance') await house.owner.call('DELETE', `/api/sessions/${id}`);
    await expect(app.whoAmI()).rejects.toMatchObject({ code: 'signature-refused', status: 401 });
    await app.register();
    expect(await app.whoAmI()).toMatchObject({ boxId });
  });

  it('signs by the clock of the box when its own is wrong', async () => {
    const clock = new FakeClock(house.lab.clock.now() - minutes(90));
    const { runtime, seen } = runtimeFor(house.lab.caPem);
    const { app } = instance({ runtime: { ...runtime, clock } });
    await app.open();
    await app.whoAmI();
    const calls = seen.length;
    await app.whoAmI();
    expect(seen.length).toBe(calls + 1);
  });

  it('sends bodies that nobody on the way can read, when it is asked to', async () => {
    const { app, seen } = instance();
    await app.open();
    house.lab.from = home;
    const answer = await app.fetch('/api/instance/ask', { method: 'POST', body: { wait: 0 }, sealed: true });
    expect(await answer.json()).toMatchObject({ answer: 'pending' });
    expect(JSON.stringify(seen.at(-1)?.init.body)).toContain('enc');
    expect(JSON.stringify(seen.at(-1)?.init.body)).not.toContain('wait');
  });

  it('signs and encrypts for what is really sent, however it was written', async () => {
    const { app } = instance();
    await app.open();
    house.lab.from = home;
    const init = { method: 'post', body: { wait: 0 } };
    for (const sealed of [false, true]) {
      const answer = await app.fetch('/api/instance/ask?für=zwei Leute', { ...init, sealed });
      expect([answer.status, await answer.json()]).toEqual([
        200,
        expect.objectContaining({ answer: 'pending' }),
      ]);
    }
  });

  it('sends nothing to another host, whatever the path', async () => {
    const { app, seen } = instance();
    await app.open();
    const calls = seen.length;
    for (const path of ['//evil.test/', '/\\evil.test/', '@evil.test/', '.evil.test/', ''])
      await expect(app.fetch(path)).rejects.toMatchObject({ code: 'bad-path' });
    expect(seen.length).toBe(calls);
  });

  it('does not talk to another box than the one it means', async () => {
    const { app } = instance({ boxId: `${'q'.repeat(51)}a` });
    await expect(app.open()).rejects.toMatchObject({ code: 'wrong-box' });
  });
});

describe('a sealed store', async () => {
  const key = await storeKeyFrom(new Uint8Array(randomBytes(32)));

  it('holds what only its key opens, each under its own name', async () => {
    const plain = memoryStore();
    const { app, options } = instance({ store: sealedStore(plain, key) });
    await app.open();
    const [entry = ''] = await plain.keys();
    const text = (await plain.load(entry)) ?? '';
    expect(text).not.toContain('hmacSecret');
    expect(await options.store.load(entry)).toContain('hmacSecret');
    await plain.save('other', text);
    await expect(options.store.load('other')).rejects.toMatchObject({ code: 'store-locked' });
    const wrong = sealedStore(plain, await storeKeyFrom(new Uint8Array(32)));
    await expect(wrong.load(entry)).rejects.toMatchObject({ code: 'store-locked' });
    expect(await wrong.load('nothing')).toBeUndefined();
  });
});

describe('the mailbox, as the instance sees it', () => {
  it('signs in again when its token is over', async () => {
    const { runtime, seen } = runtimeFor(mailboxCaPem);
    const mailbox = new PorchlightMailbox({
      origin: `https://localhost:${house.server.port}`,
      runtime: {
        fetch: async (url, init) => {
          const headers = new Headers(init.headers);
          const first = seen.every((call) => !call.url.includes('/mailboxes/'));
          if (first && url.includes('/mailboxes/')) headers.set('authorization', 'Bearer old');
          return runtime.fetch(url, { ...init, headers: Object.fromEntries(headers) });
        },
      },
    });
    const uid = await mailbox.signIn();
    const body = { deviceId: 'phone', uid };
    await house.owner.call('POST', '/api/instances', { body });
    expect(await mailbox.read(boxId, 'otp')).toMatch(/^\d{8}$/);
    expect(seen.filter(({ url }) => url.endsWith('/sign-in'))).toHaveLength(2);
  });
});
