import { describe, expect, it } from 'vitest';
import type { HomeNetwork, PublishedZone, TunnelState, ZoneCertificate } from '../../../src/box/facts.ts';
import { boxMetrics } from '../../../src/box/system/metrics.ts';
import { type BoxFacts, boxStatus, urlsByKind, boxUrls } from '../../../src/box/system/status.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import type { Condition } from '../../../src/kit/runtime/health.ts';
import { zoneNames } from '../../../src/protocol/names.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const boxId = `${'a'.repeat(51)}q`;
const names = zoneNames(boxId, 'box.test', ['a', 'b']);
const clock = new FakeClock(Date.UTC(2030, 0, 1));

/** A box of which nothing is known yet; tests tell what has become known. */
function newFacts() {
  return {
    identity: { boxId, certPem: '', keyPem: '', fingerprint: '' },
    names,
    name: new OwnedFact('Ours'),
    httpsPort: () => 443,
    services: ['photos'],
    health: new OwnedFact<readonly Condition[]>([]),
    network: new OwnedFact<HomeNetwork>({ interfaces: [], addresses: [] }),
    zone: new OwnedFact<PublishedZone | undefined>(undefined),
    certificate: new OwnedFact<ZoneCertificate | undefined>(undefined),
    tunnel: new OwnedFact<TunnelState>({ phase: 'off', addresses: [], origin: undefined }),
    announce: new OwnedFact({ announcedAt: undefined, publicAddress: undefined, shortCode: undefined }),
    mdns: new OwnedFact({ adapter: undefined, instance: undefined, host: undefined }),
    claimed: new OwnedFact(false),
    setupCode: () => 'ABCD-EFGH',
  } satisfies BoxFacts;
}

const zone: PublishedZone = {
  names,
  records: { main: ['192.168.1.20'], mirrors: { a: ['192.168.1.20'], b: ['192.168.1.20'] }, tunnel: [] },
  serial: 7,
  nameServers: [],
  mirrorOrder: ['b', 'a'],
  rebindingFilter: undefined,
};

describe('the ways in', () => {
  it('are none before anything is known', () => {
    expect(boxUrls(newFacts())).toEqual([]);
    expect(urlsByKind([])).toEqual({ mirrors: [] });
  });

  it('are told as they come to be, the preferred mirror first', () => {
    const facts = newFacts();
    facts.zone.set(zone);
    facts.network.set({ interfaces: [], addresses: ['192.168.1.20'] });
    facts.tunnel.set({ phase: 'connected', addresses: ['203.0.113.1'], origin: `https://${names.tunnel}` });
    expect(urlsByKind(boxUrls(facts))).toEqual({
      main: `https://${boxId}.box.test/`,
      mirrors: [`https://b.${boxId}.box.test/`, `https://a.${boxId}.box.test/`],
      tunnel: `https://remote.${boxId}.box.test/`,
      address: `https://192-168-1-20.${boxId}.box.test/`,
      photos: `https://photos.${boxId}.box.test/`,
    });
  });

  it('name the port where it is not the usual one', () => {
    const facts = { ...newFacts(), httpsPort: () => 8443 };
    facts.zone.set(zone);
    expect(boxUrls(facts)[0]).toEqual(['main', `https://${boxId}.box.test:8443/`]);
  });
});

describe('the status', () => {
  it('counts days, tells the worst condition, and times as ISO 8601', () => {
    const facts = newFacts();
    const since = Date.UTC(2029, 11, 31);
    facts.certificate.set({
      chainPem: '',
      keyPem: '',
      names: [],
      notBefore: 0,
      notAfter: clock.now() + 86_400_000 * 2.5,
      serial: '',
    });
    facts.health.set([
      { name: 'web', severity: 'ok', message: 'fine', since },
      { name: 'zone', severity: 'warning', message: 'slow', since },
    ]);
    expect(boxStatus(facts, clock.now())).toMatchObject({
      health: 'warning',
      certificate: { daysLeft: 2, notAfter: '2030-01-03T12:00:00.000Z' },
      conditions: [{}, { since: '2029-12-31T00:00:00.000Z' }],
    });
    facts.health.set([{ name: 'zone', severity: 'error', message: 'gone', since }]);
    expect(boxStatus(facts, clock.now()).health).toBe('error');
  });
});

it('has metrics that follow the facts', async () => {
  const facts = newFacts();
  const metrics = boxMetrics(facts, clock);
  facts.health.set([{ name: 'zone', severity: 'error', message: '', since: 0 }]);
  expect(await metrics()).toContain('porchlight_box_condition{name="zone"} 2');
  facts.health.set([]);
  facts.tunnel.set({ phase: 'connected', addresses: [], origin: undefined });
  const text = await metrics();
  expect(text).not.toContain('name="zone"');
  expect(text).toMatch(/^porchlight_box_tunnel_connected 1$/m);
});
