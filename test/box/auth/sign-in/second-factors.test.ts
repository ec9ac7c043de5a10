import { Secret, TOTP } from 'otpauth';
import { beforeEach, describe, expect, it } from 'vitest';
import { minutes, seconds } from '../../../../src/kit/runtime/clock.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { Authenticator } from '../../lab/authenticator.ts';
import { type Answer, Browser, type Lab, names, openLab, password } from '../../lab/lab.ts';

let lab: Lab;
let owner: Browser;
let recoveryCode: string;

const needed = (by: string[]): object => ({ status: 401, json: { code: 'second-factor-needed', by } });
const wrong = { status: 401, json: { code: 'wrong-code' } };

/** A phone with the secret of the person; its clock may be off. */
const phone = (secret: string, offMs = 0): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: lab.clock.now() + offMs });

const signIn = (code?: string, by = new Browser(lab)): Promise<Answer> =>
  by.call('POST', '/api/login', { body: { name: 'Ada', password, ...(code === undefined ? {} : { code }) } });

const recover = async (code: string, keep: string[]): Promise<string> => {
  const body = { name: 'Ada', recoveryCode: code, password, keep };
  const { status, json } = await new Browser(lab).call('POST', '/api/recover', { body });
  expect(status).toBe(201);
  return String(json['recoveryCode']);
};

const look = (code: unknown): Promise<Answer> =>
  new Browser(lab).call('POST', '/api/recover/access', { body: { name: 'Ada', recoveryCode: code } });

/** Sets the phone up, and goes on to its next code. */
async function setUp(): Promise<string> {
  const { json } = await owner.call('POST', '/api/second-factor/totp');
  const secret = String(json['secret']);
  const confirmed = await owner.call('PUT', '/api/second-factor/totp', { body: { code: phone(secret) } });
  expect(confirmed.status).toBe(204);
  await lab.clock.advance(seconds(30));
  return secret;
}

async function addPasskey(): Promise<Authenticator> {
  const key = new Authenticator();
  const { json } = await owner.call('POST', '/api/passkeys/options', { body: {} });
  const place = { rpId: names.main, origin: owner.origin, challenge: String(json['challenge']) };
  const added = await owner.call('POST', '/api/passkeys', {
    body: { label: 'Phone', response: key.create(place) },
  });
  expect(added.status).toBe(201);
  return key;
}

beforeEach(async () => {
  lab = await openLab();
  owner = new Browser(lab);
  owner.proves = false;
  recoveryCode = String((await owner.firstRun()).json['recoveryCode']);
});

describe('an authenticator app', () => {
  it('is set up by a code that it shows, and asked for beside the password from then on', async () => {
    const { json } = await owner.call('POST', '/api/second-factor/totp');
    expect(json['uri']).toMatch(
      /^otpauth:\/\/totp\/Our%20box:Ada\?issuer=Our%20box&secret=[A-Z2-7]{32}&algorithm=SHA1&digits=6&period=30$/,
    );
    // Shown, and not confirmed: nobody is locked out by half of it.
    expect(await owner.call('PUT', '/api/second-factor/totp', { body: { code: '000000' } })).toMatchObject(
      wrong,
    );
    expect((await signIn()).status).toBe(204);
    const secret = await setUp();
    expect((await owner.call('GET', '/api/second-factor')).json).toEqual({
      on: true,
      totp: true,
      passkeys: false,
    });
    expect(await signIn()).toMatchObject(needed(['totp']));
    const visitor = new Browser(lab);
    expect((await signIn(phone(secret), visitor)).status).toBe(204);
    expect(await visitor.open()).toMatchObject({ stage: 'in' });
  });

  it('gives codes that work once, each and all before it, by clocks that differ by half a minute', async () => {
    const secret = await setUp();
    const code = phone(secret);
    const before = phone(secret, -seconds(30));
    const both = await Promise.all([signIn(code), signIn(code)]);
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set([204, 401]));
    expect(await signIn(code)).toMatchObject(wrong);
    expect(await signIn(before)).toMatchObject(wrong);
    expect((await signIn(phone(secret, seconds(30)))).status).toBe(204);
    await lab.clock.advance(minutes(2));
    expect(await signIn(phone(secret, -seconds(60)))).toMatchObject(wrong);
    expect((await signIn(phone(secret, -seconds(30)))).status).toBe(204);
  });

  it('is not guessed: after five wrong ones each waits, by its own count, and the password is still needed', async () => {
    const secret = await setUp();
    for (let tries = 0; tries < 5; tries++) expect(await signIn('123456')).toMatchObject(wrong);
    // The right one is not looked at either.
    expect(await signIn(phone(secret))).toMatchObject({ status: 429, json: { retryAfterSeconds: 30 } });
    // The right password begins nothing again.
    expect(await signIn()).toMatchObject(needed(['totp']));
    expect((await signIn(phone(secret))).status).toBe(429);
    await lab.clock.advance(seconds(30));
    expect((await signIn(phone(secret))).status).toBe(204);
  });

  it('is wanted for recent proof too, and for another password', async () => {
    const secret = await setUp();
    await lab.clock.advance(minutes(5));
    expect(await owner.prove()).toMatchObject(needed(['totp']));
    const change = { current: password, password: 'another one of mine' };
    const put = (): Promise<Answer> => owner.call('PUT', '/api/password', { body: change });
    expect(await put()).toMatchObject({ status: 403, json: { code: 'proof-needed' } });
    const given = await owner.call('POST', '/api/proof', { body: { password, code: phone(secret) } });
    expect(given.status).toBe(204);
    expect((await put()).status).toBe(204);
  });

  it('is no hindrance to the recovery code, which ends it unless it is kept', async () => {
    const secret = await setUp();
    const next = await recover(recoveryCode, ['totp']);
    expect(await signIn()).toMatchObject(needed(['totp']));
    expect((await signIn(phone(secret))).status).toBe(204);
    await recover(next, []);
    expect((await signIn()).status).toBe(204);
  });

  it('is in the store in no form that can be used, survives a restart, and is switched off', async () => {
    const folder = temporaryFolder();
    lab = await openLab({ folder });
    owner = new Browser(lab);
    await owner.firstRun();
    const secret = await setUp();
    const { cookie } = owner;
    await lab.close();
    const { readdirSync, readFileSync } = await import('node:fs');
    const files = readdirSync(folder).map((name) => readFileSync(`${folder}/${name}`));
    const bytes = Buffer.from(Secret.fromBase32(secret).bytes);
    expect(files.some((content) => content.includes(secret) || content.includes(bytes))).toBe(false);
    lab = await openLab({ folder, clock: lab.clock });
    expect(await signIn()).toMatchObject(needed(['totp']));
    owner = Object.assign(new Browser(lab), { cookie, proves: false });
    await owner.open();
    await lab.clock.advance(seconds(30));
    await owner.call('POST', '/api/proof', { body: { password, code: phone(secret) } });
    expect((await owner.call('DELETE', '/api/second-factor')).status).toBe(204);
    expect((await signIn()).status).toBe(204);
  });
});

describe('a passkey beside the password', () => {
  it('is wanted when the person says so, lets in by itself, and the last one is not removed by accident', async () => {
    expect(await owner.call('PUT', '/api/second-factor')).toMatchObject({ json: { code: 'no-passkey' } });
    const key = await addPasskey();
    expect((await signIn()).status).toBe(204);
    expect((await owner.call('PUT', '/api/second-factor')).status).toBe(204);
    expect(await signIn()).toMatchObject(needed(['passkey']));
    expect(await signIn('123456')).toMatchObject(needed(['passkey']));
    const visitor = new Browser(lab);
    const { json } = await visitor.call('POST', '/api/login/passkey/options', { body: {} });
    const place = { rpId: names.main, origin: owner.origin, challenge: String(json['challenge']) };
    const body = { response: key.get(place) };
    expect((await visitor.call('POST', '/api/login/passkey', { body })).status).toBe(204);
    const [passkey] = (await owner.call('GET', '/api/passkeys')).json['passkeys'] as { id: string }[];
    expect(await owner.call('DELETE', `/api/passkeys/${passkey?.id}`)).toMatchObject({
      status: 409,
      json: { code: 'last-second-factor' },
    });
  });
});

it('a new recovery code is made by somebody who is in, and the old one ends', async () => {
  const { status, json } = await owner.call('POST', '/api/recovery-code');
  expect(status).toBe(201);
  expect((await look(recoveryCode)).json['code']).toBe('wrong-recovery-code');
  expect(await look(json['recoveryCode'])).toMatchObject({ status: 200, json: { items: [] } });
});
