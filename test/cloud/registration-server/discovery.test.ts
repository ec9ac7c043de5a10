import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { discover } from '../../../src/cloud/registration-server/discovery.ts';
import { RateLimit } from '../../../src/kit/http/rate-limit.ts';
import { RecordStore } from '../../../src/cloud/registration-server/store.ts';
import { addressFamily, canonicalAddress, homeOf } from '../../../src/protocol/addresses.ts';
import { registrationLimits } from '../../../src/protocol/registration-api.ts';
import { temporaryFolder } from '../../support/folder.ts';

const folder = temporaryFolder();

/** Addresses, and the home each belongs to as a person would say it. */
const places = [
  { address: '198.51.100.1', home: 'one IPv4 address' },
  { address: '::ffff:198.51.100.1', home: 'one IPv4 address' },
  { address: '198.51.100.2', home: 'its neighbour' },
  { address: '2001:db8:1:1::5', home: 'a /64' },
  { address: '2001:DB8:1:1:ffff:0:0:1', home: 'a /64' },
  { address: '2001:db8:1:2::5', home: 'the next /64' },
] as const;

const place = fc.constantFrom(...places);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      act: fc.constant('announce' as const),
      box: fc.nat(8),
      place,
      open: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('leave' as const), box: fc.nat(8) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('wait' as const), ms: fc.nat(90_000) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('sweep' as const) }) },
);

interface Known {
  client: string;
  home: string;
  open: boolean;
  at: number;
  since: number;
}

const codeOf = (client: string): string =>
  `3333-333${['3', '4', '6', '7', '9', 'c', 'd', 'f', 'g'][Number(client.at(-1))]}`;
const lifetimeMs = registrationLimits.lifetimeSeconds * 1000;

/** What docs/CLOUD-THREATS.md says, as plainly as it can be written. */
function expected(known: Map<string, Known>, home: string, now: number, code?: string): string[] {
  const there = [...known.values()].filter((box) => box.home === home && now - box.at < lifetimeMs);
  const shared = there.length > registrationLimits.handful;
  // Who is there for longest stays, whoever comes.
  const byTime = there.toSorted((a, b) => a.since - b.since);
  const first = new Set(byTime.slice(0, registrationLimits.handful));
  return there
    .filter((box) => !shared || first.has(box) || box.open || codeOf(box.client) === code)
    .map((box) => box.client)
    .toSorted();
}

describe('who sees which box', () => {
  it('follows the rules of grouping and expiry after any course of events', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), fc.nat(8), async (steps, guessed) => {
        const store = RecordStore.open(mkdtempSync(join(folder, 'store-')));
        const known = new Map<string, Known>();
        let arrived = 0;
        let now = Date.UTC(2030, 0, 1);
        for (const step of steps) {
          const client = 'box' in step ? `box-${step.box}` : '';
          if (step.act === 'wait') now += step.ms;
          else if (step.act === 'sweep') await store.sweep(now - lifetimeMs, new AbortController().signal);
          else if (step.act === 'leave') {
            await store.remove(client);
            for (const family of [4, 6]) known.delete(`${client} ${family}`);
          } else {
            const publicIp = canonicalAddress(step.place.address);
            const family = addressFamily(publicIp) ?? 4;
            const before = known.get(`${client} ${family}`);
            const since = before?.home === step.place.home ? before.since : ++arrived;
            known.set(`${client} ${family}`, {
              client,
              home: step.place.home,
              open: step.open,
              at: now,
              since,
            });
            const record = { client, family, publicIp, home: homeOf(publicIp), discoverable: step.open };
            await store.put({
              ...record,
              shortCode: codeOf(client),
              message: client,
              announcedAt: now,
              knownSince: since,
            });
          }
        }
        const guesses = new RateLimit({ burst: 100, perSecond: 1 });
        for (const { address, home } of places) {
          for (const code of [undefined, codeOf(`box-${guessed}`)]) {
            const { entries } = discover(store, { home: homeOf(address), code, now, guesses });
            const clients = entries.map((entry) => entry.client).toSorted();
            expect(clients, `${home}, code ${code}`).toEqual(expected(known, home, now, code));
          }
        }
        store.close();
      }),
      { numRuns: 60 },
    );
  });
});
