import { it } from 'vitest';
import { ZoneStore } from '../../../src/cloud/dns-server/store.ts';
import { expectWordsForEachPageLost } from '../../support/each-page-lost.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { emptyZone } from '../../../src/cloud/dns-server/zone-content.ts';

const now = Date.UTC(2030, 0, 1);

/** Everything that the server does with its store, from its start on. */
async function use(where: string): Promise<void> {
  const store = new ZoneStore(where);
  try {
    await store.open();
    store.redate([{ id: 'doubt', since: 0, until: 1, step: 2 }]);
    for (const label of ['a', 'b']) {
      store.read(label.repeat(52));
      store.change(label.repeat(52), () => emptyZone, { client: '203.0.113.0/24', now });
      store.touch(label.repeat(52), now + 1, 0);
    }
    store.expired(now);
    store.aged({ idle: now - 1, fresh: now - 1, settled: 1 });
    store.zonesOf('203.0.113.0/24');
    store.cheapest();
    store.change('b'.repeat(52), () => undefined);
  } finally {
    store.close();
  }
}

it('whatever page of the store is lost, what fails says so in words', async () => {
  await expectWordsForEachPageLost(temporaryFolder(), 'zones.sqlite', use);
});
