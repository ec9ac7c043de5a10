import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';
import { sayRaw } from '../../support/raw-tls.ts';
import { lookUp } from './dns-client.ts';
import { zoneRoot } from './options.ts';
import { type Reply, type Running, startServer } from './support.ts';

const token = (letter: string): string => letter.repeat(43);

describe('the call of 2016', () => {
  let running: Running;
  let zone: string;

  beforeAll(async () => {
    running = await startServer(temporaryFolder());
    zone = `${running.identity.sha1}.${zoneRoot}`;
  });

  afterAll(async () => {
    await running.stop();
  });

  const post = (name: string, type: string, value: string): Promise<Reply> =>
    running.api.call('POST', `/v1/dns/${name.split('.').toReversed().join('/')}`, { type, value });
  const ask = (name: string, type: string): Promise<string[]> => lookUp(running.server.dnsPort, name, type);

  it('sets A, TXT and CNAME in the zone of the SHA-1 fingerprint', async () => {
    expect(await post(zone, 'A', '192.168.1.5')).toMatchObject({ status: 200 });
    expect((await post(`local.${zone}`, 'A', '192.168.1.6')).status).toBe(200);
    expect((await post(`remote.${zone}`, 'CNAME', 'Relay.example.org.')).status).toBe(200);
    expect((await post(`www.${zone}`, 'CNAME', `local.${zone}`)).status).toBe(200);
    expect((await post(`_acme-challenge.local.${zone}`, 'TXT', token('x'))).status).toBe(200);
    expect((await post(`_acme-challenge.local.${zone}`, 'TXT', token('y'))).status).toBe(200);
    expect(await ask(zone, 'A')).toEqual(['192.168.1.5']);
    expect(await ask(`local.${zone}`, 'A')).toEqual(['192.168.1.6']);
    expect(await ask(`remote.${zone}`, 'A')).toEqual(['relay.example.org']);
    expect(await ask(`www.${zone}`, 'A')).toEqual([`local.${zone}`, '192.168.1.6']);
    expect(await ask(`_acme-challenge.local.${zone}`, 'TXT')).toEqual([token('x'), token('y')]);
  });

  it('takes what clients of 2016 send, to the byte: no content-type', async () => {
    const { identity, server, caPem } = running;
    const path = `/v1/dns/${`first.${zone}`.split('.').toReversed().join('/')}`;
    const body = '{"type":"A","value":"192.168.1.33"}';
    const say = (head: string): Promise<string> =>
      sayRaw(
        { port: server.apiPort, ca: caPem, key: identity.keyPem, cert: identity.certPem },
        `POST ${path} HTTP/1.1\r\nHost: knilxof.org:5300\r\n${head}Content-Length: ${body.length}\r\n\r\n${body}`,
      );
    expect(await say('')).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(await ask(`first.${zone}`, 'A')).toEqual(['192.168.1.33']);
    expect(await say('Content-Type: text/plain\r\n')).toMatch(/^HTTP\/1\.1 415 /);
  });

  it('replaces the one address of a name, and an alias by an address', async () => {
    await post(`local.${zone}`, 'A', '192.168.1.7');
    expect(await ask(`local.${zone}`, 'A')).toEqual(['192.168.1.7']);
    await post(`remote.${zone}`, 'A', '203.0.113.7');
    expect(await ask(`remote.${zone}`, 'A')).toEqual(['203.0.113.7']);
    await post(`local.${zone}`, 'CNAME', zone);
    expect(await ask(`local.${zone}`, 'A')).toEqual([zone, '192.168.1.5']);
  });

  it('lands in the same places as the calls of today, in the zone of the box id', async () => {
    const { boxId } = running.identity;
    const modern = `${boxId}.${zoneRoot}`;
    await post(modern, 'A', '192.168.1.8');
    await post(`a.${modern}`, 'A', '192.168.1.9');
    await post(`remote.${modern}`, 'A', '203.0.113.7');
    await post(`_acme-challenge.${modern}`, 'TXT', token('z'));
    await post(`b.${modern}`, 'CNAME', `a.${modern}`);
    expect((await running.api.call('GET', `/v1/zones/${boxId}`)).body).toMatchObject({
      records: { main: ['192.168.1.8'], mirrors: { a: ['192.168.1.9'] }, tunnel: ['203.0.113.7'] },
      challenges: [token('z')],
    });
    expect(await ask(`b.${modern}`, 'A')).toEqual([`a.${modern}`, '192.168.1.9']);
    await running.api.call('PUT', `/v1/zones/${boxId}`, {
      main: [],
      mirrors: { b: ['192.168.1.8'] },
      tunnel: [],
    });
    expect(await ask(`b.${modern}`, 'A')).toEqual(['192.168.1.8']);
  });

  it.each([
    ['another zone', `x.${'0'.repeat(40)}.${zoneRoot}`, 'A', '192.168.1.1', 403, 'zone-not-yours'],
    ['the root itself', zoneRoot, 'A', '192.168.1.1', 403, 'zone-not-yours'],
    ['a public address', 'ZONE', 'A', '8.8.8.8', 422, 'address-not-allowed'],
    ['an IPv6 address as A', 'ZONE', 'A', 'fd00::1', 422, 'address-malformed'],
    ['no relay', 'remote.ZONE', 'A', '203.0.113.9', 422, 'tunnel-address-unknown'],
    ['a type of tomorrow', 'ZONE', 'MX', '10 mail', 422, 'record-not-supported'],
    ['an alias at the top', 'ZONE', 'CNAME', 'relay.example.org', 422, 'record-not-supported'],
    [
      'an alias for challenges',
      '_acme-challenge.ZONE',
      'CNAME',
      'relay.example.org',
      422,
      'record-not-supported',
    ],
    ['an alias to anywhere', 'x.ZONE', 'CNAME', 'example.com', 422, 'record-not-supported'],
    [
      'an alias to another zone',
      'x.ZONE',
      'CNAME',
      `${'0'.repeat(40)}.${zoneRoot}`,
      422,
      'record-not-supported',
    ],
    ['text that is no challenge', '_acme-challenge.ZONE', 'TXT', 'hello', 422, 'challenge-malformed'],
    ['text elsewhere', 'x.ZONE', 'TXT', token('x'), 422, 'record-not-supported'],
    ['a wildcard', '*.ZONE', 'A', '192.168.1.1', 422, 'record-not-supported'],
    ['an address name', '192-168-1-1.ZONE', 'A', '192.168.1.2', 422, 'record-not-supported'],
    ['a deep name', 'a.b.c.d.ZONE', 'A', '192.168.1.2', 422, 'record-not-supported'],
  ])('refuses %s', async (_what, name, type, value, status, code) => {
    expect(await post(name.replace('ZONE', zone), type, value)).toMatchObject({ status, body: { code } });
  });

  it('holds at most 16 names more', async () => {
    const answers = [];
    for (let index = 0; index < 17; index++)
      answers.push((await post(`x${index}.${zone}`, 'A', '192.168.1.1')).status);
    expect([answers.includes(200), answers.at(-1)]).toEqual([true, 422]);
  });

  it('refuses zones of SHA-1 fingerprints where the operator has not allowed them', async () => {
    const strict = await startServer(temporaryFolder(), { acceptSha1Zones: false });
    const name = `${strict.identity.sha1}.${zoneRoot}`.split('.').toReversed().join('/');
    const answer = await strict.api.call('POST', `/v1/dns/${name}`, { type: 'A', value: '192.168.1.1' });
    expect(answer).toMatchObject({ status: 403, body: { code: 'zone-not-yours' } });
    await strict.stop();
  });
});
