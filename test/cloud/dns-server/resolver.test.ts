import { join } from 'node:path';
import { type Answer, decode } from 'dns-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';
import { startUnbound } from '../../support/unbound.ts';
import { dataOf, exchangeTcp, exchangeUdp, query } from './dns-client.ts';
import { zoneRoot } from './options.ts';
import { type Running, startServer } from './support.ts';

describe('a caching resolver', () => {
  let running: Running;
  let unbound: Awaited<ReturnType<typeof startUnbound>>;
  let zone: string;

  beforeAll(async () => {
    const folder = temporaryFolder();
    const caaIssuers = ['one.example', 'two.example', 'three.example'];
    running = await startServer(join(folder, 'state'), { caaIssuers });
    unbound = await startUnbound({
      folder: join(folder, 'unbound'),
      zoneRoot,
      dnsPort: running.server.dnsPort,
    });
    zone = `${running.identity.boxId}.${zoneRoot}`;
  });

  afterAll(async () => {
    await unbound.stop();
    await running.stop();
  });

  const resolve = async (
    name: string,
    type: string,
  ): Promise<{ code: number; data: string[]; ttl: number }> => {
    const response = await exchangeUdp(unbound.port, query(name, type));
    if (response === undefined) throw new Error(`unbound does not answer ${name} ${type}`);
    const { answers = [], authorities = [] } = decode(response);
    const ttls = [...answers, ...authorities].map((record: Answer) =>
      'ttl' in record ? (record.ttl ?? 0) : 0,
    );
    return { code: (response[3] ?? 0) & 0xf, data: answers.map(dataOf), ttl: Math.max(...ttls) };
  };

  const put = (main: string, mirrors: Record<string, string[]>): Promise<unknown> =>
    running.api.call('PUT', `/v1/zones/${running.identity.boxId}`, {
      main: [main],
      mirrors,
      tunnel: ['203.0.113.7'],
    });

  it('sees every name of a zone, whichever it asks first', async () => {
    await put('192.168.1.20', { a: ['192.168.1.20'] });
    expect(await resolve(`x.photos.${zone}`, 'A')).toMatchObject({ code: 0, data: ['192.168.1.20'] });
    expect(await resolve(`10-1-2-3.${zone}`, 'A')).toMatchObject({ code: 0, data: ['10.1.2.3'] });
    expect(await resolve(`remote.${zone}`, 'A')).toMatchObject({ code: 0, data: ['203.0.113.7'] });
    expect(await resolve(zone, 'HTTPS')).toMatchObject({ code: 0, data: [] });
    expect(await resolve(zone, 'A')).toMatchObject({ code: 0, data: ['192.168.1.20'] });
    expect(await resolve(`nobody.${zoneRoot}`, 'A')).toMatchObject({ code: 3, data: [] });
  });

  it('keeps nothing longer than a minute, and challenges ten seconds', async () => {
    await put('192.168.1.20', {});
    await running.api.call('POST', `/v1/zones/${running.identity.boxId}/challenges`, {
      value: 'c'.repeat(43),
    });
    for (const [name, type, most] of [
      [`_acme-challenge.${zone}`, 'TXT', 10],
      [zone, 'A', 60],
      [zone, 'MX', 60],
      [`nothing.${zoneRoot}`, 'A', 60],
    ] as const) {
      const { ttl } = await resolve(name, type);
      expect(ttl).toBeGreaterThan(0);
      expect(ttl).toBeLessThanOrEqual(most);
    }
  });

  it('remembers absence too, so names have to be there before anyone is told of them', async () => {
    const name = `b.${zone}`;
    await put('192.168.1.20', {});
    expect((await resolve(name, 'AAAA')).data).toEqual([]);
    await put('192.168.1.20', { b: ['fd00::b'] });
    expect((await resolve(name, 'AAAA')).data).toEqual([]);
  });

  it('comes back by TCP for what does not fit into UDP', async () => {
    const accountUri = `https://ca.example/${'1'.repeat(180)}`;
    await running.api.call('PUT', `/v1/zones/${running.identity.boxId}/caa`, { accountUri });
    await put('192.168.1.20', {});
    const [response = Buffer.alloc(0)] = await exchangeTcp(unbound.port, [query(`remote.${zone}`, 'CAA')]);
    const data = (decode(response).answers ?? []).map(dataOf);
    expect(data.filter((data) => data.includes(accountUri))).toHaveLength(6);
    expect(
      running.server.metrics.answers.find(({ transport }) => transport === 'tcp')?.count,
    ).toBeGreaterThan(0);
  });

  it('remembers an old address for a while, and so has to be sent to a mirror it does not know yet', async () => {
    await put('192.168.1.20', { a: ['192.168.1.20'] });
    expect((await resolve(`a.${zone}`, 'A')).data).toEqual(['192.168.1.20']);
    await put('192.168.1.99', { a: ['192.168.1.99'], c: ['192.168.1.99'] });
    expect((await resolve(`a.${zone}`, 'A')).data).toEqual(['192.168.1.20']);
    expect((await resolve(`c.${zone}`, 'A')).data).toEqual(['192.168.1.99']);
  });
});
