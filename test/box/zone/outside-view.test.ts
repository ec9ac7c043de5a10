import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { askNameServers } from '../../../src/box/zone/name-servers.ts';
import { OutsideView, type OutsideViewOptions } from '../../../src/box/zone/outside-view.ts';
import { ZoneClient } from '../../../src/box/zone/zone-client.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { OwnedFact, until } from '../../../src/kit/runtime/fact.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { type ZoneNames, zoneNames } from '../../../src/protocol/names.ts';
import type { ZoneRecords, ZoneState } from '../../../src/protocol/zone-api.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { soon } from '../../support/soon.ts';
import { startDnsmasq, startDnsServer, testIdentity, type TestCloud, zoneRoot } from './support.ts';
import { freePort } from '../../../src/cli/home/free-port.ts';

const folder = temporaryFolder();
const signal = AbortSignal.timeout(60_000);
const main = ['192.168.1.20', 'fd00::20'];
const records: ZoneRecords = { main, mirrors: { a: main, b: main }, tunnel: [] };

const condition = async (health: Health): Promise<unknown> => {
  const all = await until(health.conditions, (all) => all.length > 0, AbortSignal.timeout(10_000));
  return all.find(({ name }) => name === 'zone.name-servers');
};

describe('the zone as others see it', () => {
  let cloud: TestCloud;
  let state: ZoneState;
  let names: ZoneNames;
  let server: string;

  beforeAll(async () => {
    cloud = await startDnsServer(folder);
    const identity = await testIdentity(folder);
    names = zoneNames(identity.boxId, zoneRoot, ['a', 'b']);
    const client = new ZoneClient({ ...cloud.api, identity });
    state = await client.put(records, signal);
    server = cloud.server.nameServers[0] ?? '';
    await client.close();
  });
  afterAll(() => cloud.server.stop());

  it('is right when every name and family is, in any order', async () => {
    const shuffled = { ...records, main: main.toReversed() };
    const views = await askNameServers({ nameServers: [server], names, records: shuffled, signal });
    expect(views).toEqual([{ server, verdict: 'right', message: `name server ${server} serves the zone` }]);
  });

  const deviations: [what: string, records: ZoneRecords, name: (names: ZoneNames) => string | undefined][] = [
    ['main', { ...records, main: ['192.168.1.99'] }, ({ main }) => main],
    ['a family of main', { ...records, main: ['192.168.1.20'] }, ({ main }) => main],
    ['one mirror', { ...records, mirrors: { a: main, b: [] } }, ({ mirrors }) => mirrors['b']],
    ['the tunnel', { ...records, tunnel: ['203.0.113.7'] }, ({ tunnel }) => tunnel],
  ];
  it.each(deviations)('is wrong when %s is, by name', async (_, wanted, name) => {
    const [view] = await askNameServers({ nameServers: [server], names, records: wanted, signal });
    expect(view).toMatchObject({
      verdict: 'wrong',
      message: expect.stringContaining(` for ${name(names)}, not `),
    });
  });

  it('is silent where nobody answers: a dead port, a name that does not resolve', async () => {
    const nameServers = [`127.0.0.1:${await freePort()}`, 'ns.invalid:53', server];
    const views = await askNameServers({ nameServers, names, records, signal });
    expect(views.map(({ verdict }) => verdict)).toEqual(['silent', 'silent', 'right']);
  });

  function view(
    shown: Partial<ZoneState>,
    options: Partial<OutsideViewOptions> = {},
  ): { health: Health; deviated: OwnedFact<boolean>; outside: OutsideView } {
    const health = new Health(systemClock);
    const deviated = new OwnedFact(false);
    const outside = new OutsideView({
      names,
      zoneRoot,
      served: new OwnedFact({ ...state, ...shown }),
      resolvers: [],
      onDeviation: () => deviated.set(true),
      onRebindingFilter: () => undefined,
      log: silentLog,
      clock: systemClock,
      random: () => 0.5,
      health,
      ...options,
    });
    return { health, deviated, outside };
  }

  it('asks for a read-back when a name server has something else, and says so', async () => {
    const { health, deviated, outside } = view({ records: { ...records, main: ['192.168.1.99'] } });
    await outside.start();
    expect(await condition(health)).toMatchObject({
      severity: 'warning',
      remedy: expect.stringContaining('port 53'),
    });
    expect(deviated.value).toBe(true);
    await outside.stop();
  });

  it('learns of a filter also where the network answers in place of the name servers', async () => {
    const network = await startDnsmasq(server, ['--stop-dns-rebind']);
    const clock = new FakeClock();
    const filtered = new OwnedFact<boolean | undefined>(undefined);
    const { health, outside } = view(
      { nameServers: [network.server] },
      { clock, resolvers: [network.server], onRebindingFilter: (value) => filtered.set(value) },
    );
    await outside.start();
    await vi.waitFor(() => expect(clock.sleeping).toBe(1), soon);
    expect(filtered.value).toBe(undefined);
    await clock.advance(15_000);
    expect(await until(filtered, (value) => value !== undefined, AbortSignal.timeout(10_000))).toBe(true);
    expect(await condition(health)).toMatchObject({ severity: 'warning' });
    await outside.stop();
    await network.stop();
  });

  it('is content with one name server out of reach, not with all', async () => {
    const dead = `127.0.0.1:${await freePort()}`;
    const some = view({ nameServers: [dead, server] });
    const none = view({ nameServers: [dead] });
    await Promise.all([some.outside.start(), none.outside.start()]);
    expect(await condition(some.health)).toMatchObject({ severity: 'ok' });
    expect(await condition(none.health)).toMatchObject({ severity: 'warning' });
    expect([some.deviated.value, none.deviated.value]).toEqual([false, false]);
    await Promise.all([some.outside.stop(), none.outside.stop()]);
  });
});
