import { writeFileSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { HomeNetwork, Identity, PublishedZone, TunnelState } from '../../../src/box/facts.ts';
import { askAddresses } from '../../../src/box/zone/dns-question.ts';
import { ZoneClient } from '../../../src/box/zone/zone-client.ts';
import { ZoneKeeper, type ZoneKeeperOptions } from '../../../src/box/zone/zone-keeper.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { Problem } from '../../../src/kit/runtime/errors.ts';
import { OwnedFact, until } from '../../../src/kit/runtime/fact.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import type { ZoneRecords, ZoneState } from '../../../src/protocol/zone-api.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { soon } from '../../support/soon.ts';
import {
  relay,
  onNetwork,
  startDnsmasq,
  startDnsServer,
  testIdentity,
  throughTunnel,
  zoneRoot,
} from './support.ts';

const folder = temporaryFolder();
const A = '192.168.1.20';
const B = '192.168.1.50';
const C = '10.0.0.7';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

let identity: Identity;
beforeAll(async () => {
  identity = await testIdentity(folder);
});

interface Kept {
  keeper: ZoneKeeper;
  network: OwnedFact<HomeNetwork>;
  tunnel: OwnedFact<TunnelState>;
  health: Health;
  stateFolder: string;
  /** The first published zone for which `accept` holds. */
  becomes: (accept: (zone: PublishedZone) => boolean) => Promise<PublishedZone>;
}

async function keep(options: Pick<ZoneKeeperOptions, 'client'> & Partial<ZoneKeeperOptions>): Promise<Kept> {
  const clock = options.clock ?? systemClock;
  const network = new OwnedFact(onNetwork());
  const tunnel = new OwnedFact(throughTunnel());
  const health = new Health(clock);
  const stateFolder = options.stateFolder ?? (await mkdtemp(join(folder, 'state-')));
  const keeper = new ZoneKeeper({
    identity,
    zoneRoot,
    mirrors: ['a', 'b'],
    network,
    tunnel,
    stateFolder,
    resolvers: [],
    log: silentLog,
    clock,
    random: () => 0.5,
    health,
    ...options,
  });
  cleanups.push(() => keeper.stop());
  await keeper.start();
  const becomes: Kept['becomes'] = async (accept) => {
    const signal = AbortSignal.timeout(10_000);
    const zone = await until(keeper.zone, (zone) => zone !== undefined && accept(zone), signal);
    if (zone === undefined) throw new Error('accepted nothing');
    return zone;
  };
  return { keeper, network, tunnel, health, stateFolder, becomes };
}

const holds =
  (...addresses: string[]) =>
  (zone: PublishedZone): boolean =>
    zone.records.main.join() === addresses.join();

async function cloudAndClient(): Promise<{
  cloud: Awaited<ReturnType<typeof startDnsServer>>;
  client: ZoneClient;
}> {
  const cloud = await startDnsServer(folder);
  const client = new ZoneClient({ ...cloud.api, identity });
  cleanups.push(
    () => cloud.server.stop(),
    () => client.close(),
  );
  return { cloud, client };
}

describe('zone keeper with a real dns-server', () => {
  it('publishes, follows the address with the turn of the mirrors, adds and withdraws the tunnel', async () => {
    const { cloud, client } = await cloudAndClient();
    const { network, tunnel, becomes, health } = await keep({ client });
    const [server = ''] = cloud.server.nameServers;
    const answers = async (name: string): Promise<readonly string[]> =>
      (await askAddresses({ server, name, signal: AbortSignal.timeout(5000) }, 4)).addresses;

    network.set(onNetwork(A));
    const first = await becomes(holds(A));
    expect(first).toMatchObject({
      mirrorOrder: ['a', 'b'],
      nameServers: cloud.server.nameServers,
      rebindingFilter: undefined,
    });
    const { main, mirrors, tunnel: tunnelName } = first.names;
    const names = [main, mirrors['a'] ?? '', mirrors['b'] ?? ''];
    expect(await Promise.all(names.map(answers))).toEqual([[A], [A], [A]]);

    network.set(onNetwork(B, 'fd00::50', '2a02:8109::50'));
    const second = await becomes(holds(B, 'fd00::50'));
    expect(second.mirrorOrder).toEqual(['b', 'a']);
    expect(second.serial).toBeGreaterThan(first.serial);
    expect(await Promise.all(names.map(answers))).toEqual([[B], [B], [B]]);
    tunnel.set(throughTunnel(relay, '203.0.113.99'));
    expect((await becomes(({ records }) => records.tunnel.length > 0)).mirrorOrder).toEqual(['b', 'a']);
    expect(await answers(tunnelName)).toEqual([relay]);
    expect(health.conditions.value.find(({ name }) => name === 'zone')).toMatchObject({
      severity: 'warning',
      message: expect.stringContaining('203.0.113.99'),
    });

    network.set(onNetwork());
    tunnel.set(throughTunnel());
    const kept = await becomes(({ records }) => records.tunnel.length === 0);
    expect(kept.records.main).toEqual([B, 'fd00::50']);
    expect(await answers(main)).toEqual([B]);
  });

  it('remembers the turn over a restart', async () => {
    const { client } = await cloudAndClient();
    const first = await keep({ client });
    first.network.set(onNetwork(A));
    await first.becomes(holds(A));
    first.network.set(onNetwork(B));
    await first.becomes(holds(B));
    await first.keeper.stop();
    expect(JSON.parse(await readFile(join(first.stateFolder, 'mirrors.json'), 'utf8'))).toEqual({
      order: ['b', 'a'],
      addresses: [B],
    });

    const second = await keep({ client, stateFolder: first.stateFolder });
    expect((await second.becomes(holds(B))).mirrorOrder).toEqual(['b', 'a']);
    second.network.set(onNetwork(C));
    expect((await second.becomes(holds(C))).mirrorOrder).toEqual(['a', 'b']);
  });

  it('waits for a dns-server that is away, says so, and catches up', async () => {
    const { cloud, client } = await cloudAndClient();
    const { network, becomes, health } = await keep({ client });
    network.set(onNetwork(A));
    await becomes(holds(A));
    await cloud.server.stop();
    network.set(onNetwork(B));
    const signal = AbortSignal.timeout(10_000);
    const failed = await until(
      health.conditions,
      (all) => all.some(({ name, severity }) => name === 'zone' && severity === 'error'),
      signal,
    );
    expect(failed.find(({ name }) => name === 'zone')).toMatchObject({
      message: expect.stringContaining('cannot be reached'),
      remedy: expect.stringContaining('internet'),
    });
    const server = await cloud.restart();
    cleanups.push(() => server.stop());
    expect((await becomes(holds(B))).mirrorOrder).toEqual(['b', 'a']);
    await until(
      health.conditions,
      (all) => all.some(({ name, severity }) => name === 'zone' && severity === 'ok'),
      signal,
    );
  });

  it("tells from the home's resolver, asked only after the names are served, whether it filters", async () => {
    const { cloud, client } = await cloudAndClient();
    const filter = await startDnsmasq(cloud.server.nameServers[0], ['--stop-dns-rebind']);
    cleanups.push(() => filter.stop());
    const { network, becomes, health } = await keep({ client, resolvers: [filter.server] });
    network.set(onNetwork(A));
    expect((await becomes(({ rebindingFilter }) => rebindingFilter !== undefined)).rebindingFilter).toBe(
      true,
    );
    expect(health.conditions.value.find(({ name }) => name === 'zone.rebinding-filter')).toMatchObject({
      severity: 'warning',
      remedy: expect.stringContaining(zoneRoot),
    });
    expect(health.conditions.value.find(({ name }) => name === 'zone.name-servers')?.severity).toBe('ok');
  });
});

/** A zone API in memory, for what takes long or goes wrong. */
class MemoryZone {
  state: ZoneState;
  calls: string[] = [];
  reconnects = 0;
  failure: Error | undefined;

  constructor(boxId: string) {
    const records = { main: [], mirrors: {}, tunnel: [] };
    this.state = {
      boxId,
      zone: `${boxId}.${zoneRoot}`,
      serial: 1,
      records,
      challenges: [],
      nameServers: [],
      tunnelAddresses: [],
    };
  }

  get = async (): Promise<ZoneState> => this.#called('get');

  put = async (records: ZoneRecords): Promise<ZoneState> => {
    if (this.failure === undefined) this.state = { ...this.state, records, serial: this.state.serial + 1 };
    return this.#called('put');
  };

  reconnect = async (): Promise<void> => void this.reconnects++;

  async #called(call: string): Promise<ZoneState> {
    this.calls.push(call);
    if (this.failure !== undefined) throw this.failure;
    return this.state;
  }
}

interface KeptInMemory extends Kept {
  clock: FakeClock;
  client: MemoryZone;
  /** Both loops have done what they can (writing files takes real time) and wait for the clock. */
  settled: () => Promise<void>;
}

async function kept(options: Partial<ZoneKeeperOptions> = {}): Promise<KeptInMemory> {
  const clock = new FakeClock();
  const client = new MemoryZone(identity.boxId);
  const result = await keep({ client, clock, ...options });
  const settled = (): Promise<void> => vi.waitFor(() => expect(clock.sleeping).toBe(2), soon);
  await settled();
  return { ...result, clock, client, settled };
}

describe('zone keeper', () => {
  it('writes a new address in one call, on a new connection, and nothing when nothing changed', async () => {
    const { clock, client, settled, network, becomes } = await kept();
    network.set(onNetwork(A));
    await becomes(holds(A));
    await settled();
    expect(client.calls).toEqual(['get', 'put']);
    client.calls = [];
    client.reconnects = 0;
    network.set(onNetwork(B));
    await becomes(holds(B));
    network.set({ ...onNetwork(B), interfaces: [] });
    await settled();
    await clock.advance(60_000);
    expect(client.calls).toEqual(['put']);
    expect(client.reconnects).toBe(1);
  });

  it('takes a lost address out only when no new one follows', async () => {
    const { clock, client, settled, network, keeper, becomes } = await kept();
    network.set(onNetwork(A, 'fd00::20'));
    await becomes(holds(A, 'fd00::20'));
    await settled();
    client.calls = [];
    network.set(onNetwork('fd00::20'));
    await clock.advance(4000);
    network.set(onNetwork(B, 'fd00::20'));
    expect((await becomes(holds(B, 'fd00::20'))).mirrorOrder).toEqual(['b', 'a']);
    expect(client.calls).toEqual(['put']);
    await settled();
    network.set(onNetwork('fd00::20'));
    await clock.advance(4000);
    expect(keeper.zone.value?.records.main).toEqual([B, 'fd00::20']);
    await clock.advance(1000);
    expect((await becomes(holds('fd00::20'))).mirrorOrder).toEqual(['a', 'b']);
  });

  it('reads back now and then, and repairs what somebody changed', async () => {
    const { clock, client, settled, network, becomes } = await kept();
    network.set(onNetwork(A));
    await becomes(holds(A));
    const good = client.state.records;
    client.state = { ...client.state, records: { main: [C], mirrors: {}, tunnel: [] } };
    await settled();
    await clock.advance(12.5 * 60_000);
    await settled();
    expect(client.state.records).toEqual(good);
    expect((await becomes(holds(A))).mirrorOrder).toEqual(['a', 'b']);
  });

  it('asks for the relays that are known now before it leaves one out', async () => {
    const { client, network, tunnel, becomes } = await kept();
    network.set(onNetwork(A));
    await becomes(holds(A));
    client.state = { ...client.state, tunnelAddresses: [relay] };
    tunnel.set(throughTunnel(relay));
    expect((await becomes(({ records }) => records.tunnel.length > 0)).records.tunnel).toEqual([relay]);
  });

  it('publishes nothing that the server does not serve, and passes the turn once however often it fails', async () => {
    const { clock, client, settled, network, keeper, health, becomes } = await kept();
    network.set(onNetwork(A));
    await becomes(holds(A));
    client.failure = new Problem('rate-limited', 'too often', { status: 429, retryAfterSeconds: 30 });
    network.set(onNetwork(B));
    await settled();
    await clock.advance(29_000);
    expect(client.calls.filter((call) => call === 'put')).toHaveLength(2);
    expect(keeper.zone.value?.records.main).toEqual([A]);
    expect(health.conditions.value.find(({ name }) => name === 'zone')).toMatchObject({
      severity: 'warning',
      message: 'too often',
    });
    client.failure = undefined;
    await settled();
    await clock.advance(60_000);
    expect((await becomes(holds(B))).mirrorOrder).toEqual(['b', 'a']);
  });

  it('does not believe a server that serves something else than it took', async () => {
    const { clock, client, settled, network, keeper, health } = await kept();
    client.put = async () => client.state;
    network.set(onNetwork(A));
    await settled();
    await clock.advance(10_000);
    expect(keeper.zone.value?.records.main).not.toEqual([A]);
    expect(health.conditions.value.find(({ name }) => name === 'zone')).toMatchObject({ severity: 'error' });
  });

  it('starts over with a damaged memory', async () => {
    for (const damage of ['', '{"order":["b"', '{"order":["remote"],"addresses":[]}', '[]']) {
      const stateFolder = await mkdtemp(join(folder, 'damaged-'));
      writeFileSync(join(stateFolder, 'mirrors.json'), damage);
      const { network, becomes } = await kept({ stateFolder });
      network.set(onNetwork(A));
      expect((await becomes(holds(A))).mirrorOrder).toEqual(['a', 'b']);
    }
  });

  it('publishes although the turn cannot be saved, and says so', async () => {
    writeFileSync(join(folder, 'a-file'), '');
    const { network, becomes, health } = await kept({ stateFolder: join(folder, 'a-file', 'zone') });
    network.set(onNetwork(A));
    await becomes(holds(A));
    network.set(onNetwork(B));
    expect((await becomes(holds(B))).mirrorOrder).toEqual(['b', 'a']);
    const signal = AbortSignal.timeout(5000);
    await until(
      health.conditions,
      (all) => all.some(({ name, severity }) => name === 'zone.state' && severity === 'warning'),
      signal,
    );
    expect(health.conditions.value.find(({ name }) => name === 'zone.state')?.remedy).toContain('card');
  });
});
