import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { BoxVisitor } from '../../support/box-visitor.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { type LonelyBox, lonelyBox } from '../../support/lonely-box.ts';
import { soon } from '../../support/soon.ts';
import { Documented } from './documented.ts';

const password = 'nine violet teapots';
const form = { 'content-type': 'application/x-www-form-urlencoded' };

describe('the answers of a real box are those that docs/api/box.json has', { timeout: 120_000 }, () => {
  const documented = new Documented('box');
  let box: LonelyBox;
  let owner: BoxVisitor;
  const faults: string[] = [];

  beforeAll(async () => {
    box = await lonelyBox(temporaryFolder());
    owner = new BoxVisitor(box.port);
  });

  async function call(
    who: BoxVisitor,
    method: string,
    path: string,
    body?: object | string,
    headers?: Record<string, string>,
  ): Promise<Record<string, unknown>> {
    const answer = await who.call(method, path, body, headers);
    faults.push(...documented.faults(method, path, answer));
    return { ...answer.json, status: answer.status };
  }

  it('on the way from the first run to the last sign-out', async () => {
    const stranger = new BoxVisitor(box.port);
    for (const path of ['/ping', '/openapi.json', '/status', '/info', '/api/session'])
      await call(stranger, 'GET', path);
    await call(stranger, 'GET', '/.well-known/oauth-authorization-server');
    await call(stranger, 'GET', '/.well-known/porchlight/probe?nonce=other');
    await call(stranger, 'GET', '/connect');
    await call(stranger, 'GET', '/enrolment/revoked.crl');
    await call(stranger, 'GET', `/enrolment/certificates/${randomUUID()}`);
    for (const path of ['/api/me', '/api/people', '/api/instance', '/api/agent', '/w'])
      await call(stranger, 'GET', path);
    await call(stranger, 'POST', '/authorise', { clientId: randomUUID() });
    await call(stranger, 'POST', '/api/login', {});

    // Before the box knows its own links it takes nobody for being at home.
    const first = { setupCode: box.setupCode(), name: 'Robin', password };
    const claim = async (): Promise<unknown> =>
      (await call(owner, 'POST', '/api/first-run', first))['status'];
    await expect.poll(claim, soon).toBe(201);
    await call(owner, 'GET', '/api/session');

    for (const path of ['me', 'state', 'ways', 'services', 'settings', 'logs', 'people', 'sessions', 'apps'])
      await call(owner, 'GET', `/api/${path}`);
    for (const path of [
      'approvals',
      'audit',
      'passkeys',
      'second-factor',
      'account/access',
      'proof',
      'update',
    ])
      await call(owner, 'GET', `/api/${path}`);
    await call(owner, 'PUT', '/api/settings', { name: 'Home', tunnel: false, discovery: { forMinutes: 5 } });
    await call(owner, 'PUT', '/api/update/settings', { channel: 'beta', paused: true });
    await call(owner, 'POST', '/api/update/check');
    await call(owner, 'POST', '/api/passkeys/options');
    await call(owner, 'POST', '/api/login/passkey/options');
    await call(owner, 'POST', '/api/second-factor/totp');
    await call(owner, 'PUT', '/api/second-factor');
    await call(owner, 'DELETE', '/api/second-factor');
    await call(owner, 'POST', '/api/proof', { password });
    await call(owner, 'POST', '/api/backup', { passphrase: 'a passphrase of some length' });
    await call(owner, 'POST', '/api/restore', { passphrase: 'wrong', backup: 'AAAA' });

    const { id, inviteCode } = await call(owner, 'POST', '/api/people', { name: 'Ada', role: 'member' });
    const member = new BoxVisitor(box.port);
    await call(member, 'POST', '/api/join', { inviteCode: String(inviteCode), password });
    await call(member, 'GET', '/api/session');
    await call(member, 'GET', '/api/people');
    await call(owner, 'DELETE', `/api/people/${String(id)}`);
    await call(owner, 'DELETE', `/api/people/${String(id)}`);

    const { recoveryCode } = await call(owner, 'POST', '/api/recovery-code');
    const recover = { name: 'Robin', recoveryCode: String(recoveryCode) };
    await call(stranger, 'POST', '/api/recover/access', recover);
    await call(stranger, 'POST', '/api/recover', { ...recover, password });
    await call(stranger, 'POST', '/api/login', { name: 'Robin', password: 'wrong' });
    await call(owner, 'POST', '/api/login', { name: 'Robin', password });
    await call(owner, 'GET', '/api/session');
    await call(owner, 'PUT', '/api/password', { current: password, password });
    await call(owner, 'GET', '/api/session');
    expect(faults).toEqual([]);
  });

  it('when an app connects, and when a program asks to be let in', async () => {
    const redirectUri = 'https://app.test/back';
    const clientId = 'https://app.test';
    const list = { apps: [{ clientId, name: 'App', redirectUris: [redirectUri] }] };
    await call(owner, 'PUT', '/api/apps', list);
    const verifier = randomBytes(32).toString('base64url');
    const query = {
      client_id: clientId,
      redirect_uri: redirectUri,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      response_type: 'code',
    };
    await call(owner, 'GET', `/api/connect?${new URLSearchParams(query).toString()}`);
    const { redirect } = await call(owner, 'POST', '/api/connect', { ...query, allow: true });
    const code = new URL(String(redirect)).searchParams.get('code') ?? '';
    const grant = { grant_type: 'authorization_code', client_id: clientId, redirect_uri: redirectUri };
    const asked = new URLSearchParams({ ...grant, code, code_verifier: verifier }).toString();
    const app = new BoxVisitor(box.port);
    const tokens = await call(app, 'POST', '/oauth/token', asked, form);
    await call(app, 'POST', '/oauth/token', 'grant_type=other', form);
    for (const path of ['/api/me', '/api/state', '/api/ways', '/api/agent'])
      await call(app, 'GET', path, undefined, { authorization: `Bearer ${String(tokens['access_token'])}` });
    const token = new URLSearchParams({ token: String(tokens['refresh_token']), client_id: clientId });
    await call(app, 'POST', '/oauth/revoke', token.toString(), form);

    const program = { clientId: randomUUID(), name: 'Program', wait: 0 };
    await call(app, 'POST', '/authorise', program);
    const { pending } = (await call(owner, 'GET', '/api/approvals')) as { pending: { id: string }[] };
    await call(owner, 'POST', `/api/approvals/${pending[0]?.id}`, { allow: true });
    await call(app, 'POST', '/authorise', program);
    const { remembered } = (await call(owner, 'GET', '/api/approvals')) as { remembered: { id: string }[] };
    await call(owner, 'DELETE', `/api/approvals/${remembered[0]?.id}`);
    const { sessions } = (await call(owner, 'GET', '/api/sessions')) as {
      sessions: { id: string; current: boolean }[];
    };
    const other = sessions.find(({ current }) => !current);
    await call(owner, 'DELETE', `/api/sessions/${other?.id ?? 'none'}`);
    await call(app, 'POST', '/api/instances', { deviceId: 'device', uid: 'u'.repeat(43) });
    await call(
      app,
      'POST',
      '/api/agent/challenge',
      { challenge: 'c'.repeat(32) },
      { origin: 'https://app.test' },
    );
    await call(owner, 'GET', '/api/audit');
    await call(owner, 'GET', '/api/logs?level=trace');
    await call(owner, 'POST', '/api/logout');
    expect(faults).toEqual([]);
  });

  it('for most of its calls', () => {
    const well = [...documented.compared].filter((one) => /[23]\d\d$/.test(one));
    expect(well.length).toBeGreaterThanOrEqual(50);
  });
});
