import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ReplayMemory } from '../../../../src/box/auth/instances/replay-memory.ts';
import { minutes } from '../../../../src/kit/runtime/clock.ts';
import { seal, sealedFor } from '../../../../src/protocol/sealed.ts';
import { away, boxId, Browser, home, openLab } from '../../lab/lab.ts';
import { type House, openHouse, PhoneApp, plain, signedByHand, type ToSign } from './house.ts';

const refused = (code: string, status = 401): object => ({ status, json: { code } });

describe('a signed call', () => {
  let house: House;
  let app: PhoneApp;
  const me = '/api/instance';

  beforeAll(async () => {
    house = await openHouse();
    app = await new PhoneApp(house).letIn();
  });

  it('is taken once', async () => {
    const headers = signedByHand(app.toSign('GET', me));
    expect(await plain(house.lab, 'GET', me, { headers })).toMatchObject({ status: 200 });
    expect(await plain(house.lab, 'GET', me, { headers })).toMatchObject(refused('signature-refused'));
  });

  it('leaves nothing in memory when nobody calls any more', async () => {
    const sweeps = vi.spyOn(ReplayMemory.prototype, 'sweep');
    onTestFinished(() => sweeps.mockRestore());
    expect(await app.call('GET', me)).toMatchObject({ status: 200 });
    // A round of the expiry reads the disk, which no clock moves.
    const left = async (): Promise<number | undefined> => {
      await house.lab.clock.advance(minutes(11));
      return (sweeps.mock.contexts as ReplayMemory[])[0]?.size;
    };
    await expect.poll(left).toBe(0);
  });

  it.each<[string, (now: number) => number, string]>([
    ['a minute old', (now) => now - 60, 'taken'],
    ['older', (now) => now - 61, 'signature-stale'],
    ['of a clock that is a little ahead', (now) => now + 5, 'taken'],
    ['of one that is far ahead', (now) => now + 6, 'signature-stale'],
  ])('%s: %s', async (_, created, expected) => {
    await house.lab.clock.advance(minutes(2));
    const now = Math.floor(house.lab.clock.now() / 1000);
    const { status, json } = await app.call('GET', me, undefined, { created: created(now) });
    expect(status === 200 ? 'taken' : json['code']).toBe(expected);
    expect(json['now'] ?? now).toBe(now);
  });

  it.each<[string, Partial<ToSign>]>([
    ['by another secret', { secret: randomBytes(32).toString('base64url') }],
    ['by nobody who is known', { keyid: 'nobody' }],
    ['for another method', { method: 'DELETE' }],
    ['for another path', { path: '/api/me' }],
    ['for another query', { path: '/api/instance?x=1' }],
    ['for another box', { host: 'remote.other.test' }],
    ['without the method', { covered: ['@authority', '@path', '@query'] }],
    ['without the host', { covered: ['@method', '@path', '@query'] }],
    ['without the query', { covered: ['@method', '@authority', '@path'] }],
    ['with a short nonce', { parameters: { nonce: 'abc' } }],
    ['with another algorithm', { parameters: { alg: 'ecdsa-p256-sha256' } }],
    ['that covers a field there is not', { covered: ['@method', '@target-uri', 'x-more'] }],
  ])('%s is refused', async (_, changed) => {
    expect(await app.call('GET', me, undefined, changed)).toMatchObject(refused('signature-refused'));
  });

  it('that covers the target as one is taken', async () => {
    const changed = { covered: ['@method', '@target-uri'] };
    expect(await app.call('GET', me, undefined, changed)).toMatchObject({ status: 200 });
  });

  it('that has expired is refused', async () => {
    const expires = Math.floor(house.lab.clock.now() / 1000);
    const changed = { parameters: { expires } };
    expect(await app.call('GET', me, undefined, changed)).toMatchObject(refused('signature-stale'));
  });

  it('with a body is refused when the body is another, or not covered', async () => {
    const ask = '/api/instance/ask';
    const [body, other] = [{ wait: 0 }, { wait: 1 }];
    const signedFor = (text: string, covered?: readonly string[]): Record<string, string> =>
      signedByHand({ ...app.toSign('POST', ask), text, ...(covered === undefined ? {} : { covered }) });
    const sent = (headers: Record<string, string>): Promise<unknown> =>
      plain(house.lab, 'POST', ask, { body, headers });
    expect(await sent(signedFor(JSON.stringify(other)))).toMatchObject(refused('body-refused', 422));
    const { 'content-digest': digest = '', ...without } = signedByHand(app.toSign('POST', ask));
    expect(digest).toBe('');
    expect(await sent(without)).toMatchObject(refused('signature-refused'));
    const half = ['@method', '@target-uri', 'content-digest'];
    expect(await sent(signedFor(JSON.stringify(body), half))).toMatchObject(refused('signature-refused'));
    const longer = await sent({
      ...signedFor(JSON.stringify(body)),
      'content-type': 'application/json; x=1',
    });
    expect(longer).toMatchObject(refused('signature-refused'));
  });

  it('may have its body encrypted to the box, for this instance, method and path', async () => {
    const ask = '/api/instance/ask';
    const { boxKey = '', clientId = '' } = app.credentials ?? {};
    const type = 'application/vnd.porchlight.sealed+json';
    const info = sealedFor.request(boxId, clientId);
    const sent = async (sealed: object): Promise<unknown> => {
      const headers = signedByHand({ ...app.toSign('POST', ask), text: JSON.stringify(sealed), type });
      const all = { ...headers, 'content-type': type };
      return plain(house.lab, 'POST', ask, { body: sealed, headers: all });
    };
    house.lab.from = home;
    const body = JSON.stringify({ wait: 0 });
    expect(await sent(await seal(boxKey, body, info, `POST ${ask}`))).toMatchObject({
      status: 200,
      json: { answer: 'pending' },
    });
    house.lab.from = away;
    const wrong = [
      await seal(boxKey, body, info, `POST ${ask}?x`),
      await seal(boxKey, body, sealedFor.request(boxId, 'other'), `POST ${ask}`),
      await seal(boxKey, 'no JSON', info, `POST ${ask}`),
      { enc: 'x' },
    ];
    for (const sealed of wrong) expect(await sent(sealed)).toMatchObject(refused('body-refused', 422));
    // Nobody's key is known without a signature.
    const signIn = {
      body: { enc: 'x' },
      headers: { 'content-type': type, origin: new Browser(house.lab).origin },
    };
    expect((await plain(house.lab, 'POST', '/api/login', signIn)).json['code']).toBe('body-refused');
    // What is inside has to be of the form as well.
    const more = await seal(boxKey, '{"wait":-1}', info, `POST ${ask}`);
    expect(await sent(more)).toMatchObject(refused('bad-request', 400));
  });

  it('is nothing that a cookie could stand in for, nor an owner’s page', async () => {
    expect(await house.owner.call('GET', me)).toMatchObject(refused('not-logged-in'));
    expect(await house.owner.call('POST', '/api/instance/ask', { body: {} })).toMatchObject(
      refused('not-logged-in'),
    );
  });

  it('of an instance opens nothing that only a person may', async () => {
    const linked = await (await new PhoneApp(house).letIn()).linked();
    expect((await linked.call('GET', '/api/me')).status).toBe(200);
    for (const path of ['/api/sessions', '/api/settings', '/api/approvals', '/api/people'])
      expect((await linked.call('GET', path)).status).toBe(401);
  });
});

it('that was made before the box was started is not taken: the box knows none of the nonces from then', async () => {
  const house = await openHouse();
  const app = await new PhoneApp(house).letIn();
  const now = Math.floor(house.lab.clock.now() / 1000);
  const before = await app.call('GET', '/api/instance', undefined, { created: now - 1 });
  expect(before).toMatchObject(refused('signature-stale'));
  expect((await app.call('GET', '/api/instance')).status).toBe(200);
});

it('is never a person’s cookie that a signature stands beside', async () => {
  const house = await openHouse();
  expect((await house.owner.call('GET', '/api/me')).status).toBe(200);
  const headers = { 'signature-input': 'sig=()', signature: 'sig=:AA==:' };
  expect(await house.owner.call('GET', '/api/me', { headers })).toMatchObject(refused('signature-refused'));
  // Nor where nobody looks at signatures.
  const lab = await openLab();
  const owner = new Browser(lab);
  await owner.firstRun();
  expect(await owner.call('GET', '/api/me', { headers })).toMatchObject(refused('not-logged-in'));
});
