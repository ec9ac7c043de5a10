import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Value } from 'typebox/value';
import { acceptedTunnelSecrets } from '../../../src/cloud/tunnel-secret.ts';
import { TunnelGrant, ZoneState } from '../../../src/protocol/zone-api.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { lookUp } from './dns-client.ts';
import { masterKey, zoneRoot } from './options.ts';
import { ApiCaller, createTestIdentity, type Running, startServer } from './support.ts';

const token = (letter: string): string => letter.repeat(43);

describe('zone API', () => {
  let running: Running;
  let other: ApiCaller;
  let nobody: ApiCaller;
  let zone: string;
  let name: string;
  const empty = { main: [], mirrors: {}, tunnel: [] };

  beforeAll(async () => {
    running = await startServer(temporaryFolder());
    other = new ApiCaller(running.server.apiPort, running.caPem, await createTestIdentity());
    nobody = new ApiCaller(running.server.apiPort, running.caPem);
    zone = `/v1/zones/${running.identity.boxId}`;
    name = `${running.identity.boxId}.${zoneRoot}`;
  });

  afterAll(async () => {
    await Promise.all([other.close(), nobody.close()]);
    await running.stop();
  });

  const ask = (host: string, type: string): Promise<string[]> => lookUp(running.server.dnsPort, host, type);

  it('has an empty zone before the first PUT, and no name', async () => {
    const empty = { main: [], mirrors: {}, tunnel: [] };
    expect(await running.api.call('GET', zone)).toMatchObject({ status: 200, body: { records: empty } });
    expect(await ask(name, 'A')).toEqual([]);
  });

  it('serves what was put when it answers, and reads it back', async () => {
    const records = {
      main: ['192.168.1.20', 'fd00::20'],
      mirrors: { a: ['192.168.1.20'], b: [] },
      tunnel: ['203.0.113.7'],
    };
    const put = await running.api.call('PUT', zone, records);
    expect(put.status).toBe(200);
    expect(Value.Check(ZoneState, put.body)).toBe(true);
    expect(await ask(name, 'A')).toEqual(['192.168.1.20']);
    expect(await ask(name, 'AAAA')).toEqual(['fd00::20']);
    expect(await ask(`a.${name}`, 'A')).toEqual(['192.168.1.20']);
    expect(await ask(`remote.${name}`, 'A')).toEqual(['203.0.113.7']);
    expect(await ask(`photos.${name}`, 'A')).toEqual(['192.168.1.20']);
    const read = await running.api.call('GET', zone);
    expect(read.body).toEqual(put.body);
    expect(read.body).toMatchObject({ records, nameServers: running.server.nameServers });
  });

  it('is idempotent: the same content is the same serial', async () => {
    const first = await running.api.call('PUT', zone, { ...empty, main: ['10.0.0.1'] });
    const second = await running.api.call('PUT', zone, { ...empty, main: ['10.0.0.1', '10.0.0.1'] });
    expect(second.body).toEqual(first.body);
    const third = await running.api.call('PUT', zone, { ...empty, main: ['10.0.0.2'] });
    expect(third.body['serial']).toBe(Number(first.body['serial']) + 1);
  });

  it('adds and removes challenges one by one, at most four', async () => {
    for (const letter of ['a', 'b', 'c', 'd']) {
      expect((await running.api.call('POST', `${zone}/challenges`, { value: token(letter) })).status).toBe(
        200,
      );
    }
    expect(await ask(`_acme-challenge.${name}`, 'TXT')).toEqual(['a', 'b', 'c', 'd'].map(token));
    const fifth = await running.api.call('POST', `${zone}/challenges`, { value: token('e') });
    expect(fifth).toMatchObject({ status: 422, body: { code: 'too-many-challenges', value: token('e') } });
    expect((await running.api.call('POST', `${zone}/challenges`, { value: token('d') })).status).toBe(200);
    const removed = await running.api.call('DELETE', `${zone}/challenges/${token('b')}`);
    expect(removed.body['challenges']).toEqual(['a', 'c', 'd'].map(token));
    expect((await running.api.call('DELETE', `${zone}/challenges/${token('b')}`)).status).toBe(200);
    for (const letter of ['a', 'c', 'd'])
      await running.api.call('DELETE', `${zone}/challenges/${token(letter)}`);
    expect(await ask(`_acme-challenge.${name}`, 'TXT')).toEqual([]);
  });

  it('pins the ACME account in CAA, and takes the pin away', async () => {
    await running.api.call('PUT', `${zone}/caa`, { accountUri: 'https://ca.example/acct/1' });
    const pinned = 'letsencrypt.org; validationmethods=dns-01; accounturi=https://ca.example/acct/1';
    expect(await ask(name, 'CAA')).toEqual([`issue ${pinned}`, `issuewild ${pinned}`]);
    for (const accountUri of [
      'https://ca.example/1;policy=x',
      'https://ca.example/"',
      'no uri',
      'https://ca.example/ 1',
    ]) {
      expect((await running.api.call('PUT', `${zone}/caa`, { accountUri })).status).toBe(400);
    }
    await running.api.call('PUT', `${zone}/caa`, { accountUri: null });
    expect(await ask(name, 'CAA')).toEqual(
      ['issue', 'issuewild'].map((tag) => `${tag} letsencrypt.org; validationmethods=dns-01`),
    );
  });

  it('grants a tunnel whose secret a relay can check without asking', async () => {
    const { status, body } = await running.api.call('POST', `${zone}/tunnel`);
    expect(status).toBe(200);
    expect(Value.Check(TunnelGrant, body)).toBe(true);
    expect(body).toMatchObject({
      kiteName: `remote.${name}`,
      publicPort: 443,
      addresses: ['203.0.113.7', '2001:db8::7'],
    });
    expect(acceptedTunnelSecrets(masterKey, `remote.${name}`, Date.now())).toContain(body['secret']);
  });

  it('refuses who has no certificate or another zone’s, before it looks at the body', async () => {
    const notJson = '{'.repeat(20_000);
    expect(await nobody.raw('PUT', zone, notJson)).toMatchObject({
      status: 401,
      body: { code: 'client-certificate-required' },
    });
    expect(await other.raw('PUT', zone, notJson)).toMatchObject({
      status: 403,
      body: { code: 'zone-not-yours' },
    });
    for (const [method, path] of [
      ['GET', zone],
      ['DELETE', zone],
      ['POST', `${zone}/tunnel`],
      ['POST', `${zone}/challenges`],
    ] as const) {
      expect((await other.call(method, path)).status).toBe(403);
      expect((await nobody.call(method, path)).status).toBe(401);
    }
  });

  it.each([
    ['malformed', { main: ['192.168.1'] }, 'address-malformed', '192.168.1'],
    ['malformed, with a leading zero', { main: ['192.168.01.1'] }, 'address-malformed', '192.168.01.1'],
    ['with a zone index', { main: ['fe80::1%eth0'] }, 'address-malformed', 'fe80::1%eth0'],
    ['public', { main: ['8.8.8.8'] }, 'address-not-allowed', '8.8.8.8'],
    ['public IPv6', { mirrors: { a: ['2606:4700::1111'] } }, 'address-not-allowed', '2606:4700::1111'],
    ['link-local', { main: ['169.254.1.1'] }, 'address-not-allowed', '169.254.1.1'],
    ['loopback but not the caller’s', { main: ['127.0.0.2'] }, 'address-not-allowed', '127.0.0.2'],
    ['no relay', { tunnel: ['203.0.113.8'] }, 'tunnel-address-unknown', '203.0.113.8'],
  ])('refuses an address that is %s', async (_what, part, code, value) => {
    expect(await running.api.call('PUT', zone, { ...empty, ...part })).toMatchObject({
      status: 422,
      body: { code, value },
    });
  });

  it('takes the address the caller calls from', async () => {
    expect(
      (await running.api.call('PUT', zone, { ...empty, main: ['::ffff:127.0.0.1'] })).body,
    ).toMatchObject({
      records: { main: ['127.0.0.1'] },
    });
  });

  it.each([
    ['not JSON', '{"main":', 400, 'bad-request'],
    ['empty', '', 400, 'bad-request'],
    ['another shape', '{"main":"192.168.1.1","mirrors":{},"tunnel":[]}', 400, 'bad-request'],
    ['with an unknown field', '{"main":[],"mirrors":{},"tunnel":[],"more":1}', 400, 'bad-request'],
    [
      'with a mirror that is no letter',
      '{"main":[],"mirrors":{"remote":["10.0.0.1"]},"tunnel":[]}',
      400,
      'bad-request',
    ],
    [
      'with five addresses',
      '{"main":["10.0.0.1","10.0.0.2","10.0.0.3","10.0.0.4","10.0.0.5"],"mirrors":{},"tunnel":[]}',
      400,
      'bad-request',
    ],
    ['too large', `"${'x'.repeat(20_000)}"`, 413, 'body-too-large'],
  ])('refuses a body that is %s', async (_what, text, status, code) => {
    expect(await running.api.raw('PUT', zone, text)).toMatchObject({ status, body: { code } });
  });

  it('refuses other media types, and challenges that are not 43 base64url characters', async () => {
    expect(await running.api.raw('PUT', zone, 'x', { 'content-type': 'text/plain' })).toMatchObject({
      status: 415,
      body: { code: 'unsupported-media-type' },
    });
    for (const value of [
      '',
      'x',
      'x'.repeat(42),
      'x'.repeat(44),
      `${'x'.repeat(42)}=`,
      `${'x'.repeat(42)}+`,
      'é'.repeat(43),
    ]) {
      const answer = await running.api.call('POST', `${zone}/challenges`, { value });
      expect(answer).toMatchObject({ status: 422, body: { code: 'challenge-malformed', value } });
    }
  });

  it('keeps who calls when a TLS session is resumed', async () => {
    const { identity, server, caPem } = running;
    const get = (
      session?: Buffer,
    ): Promise<{ status: string; session: Buffer | undefined; resumed: boolean }> =>
      new Promise((resolve, reject) => {
        const options = {
          host: '127.0.0.1',
          port: server.apiPort,
          ca: caPem,
          key: identity.keyPem,
          cert: identity.certPem,
        };
        const socket = connect({ ...options, ...(session === undefined ? {} : { session }) });
        let text = '';
        let ticket: Buffer | undefined;
        let resumed = false;
        socket.on('secureConnect', () => (resumed = socket.isSessionReused()));
        socket.on('session', (data) => (ticket = data));
        socket.on('error', reject);
        socket.on('data', (data) => (text += data.toString()));
        socket.on('close', () => resolve({ status: text.slice(9, 12), session: ticket, resumed }));
        socket.write(`GET ${zone} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      });
    const first = await get();
    expect(await get(first.session)).toMatchObject({ status: first.status, resumed: true });
  });

  it('forgets the zone of a box that leaves', async () => {
    expect((await running.api.call('DELETE', zone)).status).toBe(204);
    expect(await running.api.call('GET', zone)).toMatchObject({ body: { records: { main: [] } } });
    expect(await ask(`photos.${name}`, 'A')).toEqual([]);
    expect((await running.api.call('DELETE', zone)).status).toBe(204);
  });
});
