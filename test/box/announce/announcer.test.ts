import dns, { type LookupOptions } from 'node:dns';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Announcer, type AnnouncerOptions } from '../../../src/box/announce/announcer.ts';
import type { MdnsState, PublishedZone, TunnelState, ZoneCertificate } from '../../../src/box/facts.ts';
import type {
  RegistrationServer,
  RegistrationServerOptions,
} from '../../../src/cloud/registration-server/registration-server.ts';
import { minutes } from '../../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import type { Announcement } from '../../../src/protocol/registration-api.ts';
import { call, createBox, startServer, testCaPem, zoneRoot } from '../../cloud/registration-server/setup.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { noTunnel, publishedZone, someCertificate, tunnelAt } from './facts.ts';
import { soon } from '../../support/soon.ts';

const folder = temporaryFolder();
const containing = (text: string): string => expect.stringContaining(text) as string;

/** A name with an address of each family, as a cloud has. The resolver of a test machine knows no such name. */
const bothFamilies = 'registration.example.org';
type Lookup = (host: string, options: LookupOptions, done: (...found: unknown[]) => void) => void;
const lookup = dns.lookup as unknown as Lookup;
const lookupBoth: Lookup = (host, options, done) => {
  if (host !== bothFamilies) return lookup(host, options, done);
  process.nextTick(done, null, options.family === 6 ? '::1' : '127.0.0.1', options.family);
};
vi.spyOn(dns, 'lookup').mockImplementation(lookupBoth as unknown as typeof dns.lookup);

type Finish = (stop: () => Promise<void>) => void;

async function server(
  finish: Finish,
  options: Partial<RegistrationServerOptions> = {},
): Promise<RegistrationServer> {
  const started = await startServer({ stateFolder: mkdtempSync(join(folder, 'state-')), ...options });
  finish(() => started.stop());
  return started;
}

/** A box with everything an announcement needs, unless taken away. Its time stands still until it is advanced. */
function box(port: number, options: Partial<AnnouncerOptions> = {}) {
  const { boxId, key, cert } = createBox();
  const clock = new FakeClock();
  const facts = {
    zone: new OwnedFact<PublishedZone | undefined>(publishedZone(boxId, zoneRoot)),
    certificate: new OwnedFact<ZoneCertificate | undefined>(someCertificate),
    tunnel: new OwnedFact<TunnelState>(noTunnel),
    mdns: new OwnedFact<MdnsState>({ adapter: undefined, instance: undefined, host: undefined }),
    claimed: new OwnedFact(true),
    name: new OwnedFact('Kitchen'),
    discoverable: new OwnedFact(false),
  };
  const health = new Health(clock);
  const announcer = new Announcer({
    identity: { boxId, keyPem: key, certPem: cert, fingerprint: '' },
    ...facts,
    httpsPort: 8443,
    registration: { origin: `https://127.0.0.1:${port}`, caPem: testCaPem },
    log: silentLog,
    clock,
    random: () => 0.5,
    health,
    ...options,
  });
  const condition = (): object | undefined => health.conditions.value.find(({ name }) => name === 'announce');
  return { boxId, clock, facts, announcer, condition };
}

interface Entry {
  public_ip: string;
  client: string;
  message: string;
}

async function listed(where: { port: number }): Promise<Announcement[]> {
  const entries = (await call(where, { path: '/ping' })).body as Entry[];
  return entries.map((entry) => JSON.parse(entry.message) as Announcement);
}

describe.concurrent('announcer', () => {
  it('announces once zone and certificate are there, at once when something changes, and says goodbye', async ({
    expect,
    onTestFinished,
  }) => {
    const cloud = await server(onTestFinished);
    const { boxId, facts, announcer, condition, clock } = box(cloud.port);
    const zone = facts.zone.value;
    facts.zone.set(undefined);
    facts.certificate.set(undefined);
    onTestFinished(() => announcer.stop());
    await announcer.start();
    await expect
      .poll(condition, soon)
      .toMatchObject({ severity: 'ok', message: containing('zone is not published yet') });
    facts.zone.set(zone);
    await expect.poll(condition, soon).toMatchObject({ message: containing('no certificate yet') });
    expect(cloud.metrics.announcements).toBe(0);

    facts.certificate.set(someCertificate);
    await expect
      .poll(() => announcer.state.value, soon)
      .toEqual({
        announcedAt: clock.now(),
        publicAddress: '127.0.0.1',
        shortCode: expect.stringMatching(/^\w{4}-\w{4}$/) as string,
      });
    expect(condition()).toMatchObject({ severity: 'ok' });
    expect(await listed(cloud)).toMatchObject([{ name: 'Kitchen', claimed: true, tunnel_origin: null }]);

    const origin = `https://remote.${boxId}.${zoneRoot}`;
    facts.zone.set(
      zone && { ...zone, records: { ...zone.records, tunnel: ['198.51.100.7'] }, mirrorOrder: ['b', 'a'] },
    );
    facts.tunnel.set(tunnelAt(origin));
    await expect.poll(() => listed(cloud), soon).toMatchObject([{ tunnel_origin: origin }]);
    expect((await listed(cloud))[0]?.mirror_origins[0]).toBe(`https://b.${boxId}.${zoneRoot}:8443`);

    await announcer.stop();
    expect(await listed(cloud)).toEqual([]);
    expect(cloud.metrics).toMatchObject({ goodbyes: 1, records: 0 });
    expect(announcer.state.value.announcedAt).toBeUndefined();
  });

  it('comes back at the pace of the server, and not for changes that change nothing it says', async ({
    expect,
    onTestFinished,
  }) => {
    const cloud = await server(onTestFinished, { random: () => 0 });
    const { facts, announcer, clock } = box(cloud.port);
    onTestFinished(() => announcer.stop());
    await announcer.start();
    await expect.poll(() => cloud.metrics.announcements, soon).toBe(1);
    await expect.poll(() => clock.sleeping, soon).toBe(1);
    const zone = facts.zone.value;
    facts.zone.set(zone && { ...zone, serial: 2 });
    facts.mdns.set({ adapter: 'avahi', instance: 'Kitchen', host: undefined });
    // The server said 45 s, of which the box takes up to a tenth off.
    await clock.advance(42_000);
    expect(cloud.metrics.announcements).toBe(1);
    await clock.advance(1000);
    await expect.poll(() => cloud.metrics.announcements, soon).toBe(2);
  });

  it('takes itself back when it loses its address, and returns with the next', async ({
    expect,
    onTestFinished,
  }) => {
    const cloud = await server(onTestFinished);
    const { facts, announcer } = box(cloud.port);
    onTestFinished(() => announcer.stop());
    await announcer.start();
    await expect.poll(() => listed(cloud), soon).toHaveLength(1);
    const zone = facts.zone.value;
    facts.zone.set(zone && { ...zone, records: { main: [], mirrors: {}, tunnel: [] } });
    await expect.poll(() => listed(cloud), soon).toHaveLength(0);
    facts.zone.set(zone);
    await expect.poll(() => listed(cloud), soon).toHaveLength(1);
  });

  it('goes on while the server is away, says so, and is back by itself', async ({
    expect,
    onTestFinished,
  }) => {
    const first = await startServer({ stateFolder: mkdtempSync(join(folder, 'state-')) });
    const { port } = first;
    const { announcer, clock, condition } = box(port);
    onTestFinished(() => announcer.stop());
    await announcer.start();
    await expect.poll(() => announcer.state.value.announcedAt, soon).toBeDefined();
    await first.stop();
    await clock.advance(60_000);
    // While the record lives it is a warning; when it has expired, nobody finds the box any more.
    await expect
      .poll(condition, soon)
      .toMatchObject({ severity: 'warning', remedy: containing('internet connection') });
    for (let minute = 0; minute < 3; minute++) {
      await expect.poll(() => clock.sleeping, soon).toBeGreaterThan(0);
      await clock.advance(60_000);
    }
    await expect.poll(condition, soon).toMatchObject({ severity: 'error' });
    const second = await server(onTestFinished, { port });
    await expect
      .poll(async () => {
        await clock.advance(60_000);
        return second.metrics.announcements;
      }, soon)
      .toBeGreaterThan(0);
    await expect.poll(condition, soon).toMatchObject({ severity: 'ok' });
  });

  it('keeps to Retry-After, also when something changes meanwhile', async ({ expect, onTestFinished }) => {
    const cloudClock = new FakeClock();
    const cloud = await server(onTestFinished, {
      clock: cloudClock,
      limits: { perBox: { burst: 1, perSecond: 0.1 } },
    });
    const { facts, announcer, clock } = box(cloud.port);
    onTestFinished(() => announcer.stop());
    await announcer.start();
    await expect.poll(() => cloud.metrics.announcements, soon).toBe(1);
    facts.name.set('Cellar');
    await expect.poll(() => cloud.metrics.limited, soon).toBe(1);
    for (const name of ['Attic', 'Garage', 'Shed']) {
      facts.name.set(name);
      await clock.advance(1000);
    }
    expect(cloud.metrics).toMatchObject({ announcements: 1, limited: 1 });
    await cloudClock.advance(10_000);
    await clock.advance(10_000);
    await expect.poll(() => listed(cloud), soon).toMatchObject([{ name: 'Shed' }]);
    expect(cloud.metrics).toMatchObject({ limited: 1 });
  });

  it('tells what to do when box and cloud disagree about the zone root', async ({
    expect,
    onTestFinished,
  }) => {
    const cloud = await server(onTestFinished, { zoneRoot: 'other.example' });
    const { announcer, condition } = box(cloud.port);
    onTestFinished(() => announcer.stop());
    await announcer.start();
    await expect.poll(condition, soon).toMatchObject({ severity: 'error', remedy: containing('zone root') });
  });

  it('does not talk to a server it has no reason to trust', async ({ expect, onTestFinished }) => {
    const cloud = await server(onTestFinished);
    const { announcer, condition } = box(cloud.port, {
      registration: { origin: `https://127.0.0.1:${cloud.port}` },
    });
    onTestFinished(() => announcer.stop());
    await announcer.start();
    await expect.poll(condition, soon).toMatchObject({ severity: 'error', remedy: containing('private CA') });
    expect(cloud.metrics.announcements).toBe(0);
  });

  it('announces over IPv4 and IPv6, because a browser asks over either', async ({
    expect,
    onTestFinished,
  }) => {
    const cloud = await server(onTestFinished, { host: '::' });
    const origin = `https://${bothFamilies}:${cloud.port}`;
    const { boxId, announcer } = box(cloud.port, { registration: { origin, caPem: testCaPem } });
    onTestFinished(() => announcer.stop());
    await announcer.start();
    await expect.poll(() => cloud.metrics.records, soon).toBe(2);
    for (const host of ['127.0.0.1', '::1']) {
      const { body } = await call({ port: cloud.port, host }, { path: '/ping' });
      expect(body).toMatchObject([{ client: boxId, public_ip: host }]);
    }
    await announcer.stop();
    expect(cloud.metrics.records).toBe(0);
  });

  it('tries one of them again soon that worked before', async ({ expect, onTestFinished }) => {
    const cloud = await server(onTestFinished, { host: '::' });
    const { port } = cloud;
    const registration = { origin: `https://${bothFamilies}:${port}`, caPem: testCaPem };
    const { announcer, clock } = box(port, { registration });
    onTestFinished(() => announcer.stop());
    await announcer.start();
    await expect.poll(() => cloud.metrics.records, soon).toBe(2);
    await cloud.stop();
    const half = await server(onTestFinished, { host: '::1', port });
    await clock.advance(minutes(2));
    await expect.poll(() => half.metrics.records, soon).toBe(1);
    await half.stop();
    const whole = await server(onTestFinished, { host: '::', port });
    await clock.advance(minutes(2));
    await expect.poll(() => whole.metrics.records, soon).toBe(2);
  });

  it('is content with one of them', async ({ expect, onTestFinished }) => {
    const cloud = await server(onTestFinished);
    const origin = `https://${bothFamilies}:${cloud.port}`;
    const { announcer, condition } = box(cloud.port, { registration: { origin, caPem: testCaPem } });
    onTestFinished(() => announcer.stop());
    await announcer.start();
    await expect.poll(condition, soon).toMatchObject({ severity: 'ok', message: containing('127.0.0.1') });
    expect(cloud.metrics).toMatchObject({ records: 1, announcements: 1 });
  });
});
