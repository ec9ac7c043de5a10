import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { PorchlightMailbox } from '../../../src/box/auth/instances/porchlight-mailbox.ts';
import type { Updater } from '../../../src/box/update/updater.ts';
import { minutes, seconds } from '../../../src/kit/runtime/clock.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { agentClient } from '../../../src/protocol/constants.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { Authenticator } from '../lab/authenticator.ts';
import { openEnrolmentLab } from '../auth/enrolment/flow.ts';
import { identity } from '../lab/identity.ts';
import { type Answer, Browser, connectQuery, type Lab, names, openLab, password } from '../lab/lab.ts';
import { partRoutes } from '../lab/part-routes.ts';
import { authorise, pendingOf } from '../auth/pairing/flow.ts';

/** Routes that change something and want no recent proof, each with the reason. */
const without: Readonly<Record<string, string>> = {
  'POST /api/first-run': 'has the setup code; signs in',
  'POST /api/login': 'has the password; signs in',
  'POST /api/login/passkey/options': 'makes a challenge, keeps nothing',
  'POST /api/login/passkey': 'has the passkey; signs in',
  'POST /api/recover/access': 'has the recovery code; only looks',
  'POST /api/recover': 'has the recovery code; signs in',
  'POST /api/join': 'has the invite code; signs in',
  'POST /api/logout': 'ends the session itself',
  'POST /api/proof': 'gives the proof',
  'POST /api/proof/passkey/options': 'makes a challenge, keeps nothing',
  'POST /api/proof/passkey': 'gives the proof',
  'DELETE /api/sessions/:id': 'only takes away, and what was ended can sign in again',
  'DELETE /api/approvals/:id': 'only takes away: who was let in is asked about again',
  'POST /api/update/check': 'asks the update server; nothing changes',
  'POST /api/agent/challenge': 'signs a challenge for anybody, keeps nothing',
  'POST /api/auth/login/session': 'an agent’s own token; the page ends with the agent',
  'POST /authorise': 'asks an owner, whose answer wants proof',
  'POST /auth': 'asks an owner, whose answer wants proof',
  'POST /api/instances': 'lets nobody in: a password for the mailbox',
  'POST /api/instances/confirm': 'acts for nobody until an owner answers',
  'POST /api/instance/ask': 'asks an owner, whose answer wants proof',
  'DELETE /api/instance': 'an app instance ends itself',
  'POST /oauth/token': 'an app’s code or token; ends with the session that let it in',
  'POST /oauth/revoke': 'an app ends itself',
  'POST /w': 'an app’s own token; Socket.IO’s long polling',
  'POST /w/': 'the same, as stock clients write it',
};
/** Those whose body decides it; each has a test below. */
const byBody = ['POST /api/approvals/:id', 'POST /api/connect', 'PUT /api/password'];

/** Of the application around: reads alone. */
const reads = new Set(['GET', 'HEAD', 'OPTIONS']);

interface Route {
  name: string;
  recentProof: unknown;
}

async function allRoutes(): Promise<{ lab: Lab; routes: Route[] }> {
  const routes: Route[] = [];
  const mailbox = new PorchlightMailbox({ origin: 'https://localhost:1', identity, caPem: '' });
  const lab = await openEnrolmentLab(
    {},
    {
      instances: { mailboxes: [mailbox], health: new Health(new FakeClock()) },
      routes: partRoutes({ updater: {} as Updater }),
    },
    (app) =>
      app.addHook('onRoute', ({ method, url, config }) => {
        for (const each of [method].flat())
          routes.push({ name: `${each} ${url}`, recentProof: config?.recentProof });
      }),
  );
  return { lab, routes };
}

const needed = (by = ['password']): object => ({ status: 403, json: { code: 'proof-needed', by } });

describe('what changes something', async () => {
  const { lab, routes } = await allRoutes();
  const changing = routes.filter(({ name }) => !reads.has(name.split(' ')[0] ?? ''));
  const gated = changing.filter(({ recentProof }) => recentProof === true);

  it('is behind the gate, or on the list of what needs no proof', () => {
    const open = changing.filter(({ recentProof }) => recentProof === undefined).map(({ name }) => name);
    expect(open.filter((name) => without[name] === undefined)).toEqual([]);
    expect(Object.keys(without).filter((name) => !open.includes(name))).toEqual([]);
    const decided = changing.filter(({ recentProof }) => typeof recentProof === 'function');
    expect(decided.map(({ name }) => name).toSorted()).toEqual(byBody);
    expect(gated.length).toBeGreaterThan(12);
  });

  it('and is behind it, is refused with cookie and CSRF token alone, before its body is looked at', async () => {
    const owner = new Browser(lab);
    owner.proves = false;
    await owner.firstRun();
    await lab.clock.advance(minutes(5));
    const answers = await Promise.all(
      gated.map(async ({ name }) => {
        const [method = '', url = ''] = name.split(' ');
        const { json } = await owner.call(method, url.replace(':id', 'x'), { body: {} });
        return [name, json['code']];
      }),
    );
    expect(answers).toEqual(gated.map(({ name }) => [name, 'proof-needed']));
  });
});

const options = async (by: Browser): Promise<string> =>
  String((await by.call('POST', '/api/proof/passkey/options', { body: {} })).json['challenge']);

describe('recent proof', () => {
  let lab: Lab;
  let owner: Browser;
  const invite = (by = owner, name = 'Bo'): Promise<Answer> =>
    by.call('POST', '/api/people', { body: { name, role: 'member' } });

  beforeEach(async () => {
    lab = await openLab();
    owner = new Browser(lab);
    owner.proves = false;
    await owner.firstRun();
  });

  it('is a sign-in, for five minutes', async () => {
    await lab.clock.advance(minutes(5) - 1);
    expect((await owner.call('GET', '/api/proof')).status).toBe(204);
    expect((await invite()).status).toBe(201);
    await lab.clock.advance(1);
    expect(await owner.call('GET', '/api/proof')).toMatchObject(needed());
    expect(await invite(owner, 'Cy')).toMatchObject(needed());
    expect((await owner.call('GET', '/api/people')).json['people']).toHaveLength(2);
  });

  it('is given again by password, for this session alone', async () => {
    const other = new Browser(lab);
    other.proves = false;
    await other.signIn();
    await lab.clock.advance(minutes(5));
    expect(await owner.prove('a wrong one')).toMatchObject({
      status: 401,
      json: { code: 'wrong-name-or-password' },
    });
    expect(await invite()).toMatchObject(needed());
    expect((await owner.prove()).status).toBe(204);
    expect((await invite()).status).toBe(201);
    expect(await invite(other, 'Cy')).toMatchObject(needed());
  });

  it('is counted like a sign-in when it is guessed', async () => {
    await lab.clock.advance(minutes(5));
    for (let tries = 0; tries < 8; tries++) expect((await owner.prove('a wrong one')).status).toBe(401);
    expect(await owner.prove()).toMatchObject({ status: 429, json: { code: 'rate-limited' } });
    expect(await invite()).toMatchObject(needed());
  });

  it('is given by a passkey of this person, whose challenge is of this session', async () => {
    const key = new Authenticator();
    const place = { rpId: names.main, origin: owner.origin };
    const made = await owner.call('POST', '/api/passkeys/options', { body: {} });
    const response = key.create({ ...place, challenge: String(made.json['challenge']) });
    await owner.call('POST', '/api/passkeys', { body: { label: 'Phone', response } });
    const member = new Browser(lab);
    const { json } = await invite();
    await member.call('POST', '/api/join', { body: { inviteCode: json['inviteCode'], password } });
    await member.open();
    await lab.clock.advance(minutes(5));

    expect(await invite(owner, 'Cy')).toMatchObject(needed(['password', 'passkey']));
    const elsewhere = await owner.call('GET', '/api/proof', { host: 'our-box.local' });
    expect(elsewhere).toMatchObject(needed());
    const give = (by: Browser, challenge: string): Promise<Answer> =>
      by.call('POST', '/api/proof/passkey', { body: { response: key.get({ ...place, challenge }) } });
    const refused = { status: 401, json: { code: 'passkey-refused' } };
    // Somebody else's passkey, a challenge of somebody else's session, and one that was for signing in.
    expect(await give(member, await options(member))).toMatchObject(refused);
    expect(await give(owner, await options(member))).toMatchObject(refused);
    const signIn = await owner.call('POST', '/api/login/passkey/options', { body: {} });
    expect(await give(owner, String(signIn.json['challenge']))).toMatchObject(refused);
    expect(await invite(owner, 'Cy')).toMatchObject(needed(['password', 'passkey']));
    expect((await give(owner, await options(owner))).status).toBe(204);
    expect((await invite(owner, 'Cy')).status).toBe(201);
  });

  it('is wanted for letting somebody in for long, not for refusing', async () => {
    await lab.clock.advance(minutes(5));
    await authorise(lab, { clientId: randomUUID(), wait: 0 });
    const [{ id } = { id: '' }] = await pendingOf(owner);
    const answer = (allow: boolean): Promise<Answer> =>
      owner.call('POST', `/api/approvals/${id}`, { body: { allow } });
    expect(await answer(true)).toMatchObject(needed());
    expect((await answer(false)).status).toBe(204);
  });

  it('is wanted for an agent, which outlives the session, not for an app, which does not', async () => {
    await lab.clock.advance(minutes(5) + seconds(1));
    const consent = (body: object): Promise<Answer> =>
      owner.call('POST', '/api/connect', { body: { ...connectQuery(), allow: true, ...body } });
    const agent = { client_id: agentClient.clientId, redirect_uri: 'http://127.0.0.1:4711/paired' };
    expect(await consent(agent)).toMatchObject(needed());
    expect((await consent({ ...agent, allow: false })).status).toBe(200);
    expect((await consent({})).status).toBe(200);
    await owner.prove();
    expect((await consent(agent)).status).toBe(200);
  });

  it('is of this run of the box: it asks again after a start', async () => {
    const { cookie } = owner;
    await lab.close();
    lab = await openLab({ folder: lab.options.folder, clock: lab.clock });
    const again = Object.assign(new Browser(lab), { cookie, proves: false });
    await again.open();
    expect(await invite(again)).toMatchObject(needed());
  });
});
