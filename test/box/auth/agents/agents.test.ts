import { constants, createPublicKey, verify, X509Certificate } from 'node:crypto';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { days, hours, minutes } from '../../../../src/kit/runtime/clock.ts';
import { agentBoxPaths, agentLimits, signedText } from '../../../../src/protocol/agent-api.ts';
import { identity } from '../../lab/identity.ts';
import {
  type Answer,
  appOrigin,
  away,
  boxId,
  Browser,
  fromApp,
  home,
  type Lab,
  openLab,
  socket,
} from '../../lab/lab.ts';
import { paired } from '../pairing/flow.ts';
import { loopback, pairAgent, withToken } from './paired.ts';

const challenge = 'c'.repeat(43);
const page = { deviceId: 'browser-1', deviceName: 'desk', platform: 'linux', origin: appOrigin };

let lab: Lab;
let owner: Browser;
beforeEach(async () => {
  lab = await openLab();
  owner = new Browser(lab);
  await owner.open();
  await owner.firstRun();
});

interface Node {
  id: string;
  parentId: string | null;
  kind: string;
  label: string;
}
const sessions = async (): Promise<Node[]> =>
  (await owner.call('GET', '/api/sessions')).json['sessions'] as Node[];
const signIn = async (token: string, changed: object = {}): Promise<Record<string, unknown>> => {
  const { status, json } = await withToken(lab, token, 'POST', agentBoxPaths.signIn, {
    body: { ...page, ...changed },
  });
  expect(status).toBe(201);
  return json;
};

const pages = async (): Promise<number> => (await sessions()).filter(({ kind }) => kind === 'page').length;
const ask = (
  body: unknown = { challenge },
  headers: Record<string, string | undefined> = {},
): Promise<Answer> => fromApp(lab, 'POST', agentBoxPaths.challenge, { body, headers });
/** Of `/connect`, by an agent that wants to be returned there. */
const statusOfConnect = async (uri: string): Promise<number> => {
  const query = new URLSearchParams({ client_id: 'porchlight-agent', redirect_uri: uri });
  return (await owner.call('GET', `/connect?${query.toString()}`)).status;
};

describe('pairing through a loopback redirect (RFC 8252)', () => {
  it('makes a session of its own, which outlives the login that allowed it', async () => {
    const { accessToken, answer } = await pairAgent(lab, owner);
    expect(answer.status).toBe(200);
    const agent = (await sessions()).find(({ kind }) => kind === 'agent');
    expect(agent).toMatchObject({ parentId: null, label: 'Porchlight agent · desk' });
    await owner.call('POST', '/api/logout');
    expect((await withToken(lab, accessToken, 'GET', agentBoxPaths.view)).status).toBe(200);
  });

  it('takes any port of 127.0.0.1, and nothing else', async () => {
    for (const uri of [loopback, 'http://127.0.0.1:1/paired', 'http://127.0.0.1:65535/paired'])
      expect([uri, await statusOfConnect(uri)]).toEqual([uri, 302]);
    for (const uri of [
      'http://localhost:53211/paired',
      'http://127.0.0.1:53211/other',
      'http://127.0.0.1:53211/paired?x=1',
      'http://127.0.0.1:/paired',
      'http://127.0.0.1:0/paired',
      'http://127.0.0.1:65536/paired',
      'http://127.0.0.1:53211@evil.test/paired',
      'http://127.0.0.1.evil.test:53211/paired',
      'http://127.0.0.2:53211/paired',
      'https://127.0.0.1:53211/paired',
      `${appOrigin}/back`,
    ])
      expect([uri, await statusOfConnect(uri)]).toEqual([uri, 403]);
  });

  it('lets no page in as an agent, and gives its origin no rights', async () => {
    const { headers } = await fromApp(lab, 'OPTIONS', agentBoxPaths.challenge, {
      headers: { origin: 'http://127.0.0.1' },
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('the challenge', () => {
  it('is signed for the origin of the page, with the key that the box id is of', async () => {
    const { status, json, headers } = await ask();
    expect(status).toBe(200);
    expect(headers['access-control-allow-origin']).toBe(appOrigin);
    const signedAt = Number(json['signedAt']);
    expect(json['boxId']).toBe(boxId);
    const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    const key = { key: createPublicKey(identity.certPem), ...padding };
    const signature = Buffer.from(String(json['signature']), 'base64url');
    const good = (origin: string): boolean =>
      verify('sha256', Buffer.from(signedText({ boxId, origin, challenge, signedAt })), key, signature);
    expect(good(appOrigin)).toBe(true);
    expect(good('https://evil.test')).toBe(false);
  });

  it('is signed for pages on the owner’s list alone', async () => {
    for (const origin of ['https://evil.test', 'null', undefined]) {
      const { status, json } = await ask({ challenge }, { origin });
      expect([status, json['code']]).toEqual([403, 'app-not-allowed']);
    }
  });

  it('is signed for strangers only so often, and for those at home all the same', async () => {
    const statuses: number[] = [];
    for (let visitor = 0; visitor < 40; visitor++) {
      lab.from = { ...away, address: `203.0.113.${visitor}` };
      for (let time = 0; time < 6; time++) statuses.push((await ask()).status);
    }
    // However many there are, a few of each network are signed.
    lab.from = { ...away, address: '203.0.113.99' };
    expect((await ask()).status).toBe(200);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    lab.from = home;
    expect((await ask()).status).toBe(200);
  });

  it('is nothing but text of its own alphabet', async () => {
    const anything = fc.oneof(
      fc.anything(),
      fc.record({ challenge: fc.anything() }),
      fc.record({ challenge: fc.string({ minLength: 30, maxLength: 70 }) }),
    );
    await fc.assert(
      fc.asyncProperty(anything, async (body) => {
        lab.from = { ...home, address: `192.168.${Math.floor(Math.random() * 250)}.9` };
        const { status } = await ask(body ?? null);
        expect([200, 400, 429]).toContain(status);
      }),
      { numRuns: 60 },
    );
  });
});

describe('a page that an agent signed in', () => {
  it('has a session below the agent’s, and can do what an app can', async () => {
    const { accessToken } = await pairAgent(lab, owner);
    const { json: view } = await withToken(lab, accessToken, 'GET', agentBoxPaths.view);
    expect(view).toMatchObject({ boxId, person: 'Ada', origins: [appOrigin] });
    expect(new X509Certificate(Buffer.from(String(view['certificate']), 'base64')).toString()).toBe(
      new X509Certificate(identity.certPem).toString(),
    );

    const made = await signIn(accessToken);
    expect(made).toMatchObject({
      parentSessionId: view['sessionId'],
      box_id: boxId,
      expiredAt: lab.clock.now() + agentLimits.pageSecondsDefault * 1000,
    });
    const token = String(made['access_token']);
    expect((await withToken(lab, token, 'GET', '/api/state')).status).toBe(200);
    const node = (await sessions()).find(({ kind }) => kind === 'page');
    expect(node).toMatchObject({
      id: made['sessionId'],
      parentId: view['sessionId'],
      label: 'Porchlight · desk',
    });
  });

  it('may come of an agent that an owner said yes to', async () => {
    const { accessToken, sessionId } = await paired(lab, owner, 'agent');
    expect((await signIn(accessToken))['parentSessionId']).toBe(sessionId);
    const client = await paired(lab, owner, 'client');
    const { json } = await withToken(lab, client.accessToken, 'POST', agentBoxPaths.signIn, { body: page });
    expect(json['code']).toBe('agent-only');
  });

  it('renews its tokens as the app it is a page of', async () => {
    const { accessToken } = await pairAgent(lab, owner);
    const made = await signIn(accessToken);
    const form = { grant_type: 'refresh_token', client_id: appOrigin };
    const { status } = await fromApp(lab, 'POST', '/oauth/token', {
      form: { ...form, refresh_token: String(made['refresh_token']) },
    });
    expect(status).toBe(200);
  });

  it('is out at the time that was said, however much it is used', async () => {
    const { accessToken, refreshToken } = await pairAgent(lab, owner);
    const expiredAt = lab.clock.now() + minutes(5);
    const made = await signIn(accessToken, { expiredAt });
    const token = String(made['access_token']);
    await lab.clock.advance(minutes(4));
    expect((await withToken(lab, token, 'GET', '/api/state')).status).toBe(200);
    await lab.clock.advance(minutes(1));
    expect((await withToken(lab, token, 'GET', '/api/state')).status).toBe(401);
    expect((await withToken(lab, accessToken, 'GET', agentBoxPaths.view)).status).toBe(200);
    expect(refreshToken).not.toBe('undefined');
  });

  it('is out at once when the agent logs out, with its open socket', async () => {
    const { accessToken, refreshToken } = await pairAgent(lab, owner);
    const made = await signIn(accessToken);
    const open = socket(lab, { origin: appOrigin });
    const closed = new Promise<number>((resolve) => open.once('close', resolve));
    await new Promise((resolve) => open.once('open', resolve));
    open.send(JSON.stringify({ accessToken: made['access_token'] }));
    const form = { token: refreshToken, client_id: 'porchlight-agent' };
    await fromApp(lab, 'POST', '/oauth/revoke', { form, headers: { origin: undefined } });
    expect(await closed).toBe(4401);
    expect((await withToken(lab, String(made['access_token']), 'GET', '/api/state')).status).toBe(401);
    expect((await sessions()).map(({ kind }) => kind)).toEqual(['login']);
  });

  it('replaces what the same browser had, and one agent has so many pages and no more', async () => {
    const { accessToken } = await pairAgent(lab, owner);
    await signIn(accessToken);
    await signIn(accessToken);
    expect(await pages()).toBe(1);
    for (let browser = 2; browser < agentLimits.pages + 4; browser++)
      await signIn(accessToken, { deviceId: `browser-${browser}` });
    expect(await pages()).toBe(agentLimits.pages);
  });

  it('lasts no longer than a month, and longer than a minute', async () => {
    const { accessToken } = await pairAgent(lab, owner);
    const made = await signIn(accessToken, { expiredAt: lab.clock.now() + days(400) });
    expect(made['expiredAt']).toBe(lab.clock.now() + days(30));
    const body = { ...page, expiredAt: lab.clock.now() - hours(1) };
    expect((await withToken(lab, accessToken, 'POST', agentBoxPaths.signIn, { body })).status).toBe(400);
  });

  it('cannot sign in others, nor can an app, a login, or nobody', async () => {
    const { accessToken } = await pairAgent(lab, owner);
    const made = await signIn(accessToken);
    const app = await owner.connect();
    for (const token of [String(made['access_token']), app.accessToken]) {
      const { status, json } = await withToken(lab, token, 'POST', agentBoxPaths.signIn, { body: page });
      expect([status, json['code']]).toEqual([403, 'agent-only']);
    }
    expect((await owner.call('POST', agentBoxPaths.signIn, { body: page })).status).toBe(403);
    expect((await fromApp(lab, 'POST', agentBoxPaths.signIn, { body: page })).status).toBe(403);
    expect((await withToken(lab, 'x'.repeat(43), 'POST', agentBoxPaths.signIn, { body: page })).status).toBe(
      401,
    );
  });

  it('is of an app on the owner’s list', async () => {
    const { accessToken } = await pairAgent(lab, owner);
    const body = { ...page, origin: 'https://evil.test' };
    const { json } = await withToken(lab, accessToken, 'POST', agentBoxPaths.signIn, { body });
    expect(json['code']).toBe('app-not-allowed');
  });

  it('is below the agent’s, whatever else a message says', async () => {
    const { accessToken } = await pairAgent(lab, owner);
    const other = (await sessions()).find(({ kind }) => kind === 'login')?.id;
    const made = await signIn(accessToken, { parentId: other, personId: 'x', kind: 'login', id: 'mine' });
    const node = (await sessions()).find(({ id }) => id === made['sessionId']);
    expect(node).toMatchObject({ parentId: made['parentSessionId'], kind: 'page' });
    expect(node?.parentId).not.toBe(other);
  });

  it('comes of no other message, whatever is in it', async () => {
    const { accessToken } = await pairAgent(lab, owner);
    const before = (await sessions()).length;
    const broken = fc
      .tuple(fc.constantFrom(...Object.keys(page), 'expiredAt'), fc.anything())
      .map(([field, value]) => ({ ...page, [field]: value ?? null }))
      .filter((body) => !isGood(body));
    await fc.assert(
      fc.asyncProperty(fc.oneof(broken, fc.anything()), async (body) => {
        const { status } = await withToken(lab, accessToken, 'POST', agentBoxPaths.signIn, {
          body: body ?? null,
        });
        expect([400, 403]).toContain(status);
      }),
      { numRuns: 80 },
    );
    expect((await sessions()).length).toBe(before);
  });
});

const isName = (value: unknown): boolean =>
  typeof value === 'string' && value.length > 0 && value.length < 64;

/** What might be made of `page` by chance and be good. */
function isGood(body: Record<string, unknown>): boolean {
  const { deviceId, deviceName, platform } = body;
  return (
    typeof deviceId === 'string' &&
    /^[\w-]{1,64}$/.test(deviceId) &&
    isName(deviceName) &&
    isName(platform) &&
    (body['origin'] === appOrigin || body['origin'] === undefined)
  );
}
