import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askHomeResolver, type ResolverVerdict, verdictOf } from '../../../src/box/zone/home-resolver.ts';
import { ZoneClient } from '../../../src/box/zone/zone-client.ts';
import { zoneName } from '../../../src/protocol/names.ts';
import { temporaryFolder } from '../../support/folder.ts';
import {
  type HomeResolver,
  startDnsmasq,
  startDnsServer,
  startUnbound,
  testIdentity,
  type TestCloud,
  zoneRoot,
} from './support.ts';
import { freePort } from '../../../src/cli/home/free-port.ts';

const folder = temporaryFolder();
const signal = AbortSignal.timeout(60_000);
const address = '192.168.1.20';

describe("the home's own resolver", () => {
  let cloud: TestCloud;
  let main: string;
  const resolvers: HomeResolver[] = [];

  beforeAll(async () => {
    cloud = await startDnsServer(folder);
    const identity = await testIdentity(folder);
    main = zoneName(identity.boxId, zoneRoot);
    const client = new ZoneClient({ ...cloud.api, identity });
    await client.put({ main: [address, 'fd00::20'], mirrors: {}, tunnel: [] }, signal);
    await client.close();
  });
  afterAll(async () => {
    await Promise.all(resolvers.map((resolver) => resolver.stop()));
    await cloud.server.stop();
  });

  const upstream = (): string => cloud.server.nameServers[0] ?? '';
  async function ask(
    resolver: Promise<HomeResolver>,
    expected = [address],
  ): Promise<ResolverVerdict | 'not-asked'> {
    const { server } = await resolver.then((started) => (resolvers.push(started), started));
    return (await askHomeResolver({ main, zoneRoot, expected, resolvers: [server], signal })).verdict;
  }

  it.concurrent('dnsmasq, as it is: same', async () => {
    expect(await ask(startDnsmasq(upstream()))).toBe('same');
  });

  it.concurrent('dnsmasq that stops rebinding (OpenWrt): filtered, for both families', async () => {
    expect(await ask(startDnsmasq(upstream(), ['--stop-dns-rebind']))).toBe('filtered');
    expect(await ask(startDnsmasq(upstream(), ['--stop-dns-rebind']), ['fd00::20'])).toBe('filtered');
  });

  it.concurrent('dnsmasq that stops rebinding, with an exception for the zone root: same', async () => {
    const args = ['--stop-dns-rebind', `--rebind-domain-ok=${zoneRoot}`];
    expect(await ask(startDnsmasq(upstream(), args))).toBe('same');
  });

  it.concurrent('unbound, as it is and with private addresses refused (pfSense)', async () => {
    expect(await ask(startUnbound(folder, upstream()))).toBe('same');
    const refused = ['private-address: 192.168.0.0/16', 'private-address: fd00::/8'];
    expect(await ask(startUnbound(folder, upstream(), refused))).toBe('filtered');
  });

  it.concurrent('unbound that refuses IPv4 alone: IPv6 gets through, which is enough', async () => {
    const refused = ['private-address: 192.168.0.0/16'];
    expect(await ask(startUnbound(folder, upstream(), refused), [address, 'fd00::20'])).toBe('same');
  });

  it.concurrent('a resolver that has other addresses: stale', async () => {
    expect(await ask(startDnsmasq(upstream(), [`--address=/${main}/192.168.1.99`]))).toBe('stale');
  });

  it.concurrent('a resolver that knows nothing of the zone: unknown-zone', async () => {
    expect(await ask(startDnsmasq(undefined))).toBe('unknown-zone');
  });

  it.concurrent('a resolver without a way to the internet, or none at all: no-answer', async () => {
    expect(await ask(startDnsmasq(`127.0.0.1:${await freePort()}`))).toBe('no-answer');
    const nobody = {
      main,
      zoneRoot,
      expected: [address],
      resolvers: [`127.0.0.1:${await freePort()}`],
      signal,
    };
    expect((await askHomeResolver(nobody)).verdict).toBe('no-answer');
  });

  it.concurrent('one of two filters: filtered, and the report says which', async () => {
    const [open, filter] = await Promise.all([
      startDnsmasq(upstream()),
      startDnsmasq(upstream(), ['--stop-dns-rebind']),
    ]);
    resolvers.push(open, filter);
    const servers = [open.server, filter.server];
    const report = await askHomeResolver({ main, zoneRoot, expected: [address], resolvers: servers, signal });
    expect(report).toEqual({
      verdict: 'filtered',
      resolvers: [
        { server: open.server, verdict: 'same', addresses: [address] },
        { server: filter.server, verdict: 'filtered', addresses: [] },
      ],
    });
  });

  it('is not asked without an address (the absence would be remembered), nor below .localhost, nor when aborted', async () => {
    const trap = { main, resolvers: ['127.0.0.1:9'], signal };
    const nothing = { verdict: 'not-asked', resolvers: [] };
    expect(await askHomeResolver({ ...trap, zoneRoot, expected: [] })).toEqual(nothing);
    expect(await askHomeResolver({ ...trap, zoneRoot: 'box.localhost', expected: [address] })).toEqual(
      nothing,
    );
    const aborted = { ...trap, zoneRoot, expected: [address], signal: AbortSignal.abort() };
    await expect(askHomeResolver(aborted)).rejects.toThrow(/abort/);
  });
});

describe('the verdict on a resolver', () => {
  type Outcome = Parameters<typeof verdictOf>[0][number]['outcome'];
  const rows: [main: Outcome, zone: Outcome, verdict: ResolverVerdict][] = [
    ['no-data', 'found', 'filtered'],
    ['no-name', 'found', 'filtered'],
    ['refused', 'found', 'filtered'],
    ['silent', 'found', 'filtered'],
    ['no-name', 'no-name', 'unknown-zone'],
    ['no-name', 'no-data', 'unknown-zone'],
    ['refused', 'refused', 'no-answer'],
    ['silent', 'silent', 'no-answer'],
    ['no-name', 'silent', 'no-answer'],
  ];
  it.each(rows)('main %s, zone root %s: %s', (main, zone, verdict) => {
    expect(verdictOf([{ outcome: main, addresses: [] }], { outcome: zone, addresses: [] }, [address])).toBe(
      verdict,
    );
  });
});
