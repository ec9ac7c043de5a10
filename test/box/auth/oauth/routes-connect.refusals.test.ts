import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { seconds } from '../../../../src/kit/runtime/clock.ts';
import {
  type Answer,
  Browser,
  clientId,
  connectQuery,
  exchange,
  fromApp,
  type Lab,
  openLab,
  redirectUri,
  refresh,
} from '../../lab/lab.ts';

let lab: Lab;
let browser: Browser;

beforeAll(async () => {
  lab = await openLab();
  browser = new Browser(lab);
  await browser.firstRun();
});

const path = (changed: Record<string, string | undefined>): string => {
  const entries = Object.entries({ ...connectQuery(), ...changed });
  const given = entries.filter((entry): entry is [string, string] => entry[1] !== undefined);
  return `/connect?${new URLSearchParams(given).toString()}`;
};

describe('/connect', () => {
  it.each([
    ['no app', { client_id: undefined }],
    ['an unknown app', { client_id: 'https://evil.example' }],
    ['no redirect URI', { redirect_uri: undefined }],
    ['a foreign redirect URI', { redirect_uri: 'https://evil.example/back' }],
    ['a redirect URI that begins right', { redirect_uri: `${redirectUri}/more` }],
    ['a redirect URI in another spelling', { redirect_uri: 'https://APP.test/back' }],
    ['a redirect URI with a query', { redirect_uri: `${redirectUri}?x` }],
    ['a redirect URI with script', { redirect_uri: 'javascript:alert(1)' }],
    ['a redirect URI with markup', { redirect_uri: 'https://x/"><script>alert(1)</script>' }],
  ])('answers %s with a page, and sends nobody anywhere', async (_, changed) => {
    const told = lab.arrived.length;
    const answer = await browser.call('GET', path(changed));
    expect(answer.status).toBe(403);
    expect(answer.headers['location']).toBeUndefined();
    expect(answer.headers['content-type']).toContain('text/html');
    expect(answer.text).toContain('app-not-allowed');
    expect(answer.text).not.toContain('<script>');
    expect(lab.arrived.length).toBe(told);
  });

  it.each([
    ['missing PKCE', { code_challenge: undefined }, 'invalid_request', 'missing: code_challenge'],
    ['no PKCE method', { code_challenge_method: undefined }, 'invalid_request', 'code_challenge_method'],
    ['plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request', 'code_challenge_method'],
    ['a short challenge', { code_challenge: 'abc' }, 'invalid_request', 'code_challenge'],
    ['the implicit way', { response_type: 'token' }, 'unsupported_response_type', 'response_type'],
  ])('tells the app of %s', async (_, changed: Record<string, string | undefined>, error, description) => {
    const answer = await browser.call('GET', path(changed));
    expect(answer.status).toBe(302);
    const target = new URL(answer.headers['location'] ?? '');
    expect(target.origin + target.pathname).toBe(redirectUri);
    const given = Object.fromEntries(target.searchParams);
    expect(given).toMatchObject({ error, iss: browser.origin });
    expect(given['error_description']).toContain(description);
    const state = 'state' in changed ? changed['state'] : connectQuery()['state'];
    expect(given['state']).toBe(state);
  });

  it('refuses a parameter that is given twice', async () => {
    const twice = await browser.call('GET', `${path({})}&code_challenge=${'x'.repeat(43)}`);
    expect(new URL(twice.headers['location'] ?? '').searchParams.get('error')).toBe('invalid_request');
    const redirectTwice = await browser.call('GET', `${path({})}&redirect_uri=https://evil.example`);
    expect(redirectTwice.status).toBe(403);
  });

  it('serves its page so that nothing leaks and nobody frames it', async () => {
    const { headers } = await browser.call('GET', path({}));
    expect(headers).toMatchObject({
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
    });
    expect(headers['content-security-policy']).not.toContain('unsafe');
  });
});

describe('consent', () => {
  it('names the app that asks, and takes no for an answer', async () => {
    const view = await browser.call('GET', path({}).replace('/connect', '/api/connect'));
    expect(view.json).toEqual({ app: { name: 'Porchlight', origin: 'https://app.test' } });
    const { json } = await browser.call('POST', '/api/connect', {
      body: { ...connectQuery(), allow: false },
    });
    const given = Object.fromEntries(new URL(String(json['redirect'])).searchParams);
    expect(given).toEqual({ error: 'access_denied', state: connectQuery()['state'], iss: browser.origin });
  });

  it('is not taken for an app that is not on the list, nor from somebody who is not logged in', async () => {
    const body = { ...connectQuery(), redirect_uri: 'https://evil.example/', allow: true };
    expect((await browser.call('POST', '/api/connect', { body })).json).toMatchObject({
      code: 'app-not-allowed',
    });
    const stranger = new Browser(lab);
    const answer = await stranger.call('POST', '/api/connect', { body: { ...connectQuery(), allow: true } });
    expect(answer).toMatchObject({ status: 401, json: { code: 'not-logged-in' } });
  });
});

async function code(verifier: string): Promise<string> {
  const { json } = await browser.call('POST', '/api/connect', {
    body: { ...connectQuery(verifier), allow: true },
  });
  return new URL(String(json['redirect'])).searchParams.get('code') ?? '';
}

const verifier = randomBytes(32).toString('base64url');

describe('a code', () => {
  it.each([
    ['another verifier', { code_verifier: 'w'.repeat(43) }],
    ['another redirect URI', { redirect_uri: 'https://app.test/other' }],
  ])('is refused with %s, and is used up by it', async (_, changed) => {
    const given = await code(verifier);
    const refused = await exchange(lab, given, verifier, changed);
    expect(refused).toMatchObject({ status: 400, json: { error: 'invalid_grant', code: 'invalid-grant' } });
    expect((await exchange(lab, given, verifier)).json['error']).toBe('invalid_grant');
  });

  it('works for a minute', async () => {
    const given = await code(verifier);
    await lab.clock.advance(seconds(60));
    expect((await exchange(lab, given, verifier)).json['error']).toBe('invalid_grant');
    const soonEnough = await code(verifier);
    await lab.clock.advance(seconds(59));
    expect((await exchange(lab, soonEnough, verifier)).status).toBe(200);
  });

  it('used twice ends what the first use made', async () => {
    const given = await code(verifier);
    const first = await exchange(lab, given, verifier);
    const token = String(first.json['access_token']);
    const me = (): ReturnType<typeof fromApp> =>
      fromApp(lab, 'GET', '/api/me', { headers: { authorization: `Bearer ${token}` } });
    expect(await me()).toMatchObject({
      status: 200,
      json: { person: { name: 'Ada' }, session: { kind: 'app' } },
    });
    expect((await exchange(lab, given, verifier)).json['error']).toBe('invalid_grant');
    const after = await me();
    expect(after).toMatchObject({ status: 401, json: { code: 'not-logged-in' } });
    expect(after.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
    expect(after.headers['access-control-allow-origin']).toBe('https://app.test');
    expect((await refresh(lab, String(first.json['refresh_token']))).json['error']).toBe('invalid_grant');
  });

  it('works for one of two who come at the same time', async () => {
    const given = await code(verifier);
    const both = await Promise.all([exchange(lab, given, verifier), exchange(lab, given, verifier)]);
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set([200, 400]));
  });
});

interface Traded {
  access: string;
  next: string;
}

const me = (accessToken: unknown): Promise<Answer> =>
  fromApp(lab, 'GET', '/api/me', { headers: { authorization: `Bearer ${String(accessToken)}` } });
const traded = async (refreshToken: unknown): Promise<Traded> => {
  const { status, json } = await refresh(lab, String(refreshToken));
  expect(status).toBe(200);
  return { access: String(json['access_token']), next: String(json['refresh_token']) };
};
const asStolen = { error_description: expect.stringContaining('somebody else may hold it') as string };
/** What comes of each token as a refresh and as an access token. */
const worth = async (...given: readonly string[]): Promise<unknown> =>
  Promise.all(given.map(async (token) => [(await refresh(lab, token)).status, (await me(token)).status]));
const nothing = (length: number): unknown => Array.from({ length }, () => [400, 401]);

describe('a refresh token', () => {
  it.each([
    ['its access token', (answer: Traded) => me(answer.access)],
    ['the next refresh token', (answer: Traded) => refresh(lab, answer.next)],
  ])('that comes again after %s was used ends the session: somebody stole it', async (_, use) => {
    const { refreshToken } = await browser.connect();
    const first = await traded(refreshToken);
    const { status, json } = await use(first);
    expect(status).toBe(200);
    expect((await refresh(lab, refreshToken)).json).toMatchObject(asStolen);
    const later = [json['access_token'], json['refresh_token']].map(String);
    expect(await worth(first.access, first.next, ...later)).toEqual(nothing(4));
  });

  it('that comes a second time after half a minute ends the session, whatever was used', async () => {
    const { refreshToken } = await browser.connect();
    const first = await traded(refreshToken);
    await lab.clock.advance(seconds(20));
    const second = await traded(refreshToken);
    await lab.clock.advance(seconds(11));
    expect((await refresh(lab, refreshToken)).json).toMatchObject(asStolen);
    expect(await worth(first.access, first.next, second.access, second.next)).toEqual(nothing(4));
  });

  it('whose answer was lost on the way may come again, and the lost answer is void', async () => {
    const { refreshToken } = await browser.connect();
    const lost = await traded(refreshToken);
    const second = await traded(refreshToken);
    expect((await me(lost.access)).status).toBe(401);
    expect((await me(second.access)).status).toBe(200);
    const third = await traded(second.next);
    expect((await refresh(lab, refreshToken)).json).toMatchObject(asStolen);
    expect(await worth(third.access, third.next)).toEqual(nothing(2));
  });

  it('that a thief used right after the app ends the session when the app comes with its answer', async () => {
    const { refreshToken } = await browser.connect();
    const ofApp = await traded(refreshToken);
    const ofThief = await traded(refreshToken);
    expect((await refresh(lab, ofApp.next)).json).toMatchObject(asStolen);
    expect(await worth(ofThief.access, ofThief.next)).toEqual(nothing(2));
  });

  it('is no access token, and works for its own app alone', async () => {
    const { refreshToken, accessToken } = await browser.connect();
    const headers = { authorization: `Bearer ${refreshToken}` };
    expect((await fromApp(lab, 'GET', '/api/me', { headers })).status).toBe(401);
    expect((await refresh(lab, accessToken)).json['error']).toBe('invalid_grant');
    expect((await refresh(lab, refreshToken, 'https://other.example')).json['error']).toBe('invalid_client');
  });

  it('can be given back, and the session with it', async () => {
    const { refreshToken, accessToken } = await browser.connect();
    const form = { token: refreshToken, client_id: clientId };
    expect((await fromApp(lab, 'POST', '/oauth/revoke', { form })).status).toBe(200);
    expect((await fromApp(lab, 'POST', '/oauth/revoke', { form })).status).toBe(200);
    const headers = { authorization: `Bearer ${accessToken}` };
    expect((await fromApp(lab, 'GET', '/api/ways', { headers })).status).toBe(401);
  });
});

describe('an access token', () => {
  it('opens what apps may see, to the apps’ own pages, for ten minutes', async () => {
    const { accessToken } = await browser.connect();
    const headers = { authorization: `Bearer ${accessToken}` };
    for (const route of ['/api/me', '/api/state', '/api/ways']) {
      const answer = await fromApp(lab, 'GET', route, { headers });
      expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([
        200,
        'https://app.test',
      ]);
      const asked = await fromApp(lab, 'OPTIONS', route);
      expect(asked.status).toBe(204);
      expect(asked.headers['access-control-allow-headers']).toContain('authorization');
      const foreign = await fromApp(lab, 'OPTIONS', route, { headers: { origin: 'https://evil.example' } });
      expect(foreign.headers['access-control-allow-origin']).toBeUndefined();
    }
    for (const route of ['/api/sessions', '/api/people', '/api/settings', '/api/logs'])
      expect((await fromApp(lab, 'GET', route, { headers })).status).toBe(401);
    await lab.clock.advance(seconds(600));
    expect((await fromApp(lab, 'GET', '/api/me', { headers })).status).toBe(401);
  });
});

describe('a script of another site', () => {
  it('may not even ask for what is not the apps’', async () => {
    const headers = {
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    };
    for (const route of ['/api/login', '/api/first-run', '/api/session', '/oauth/token', '/api/me']) {
      const origin = 'https://evil.example';
      const asked = await fromApp(lab, 'OPTIONS', route, { headers: { ...headers, origin } });
      expect([route, asked.headers['access-control-allow-origin']]).toEqual([route, undefined]);
    }
  });
});

describe('the token endpoint', () => {
  it('reads forms alone, each parameter once, of a bounded size', async () => {
    const json = await fromApp(lab, 'POST', '/oauth/token', { body: { client_id: clientId } });
    expect(json.status).toBe(415);
    const twice = await fromApp(lab, 'POST', '/oauth/token', { form: 'client_id=a&client_id=b' });
    expect(twice).toMatchObject({ status: 400, json: { error: 'invalid_request' } });
    const large = await fromApp(lab, 'POST', '/oauth/token', { form: { code: 'x'.repeat(17_000) } });
    expect(large).toMatchObject({ status: 413, json: { code: 'body-too-large' } });
  });
});

it('describes itself (RFC 8414)', async () => {
  const { json, headers } = await fromApp(lab, 'GET', '/.well-known/oauth-authorization-server');
  expect(json).toMatchObject({
    issuer: browser.origin,
    token_endpoint: `${browser.origin}/oauth/token`,
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  });
  expect(headers['access-control-allow-origin']).toBe('https://app.test');
  const forged = await fromApp(lab, 'GET', '/.well-known/oauth-authorization-server', {
    host: 'evil.example',
  });
  expect(forged).toMatchObject({ status: 421, json: { code: 'not-a-name-of-the-box' } });
});
