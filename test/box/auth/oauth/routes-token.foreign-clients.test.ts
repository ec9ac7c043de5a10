import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { Value } from 'typebox/value';
import { beforeAll, describe, expect, it } from 'vitest';
import { appAt } from '../../../../src/box/sessions/apps.ts';
import * as agentApi from '../../../../src/protocol/agent-api.ts';
import * as instanceApi from '../../../../src/protocol/instance-api.ts';
import * as mailboxApi from '../../../../src/protocol/mailbox-api.ts';
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
} from '../../lab/lab.ts';
import { authorise, bearer } from '../pairing/flow.ts';

/** Apps that others wrote, with what their libraries send. */
const phone = { clientId: 'com.example.app', name: 'Phone', redirectUris: ['com.example.app:/back'] };
const desk = { clientId: 'desk', name: 'Desk', redirectUris: ['http://localhost/back', 'http://127.0.0.1/'] };
const web = { clientId, name: 'Porchlight', redirectUris: [redirectUri] };

let lab: Lab;
let owner: Browser;

beforeAll(async () => {
  lab = await openLab({ apps: [web, phone, desk] });
  owner = new Browser(lab);
  await owner.firstRun();
});

const search = (changed: object): string => {
  const entries = Object.entries({ ...connectQuery(), ...changed }).filter(
    ([, value]) => value !== undefined,
  );
  return new URLSearchParams(entries).toString();
};
/** The page, then the click on *Allow*, as the console sends it: with everything that stood in the query. */
async function allowed(changed: object): Promise<URL> {
  const page = await owner.call('GET', `/connect?${search(changed)}`);
  expect(page.headers['location']).toBeUndefined();
  expect(page.status).toBe(200);
  const query = Object.fromEntries(new URLSearchParams(search(changed)));
  const { status, json } = await owner.call('POST', '/api/connect', { body: { ...query, allow: true } });
  expect(status).toBe(200);
  return new URL(String(json['redirect']));
}

describe('an app of somebody else', () => {
  it.each([
    ['more parameters', { scope: 'openid profile', prompt: 'consent', nonce: 'x', resource: 'https://x/' }],
    ['a short state', { state: '1' }],
    ['a state of JSON', { state: '{"back":"/a?b=c&d","n":[1]}' }],
    ['a state in words', { state: 'zurück zur Küche 🪑' }],
    ['a state of 2 kB', { state: 's'.repeat(2048) }],
    ['no state', { state: undefined }],
    ['an empty state', { state: '' }],
  ])('connects with %s', async (_, changed: Record<string, string | undefined>) => {
    const back = await allowed(changed);
    expect(back.searchParams.get('code')).toMatch(/^[\w-]{43}$/);
    const { state } = { ...connectQuery(), ...changed };
    expect(back.searchParams.get('state')).toBe(state === '' ? null : (state ?? null));
  });

  it.each([
    ['that is too long', 's'.repeat(2049)],
    ['with a line feed', 'a\nb'],
    ['with a NUL', 'a\0b'],
  ])('is told of a state %s', async (_, state) => {
    const { status, headers } = await owner.call('GET', `/connect?${search({ state })}`);
    expect([status, new URL(headers['location'] ?? '').searchParams.get('error')]).toEqual([
      302,
      'invalid_request',
    ]);
  });

  it.each([
    'http://localhost:1/back',
    'http://localhost:53211/back',
    'http://localhost/back',
    'http://127.0.0.1:53211/',
    'http://127.0.0.1:53211',
  ])('on this computer is returned to %s', async (uri) => {
    const back = await allowed({ client_id: 'desk', redirect_uri: uri });
    expect(back.href.startsWith(uri)).toBe(true);
  });

  it.each([
    'http://localhost:53211/other',
    'http://localhost:0x1/back',
    'http://localhost:99999/back',
    'http://localhost:1@evil.test/back',
    'http://localhost.evil.test:1/back',
    'https://localhost:1/back',
    'http://127.0.0.1:1/back',
    'com.example.app:/back',
  ])('on this computer is not returned to %s', async (uri) => {
    const query = search({ client_id: 'desk', redirect_uri: uri });
    expect((await owner.call('GET', `/connect?${query}`)).status).toBe(403);
  });

  it('on a phone is returned to a scheme of its own (RFC 8252, 7.1), and trades its code', async () => {
    const verifier = randomBytes(32).toString('base64url');
    const asked = {
      client_id: phone.clientId,
      redirect_uri: 'com.example.app:/back',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    };
    const view = await owner.call('GET', `/api/connect?${search(asked)}`);
    expect(view.json).toEqual({ app: { name: 'Phone', origin: 'com.example.app' } });
    const back = await allowed(asked);
    expect(back.href).toMatch(/^com\.example\.app:\/back\?code=/);
    const changed = { client_id: phone.clientId, redirect_uri: asked.redirect_uri };
    const { status, json } = await exchange(lab, back.searchParams.get('code') ?? '', verifier, changed);
    expect(status).toBe(200);
    const me = { headers: { origin: undefined, ...bearer(json['access_token']) } };
    expect((await new Browser(lab).call('GET', '/api/me', me)).status).toBe(200);
    // Its scheme is no origin: `null` is that of any page in a sandbox.
    const sandboxed = await fromApp(lab, 'GET', '/info', { headers: { origin: 'null' } });
    expect(sandboxed.headers['access-control-allow-origin']).toBeUndefined();
    expect(await authorise(lab, { clientId: randomUUID() }, { headers: { origin: 'null' } })).toMatchObject({
      json: { code: 'cross-site-request' },
    });
  });

  it.each(['com.example.app:/x', 'com.example.app://back', 'http://localhost/x', 'http://[::1]:7/'])(
    'can be put on the list with %s',
    async (uri) => expect(appAt(uri).redirectUris).toEqual([uri]),
  );

  it.each(['example:/x', 'javascript:/x', 'com.example.app:x', 'com.example.app:/x#y', 'data.x:alert'])(
    'cannot be put on the list with %s',
    (uri) => expect(() => appAt(uri)).toThrow('cannot be returned to'),
  );
});

const p256 = 'A'.repeat(87);
const key = { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) } as const;
const challenge = 'c'.repeat(43);
const exchanged = { challenge, signedAt: 1, signature: 'A'.repeat(342), deviceId: 'desk' };

describe('what others send', () => {
  it.each([
    [agentApi.SignRequest, { challenge }],
    [agentApi.ExchangeRequest, exchanged],
    [agentApi.AgentSocketMessage, { type: 'exchange', ...exchanged }],
    [agentApi.AgentSocketMessage, { type: 'done' }],
    [agentApi.SessionSignInRequest, { deviceId: 'desk', deviceName: 'desk', platform: 'linux' }],
    [instanceApi.InstanceRequest, { deviceId: 'phone', uid: 'u'.repeat(43) }],
    [
      instanceApi.ConfirmRequest,
      { deviceId: 'phone', uid: 'u'.repeat(43), otp: '12345678', publicKey: p256 },
    ],
    [instanceApi.Sealed, { enc: p256, ct: 'A'.repeat(40) }],
    [instanceApi.AskRequest, {}],
    [
      mailboxApi.SignInRequest,
      { publicKey: { ...key, alg: 'ES256' }, challenge: 'x', signature: 'A'.repeat(86) },
    ],
    [mailboxApi.PutEntryRequest, { value: 'x', expires_in: 1, once: true }],
  ])('may hold fields that this version does not know', (schema, body) => {
    expect(Value.Check(schema, body)).toBe(true);
    expect(Value.Check(schema, { ...body, fromALaterVersion: { a: 1 } })).toBe(true);
  });

  it('to /authorise too', async () => {
    const answer = await authorise(lab, { clientId: randomUUID(), wait: 0, platform: 'x', app: { v: 2 } });
    expect(answer.status).toBe(202);
  });
});

const token = (
  form: Record<string, string> | string,
  headers: Record<string, string> = {},
): Promise<Answer> => fromApp(lab, 'POST', '/oauth/token', { form, headers });

/** RFC 6749, 5.2. */
describe('an error of the token endpoint', () => {
  const code = {
    grant_type: 'authorization_code',
    client_id: clientId,
    redirect_uri: redirectUri,
    code: 'x',
  };

  it.each([
    ['nothing', '', 'invalid_request'],
    ['no grant_type', { client_id: clientId }, 'invalid_request'],
    ['an empty grant_type', { client_id: clientId, grant_type: '' }, 'invalid_request'],
    ['a grant_type twice', 'grant_type=refresh_token&grant_type=refresh_token', 'invalid_request'],
    ['another grant_type', { client_id: clientId, grant_type: 'password' }, 'unsupported_grant_type'],
    ['no client_id', { grant_type: 'refresh_token', refresh_token: 'x' }, 'invalid_request'],
    [
      'a client nobody knows',
      { grant_type: 'refresh_token', refresh_token: 'x', client_id: 'y' },
      'invalid_client',
    ],
    ['no refresh_token', { grant_type: 'refresh_token', client_id: clientId }, 'invalid_request'],
    ['no verifier', code, 'invalid_request'],
    ['a code that is none', { ...code, code_verifier: 'v'.repeat(43) }, 'invalid_grant'],
    [
      'a token that is none',
      { grant_type: 'refresh_token', refresh_token: 'x', client_id: clientId },
      'invalid_grant',
    ],
  ])('with %s', async (_, form: Record<string, string> | string, error) => {
    const { status, json, headers } = await token(form);
    expect([status, json['error']]).toEqual([400, error]);
    expect(String(json['error_description'])).toMatch(/^[ !#-[\]-~]+$/);
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'content-type': 'application/json; charset=utf-8',
    });
  });

  it('says so in the same words for what is wrong with the request itself', async () => {
    const json = await fromApp(lab, 'POST', '/oauth/token', { body: { grant_type: 'refresh_token' } });
    expect(json).toMatchObject({
      status: 415,
      json: { error: 'invalid_request', code: 'unsupported-media-type' },
    });
    const large = await token({ code: 'x'.repeat(17_000) }, { accept: 'text/html' });
    expect(large).toMatchObject({ status: 413, json: { error: 'invalid_request', code: 'body-too-large' } });
    const revoke = await fromApp(lab, 'POST', '/oauth/revoke', { form: { client_id: clientId } });
    expect(revoke).toMatchObject({ status: 400, json: { error: 'invalid_request' } });
    expect(json.headers['access-control-allow-origin']).toBe('https://app.test');
  });

  it('is none for parameters that it does not know', async () => {
    const verifier = randomBytes(32).toString('base64url');
    const back = await allowed({ code_challenge: createHash('sha256').update(verifier).digest('base64url') });
    const more = { scope: 'openid', audience: 'x', client_secret: '' };
    expect((await exchange(lab, back.searchParams.get('code') ?? '', verifier, more)).status).toBe(200);
  });
});
