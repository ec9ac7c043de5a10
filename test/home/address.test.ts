import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withoutNamespaces } from '../support/netns.ts';
import { createHomeNetwork, type HomeNetwork, places } from './home-network.ts';
import { lookUp, type RunningBox, startBox, startCloud, startProbe } from './parts.ts';

const zoneRoot = 'box.example.org';

describe.skipIf(withoutNamespaces)('a real home network', () => {
  let home: HomeNetwork;
  let box: RunningBox;

  beforeAll(async () => {
    home = createHomeNetwork();
    const [api] = await Promise.all([
      startCloud(home, zoneRoot),
      home.startRouter({ zoneRoot, rebindingFilter: true }),
    ]);
    box = startBox(home, { zoneRoot, api });
  });
  afterAll(() => home.remove());

  it('the box waits without an address, gets one by DHCP and one by router advertisement, and publishes both', async () => {
    await home.plugInBox('192.168.1.20');
    const zone = await box.zone(({ records }) => records.main.length === 2);
    expect(zone.records.main[0]).toBe('192.168.1.20');
    expect(zone.records.main[1]).toMatch(/^fd12:3456:789a:1:/);
    expect(lookUp(home.laptop, places.cloud, zone.names.main)).toEqual(['192.168.1.20']);
  });

  it("the router's resolver drops private addresses: the box finds out, and that it does no longer", async () => {
    const filtered = await box.zone(({ rebindingFilter }) => rebindingFilter !== undefined);
    expect(filtered.rebindingFilter).toBe(true);
    const atRouter = (): string[] => lookUp(home.laptop, places.router, filtered.names.main);
    expect(atRouter()).toEqual([]);
    await home.startRouter({ zoneRoot });
    expect(atRouter()).toEqual(['192.168.1.20']);
    await home.changeLease('192.168.1.21');
    const open = await box.zone(({ rebindingFilter }) => rebindingFilter === false);
    expect(open.records.main).toContain('192.168.1.21');
  });

  it('the lease changes: the authoritative answer follows, and the mirrors take turns', async () => {
    const { names } = await box.zone(() => true);
    const probe = startProbe(home, names.main);
    await probe.answered(['192.168.1.21']);
    const before = await box.zone(({ records }) => records.main[0] === '192.168.1.21');
    await home.changeLease('192.168.1.50');
    await probe.answered(['192.168.1.50']);
    const after = await box.zone(({ records }) => records.main[0] === '192.168.1.50');
    expect(after.mirrorOrder).toEqual(before.mirrorOrder.toReversed());
    await home.refuseLease('192.168.1.60');
    await probe.answered(['192.168.1.60']);
    const last = await box.zone(({ records }) => records.main[0] === '192.168.1.60');
    expect(last.serial).toBeGreaterThan(after.serial);
  });
});
