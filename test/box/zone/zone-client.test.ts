import { createServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Identity } from '../../../src/box/facts.ts';
import { ZoneClient } from '../../../src/box/zone/zone-client.ts';
import { createTestCa } from '../../../src/cli/home/test-ca.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { relay, startDnsServer, testIdentity, type TestCloud, zoneRoot } from './support.ts';

const folder = temporaryFolder();
const signal = AbortSignal.timeout(60_000);

describe('zone client with a real dns-server', () => {
  let cloud: TestCloud;
  let identity: Identity;
  let client: ZoneClient;
  beforeAll(async () => {
    [cloud, identity] = await Promise.all([startDnsServer(folder), testIdentity(folder)]);
    client = new ZoneClient({ ...cloud.api, identity });
  });
  afterAll(async () => {
    await client.close();
    await cloud.server.stop();
  });

  it('writes, reads, adds and removes challenges, pins an account, asks for the tunnel, and leaves', async () => {
    const records = { main: ['192.168.1.20'], mirrors: { a: ['192.168.1.20'] }, tunnel: [relay] };
    const written = await client.put(records, signal);
    expect(written).toMatchObject({ boxId: identity.boxId, zone: `${identity.boxId}.${zoneRoot}`, records });
    expect(written.nameServers).toEqual(cloud.server.nameServers);
    const value = 'A-_'.padEnd(43, 'x');
    expect((await client.addChallenge(value, signal)).challenges).toEqual([value]);
    expect((await client.addChallenge(value, signal)).challenges).toEqual([value]);
    expect((await client.removeChallenge(value, signal)).challenges).toEqual([]);
    expect((await client.removeChallenge(value, signal)).challenges).toEqual([]);
    await client.setCaa('https://ca.example/acct/1', signal);
    await client.setCaa(null, signal);
    expect(await client.get(signal)).toMatchObject({ records, challenges: [] });
    expect(await client.tunnel(signal)).toMatchObject({
      addresses: [relay],
      kiteName: expect.stringContaining(identity.boxId),
    });
    await client.leave(signal);
    expect((await client.get(signal)).records).toEqual({ main: [], mirrors: {}, tunnel: [] });
  });

  it("passes the server's own words on", async () => {
    const public8 = { main: ['8.8.8.8'], mirrors: {}, tunnel: [] };
    await expect(client.put(public8, signal)).rejects.toMatchObject({
      code: 'address-not-allowed',
      message: expect.stringContaining('8.8.8.8'),
      retryable: false,
    });
    const other = await testIdentity(folder);
    const impostor = new ZoneClient({
      ...cloud.api,
      identity: { ...identity, keyPem: other.keyPem, certPem: other.certPem },
    });
    await expect(impostor.get(signal)).rejects.toMatchObject({ code: 'zone-not-yours', status: 403 });
    await impostor.close();
  });

  it('goes on after its connections were ended', async () => {
    const records = { main: [], mirrors: {}, tunnel: [] };
    await client.put(records, signal);
    const [cut] = await Promise.allSettled([client.get(signal), client.reconnect()]);
    expect(cut).toMatchObject({ status: 'rejected', reason: { code: 'unreachable', retryable: true } });
    expect((await client.get(signal)).records).toEqual(records);
  });
});

describe('zone client with a server that is none', () => {
  it('names what it got: another shape, no JSON, too much, another service', async () => {
    const ca = await createTestCa();
    const { keyPem: key, certPem: cert } = await ca.issue(['127.0.0.1']);
    const identity = await testIdentity(folder);
    const answers = ['{"boxId":7}', '<html>', JSON.stringify('x'.repeat(2_000_000))];
    const server = createServer({ key, cert }, (_, response) => {
      const answer = answers.shift();
      if (answer === undefined) response.writeHead(404).end('nothing here');
      else response.end(answer);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = new ZoneClient({ identity, origin: `https://127.0.0.1:${port}`, ca: ca.caPem });
    await expect(client.get(signal)).rejects.toMatchObject({
      code: 'bad-answer',
      message: expect.stringContaining('what was agreed'),
    });
    await expect(client.get(signal)).rejects.toMatchObject({
      code: 'bad-answer',
      message: expect.stringContaining('JSON'),
    });
    await expect(client.get(signal)).rejects.toMatchObject({ code: 'bad-answer' });
    await expect(client.get(signal)).rejects.toMatchObject({ code: 'http-404' });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(client.get(signal)).rejects.toMatchObject({ code: 'unreachable' });
    await client.close();
  });
});
