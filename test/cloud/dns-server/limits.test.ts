import { once } from 'node:events';
import { connect } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import type { DnsServerOptions } from '../../../src/cloud/dns-server/dns-server.ts';
import { days, hours, minutes } from '../../../src/kit/runtime/clock.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { lookUp } from './dns-client.ts';
import { zoneRoot } from './options.ts';
import { ApiCaller, createTestIdentity, type Running, startServer } from './support.ts';

const empty = { main: [], mirrors: {}, tunnel: [] };

describe('limits of the zone API', () => {
  const ends: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const end of ends) await end();
  });

  async function start(overrides: Partial<DnsServerOptions>): Promise<Running> {
    const running = await startServer(temporaryFolder(), overrides);
    ends.push(() => running.stop());
    return running;
  }

  async function anotherBox(running: Running): Promise<{ call: ApiCaller; zone: string }> {
    const identity = await createTestIdentity();
    const call = new ApiCaller(running.server.apiPort, running.caPem, identity);
    ends.push(() => call.close());
    return { call, zone: `/v1/zones/${identity.boxId}` };
  }

  it('answers 429 with Retry-After to a box that calls too often, and to nobody else', async () => {
    const clock = new FakeClock();
    const running = await start({ clock, limits: { boxBurst: 3, boxPerSecond: 0.1 } });
    const zone = `/v1/zones/${running.identity.boxId}`;
    for (let index = 0; index < 3; index++) expect((await running.api.call('GET', zone)).status).toBe(200);
    const refused = await running.api.call('GET', zone);
    expect(refused).toMatchObject({
      status: 429,
      body: { code: 'rate-limited', retryAfterSeconds: 10 },
      headers: { 'retry-after': '10' },
    });
    const other = await anotherBox(running);
    expect((await other.call.call('GET', other.zone)).status).toBe(200);
    await clock.advance(10_000);
    expect((await running.api.call('GET', zone)).status).toBe(200);
  });

  it('answers 429 to a source that calls too often, whoever it says it is', async () => {
    const running = await start({ clock: new FakeClock(), limits: { sourceBurst: 2, sourcePerSecond: 1 } });
    const nobody = new ApiCaller(running.server.apiPort, running.caPem);
    ends.push(() => nobody.close());
    const statuses = [];
    for (let index = 0; index < 3; index++) statuses.push((await nobody.call('GET', '/v1/zones/x')).status);
    expect(statuses).toEqual([401, 401, 429]);
  });

  it('takes only so many new zones of one source, and in total', async () => {
    const clock = new FakeClock();
    const running = await start({ clock, limits: { zones: 3, newZonesBurst: 2, newZonesPerHour: 1 } });
    const boxes = await Promise.all(Array.from({ length: 4 }, () => anotherBox(running)));
    const put = async (index: number): Promise<unknown> => {
      const box = boxes[index];
      const answer = await box?.call.call('PUT', box.zone, { ...empty, main: ['10.0.0.1'] });
      return answer?.body['code'] ?? answer?.status;
    };
    expect([await put(0), await put(1), await put(2)]).toEqual([200, 200, 'rate-limited']);
    await clock.advance(hours(2));
    expect([await put(2), await put(3)]).toEqual([200, 'too-many-zones']);
    expect([await put(0), running.server.metrics.zones]).toEqual([200, 3]);
    await boxes[0]?.call.call('DELETE', boxes[0].zone);
    expect([await put(3), running.server.metrics.zones]).toEqual([200, 3]);
  });

  it('forgets a zone whose box does not come back, and never one whose box does', async () => {
    const clock = new FakeClock();
    const running = await start({ clock });
    const [mine, thrown] = [await anotherBox(running), await anotherBox(running)];
    for (const box of [mine, thrown])
      expect((await box.call.call('PUT', box.zone, { ...empty, main: ['10.0.0.1'] })).status).toBe(200);
    await clock.advance(hours(2));
    await mine.call.call('GET', mine.zone);
    await clock.advance(hours(23));
    await expect.poll(() => running.server.metrics.zones).toBe(1);
    clock.jump(clock.now() + days(50));
    await mine.call.call('GET', mine.zone);
    clock.jump(clock.now() + days(50));
    await clock.advance(minutes(2));
    expect(running.server.metrics.zones).toBe(1);
    clock.jump(clock.now() + days(61));
    await clock.advance(minutes(2));
    expect(running.server.metrics.zones).toBe(0);
  });

  it('ends a body that does not arrive', async () => {
    const { server, caPem, identity } = await start({ limits: { requestTimeoutMs: 300 } });
    const socket = connect({
      host: '127.0.0.1',
      port: server.apiPort,
      ca: caPem,
      key: identity.keyPem,
      cert: identity.certPem,
    });
    socket.write(
      `PUT /v1/zones/${identity.boxId} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
    );
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    await once(socket, 'close');
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(text).toContain('"code":"body-too-slow"');
  });

  it('lets challenges expire after an hour, by themselves', async () => {
    const clock = new FakeClock();
    const health = new Health(clock);
    const { api, identity, server } = await start({ clock, health });
    const zone = `/v1/zones/${identity.boxId}`;
    await api.call('POST', `${zone}/challenges`, { value: 'a'.repeat(43) });
    await clock.advance(minutes(30));
    await api.call('POST', `${zone}/challenges`, { value: 'b'.repeat(43) });
    const name = `_acme-challenge.${identity.boxId}.${zoneRoot}`;
    clock.jump(clock.now() + minutes(30));
    expect(await lookUp(server.dnsPort, name, 'TXT')).toEqual(['b'.repeat(43)]);
    expect((await api.call('GET', zone)).body['challenges']).toEqual(['b'.repeat(43)]);
    const { serial } = server.metrics;
    await clock.advance(minutes(1));
    expect(server.metrics.serial).toBe(serial + 1);
    await clock.advance(minutes(31));
    expect(await lookUp(server.dnsPort, name, 'TXT')).toEqual([]);
    expect(health.conditions.value).toMatchObject([{ name: 'dns-server', severity: 'ok' }]);
  });
});
