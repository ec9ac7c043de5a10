import { beforeAll, describe, expect, it } from 'vitest';
import { minutes } from '../../../../src/kit/runtime/clock.ts';
import { Authenticator } from '../../lab/authenticator.ts';
import { type Answer, Browser, type Call, type Lab, names, openLab } from '../../lab/lab.ts';

let lab: Lab;
let owner: Browser;
const key = new Authenticator();
const rpId = names.main;

beforeAll(async () => {
  lab = await openLab();
  owner = new Browser(lab);
  await owner.firstRun();
});

async function challenge(browser: Browser, path: string, call: Call = { body: {} }): Promise<string> {
  return String((await browser.call('POST', path, call)).json['challenge']);
}

async function add(changed: Partial<Parameters<Authenticator['create']>[0]> = {}): Promise<Answer> {
  const asked = await challenge(owner, '/api/passkeys/options');
  const response = key.create({ challenge: asked, rpId, origin: owner.origin, ...changed });
  return owner.call('POST', '/api/passkeys', { body: { label: 'Phone', response } });
}

async function signIn(changed: Partial<Parameters<Authenticator['get']>[0]> = {}): Promise<Answer> {
  const visitor = new Browser(lab);
  const asked = await challenge(visitor, '/api/login/passkey/options');
  const response = key.get({ challenge: asked, rpId, origin: owner.origin, ...changed });
  return visitor.call('POST', '/api/login/passkey', { body: { response } });
}

const refused = { status: 401, json: { code: 'passkey-refused' } };

describe('a passkey', () => {
  it('is added by a person for the whole zone', async () => {
    expect((await owner.open())['passkeys']).toBe(true);
    expect((await new Browser(lab).open())['passkeys']).toBe(false);
    const { json } = await owner.call('POST', '/api/passkeys/options', { body: {} });
    expect(json).toMatchObject({
      rp: { id: names.main, name: 'Our box' },
      user: { name: 'Ada' },
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    });
    for (const changed of [
      { origin: 'https://evil.example' },
      { origin: `https://hello.${names.main}` },
      { rpId: 'evil.example' },
      { challenge: Buffer.alloc(56).toString('base64url') },
    ])
      expect(await add(changed)).toMatchObject(refused);
    expect(await add()).toMatchObject({ status: 201, json: { label: 'Phone', lastUsedAt: null } });
    const list = (await owner.call('GET', '/api/passkeys')).json['passkeys'];
    expect(list).toEqual([expect.objectContaining({ label: 'Phone' })]);
  });

  it('is a whole login, under every name of the box', async () => {
    const visitor = new Browser(lab);
    expect((await visitor.open())['passkeys']).toBe(true);
    for (const host of [names.main, names.tunnel, `192-168-1-20.${names.main}`]) {
      const origin = `https://${host}:${lab.port}`;
      const asked = await challenge(visitor, '/api/login/passkey/options', { body: {}, host });
      const response = key.get({ challenge: asked, rpId, origin });
      const answer = await visitor.call('POST', '/api/login/passkey', { body: { response }, host });
      expect(answer.status).toBe(204);
      expect(await visitor.open()).toMatchObject({ stage: 'in', person: { name: 'Ada' } });
    }
    const list = (await owner.call('GET', '/api/passkeys')).json['passkeys'];
    expect(list).toEqual([expect.objectContaining({ lastUsedAt: lab.clock.now() })]);
  });

  it('is not taken from another page, for another zone, nor without the person', async () => {
    expect(await signIn({ origin: `https://b.other.test` })).toMatchObject(refused);
    expect(await signIn({ origin: `https://remote.${names.main}` })).toMatchObject(refused);
    expect(await signIn({ rpId: 'box.test' })).toMatchObject(refused);
    key.flags = 0x01;
    expect(await signIn()).toMatchObject(refused);
    key.flags = 0x05;
    key.counter = 0;
    expect(await signIn()).toMatchObject(refused);
    key.counter = 100;
    expect((await signIn()).status).toBe(204);
  });

  it('counts only from a page that is the whole window, to add one and to log in', async () => {
    const framed = { crossOrigin: true };
    const told = { topOrigin: 'https://evil.example' };
    for (const changed of [framed, told, { ...framed, ...told }]) {
      expect(await add(changed)).toMatchObject(refused);
      expect(await signIn(changed)).toMatchObject(refused);
    }
  });

  it('is never put in the place of another: one that is known stays as it is, whoever brings it', async () => {
    expect(await add()).toMatchObject({ status: 409, json: { code: 'passkey-known' } });
    const thief = new Authenticator();
    key.id.copy(thief.id);
    const asked = await challenge(owner, '/api/passkeys/options');
    const response = thief.create({ challenge: asked, rpId, origin: owner.origin });
    const body = { label: 'Theirs', response };
    expect(await owner.call('POST', '/api/passkeys', { body })).toMatchObject({ status: 409 });
    expect((await signIn()).status).toBe(204);
    const list = (await owner.call('GET', '/api/passkeys')).json['passkeys'];
    expect(list).toEqual([expect.objectContaining({ label: 'Phone' })]);
  });

  it('answers a challenge once, in time, and for its purpose', async () => {
    const visitor = new Browser(lab);
    const asked = await challenge(visitor, '/api/login/passkey/options');
    const body = { response: key.get({ challenge: asked, rpId, origin: owner.origin }) };
    const [first, second] = await Promise.all([
      visitor.call('POST', '/api/login/passkey', { body }),
      visitor.call('POST', '/api/login/passkey', { body }),
    ]);
    expect(new Set([first.status, second.status])).toEqual(new Set([204, 401]));
    expect(await visitor.call('POST', '/api/login/passkey', { body })).toMatchObject(refused);
    const forAdding = await challenge(owner, '/api/passkeys/options');
    expect(await signIn({ challenge: forAdding })).toMatchObject(refused);
    const late = await challenge(visitor, '/api/login/passkey/options');
    await lab.clock.advance(minutes(5));
    expect(await signIn({ challenge: late })).toMatchObject(refused);
  });

  it('that is not known, or no passkey at all, is refused', async () => {
    const visitor = new Browser(lab);
    const asked = await challenge(visitor, '/api/login/passkey/options');
    const response = new Authenticator().get({ challenge: asked, rpId, origin: owner.origin });
    expect(await visitor.call('POST', '/api/login/passkey', { body: { response } })).toMatchObject(refused);
    const broken = { ...response, response: { clientDataJSON: 'eA' } };
    const id = key.id.toString('base64url');
    for (const body of [{ response: broken }, { response: { ...broken, id, rawId: id } }])
      expect(await visitor.call('POST', '/api/login/passkey', { body })).toMatchObject(refused);
    expect((await visitor.call('POST', '/api/login/passkey', { body: { response: 'x' } })).status).toBe(400);
    const local = { body: { response }, host: 'our-box.local' };
    expect(await visitor.call('POST', '/api/login/passkey', local)).toMatchObject(refused);
  });

  it('is removed by whose it is', async () => {
    const [{ id } = { id: '' }] = (await owner.call('GET', '/api/passkeys')).json['passkeys'] as {
      id: string;
    }[];
    expect((await owner.call('DELETE', `/api/passkeys/${id}`)).status).toBe(204);
    expect((await owner.call('DELETE', `/api/passkeys/${id}`)).status).toBe(404);
    expect(await signIn()).toMatchObject(refused);
  });
});
