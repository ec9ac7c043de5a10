import { expect, it, onTestFinished } from 'vitest';
import { ZoneStore } from '../../../src/cloud/dns-server/store.ts';
import { defaultZoneLimits, Zones } from '../../../src/cloud/dns-server/zones.ts';
import { minutes } from '../../../src/kit/runtime/clock.ts';
import { crowdAddress, crowds } from '../../support/crowd.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';

const label = (number: number): string => number.toString(16).padStart(40, '0');

it.each(crowds)(
  '%i networks that want all zones keep out nobody, and take none of others',
  async (networks) => {
    const clock = new FakeClock();
    const store = new ZoneStore(temporaryFolder());
    await store.open();
    onTestFinished(() => store.close());
    const zones = new Zones({
      store,
      zoneRoot: 'box.test',
      caaIssuers: [],
      limits: { ...defaultZoneLimits, zones: 60, newZonesBurst: 1000 },
      clock,
    });
    const makes = (number: number, source: string): void =>
      void zones.edit(label(number), source, (content) => content);
    const full: unknown[] = [];
    makes(1, '127.0.0.9');
    for (let number = 10; number < 210; number++) {
      try {
        makes(number, crowdAddress(1 + (number % networks)));
      } catch (error) {
        full.push(error);
      }
    }
    expect(store.count).toBe(60);
    expect(full).toEqual(full.map(() => expect.objectContaining({ code: 'too-many-zones', status: 429 })));
    await clock.advance(minutes(5));
    makes(2, '127.0.0.9');
    makes(3, '127.0.0.10');
    // All addresses of one /48 are one network.
    makes(4, '2001:db8:1:2::1');
    makes(5, '2001:db8:1:ffff::1');
    expect([1, 2, 3, 4, 5].map((number) => zones.read(label(number)) !== undefined)).toEqual(
      Array(5).fill(true),
    );
    expect([store.count, store.zonesOf('2001:db8:1::/48')]).toEqual([60, 2]);
  },
);
