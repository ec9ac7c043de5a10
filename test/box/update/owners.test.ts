import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Updater } from '../../../src/box/update/updater.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { Browser, fromApp, type Lab, names, openLab } from '../lab/lab.ts';
import { partRoutes } from '../lab/part-routes.ts';
import { RaucLab, whyNoRauc } from './rauc-lab.ts';
import { updaterOf } from './update-home.ts';

const why = whyNoRauc();
const calls = [
  ['GET', '/api/update'],
  ['PUT', '/api/update/settings'],
  ['POST', '/api/update/check'],
  ['POST', '/api/update/install'],
  ['POST', '/api/update/restart'],
  ['PUT', '/api/update/bundle'],
] as const;

describe.skipIf(why !== undefined)(`updates for owners ${why ?? ''}`, () => {
  let machine: RaucLab;
  let updater: Updater;
  let lab: Lab;
  let owner: Browser;

  beforeAll(async () => {
    machine = await RaucLab.open();
    updater = updaterOf({ lab: machine, stateFolder: temporaryFolder(), version: '1.0.0' });
    await updater.start();
  });
  afterAll(async () => {
    await updater?.stop();
    await machine?.close();
  });

  /** As a browser sends a file. */
  async function upload(content: Buffer): Promise<{ status: number; json: Record<string, unknown> }> {
    const sent = request({
      host: '127.0.0.1',
      port: lab.port,
      servername: names.main,
      ca: lab.caPem,
      method: 'PUT',
      path: '/api/update/bundle',
      headers: {
        host: `${names.main}:${lab.port}`,
        origin: owner.origin,
        cookie: `__Host-porchlight=${owner.cookie}`,
        'x-csrf-token': owner.csrf,
        'content-type': 'application/octet-stream',
      },
    });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('error', reject);
      sent.once('response', resolve);
    });
    sent.end(content);
    const response = await answered;
    const json = JSON.parse(await text(response)) as Record<string, unknown>;
    return { status: response.statusCode ?? 0, json };
  }

  it('are nobody else’s to see or to change', async () => {
    lab = await openLab({
      routes: partRoutes({ updater }),
      notes: updater.notes,
    });
    owner = new Browser(lab);
    await owner.firstRun();
    const { json } = await owner.call('POST', '/api/people', { body: { name: 'Grace', role: 'member' } });
    const member = new Browser(lab);
    const password = 'a long enough one';
    await member.call('POST', '/api/join', {
      body: { inviteCode: json['inviteCode'], password },
    });
    await member.open();
    const { accessToken } = await owner.connect();
    for (const [method, path] of calls) {
      const body = method === 'GET' ? {} : { body: {} };
      expect(await new Browser(lab).call(method, path, body), `${method} ${path}`).toMatchObject({
        status: 401,
      });
      expect(await member.call(method, path, body), `${method} ${path}`).toMatchObject({
        json: { code: 'owner-only' },
      });
      const headers = { authorization: `Bearer ${accessToken}` };
      expect(
        (await fromApp(lab, method, path, { ...body, headers })).status,
        `${method} ${path}`,
      ).toBeGreaterThanOrEqual(401);
      if (method === 'GET') continue;
      const elsewhere = { ...body, headers: { origin: 'https://evil.test' } };
      expect(await owner.call(method, path, elsewhere), `${method} ${path}`).toMatchObject({
        json: { code: 'cross-site-request' },
      });
    }
  });

  it('are taken from a file as it comes, when it is a good one', async () => {
    expect((await owner.call('GET', '/api/update')).json).toMatchObject({ phase: 'idle', version: '1.0.0' });
    expect(await upload(Buffer.from('no bundle'))).toMatchObject({
      status: 422,
      json: { code: 'bundle-refused' },
    });
    const text = { form: 'x', headers: { 'content-type': 'text/plain' } };
    expect(await owner.call('PUT', '/api/update/bundle', text)).toMatchObject({ status: 415 });
    expect(await owner.call('PUT', '/api/update/bundle')).toMatchObject({ status: 400 });
    const bundle = readFileSync(machine.bundle({ version: '1.1.0' }));
    expect(await upload(bundle)).toMatchObject({ status: 202 });
    await expect.poll(() => updater.state.value.phase).toBe('awaiting-reboot');
    expect(machine.held('B')).toBe('1.1.0');
    // The one that was no bundle is not in the audit log.
    const { entries } = (await owner.call('GET', '/api/audit')).json as { entries: { action: string }[] };
    expect(entries.filter(({ action }) => action === 'update-installed')).toMatchObject([{ who: 'Ada' }]);
    expect((await owner.call('POST', '/api/update/restart')).status).toBe(202);
    const settings = { channel: 'beta', paused: true };
    expect((await owner.call('PUT', '/api/update/settings', { body: settings })).json).toMatchObject(
      settings,
    );
    const wrong = { body: { channel: 'nightly', paused: true } };
    expect((await owner.call('PUT', '/api/update/settings', wrong)).status).toBe(400);
    // Who paused updates is in the audit log, once.
    const recorded = (await owner.call('GET', '/api/audit')).json as { entries: { action: string }[] };
    expect(recorded.entries.filter(({ action }) => action === 'settings-changed')).toMatchObject([
      { who: 'Ada' },
    ]);
    expect((await owner.call('POST', '/api/update/install', { body: {} })).json).toMatchObject({
      code: 'no-update-server',
    });
  });
});
