import { beforeAll, describe, expect, it } from 'vitest';
import { appAt } from '../../../src/box/sessions/apps.ts';
import { days } from '../../../src/kit/runtime/clock.ts';
import { away, Browser, fromApp, home, type Lab, names, openLab, password } from '../lab/lab.ts';

let lab: Lab;
let owner: Browser;
let recoveryCode: string;

beforeAll(async () => {
  lab = await openLab();
  owner = new Browser(lab);
  recoveryCode = String((await owner.firstRun()).json['recoveryCode']);
});

const other = 'eleven brown horses';

async function invite(name: string, role = 'member'): Promise<{ id: string; inviteCode: string }> {
  const { status, json } = await owner.call('POST', '/api/people', { body: { name, role } });
  expect(status).toBe(201);
  return { id: String(json['id']), inviteCode: String(json['inviteCode']) };
}

async function join(inviteCode: string): Promise<Browser> {
  const browser = new Browser(lab);
  const answer = await browser.call('POST', '/api/join', { body: { inviteCode, password: other } });
  expect(answer.status).toBe(201);
  await browser.open();
  return browser;
}

describe('people', () => {
  it('are invited by an owner, from anywhere, once', async () => {
    const { inviteCode } = await invite('Bo');
    lab.from = away;
    const bo = await join(inviteCode);
    expect(await bo.open()).toMatchObject({ stage: 'in', person: { name: 'Bo', role: 'member' } });
    const again = await new Browser(lab).call('POST', '/api/join', { body: { inviteCode, password: other } });
    expect(again).toMatchObject({ status: 401, json: { code: 'invite-refused' } });
    lab.from = home;
    const late = await invite('Late');
    await lab.clock.advance(days(2));
    const body = { inviteCode: late.inviteCode, password: other };
    expect((await new Browser(lab).call('POST', '/api/join', { body })).status).toBe(401);
    await owner.call('DELETE', `/api/people/${late.id}`);
  });

  it('who are no owners see themselves alone', async () => {
    const member = await join((await invite('Cy')).inviteCode);
    for (const [method, path, body] of [
      ['GET', '/api/people'],
      ['POST', '/api/people', { name: 'x', role: 'owner' }],
      ['DELETE', '/api/people/x'],
      ['GET', '/api/logs'],
      ['PUT', '/api/apps', { apps: [] }],
      ['PUT', '/api/settings', { name: 'x', tunnel: true, discovery: 'off' }],
    ] as const)
      expect(await member.call(method, path, { body })).toMatchObject({
        status: 403,
        json: { code: 'owner-only' },
      });
    const seen = (await member.call('GET', '/api/sessions')).json['sessions'] as {
      id: string;
      personId: string;
    }[];
    expect(seen.length).toBe(1);
    const all = (await owner.call('GET', '/api/sessions')).json['sessions'] as typeof seen;
    const owners = all.find(({ personId }) => personId !== seen[0]?.personId);
    expect((await member.call('DELETE', `/api/sessions/${owners?.id}`)).status).toBe(404);
    expect((await member.call('GET', '/api/settings')).status).toBe(200);
    expect((await member.call('GET', '/api/services')).json).toEqual({
      services: [{ label: 'hello', url: `https://hello.${names.main}/` }],
    });
  });

  it('are out at once when they are removed; the last owner cannot be', async () => {
    const { id, inviteCode } = await invite('Di', 'owner');
    const di = await join(inviteCode);
    const { accessToken } = await di.connect();
    const me = (await owner.open())['person'] as { id: string };
    expect((await owner.call('DELETE', `/api/people/${id}`)).status).toBe(204);
    expect((await di.open())['stage']).toBe('login');
    const headers = { authorization: `Bearer ${accessToken}` };
    expect((await fromApp(lab, 'GET', '/api/me', { headers })).status).toBe(401);
    await invite('Not here yet', 'owner');
    const last = await owner.call('DELETE', `/api/people/${me.id}`);
    expect(last).toMatchObject({ status: 409, json: { code: 'last-owner' } });
    expect((await owner.call('DELETE', '/api/people/nobody')).status).toBe(404);
  });

  it('have names that nobody takes for another’s', async () => {
    for (const name of ['ada', ' ADA ', 'Ａｄａ', 'A\u200Bda'])
      expect(await owner.call('POST', '/api/people', { body: { name, role: 'member' } })).toMatchObject({
        status: 409,
        json: { code: 'name-taken' },
      });
  });
});

describe('a password', () => {
  it('is changed by who knows it, and whatever else lets them in ends', async () => {
    const first = await join((await invite('Ed')).inviteCode);
    const second = new Browser(lab);
    await second.signIn('Ed', other);
    const app = await first.connect();
    const wrong = await first.call('PUT', '/api/password', { body: { current: 'wrong wrong', password } });
    expect(wrong).toMatchObject({ status: 401, json: { code: 'wrong-name-or-password' } });
    const done = await first.call('PUT', '/api/password', { body: { current: other, password } });
    expect(done.status).toBe(204);
    expect([(await first.open())['stage'], (await second.open())['stage']]).toEqual(['in', 'login']);
    const headers = { authorization: `Bearer ${app.accessToken}` };
    // What else lets somebody in ends too, unless it is kept.
    expect((await fromApp(lab, 'GET', '/api/me', { headers })).status).toBe(401);
    expect((await second.signIn('Ed', other)).status).toBe(401);
    expect((await second.signIn('Ed', password)).status).toBe(204);
  });

  it('that is forgotten is replaced with the recovery code, which works once', async () => {
    const recover = (code: string, secret = other): ReturnType<Browser['call']> =>
      new Browser(lab).call('POST', '/api/recover', {
        body: { name: 'Ada', recoveryCode: code, password: secret },
      });
    expect((await recover('AAAA-AAAA-AAAA-AAAA-AAAA')).json['code']).toBe('wrong-recovery-code');
    expect((await recover(recoveryCode, 'password')).json['code']).toBe('password-refused');
    const done = await recover(recoveryCode.toLowerCase().replaceAll('-', ''));
    expect(done).toMatchObject({
      status: 201,
      json: { recoveryCode: expect.not.stringMatching(recoveryCode) },
    });
    expect((await owner.open())['stage']).toBe('login');
    expect((await recover(recoveryCode)).json['code']).toBe('wrong-recovery-code');
    expect((await owner.signIn('Ada', password)).status).toBe(401);
    expect((await owner.signIn('Ada', other)).status).toBe(204);
  });
});

describe('apps', () => {
  it('are on the list that an owner edits; who is taken off is out', async () => {
    const { accessToken } = await owner.connect();
    const headers = { authorization: `Bearer ${accessToken}` };
    const mine = { clientId: 'mine', name: 'Mine', redirectUris: ['http://127.0.0.1:5173/back'] };
    for (const bad of [
      'http://example.org/',
      'https://x/#y',
      'ftp://x/',
      'https://a:b@x/',
      'javascript:alert(1)',
      'https://bücher.example/',
      'x',
    ]) {
      const body = { apps: [{ ...mine, redirectUris: [bad] }] };
      expect(await owner.call('PUT', '/api/apps', { body })).toMatchObject({
        status: 422,
        json: { code: 'redirect-malformed', redirectUri: bad },
      });
      // Nor from the configuration.
      expect(() => appAt(bad)).toThrow('cannot be returned to');
    }
    expect(() => appAt('https://[')).toThrow('cannot be returned to');
    expect((await fromApp(lab, 'GET', '/api/me', { headers })).status).toBe(200);
    expect(await owner.call('PUT', '/api/apps', { body: { apps: [mine] } })).toMatchObject({
      status: 200,
      json: { apps: [mine] },
    });
    expect((await fromApp(lab, 'GET', '/api/me', { headers })).status).toBe(401);
    const preflight = await fromApp(lab, 'OPTIONS', '/oauth/token');
    expect(preflight.headers['access-control-allow-origin']).toBeUndefined();
  });
});
