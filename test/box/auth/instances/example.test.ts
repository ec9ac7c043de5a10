import { beforeAll, describe, expect, it } from 'vitest';
import { decide } from '../pairing/flow.ts';
import { away, boxId, home } from '../../lab/lab.ts';
import { type House, openHouse, PhoneApp, plain } from './house.ts';

/**
 * A mobile app as the document has it, step by step: 3.3 (one-time password, then credentials and signed calls) and 3.2 (a
 * token of its own). Only the mailbox is another one than Google's; with Firebase it is in firebase.test.ts.
 */
let house: House;

beforeAll(async () => {
  house = await openHouse();
});

describe('3.3, one-time password and credentials', () => {
  let app: PhoneApp;
  let otp = '';

  it('1. signs in to the mailbox, anonymously', async () => {
    app = new PhoneApp(house);
    expect(await app.signIn()).toMatchObject({ status: 200, body: { uid: app.mailbox.uid } });
  });

  it('2. tells the box its device id and its id at the mailbox, and is answered 200 with nothing secret', async () => {
    const { status, json } = await app.request({ label: 'Party · Pixel 9' });
    expect({ status, json }).toEqual({ status: 200, json: { boxId, expires_in: 60 } });
  });

  it('3. and 4. reads the one-time password from the mailbox, where it is once', async () => {
    otp = await app.read('otp');
    expect(otp).toMatch(/^[0-9]{8}$/);
    expect((await app.mailbox.read(boxId, 'otp')).status).toBe(404);
  });

  it('5. and 6. sends it back, and gets its credentials through the mailbox, encrypted to it', async () => {
    const { status, json } = await app.confirm(otp);
    expect({ status, json }).toEqual({ status: 200, json: { boxId, expires_in: 300 } });
    expect(app.credentials).toMatchObject({ boxId, hmacSecret: expect.stringMatching(/^[\w-]{43}$/) });
    const [, message = ''] = app.secrets;
    expect(Object.keys(JSON.parse(message) as object)).toEqual(['enc', 'ct']);
  });

  it('7. signs its calls from then on', async () => {
    const { status, json } = await app.call('GET', '/api/instance');
    const { clientId } = app.credentials ?? {};
    expect({ status, json }).toEqual({
      status: 200,
      json: { clientId, boxId, boxName: 'Our box', person: null },
    });
    expect(await plain(house.lab, 'GET', '/api/instance')).toMatchObject({ status: 401 });
  });

  it('acts for nobody before an owner says yes, and for that owner from then on', async () => {
    expect(await app.call('GET', '/api/me')).toMatchObject({ status: 403, json: { code: 'not-linked' } });
    house.lab.from = home;
    const { json: pending } = await app.call('POST', '/api/instance/ask', { wait: 0 });
    expect(pending).toMatchObject({ answer: 'pending', code: expect.stringMatching(/^[2-9A-Z]{4}$/) });
    await decide(house.owner, true, String(pending['code']));
    expect((await app.call('POST', '/api/instance/ask', {})).json).toEqual({ answer: 'allowed', code: '' });
    house.lab.from = away;
    expect(await app.call('GET', '/api/me')).toMatchObject({
      status: 200,
      json: { person: { name: 'Ada' } },
    });
    expect((await app.call('GET', '/api/instance')).json).toMatchObject({ person: 'Ada' });
  });

  it('8. leaves nothing behind: used and expired passwords are removed, and the condition says so', async () => {
    await new PhoneApp(house).request();
    await house.lab.clock.advance(61_000);
    await expect
      .poll(() => house.health.conditions.value)
      .toContainEqual(
        expect.objectContaining({
          name: 'access.instances',
          severity: 'ok',
          message: expect.stringContaining('removed since the start: one-time passwords: 2'),
        }),
      );
  });
});

const asToken = (token: string): { headers: Record<string, string> } => ({
  headers: { authorization: `Bearer ${token}` },
});

describe('3.2, a token of its own', () => {
  it('comes through the mailbox, and is shown with every call', async () => {
    const app = new PhoneApp(house);
    await app.signIn();
    expect(await app.request({ variation: 'token' })).toMatchObject({
      status: 200,
      json: { expires_in: 300 },
    });
    const token = await app.read('token');
    const { status, json } = await plain(house.lab, 'GET', '/api/instance', asToken(token));
    expect({ status, json }).toMatchObject({ status: 200, json: { boxId, person: null } });
    expect((await plain(house.lab, 'GET', '/api/instance', asToken(token))).status).toBe(200);
    expect((await plain(house.lab, 'GET', '/api/instance', asToken(`${token.slice(1)}A`))).status).toBe(401);
    expect((await plain(house.lab, 'DELETE', '/api/instance', asToken(token))).status).toBe(204);
    expect((await plain(house.lab, 'GET', '/api/instance', asToken(token))).status).toBe(401);
  });
});
